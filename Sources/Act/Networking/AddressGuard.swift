// Networks whose containers may only speak for themselves (`berth.antispoof`): what a container sends
// with another's hardware address or address, or says about another's, is dropped as it enters the
// bridge. A table of the family bridge for each such network, with a chain for each container's end.

import Addressing
import Blueprint
import Glibc
import Linux
import Store
import SystemPackage

extension NetworkRecord {
  var guardTable: String { "berth-\(shortID)" }
}

extension EndpointBlueprint {
  /// Adds the chain, or makes it anew for a container that starts again.
  fileprivate func guardRules(in table: String) -> String {
    let all = (addresses + linkLocalAddresses).compactMap { IPAddress($0) }
    let four = all.filter { !$0.isV6 }.map { "\($0)" }
    var six = all.filter(\.isV6)
    if let hardware = MACAddress(hardwareAddress), !six.isEmpty {
      six.append(.v6(hardware.linkLocal))
    }
    var rules = ["ether saddr != \(hardwareAddress) drop"]
    if !four.isEmpty {
      let own = "{ \(four.joined(separator: ", ")) }"
      rules += [
        "ip saddr \(own) accept",
        "arp saddr ether \(hardwareAddress) arp saddr ip \(own) accept",
      ]
    }
    if !six.isEmpty {
      // The neighbour that an advertisement is about: of which nftables 1.0.6 knows no name.
      let numbers = six.map { "0x" + $0.octets.map(twoDigits).joined() }
      rules += [
        "icmpv6 type { nd-router-advert, nd-redirect } drop",
        "icmpv6 type nd-neighbor-advert @th,64,128 != { \(numbers.joined(separator: ", ")) } drop",
        "ip6 saddr { \(six.map { "\($0)" }.joined(separator: ", ")) } accept",
        "ip6 saddr :: icmpv6 type nd-neighbor-solicit accept",
      ]
    }
    rules.append("drop")
    let chain = "bridge \(table) \(hostInterface)"
    return "add chain \(chain)\nflush chain \(chain)\n"
      + rules.map { "add rule \(chain) \($0)\n" }.joined()
      + "add element bridge \(table) ends { \"\(hostInterface)\" : jump \(hostInterface) }\n"
  }
}

extension NetworkStore {
  /// Made with the network, and again when somebody has flushed all tables.
  func provideGuard(_ record: NetworkRecord) throws {
    guard record.rules.preventsSpoofing, record.attachment == nil,
      try !Firewall.hasTable(record.guardTable, .bridge)
    else { return }
    let doing = "guarding the addresses of network `\(record.name)`"
    try firewall.run(
      """
      table bridge \(record.guardTable) {
        map ends { type ifname : verdict; }
        chain prerouting {
          type filter hook prerouting priority -300; policy accept;
          iifname vmap @ends
        }
      }

      """, doing: doing)
    let known = try namesInFolder(guardsFolder(record.name)).compactMap {
      try readFile(guardsFolder(record.name).appending($0), limit: 64 << 10)
    }
    if known.isEmpty { return }
    try firewall.run(
      known.map { String(decoding: $0, as: UTF8.self) }.joined(), doing: doing)
  }

  /// Before the container's link is there.
  func guardAddresses(of endpoints: [EndpointBlueprint]) throws {
    for endpoint in endpoints {
      guard let record = try record(endpoint.network), record.rules.preventsSpoofing else {
        continue
      }
      let text = endpoint.guardRules(in: record.guardTable)
      try makeFolders(guardsFolder(record.name))
      try writeFile(
        Array(text.utf8), to: guardsFolder(record.name).appending(endpoint.hostInterface),
        .volatile)
      try firewall.run(text, doing: "guarding the address of `\(endpoint.names.first ?? "")`")
    }
  }

  /// Of a container that is off the network for good.
  func releaseGuard(of endpoint: EndpointBlueprint) throws {
    let path = guardsFolder(endpoint.network).appending(endpoint.hostInterface)
    guard try readFile(path, limit: 64 << 10) != nil, let record = try record(endpoint.network)
    else { return }
    let end = endpoint.hostInterface
    try takeOut(
      [
        "delete element bridge \(record.guardTable) ends { \"\(end)\" }\n",
        "delete chain bridge \(record.guardTable) \(end)\n",
      ], doing: "forgetting the address of a container")
    try removeFile(path)
  }

  func removeGuard(_ record: NetworkRecord) throws {
    guard record.rules.preventsSpoofing, try Firewall.hasTable(record.guardTable, .bridge) else {
      return
    }
    try firewall.run(
      "delete table bridge \(record.guardTable)",
      doing: "removing the guard of network `\(record.name)`")
  }

  private func guardsFolder(_ network: String) -> FilePath {
    runFolder(network).appending("guards")
  }
}
