// `berth network …`: the networks of this machine, those of projects and others.

import ArgumentParser
import Blueprint
import Compose
import Console
import Diagnostics
import Engine
import JSON

struct NetworkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "network", abstract: "Manage the networks of this machine",
    subcommands: [
      NetworkListCommand.self, NetworkInspectCommand.self, NetworkCreateCommand.self,
      NetworkRemoveCommand.self, NetworkPruneCommand.self, NetworkConnectCommand.self,
      NetworkDisconnectCommand.self,
    ])
}

struct NetworkListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List networks", aliases: ["list"])

  @Option(
    name: .shortAndLong,
    help: "driver=, id=, name=, label=KEY[=VALUE], type=custom|builtin, dangling=, scope=")
  var filter: [String] = []
  @Option(help: "table, json, or a template such as '{{.Name}}'")
  var format = "table"
  @Flag(help: "Do not cut ids")
  var noTrunc = false
  @Flag(name: .shortAndLong, help: "Only ids")
  var quiet = false

  func run() async throws {
    let format = try listingFormat(format)
    let filters = try filter.map {
      try networkFilter(
        $0, [.driver, .id, .name, .label, .notLabel, .type, .dangling, .scope])
    }
    let networks = try Invocation.now().stock("network ls").networks(filters)
    if quiet {
      for network in networks { Output.standard.line(networkID(network, full: noTrunc)) }
    } else {
      try show(
        networkListing(networks, full: noTrunc), as: format,
        table: networkTable(networks, full: noTrunc))
    }
  }
}

struct NetworkInspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show all that is known about networks, as JSON")

  @Option(name: .shortAndLong, help: "json, or a template such as '{{.Id}}'")
  var format = "json"
  @Argument(help: "Networks, by name or id", completion: .custom(completeNetworks))
  var networks: [String]

  func run() async throws {
    let template = try inspectionTemplate(format)
    let stock = try Invocation.now().stock("network inspect")
    var found: [JSONValue] = []
    var faults: [Diagnostic] = []
    for name in networks {
      do {
        found.append(networkInspection(try stock.network(name)))
      } catch let fault as any Diagnosable {
        faults += fault.diagnostics
      }
    }
    Output.standard.write(try inspectionText(found, template))
    if !faults.isEmpty { throw Faults(faults) }
  }
}

struct NetworkCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a network that projects can use as an external one")

  @Flag(help: "Let containers of others join it; all networks here may be joined")
  var attachable = false
  @Option(help: "An address that no container gets: NAME=ADDRESS")
  var auxAddress: [String] = []
  @Option(name: .shortAndLong, help: "bridge, macvlan or ipvlan")
  var driver: String?
  @Option(help: "The gateway of the subnet at the same place")
  var gateway: [String] = []
  @Flag(help: "No way in or out")
  var `internal` = false
  @Option(help: "Give out addresses of this part of the subnet at the same place")
  var ipRange: [String] = []
  @Flag(inversion: .prefixedNo, help: "Addresses of IPv4")
  var ipv4 = true
  @Flag(help: "Addresses of IPv6")
  var ipv6 = false
  @Option(help: "KEY=VALUE")
  var label: [String] = []
  @Option(
    name: [.customShort("o"), .customLong("opt")], help: "An option of the driver: KEY=VALUE")
  var options: [String] = []
  @Option(help: "A block of addresses: 10.5.0.0/24")
  var subnet: [String] = []
  @Argument(help: "Its name")
  var network: String

  func run() async throws {
    var wanted = Network(named: network)
    for index in 0..<max(subnet.count, gateway.count, ipRange.count, auxAddress.isEmpty ? 0 : 1) {
      var pool = Network.Pool()
      if index < subnet.count { pool.subnet = subnet[index] }
      if index < ipRange.count { pool.ipRange = ipRange[index] }
      if index < gateway.count { pool.gateway = gateway[index] }
      wanted.pools.append(pool)
    }
    if !auxAddress.isEmpty {
      wanted.pools[0].auxAddresses = try pairs(auxAddress, "--aux-address")
    }
    wanted.driver = driver
    wanted.driverOptions = try pairs(options, "--opt")
    wanted.isInternal = `internal`
    wanted.isAttachable = attachable
    wanted.enablesIPv4 = ipv4
    wanted.enablesIPv6 = ipv6
    wanted.labels = try pairs(label, "--label")
    let invocation = try Invocation.now()
    let stock = try invocation.stock("network create")
    Output.standard.line(try stock.createNetwork(wanted))
    invocation.show(stock.takeWarnings())
  }

  private func pairs(_ texts: [String], _ flag: String) throws -> [KeyValue] {
    try texts.map { text in
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map(String.init)
      if let key = parts.first, !key.isEmpty, parts.count == 2 { return KeyValue(key, parts[1]) }
      if flag == "--label", !text.isEmpty { return KeyValue(text, "") }
      throw UsageFault("`\(flag) \(text)` is no pair", hint: "write KEY=VALUE")
    }
  }
}

