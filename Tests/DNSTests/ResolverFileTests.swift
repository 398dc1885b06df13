import Addressing
import DNS
import Testing

@Suite("The servers of a resolv.conf")
struct ResolverFileTests {
  static let rows: [(label: String, text: String, servers: [String])] = [
    ("plain", "nameserver 192.0.2.1\n", ["192.0.2.1"]),
    ("tabs, spaces, no end of line", "nameserver \t192.0.2.1 ", ["192.0.2.1"]),
    (
      "Windows' line ends", "nameserver 192.0.2.1\r\nnameserver 192.0.2.2\r\n",
      ["192.0.2.1", "192.0.2.2"]
    ),
    ("a stub on the host", "nameserver 127.0.0.53\noptions edns0\nsearch lan\n", ["127.0.0.53"]),
    (
      "version 6 with its zone", "nameserver fe80::1%eth0\nnameserver 2001:db8::1",
      ["fe80::1%eth0", "2001:db8::1"]
    ),
    (
      "the first three",
      (1...9).map { "nameserver 192.0.2.\($0)" }.joined(separator: "\n"),
      ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    ),
    (
      "comments and rubbish",
      "# nameserver 192.0.2.9\n;x\nnameserver\nnameserver x\nnameserver 192.0.2.1%eth0\nnameserver 192.0.2.2",
      ["192.0.2.2"]
    ),
    ("nothing means the host itself", "", ["127.0.0.1"]),
    ("other words that begin alike", "nameservers 192.0.2.1\n", ["127.0.0.1"]),
  ]

  @Test("row", arguments: rows)
  func row(_ row: (label: String, text: String, servers: [String])) {
    let servers = NameServer.servers(inResolverFile: Array(row.text.utf8))
    let texts = servers.map { $0.address.description + ($0.interface.map { "%" + $0 } ?? "") }
    #expect(texts == row.servers)
  }
}
