// The networks of this machine, for `berth network`.

import Addressing
package import Blueprint
package import Compose
package import Diagnostics
import Linux
import Networking
import OCI
import Store

/// A network as it is shown.
package struct NetworkView: Sendable, Hashable {
  package struct Pool: Sendable, Hashable {
    package var subnet: String
    package var range: String?
    package var gateway: String?
    package var reserved: [String: String]
  }

  package struct Member: Sendable, Hashable {
    package var id: String
    package var name: String
    package var hardwareAddress: String
    /// With the prefix length behind it: `172.18.0.2/16`.
    package var address: String?
    package var address6: String?
    package var isRunning: Bool
  }

  /// 64 hexadecimal digits.
  package var id: String
  package var name: String
  package var driver: String
  package var isPredefined = false
  package var isInternal = false
  package var isAttachable = false
  package var hasIPv4 = true
  package var hasIPv6 = false
  package var createdAt: Timestamp?
  package var labels: [String: String] = [:]
  package var options: [String: String] = [:]
  package var pools: [Pool] = []
  package var members: [Member] = []

  /// One that is there without anybody making it, as long as nobody is on it.
  fileprivate init(predefined name: String, driver: String) {
    id = Digest(of: Array("berth network \(name)".utf8)).hex
    self.name = name
    self.driver = driver
    isPredefined = true
    hasIPv4 = name == PredefinedNetwork.bridge
  }

  fileprivate init(_ record: NetworkRecord, _ containers: [ContainerRecord]) {
    id = record.id
    name = record.name
    driver = record.attachment?.kind.rawValue ?? "bridge"
    isPredefined = record.name == PredefinedNetwork.bridge
    isInternal = record.isInternal
    isAttachable = record.isAttachable
    hasIPv4 = record.ipv4 != nil
    hasIPv6 = record.ipv6 != nil
    createdAt = record.createdAt
    labels = record.labels
    options = record.options
    let reserved = record.reserved ?? [:]
    if let block = record.ipv4 { pools.append(Pool(block, reserved.filter { !$0.value.isV6 })) }
    if let block = record.ipv6 { pools.append(Pool(block, reserved.filter { $0.value.isV6 })) }
    members = containers.flatMap { container in
      container.blueprint.network.endpoints.filter { $0.network == record.name }.map { endpoint in
        Member(
          id: container.id, name: container.name, hardwareAddress: endpoint.hardwareAddress,
          address: endpoint.address.map { "\($0)/\(endpoint.prefixLength ?? 32)" },
          address6: endpoint.address6.map { "\($0)/\(endpoint.prefixLength6 ?? 128)" },
          isRunning: container.isSupervised)
      }
    }
  }
}

extension NetworkView.Pool {
  fileprivate init<Block>(_ block: NetworkBlock<Block>, _ reserved: [String: IPAddress]) {
    self.init(
      subnet: "\(block.subnet)", range: block.range.map { "\($0)" }, gateway: "\(block.gateway)",
      reserved: reserved.mapValues { "\($0)" })
  }
}

/// Which networks are meant. Several of one kind are alternatives, different kinds must all hold.
package enum NetworkFilter: Sendable, Hashable {
  case driver(String)
  /// A part of the id, or of the name.
  case id(String)
  case name(String)
  case label(String, value: String?)
  case notLabel(String, value: String?)
  case predefined(Bool)
  case dangling(Bool)
  /// `local` is where all of berth's are.
  case scope(String)
  /// Made before this time.
  case until(Timestamp)

  fileprivate var kind: Int {
    switch self {
    case .driver: 0
    case .id: 1
    case .name: 2
    // Every one must hold.
    case .label, .notLabel: -1
    case .predefined: 4
    case .dangling: 5
    case .scope: 6
    case .until: 7
    }
  }

  fileprivate func matches(_ network: NetworkView) -> Bool {
    switch self {
    case .driver(let driver): network.driver == driver
    case .id(let part): network.id.contains(part)
    case .name(let part): network.name.contains(part)
    case .label(let key, let value): network.has(key, value)
    case .notLabel(let key, let value): !network.has(key, value)
    case .predefined(let wanted): network.isPredefined == wanted
    case .dangling(let wanted): !network.isPredefined && network.members.isEmpty == wanted
    case .scope(let scope): scope == "local"
    case .until(let limit): network.createdAt.map { $0.nanoseconds < limit.nanoseconds } ?? false
    }
  }
}