struct NetworkRemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Remove networks on which no container is", aliases: ["remove"])

  @Flag(name: .shortAndLong, help: "Do not fail when one does not exist")
  var force = false
  @Argument(help: "Networks, by name or id", completion: .custom(completeNetworks))
  var networks: [String]

  func run() async throws {
    let stock = try Invocation.now().stock("network rm")
    let known = force ? networks.filter { (try? stock.network($0)) != nil } : networks
    try stock.removeNetworks(known) { Output.standard.line($0) }
  }
}

struct NetworkPruneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Remove all networks on which no container is",
    discussion: "Containers that do not run count: they want their networks when they start again.")

  @Option(help: "until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]")
  var filter: [String] = []
  @Flag(name: .shortAndLong, help: "Do not ask")
  var force = false

  func run() async throws {
    let filters = try filter.map { try networkFilter($0, [.until, .label, .notLabel]) }
    let stock = try Invocation.now().stock("network prune")
    if !force {
      let warning =
        "WARNING! This will remove all custom networks not used by at least one container."
      guard try confirmed(warning, of: "networks") else { return }
    }
    let gone = try stock.pruneNetworks(filters)
    if gone.isEmpty { return }
    Output.standard.line("Deleted Networks:")
    for name in gone { Output.standard.line(name) }
    Output.standard.line("")
  }
}

struct NetworkConnectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "connect", abstract: "Join a container to a network, also while it runs")

  @Option(help: "One more name of it on this network")
  var alias: [String] = []
  @Option(help: "An option of the interface: com.docker.network.endpoint.ifname=NAME")
  var driverOpt: [String] = []
  @Option(help: "Its address of IPv4")
  var ip: String?
  @Option(help: "Its address of IPv6")
  var ip6: String?
  @Option(help: "Another container by a name of its own: CONTAINER[:ALIAS]")
  var link: [String] = []
  @Option(help: "One more address of the interface alone")
  var linkLocalIp: [String] = []
  @Argument(help: "A network, by name or id", completion: .custom(completeNetworks))
  var network: String
  @Argument(help: "A container, by name or id", completion: .custom(completeContainers))
  var container: String

  func run() async throws {
    var wish = ConnectionWish()
    wish.aliases = alias
    wish.address = ip
    wish.address6 = ip6
    wish.links = link
    wish.linkLocalAddresses = linkLocalIp
    for option in driverOpt {
      let name = "com.docker.network.endpoint.ifname="
      guard option.hasPrefix(name) else {
        throw UsageFault("unknown option `\(option)` of an interface", hint: "there is \(name)NAME")
      }
      wish.interface = String(option.dropFirst(name.count))
    }
    try Invocation.now().stock("network connect").connect(network, container, wish)
  }
}

struct NetworkDisconnectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disconnect", abstract: "Take a container off a network, also while it runs")

  @Flag(name: .shortAndLong, help: "Accepted for scripts: nothing here needs it")
  var force = false
  @Argument(help: "A network, by name or id", completion: .custom(completeNetworks))
  var network: String
  @Argument(help: "A container, by name or id", completion: .custom(completeContainers))
  var container: String

  func run() async throws {
    try Invocation.now().stock("network disconnect").disconnect(network, container)
  }
}

enum NetworkFilterName: String, CaseIterable {
  case driver
  case id
  case name
  case label
  case notLabel = "label!"
  case type
  case dangling
  case scope
  case until
}

/// - Parameter allowed: what the verb knows.
func networkFilter(_ text: String, _ allowed: [NetworkFilterName]) throws -> NetworkFilter {
  let (key, value) = try filterParts(text, allowed.map(\.rawValue))
  switch NetworkFilterName(rawValue: key) {
  case .driver: return .driver(value)
  case .id: return .id(value)
  case .name: return .name(value)
  case .scope: return .scope(value)
  case .dangling: return .dangling(try filterFlag(text, value))
  case .label:
    let pair = labelParts(value)
    return .label(pair.key, value: pair.value)
  case .notLabel:
    let pair = labelParts(value)
    return .notLabel(pair.key, value: pair.value)
  case .type:
    guard ["custom", "builtin"].contains(value) else {
      throw UsageFault("invalid filter `\(text)`", hint: "write type=custom or type=builtin")
    }
    return .predefined(value == "builtin")
  case .until, nil: return .until(try filterTime(value))
  }
}
