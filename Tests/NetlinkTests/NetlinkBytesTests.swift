// The bytes of netlink messages, against recorded ones.

import Addressing
import CLinux
import Netlink
import Testing

@Suite("Netlink messages have the kernel's form")
struct NetlinkBytesTests {
  @Test("a request as it goes out")
  func request() {
    var writer = NetlinkWriter()
    writer.message(type: 16, flags: 0x605, sequence: 7) { writer in
      for _ in 0..<16 { writer.append(UInt8(0)) }
      writer.attribute(3, text: "br-x")
      writer.nest(18) { $0.attribute(1, text: "bridge") }
      writer.attribute(4, number: UInt32(1500))
    }
    let length: [UInt8] = [68, 0, 0, 0]
    let header: [UInt8] = [16, 0, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0]
    let name: [UInt8] = [9, 0, 3, 0] + Array("br-x".utf8) + [0, 0, 0, 0]
    let kind: [UInt8] = [16, 0, 18, 0, 11, 0, 1, 0] + Array("bridge".utf8) + [0, 0]
    let mtu: [UInt8] = [8, 0, 4, 0, 0xDC, 5, 0, 0]
    #expect(
      writer.bytes == length + header + [UInt8](repeating: 0, count: 16) + name + kind + mtu)
  }

  /// What the kernel says of `lo`, as recorded, without the attributes that are not read.
  private static let loopback: [UInt8] =
    [60, 0, 0, 0, 16, 0, 0, 0, 9, 0, 0, 0, 1, 2, 0, 0]
    + [0, 0, 4, 3, 1, 0, 0, 0, 0x49, 0, 1, 0, 0, 0, 0, 0]
    + [7, 0, 3, 0, 0x6C, 0x6F, 0, 0] + [8, 0, 4, 0, 0, 0, 1, 0]
    + [10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]

  @Test("a link as it comes in")
  func link() throws {
    var bytes = Self.loopback[...]
    let message = try #require(NetlinkMessage.next(&bytes))
    #expect(bytes.isEmpty && message.sequence == 9)
    let link = try #require(Link(message))
    #expect(link.name == "lo" && link.index == 1 && link.isUp && link.mtu == 65536)
    #expect(link.hardwareAddress?.number == 0 && link.kind == nil && link.master == nil)
  }

  @Test("a message cut anywhere is no message, and a changed byte never traps")
  func damaged() {
    for count in 0..<Self.loopback.count {
      var bytes = Self.loopback.prefix(count)
      #expect(NetlinkMessage.next(&bytes) == nil)
    }
    for position in Self.loopback.indices {
      for value in [0, 1, 3, 4, 0x7F, 0xFF] as [UInt8] {
        var changed = Self.loopback
        changed[position] = value
        var bytes = changed[...]
        while let message = NetlinkMessage.next(&bytes) {
          _ = (Link(message), LinkAddress(message), Route(message))
        }
      }
    }
  }

  @Test("attributes stop at one that claims more than there is")
  func attributes() {
    let bytes: [UInt8] = [5, 0, 1, 0, 9, 0, 0, 0] + [200, 0, 2, 0, 1, 2, 3, 4]
    #expect(parseAttributes(bytes[...]) == [1: [9]])
  }
}
