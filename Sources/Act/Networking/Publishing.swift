// Published ports as elements of the maps in a network's table. What is published is written to
// `<run>/networks/<network>/ports/<container id>`, so that it can be taken back by the id alone, put
// into a table that had to be made again, and named when someone else wants the same port.

package import Addressing
package import Blueprint
import CLinux
import Glibc
import Linux
import Netlink
import Store
import SystemPackage

/// The ports of one container on the network of its primary endpoint, with host ports chosen.
package struct Publication: Codable, Sendable, Hashable {
  package var container: String
  /// `shop-web-1`, for messages.
  package var name: String
  package var network: String
  /// Of each family that the network has.
  package var address: IPv4Address?
  package var address6: IPv6Address?
  package var ports: [PublishedPort]

  package init(
    container: String, name: String, network: String, address: IPv4Address?,
    address6: IPv6Address? = nil, ports: [PublishedPort]
  ) {
    self.container = container
    self.name = name
    self.network = network
    self.address = address
    self.address6 = address6
    self.ports = ports
  }
}

extension NetworkStore {
  /// Opens the ports of all `publications` in one transaction for each network. The ports were
  /// reserved before (`reserve`), so an element that is already there is a dead container's.
  package func publish(_ publications: [Publication]) throws {
    try openings.run(publications) { try publishTogether($0.flatMap { $0 }) }
  }

  private func publishTogether(_ publications: [Publication]) throws {
    for (network, group) in Dictionary(grouping: publications, by: \.network) {
      guard let record = try record(network) else { throw NetworkError.missing(name: network) }
      // Nothing of such a network passes by this host's rules.
      if record.attachment != nil { continue }
      let elements = try group.flatMap { try $0.elements(record, table) }
      if elements.isEmpty { continue }
      try makeFolders(portsFolder(network))
      for publication in group where !publication.ports.isEmpty {
        try writeRecord(publication, to: path(of: publication), .volatile)
      }
      let doing = "publishing ports on network `\(network)`"
      let adding = elements.map(\.adding).joined()
      do throws(FirewallError) {
        try firewall.run(adding, doing: doing)
      } catch {
        if error == .libraryMissing { throw error }
        for element in elements {
          // Most are not there to be deleted; the transaction below tells what is really wrong.
          try? firewall.run(element.deleting, doing: doing)
        }
        try firewall.run(adding, doing: doing)
      }
    }
    forgetDatagrams(to: publications)
  }

  /// Clients that kept sending while nobody answered, or to who answered before, find the way anew.
  private func forgetDatagrams(to publications: [Publication]) {
    let ports = publications.flatMap(\.ports).filter { $0.transport == .udp }.map(\.hostPort)
    if ports.isEmpty { return }
    // Without it (a kernel without ctnetlink, say) such clients wait until their flow is forgotten:
    // no reason to fail.
    var socket = try? NetlinkSocket(NETLINK_NETFILTER)
    try? socket?.forgetDatagrams(to: Set(ports))
  }

  /// Closes all ports of these containers. What is not open is no error, and what another container
  /// has opened since stays open.
  package func unpublish(_ containers: [String]) throws {
    try closings.run(containers) { try unpublishTogether($0.flatMap { $0 }) }
  }

  private func unpublishTogether(_ containers: [String]) throws {
    let names = try namesInFolder(layout.run.appending("networks")).map(\.string).filter(
      isValidName)
    let present = try names.flatMap { network in
      try containers.compactMap {
        try readRecord(Publication.self, at: portsFolder(network).appending($0))
      }
    }
    if present.isEmpty { return }
    for (network, group) in Dictionary(grouping: present, by: \.network) {
      if let record = try record(network), try Firewall.hasTable(table) {
        let elements = try group.flatMap { try $0.elements(record, table) }
        try takeOut(elements.map(\.removing), doing: "closing ports")
      }
      for publication in group { try removeFile(path(of: publication)) }
    }
    forgetDatagrams(to: present)
  }

  /// What is published now, by every project.
  package func publications() throws -> [Publication] {
    try namesInFolder(layout.run.appending("networks")).map(\.string).filter(isValidName)
      .flatMap { try publications(network: $0) }
  }

  private func publications(network: String) throws -> [Publication] {
    try namesInFolder(portsFolder(network)).filter { !$0.string.hasSuffix(".new") }
      .compactMap { try readRecord(Publication.self, at: portsFolder(network).appending($0)) }
  }

  /// For a table that is made again, or a network that goes: what is open by it.
  func publishedElements(of record: NetworkRecord) throws -> [PortElement] {
    try publications(network: record.name).flatMap { try $0.elements(record, table) }
  }

  private func portsFolder(_ network: String) -> FilePath {
    runFolder(network).appending("ports")
  }

  private func path(of publication: Publication) -> FilePath {
    portsFolder(publication.network).appending(publication.container)
  }
}

extension Publication {
  /// The entries for all ports: one of each family that the port is published on and the container
  /// has an address of. Where it has none the shim takes the connections and passes them on.
  fileprivate func elements(_ network: NetworkRecord, _ table: String) throws -> [PortElement] {
    let rules = network.rules
    return try ports.flatMap { port throws(NetworkError) in
      guard let hosts = port.hosts else {
        throw NetworkError.unsupportedAddress(port.hostAddress)
      }
      return hosts.flatMap { host -> [PortElement] in
        let target = host.isV6 ? address6.map(IPAddress.v6) : address.map(IPAddress.v4)
        let gateway = host.isV6 ? rules.gateway6 : rules.gateway
        guard let target else { return [] }
        var elements: [PortElement] = []
        if gateway.translates {
          elements.append(PortElement(table, translating: port, host, target))
        }
        if gateway == .routed || !rules.trustedInterfaces.isEmpty {
          elements.append(PortElement(table, opening: port, target))
        }
        return elements
      }
    }
  }
}

/// One entry of a map of ports, or of the set of what may be reached without translation.
struct PortElement {
  private let table: String
  private let list: String
  private let key: String
  private let value: String?

  fileprivate init(
    _ table: String, translating port: PublishedPort, _ host: IPAddress, _ target: IPAddress
  ) {
    self.table = table
    let service = "\(port.transport.rawValue) . \(port.hostPort)"
    list = (host.isUnspecified ? "ports" : "bound") + (target.isV6 ? "6" : "")
    key = host.isUnspecified ? service : "\(host) . \(service)"
    value = "\(target) . \(port.containerPort)"
  }

  fileprivate init(_ table: String, opening port: PublishedPort, _ target: IPAddress) {
    self.table = table
    list = "opened" + (target.isV6 ? "6" : "")
    key = "\(target) . \(port.transport.rawValue) . \(port.containerPort)"
    value = nil
  }

  var adding: String {
    "add element inet \(table) \(list) { \(key)\(value.map { " : \($0)" } ?? "") }\n"
  }

  /// Whoever has it. One that is not there fails the whole transaction.
  fileprivate var deleting: String { "delete element inet \(table) \(list) { \(key) }\n" }

  /// Whether it is there or not, but not when it is another container's by now: that fails.
  var removing: String { adding + deleting }
}
