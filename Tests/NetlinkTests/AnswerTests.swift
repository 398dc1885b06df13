// What a kernel answered, recorded once with everything that it says, read back. The namespace had a
// bridge with the end of a pair, both ends of another pair, and links of kinds that berth does not make.

import Addressing
import CLinux
import Netlink
import Testing

@Suite("Answers of a kernel are read")
struct AnswerTests {
  private struct Row: Equatable {
    var index: Int32
    var name: String
    var kind: String?
    var isUp: Bool
    var mtu: UInt32
    var master: Int32?
    var hardware: String?
  }

  @Test("links of every kind")
  func links() throws {
    let messages = try recordedMessages("answers/links")
    #expect(messages.last.map { CInt($0.type) } == NLMSG_DONE)
    let rows = messages.compactMap(Link.init).map {
      Row(
        index: $0.index, name: $0.name, kind: $0.kind, isUp: $0.isUp, mtu: $0.mtu ?? 0,
        master: $0.master, hardware: $0.hardwareAddress?.description)
    }
    #expect(
      rows.map(\.name)
        == ["lo", "br-shop", "ve-web", "lan1", "lan0", "mv0", "vx0", "tun0"])
    #expect(rows.map(\.index) == Array(1...8))
    #expect(
      rows.map(\.kind) == [nil, "bridge", "veth", "veth", "veth", "macvlan", "vxlan", "tun"])
    #expect(rows.map(\.isUp) == [true, true, true, true, true, false, false, false])
    #expect(rows.map(\.mtu) == [65536] + [UInt32](repeating: 1500, count: 7))
    #expect(rows.map(\.master) == [nil, nil, 2, nil, nil, nil, nil, nil])
    #expect(rows[1].hardware == "02:42:0a:01:02:01" && rows[5].hardware == "02:42:0a:00:00:06")
    // A tunnel of packets has no hardware to address.
    #expect(rows[7].hardware == nil && rows[0].hardware == "00:00:00:00:00:00")
  }

  @Test("addresses of both families, also one with a peer")
  func addresses() throws {
    let found = try recordedMessages("answers/addresses").compactMap(LinkAddress.init)
    let rows = found.map { "\($0.link) \($0.address)/\($0.prefixLength)" }
    let known = [
      "1 127.0.0.1/8", "2 10.1.2.1/24", "5 10.0.0.5/16", "5 10.9.9.1/32", "1 ::1/128",
      "2 fd00:1::1/64", "4 fe80::b0c9:a1ff:fe4d:1b53/64", "5 fe80::42:aff:fe00:5/64",
    ]
    #expect(rows == known)
  }

  @Test("routes of both families and of other tables, without those for local addresses")
  func routes() throws {
    let found = try recordedMessages("answers/routes").compactMap(Route.init)
    let rows = found.map { route in
      let by = route.gateway.map { " by \($0)" } ?? ""
      let target =
        route.destination.v4.map { "\($0)" } ?? route.destination.v6.map { "\($0)" } ?? ""
      return target + by + (route.link.map { " on \($0)" } ?? "")
    }
    let known: Set = [
      "0.0.0.0/0 by 10.0.0.1 on 5", "10.0.0.0/16 on 5", "10.1.2.0/24 on 2", "10.9.9.2/32 on 5",
      // Without a link: nothing gets there, and two ways lead there.
      "172.16.0.0/12", "192.168.0.0/16",
      // By a neighbour of the other family, which no attribute says that berth reads.
      "203.0.113.0/24 on 2",
      // Of the table 100.
      "10.50.0.0/16 by 10.0.0.3 on 5",
      "fd00:1::/64 on 2", "fd99::/48 by fd00:1::8 on 2", "fe80::/64 on 4", "fe80::/64 on 5",
      "::/0 by fd00:1::9 on 2",
    ]
    #expect(Set(rows.filter { !$0.hasPrefix("ff00::") }) == known)
  }

  @Test("flows of datagrams beside other connections")
  func flows() throws {
    let messages = try recordedMessages("answers/connections")
    let flows = messages.compactMap(DatagramFlow.init)
    #expect(flows.map(\.targetPort).sorted() == [5353, 9999])
    #expect(flows.allSatisfy { $0.zone == nil } && messages.count > flows.count + 1)
  }

  @Test("an answer cut anywhere, or with one byte changed, is read without a trap")
  func damaged() throws {
    for name in ["addresses", "routes", "connections"] {
      let whole = Array(try recorded("answers/" + name).prefix(800))
      for count in 0..<whole.count { read(whole.prefix(count)) }
      for position in whole.indices {
        for value in [0, 3, 0xFF] as [UInt8] {
          var changed = whole
          changed[position] = value
          read(changed[...])
        }
      }
    }
  }

  private func read(_ bytes: ArraySlice<UInt8>) {
    var rest = bytes
    while let message = NetlinkMessage.next(&rest) {
      _ = (Link(message), LinkAddress(message), Route(message), DatagramFlow(message))
    }
  }
}
