// The servers that a resolv.conf names (resolv.conf(5)).

package import Addressing

/// A server to ask. `interface` is the zone of a link-local IPv6 address (`fe80::1%eth0`).
package struct NameServer: Hashable, Sendable {
  package var address: IPAddress
  package var interface: String?

  package init(address: IPAddress, interface: String? = nil) {
    self.address = address
    self.interface = interface
  }

  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(first) else { return nil }
    self.address = address
    if parts.count == 2 {
      guard case .v6 = address, !parts[1].isEmpty else { return nil }
      interface = String(parts[1])
    }
  }
}

extension NameServer {
  /// No more are asked, as the C library does not ask more either.
  package static let limit = 3

  /// The first three usable servers of a resolv.conf. None named means the one on this host.
  package static func servers(inResolverFile content: [UInt8]) -> [NameServer] {
    var servers: [NameServer] = []
    for line in content.split(separator: UInt8(ascii: "\n")) {
      let words = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == 13 }
      guard words.count >= 2, words[0].elementsEqual("nameserver".utf8),
        let server = NameServer(String(decoding: words[1], as: UTF8.self))
      else { continue }
      servers.append(server)
      if servers.count == limit { break }
    }
    return servers.isEmpty ? [NameServer(address: .v4(.loopback))] : servers
  }
}
