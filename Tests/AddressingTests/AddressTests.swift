// Text forms of addresses, both ways.

import Addressing
import Testing

@Suite("Addresses are read strictly and written in one form")
struct AddressTests {
  @Test(
    "dotted addresses that are taken",
    arguments: [
      ("0.0.0.0", 0), ("127.0.0.1", 0x7F00_0001), ("255.255.255.255", 0xFFFF_FFFF),
    ] as [(String, UInt32)])
  func dotted(text: String, number: UInt32) {
    #expect(IPv4Address(text)?.number == number)
    #expect(IPv4Address(number).description == text)
    #expect(IPv4Address(octets: IPv4Address(number).octets)?.number == number)
  }

  @Test(
    "dotted addresses that are refused",
    arguments: [
      "", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", "1..2.3",
      "a.b.c.d",
      "1.2.3.+4", "1.2.3.0004",
    ])
  func notDotted(text: String) { #expect(IPv4Address(text) == nil) }

  @Test(
    "IPv6 addresses and their canonical text",
    arguments: [
      ("::", "::"), ("::1", "::1"), ("2001:db8::1", "2001:db8::1"),
      ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
      ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
      ("fe80::", "fe80::"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
      ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ])
  func colons(text: String, canonical: String) {
    let address = IPv6Address(text)
    #expect(address?.description == canonical)
    #expect(IPv6Address(octets: address?.octets ?? []) == address)
  }

  @Test(
    "IPv6 addresses that are refused",
    arguments: [
      "", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "::1%eth0",
      "1:2:3:4:5:6:7::8", "192.0.2.1::", "::192.0.2", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7",
    ])
  func notColons(text: String) { #expect(IPv6Address(text) == nil) }

  @Test("either kind, in brackets where the field writes them so")
  func either() {
    #expect(IPAddress("[::1]")?.isLoopback == true)
    #expect(IPAddress("127.3.2.1")?.isLoopback == true)
    #expect(IPAddress("0.0.0.0")?.isUnspecified == true)
    #expect(IPAddress("[127.0.0.1]") == nil)
  }

  @Test("hardware addresses")
  func hardware() {
    #expect(MACAddress("02:42:ac:12:00:02")?.description == "02:42:ac:12:00:02")
    #expect(MACAddress("02-42-AC-12-00-02") == MACAddress(for: IPv4Address(172, 18, 0, 2)))
    for text in [
      "", "02:42:ac:12:00", "02:42:ac:12:00:02:01", "2:42:ac:12:00:02", "zz:42:ac:12:00:02",
    ] {
      #expect(MACAddress(text) == nil, "\(text)")
    }
  }
}

@Suite("Subnets know what lies in them")
struct SubnetTests {
  @Test("bounds of a block")
  func bounds() throws {
    let subnet = try #require(IPv4Subnet("172.18.5.6/16"))
    #expect(subnet.description == "172.18.0.0/16")
    #expect(subnet.last == IPv4Address(172, 18, 255, 255))
    #expect(subnet.count == 65536)
    #expect(subnet.address(at: 1) == IPv4Address(172, 18, 0, 1))
    #expect(subnet.address(at: 65536) == nil)
    #expect(subnet.netmask == IPv4Address(255, 255, 0, 0))
    #expect(!subnet.isAssignable(subnet.base) && !subnet.isAssignable(subnet.last))
  }

  @Test("the smallest and the largest block")
  func extremes() throws {
    let all = try #require(IPv4Subnet("1.2.3.4/0"))
    #expect(all.count == 1 << 32 && all.address(at: (1 << 32) - 1) == all.last)
    let one = try #require(IPv4Subnet("1.2.3.4/32"))
    #expect(one.count == 1 && one.isAssignable(one.base))
    for text in ["1.2.3.4", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3/8", "/8", "1.2.3.4/08"] {
      #expect(IPv4Subnet(text) == nil, "\(text)")
    }
  }

  @Test(
    "overlap goes both ways",
    arguments: [
      ("10.0.0.0/8", "10.3.0.0/16", true), ("10.0.0.0/16", "10.1.0.0/16", false),
      ("0.0.0.0/0", "192.168.1.1/32", true), ("192.168.0.0/20", "192.168.16.0/20", false),
    ])
  func overlap(left: String, right: String, expected: Bool) throws {
    let (left, right) = (try #require(IPv4Subnet(left)), try #require(IPv4Subnet(right)))
    #expect(left.overlaps(right) == expected)
    #expect(right.overlaps(left) == expected)
  }

  @Test("a name leads to the same block while it is free, and elsewhere when not")
  func choice() throws {
    let first = try #require(SubnetPool.choose(for: "shop_default", avoiding: []))
    #expect(SubnetPool.choose(for: "shop_default", avoiding: []) == first)
    #expect(first.description.hasPrefix("172."))
    let second = try #require(SubnetPool.choose(for: "shop_default", avoiding: [first]))
    #expect(!second.overlaps(first))
  }

  @Test("three hundred networks never overlap, and full pools say so")
  func many() throws {
    var taken: [IPv4Subnet] = []
    for index in 0..<300 {
      let block = try #require(SubnetPool.choose(for: "net\(index)", avoiding: taken))
      #expect(!taken.contains(where: block.overlaps))
      taken.append(block)
    }
    #expect(taken.filter { $0.prefixLength == 20 }.count == 256)
    #expect(taken.filter { $0.prefixLength == 24 }.count == 44)
    let everything = try #require(IPv4Subnet("0.0.0.0/0"))
    #expect(SubnetPool.choose(for: "x", avoiding: [everything]) == nil)
  }

  @Test("the hash is the published one")
  func hash() {
    #expect(fowlerNollVo([]) == 0xCBF2_9CE4_8422_2325)
    #expect(fowlerNollVo("a".utf8) == 0xAF63_DC4C_8601_EC8C)
  }

  @Test("a link's own address of IPv6 is made of its hardware address")
  func linkLocal() throws {
    let hardware = try #require(MACAddress("02:42:ac:12:00:02"))
    #expect(hardware.linkLocal == IPv6Address("fe80::42:acff:fe12:2"))
  }
}

@Suite("Blocks of IPv6 addresses")
struct IPv6SubnetTests {
  @Test(
    "text, ends and members",
    arguments: [
      ("fd12:3456::/32", "fd12:3456::", "fd12:3456:ffff:ffff:ffff:ffff:ffff:ffff"),
      ("fd00::7/64", "fd00::", "fd00::ffff:ffff:ffff:ffff"), ("::1/128", "::1", "::1"),
      ("fd00::ff/120", "fd00::", "fd00::ff"),
    ])
  func ends(text: String, base: String, last: String) throws {
    let subnet = try #require(IPv6Subnet(text))
    #expect(subnet.base == IPv6Address(base) && subnet.last == IPv6Address(last))
    #expect(subnet.contains(subnet.last) && subnet.address(at: 0) == subnet.base)
  }

  @Test(
    "what is no block is refused", arguments: ["fd00::", "fd00::/129", "fd00::/", "10.0.0.0/8"])
  func refused(text: String) { #expect(IPv6Subnet(text) == nil) }

  @Test("addresses by their place end with the block, also across the middle of the number")
  func places() throws {
    let small = try #require(IPv6Subnet("fd00::10/124"))
    #expect(small.address(at: 15) == IPv6Address("fd00::1f") && small.address(at: 16) == nil)
    let wide = try #require(IPv6Subnet("fd00::ffff:ffff:ffff:fff0/120"))
    #expect(wide.address(at: 256) == nil)
    let all = try #require(IPv6Subnet("::/0"))
    #expect(all.address(at: UInt64.max) == IPv6Address("::ffff:ffff:ffff:ffff"))
  }

  @Test("a name leads to a block of fd00::/8, and past those that are taken")
  func unique() throws {
    let first = try #require(IPv6Subnet.unique(for: "shop_default", avoiding: []))
    #expect(first.prefixLength == 64 && first.base.octets.first == 0xFD)
    #expect(IPv6Subnet.unique(for: "shop_default", avoiding: []) == first)
    let second = try #require(IPv6Subnet.unique(for: "shop_default", avoiding: [first]))
    #expect(!second.overlaps(first))
  }
}
