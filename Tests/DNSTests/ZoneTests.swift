import Addressing
import DNS
import Testing

private func host(_ address: IPAddress, _ own: String, _ names: [String]) -> NamedHost {
  NamedHost(addresses: [address], ownName: Array(own.utf8), names: names.map { Array($0.utf8) })
}

private let web1 = IPAddress.v4(IPv4Address(172, 18, 0, 2))
private let web2 = IPAddress.v4(IPv4Address(172, 18, 0, 3))
private let data = IPAddress.v4(IPv4Address(172, 19, 0, 2))

private let zone = Zone([
  (
    name: Array("shop_default".utf8),
    hosts: [
      host(web1, "shop-web-1", ["web", "shop-web-1", "www.example.com", "0123456789ab"]),
      host(web2, "shop-web-2", ["web", "shop-web-2", "Upper"]),
    ]
  ),
  (
    name: Array("shop_back".utf8),
    hosts: [host(data, "shop-db-1", ["db", "Größe", String(repeating: "x", count: 64)])]
  ),
])

@Suite("A zone answers the names of its networks and no others")
struct ZoneTests {
  enum Expected: Sendable {
    case addresses([IPAddress])
    case names([String])
    case empty
    case unknown
  }

  static let rows: [(name: String, type: RecordType, expected: Expected)] = [
    ("shop-web-1", .a, .addresses([web1])),
    ("web", .a, .addresses([web1, web2])),
    ("WEB", .a, .addresses([web1, web2])),
    ("web", .any, .addresses([web1, web2])),
    ("upper", .a, .addresses([web2])),
    ("db", .a, .addresses([data])),
    ("0123456789ab", .a, .addresses([web1])),
    ("www.example.com", .a, .addresses([web1])),
    ("Größe", .a, .addresses([data])),
    ("web.shop_default", .a, .addresses([web1, web2])),
    ("WEB.Shop_Default", .a, .addresses([web1, web2])),
    ("db.shop_back", .a, .addresses([data])),
    ("www.example.com.shop_default", .a, .addresses([web1])),
    // Known, but without anything of this type: never "no such name".
    ("web", .aaaa, .empty),
    ("web.shop_default", .aaaa, .empty),
    ("web", RecordType(rawValue: 15), .empty),
    ("web", RecordType(rawValue: 65), .empty),
    ("web", .ptr, .empty),
    // Not ours: asked elsewhere.
    ("db.shop_default", .a, .unknown),
    ("web.shop_back", .a, .unknown),
    ("shop_default", .a, .unknown),
    ("xshop_default", .a, .unknown),
    ("web.shop", .a, .unknown),
    ("example.com", .a, .unknown),
    ("we", .a, .unknown),
    (String(repeating: "x", count: 63), .a, .unknown),
    // Backwards.
    ("2.0.18.172.in-addr.arpa", .ptr, .names(["shop-web-1.shop_default"])),
    ("2.0.19.172.IN-ADDR.ARPA", .ptr, .names(["shop-db-1.shop_back"])),
    ("2.0.18.172.in-addr.arpa", .a, .empty),
    ("9.0.18.172.in-addr.arpa", .ptr, .unknown),
    ("0.18.172.in-addr.arpa", .ptr, .unknown),
    ("1.2.0.18.172.in-addr.arpa", .ptr, .unknown),
    ("256.0.18.172.in-addr.arpa", .ptr, .unknown),
    ("999999.0.18.172.in-addr.arpa", .ptr, .unknown),
    ("in-addr.arpa", .ptr, .unknown),
  ]

  @Test("row", arguments: rows)
  func row(_ row: (name: String, type: RecordType, expected: Expected)) throws {
    let name = try #require(DomainName(row.name.utf8))
    var random = Sequence64(state: 1)
    let answer = zone.lookUp(name, row.type, using: &random)
    switch (row.expected, answer) {
    case (.addresses(let wanted), .addresses(let got)?): #expect(got.sorted() == wanted)
    case (.names(let wanted), .names(let got)?): #expect(got.map(\.description) == wanted)
    case (.empty, .empty?), (.unknown, nil): break
    default: Issue.record("\(String(describing: answer))")
    }
  }

  @Test("every replica comes first about as often")
  func shuffled() throws {
    let name = try #require(DomainName("web".utf8))
    var random = Sequence64(state: 7)
    var first: [IPAddress: Int] = [:]
    for _ in 0..<1000 {
      guard case .addresses(let addresses)? = zone.lookUp(name, .a, using: &random) else { break }
      #expect(addresses.count == 2)
      first[addresses[0], default: 0] += 1
    }
    #expect(first[web1, default: 0] > 400 && first[web2, default: 0] > 400)
  }

  @Test("a name that two networks know has the addresses of both, each once")
  func shared() throws {
    let zone = Zone([
      (name: Array("a".utf8), hosts: [host(web1, "x", ["web", "web", "WEB"])]),
      (name: Array("b".utf8), hosts: [host(data, "x", ["web"])]),
    ])
    var random = Sequence64(state: 1)
    let name = try #require(DomainName("web".utf8))
    guard case .addresses(let addresses)? = zone.lookUp(name, .a, using: &random) else {
      Issue.record("unknown")
      return
    }
    #expect(addresses.sorted() == [web1, data])
  }

  @Test("a host with both families answers each type with its own, and backwards by both")
  func families() throws {
    let six = try #require(IPAddress("fd12::2"))
    let both = NamedHost(
      addresses: [web1, six], ownName: Array("shop-web-1".utf8), names: [Array("web".utf8)])
    let zone = Zone([(name: Array("net".utf8), hosts: [both])])
    var random = Sequence64(state: 1)
    let name = try #require(DomainName("web".utf8))
    #expect(zone.lookUp(name, .a, using: &random) == .addresses([web1]))
    #expect(zone.lookUp(name, .aaaa, using: &random) == .addresses([six]))
    let digits = "2" + String(repeating: ".0", count: 27) + ".2.1.d.f"
    let backwards = try #require(DomainName((digits + ".ip6.arpa").utf8))
    let own = try #require(DomainName("shop-web-1.net".utf8))
    #expect(zone.lookUp(backwards, .ptr, using: &random) == .names([own]))
    let unknown = try #require(DomainName(("3" + digits.dropFirst() + ".ip6.arpa").utf8))
    #expect(zone.lookUp(unknown, .ptr, using: &random) == nil)
  }

  @Test("an empty zone knows nothing")
  func empty() throws {
    var random = Sequence64(state: 1)
    #expect(Zone().lookUp(try #require(DomainName("web".utf8)), .a, using: &random) == nil)
  }
}

@Suite("Names keep to what messages can carry")
struct DomainNameTests {
  @Test(
    "refused",
    arguments: [
      "", ".", "..", "a..b", ".a", String(repeating: "a", count: 64),
      Array(repeating: String(repeating: "a", count: 63), count: 4).joined(separator: "."),
    ])
  func refused(_ text: String) { #expect(DomainName(text.utf8) == nil) }

  @Test(
    "accepted, in lower case, without the dot at the end",
    arguments: [("a", "a"), ("A.b.", "a.b"), ("_x-1.Shop_Default", "_x-1.shop_default")])
  func accepted(_ text: String, _ read: String) {
    #expect(DomainName(text.utf8)?.description == read)
  }
}
