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
  package var address: IPv4Address
  package var ports: [PublishedPort]

  package init(
    container: String, name: String, network: String, address: IPv4Address, ports: [PublishedPort]
  ) {
    self.container = container
    self.name = name
    self.network = network
    self.address = address
    self.ports = ports
  }
}

extension NetworkStore {
  /// Opens the ports of all `publications` in one transaction for each network. The ports were
  /// reserved before (`reserve`), so an element that is already there is a dead container's.
  package func publish(_ publications: [Publication]) throws {
    for (network, group) in Dictionary(grouping: publications, by: \.network) {
      guard let record = try record(network) else { throw NetworkError.missing(name: network) }
      let elements = try group.flatMap { publication in
        try publication.ports.map { try Element($0, publication.address) }
      }
      if elements.isEmpty { continue }
      try makeFolders(portsFolder(network))
      for publication in group where !publication.ports.isEmpty {
        try writeRecord(publication, to: path(of: publication), .volatile)
      }
      let doing = "publishing ports on network `\(network)`"
      let adding = elements.map { $0.adding(record.table) }.joined()
      do throws(FirewallError) {
        try firewall.run(adding, doing: doing)
      } catch {
        if error == .libraryMissing { throw error }
        for element in elements {
          // Most are not there to be deleted; the transaction below tells what is really wrong.
          try? firewall.run(element.deleting(record.table), doing: doing)
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

  /// Closes all ports of these containers. What is not open is no error.
  package func unpublish(_ containers: [String]) throws {
    let wanted = Set(containers)
    let present = try publications().filter { wanted.contains($0.container) }
    for (network, group) in Dictionary(grouping: present, by: \.network) {
      if let record = try record(network), try Firewall.hasTable(record.table) {
        let elements = try group.flatMap { publication in
          try publication.ports.map { try Element($0, publication.address) }
        }
        close(elements, record.table)
      }
      for publication in group { try removeFile(path(of: publication)) }
    }
    forgetDatagrams(to: present)
  }

  private func close(_ elements: [Element], _ table: String) {
    let all = elements.map { $0.deleting(table) }.joined()
    if (try? firewall.run(all, doing: "closing ports")) != nil { return }
    for element in elements {
      // One that lacks makes the whole transaction fail; alone, its failure says that it is gone.
      try? firewall.run(element.deleting(table), doing: "closing ports")
    }
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

  /// For a table that is made again: what should be open in it.
  func publishedElements(of record: NetworkRecord) throws -> String {
    try publications(network: record.name).flatMap { publication in
      try publication.ports.map { try Element($0, publication.address).adding(record.table) }
    }.joined()
  }

  private func portsFolder(_ network: String) -> FilePath {
    runFolder(network).appending("ports")
  }

  private func path(of publication: Publication) -> FilePath {
    portsFolder(publication.network).appending(publication.container)
  }
}

/// One entry of the map `ports` or `bound`.
private struct Element {
  let map: String
  let key: String
  let value: String

  init(_ port: PublishedPort, _ address: IPv4Address) throws {
    guard let host = IPv4Address(port.hostAddress) else {
      throw NetworkError.unsupportedAddress(port.hostAddress)
    }
    let service = "\(port.transport.rawValue) . \(port.hostPort)"
    map = host.isUnspecified ? "ports" : "bound"
    key = host.isUnspecified ? service : "\(host) . \(service)"
    value = "\(address) . \(port.containerPort)"
  }

  func adding(_ table: String) -> String {
    "add element inet \(table) \(map) { \(key) : \(value) }\n"
  }

  func deleting(_ table: String) -> String {
    "delete element inet \(table) \(map) { \(key) }\n"
  }
}