extension NetworkView {
  fileprivate func has(_ key: String, _ value: String?) -> Bool {
    labels[key].map { value == nil || $0 == value } ?? false
  }

  fileprivate func meets(_ filters: [NetworkFilter]) -> Bool {
    Dictionary(grouping: filters, by: \.kind).allSatisfy { kind, group in
      kind < 0
        ? group.allSatisfy { $0.matches(self) } : group.contains { $0.matches(self) }
    }
  }
}

extension Stock {
  /// Of all projects, running or not.
  package func containerNames() throws -> [String] { try containers.names().map(\.name) }

  /// By name, the predefined ones among them.
  package func networks(_ filters: [NetworkFilter] = []) throws -> [NetworkView] {
    let containers = try containers.list()
    let made = try networks.list().map { NetworkView($0, containers) }
    let predefined = [
      NetworkView(predefined: "bridge", driver: "bridge"),
      NetworkView(predefined: "host", driver: "host"),
      NetworkView(predefined: "none", driver: "null"),
    ].filter { candidate in !made.contains { $0.name == candidate.name } }
    return (made + predefined).sorted { $0.name < $1.name }.filter { $0.meets(filters) }
  }

  /// By name, by id, or by the beginning of an id that no other has.
  package func network(_ text: String) throws -> NetworkView {
    let all = try networks()
    if let network = all.first(where: { $0.name == text || $0.id == text }) { return network }
    let found = text.isEmpty ? [] : all.filter { $0.id.hasPrefix(text) }
    if found.count > 1 {
      throw Faults([
        Diagnostic(
          "several networks have an id that begins with `\(text)`", hint: "write more of it")
      ])
    }
    guard let network = found.first else { throw NetworkError.missing(name: text) }
    return network
  }

  /// What stands in the way of networks that were made or repaired.
  package func takeWarnings() -> [Diagnostic] { networks.takeWarnings() }

  /// Makes a network that no project owns, and answers its id.
  package func createNetwork(_ network: Compose.Network) throws -> String {
    if network.name == PredefinedNetwork.bridge || PredefinedNetwork.modes.contains(network.name) {
      throw Faults([Diagnostic("network `\(network.name)` is predefined and cannot be made")])
    }
    return try networks.create(try NetworkSpecification(network), now: Session.now()).id
  }

  /// Takes networks away on which nobody is; `told` hears of each.
  /// - Throws: all failures together, the others having gone.
  package func removeNetworks(_ names: [String], told: (String) -> Void) throws {
    var faults: [Diagnostic] = []
    for name in names {
      do {
        let network = try network(name)
        try refuseRemoval(of: network)
        try networks.removeUnused(network.name)
        // Somebody may have joined it at this very moment.
        if try networks.record(network.name) != nil { try refuseRemoval(of: self.network(name)) }
        told(name)
      } catch let fault as any Diagnosable {
        faults += fault.diagnostics
      }
    }
    if !faults.isEmpty { throw Faults(faults) }
  }

  private func refuseRemoval(of network: NetworkView) throws {
    if network.isPredefined {
      throw Faults([Diagnostic("network `\(network.name)` is predefined and cannot be removed")])
    }
    guard let member = network.members.first else { return }
    throw Faults([
      Diagnostic(
        "network `\(network.name)` is in use by container `\(member.name)`"
          + (network.members.count > 1 ? " and \(network.members.count - 1) more" : ""),
        hint: "bring its project down, or `berth network disconnect \(network.name) \(member.name)`"
      )
    ])
  }

  /// Takes away all networks on which no container is, running or not; their names.
  package func pruneNetworks(_ filters: [NetworkFilter]) throws -> [String] {
    try networks(filters + [.dangling(true)]).map { network in
      try networks.removeUnused(network.name)
      return network.name
    }
  }
}
