// Every kind of request that berth sends, against bytes that were worked out from the kernel's headers
// field by field: `Tests/Fixtures/netlink/requests` names each.

import Addressing
import CLinux
import Glibc
import Netlink
import Testing

@Suite("Requests have the bytes that the kernel's headers ask for")
struct RequestTests {
  private static let group: UInt32 = 0x8000_0001

  /// How a request is sent: an acknowledged change or question, or a list of everything.
  enum Form {
    case one
    case list

    var flags: UInt16 {
      switch self {
      case .one: UInt16(NLM_F_REQUEST | NLM_F_ACK)
      case .list: UInt16(NLM_F_REQUEST | NLM_F_DUMP)
      }
    }
  }

  private func check(_ file: String, _ requests: [NetlinkRequest], _ form: Form = .one) throws {
    var writer = NetlinkWriter()
    for (index, request) in requests.enumerated() {
      writer.message(
        type: request.type, flags: form.flags | request.flags, sequence: 7 + UInt32(index),
        request.body)
    }
    let wanted = try recorded("requests/" + file)
    #expect(writer.bytes == wanted, "\(file):\n\(lines(writer.bytes))")
  }

  private func hardware(_ last: UInt8, _ network: UInt8 = 1) -> MACAddress {
    MACAddress(for: IPv4Address(10, network, network == 0 ? 0 : 2, last))
  }

  @Test("bridges and pairs")
  func bridges() throws {
    try check(
      "bridge",
      [.addBridge("br-shop", mtu: 1400, hardwareAddress: hardware(1), group: Self.group)])
    try check(
      "pair",
      [
        .addPair(
          "ve-web", bridge: 7, mtu: 1500, group: Self.group, peer: "eth0",
          peerAddress: hardware(5), namespace: 5)
      ])
  }

  @Test("links on top of others, and the one that leads nowhere")
  func onTop() throws {
    try check(
      "macvlan", [.addMacvlan("eth0", on: 3, mode: 4, address: hardware(6, 0), namespace: 5)])
    try check("ipvlan", [.addIPvlan("eth0", on: 3, mode: 0, flag: 0, namespace: 5)])
    try check("ipvlan-private", [.addIPvlan("eth0", on: 3, mode: 2, flag: 1, namespace: 5)])
    try check("vlan", [.addVLAN("lan0.100", on: 3, number: 100, group: Self.group)])
    try check("dummy", [.addDummy("dm-0123456789ab", group: Self.group)])
  }

  @Test("changes of links")
  func changes() throws {
    // Where the kernel has no IPv6 the first of the two messages is not sent.
    if access("/proc/sys/net/ipv6/conf/all", F_OK) == 0 {
      try check("bring-up", NetlinkRequest.bringUp("ve-web"))
    }
    try check("set-up", [.setUp("lo")])
    try check("hairpin", [.allowHairpin("ve-web")])
    try check("isolate", [.isolatePort("ve-web")])
    try check("set-group", [.setGroup("ve-web", Self.group)])
    try check("delete-link", [.deleteLink("br-shop")])
    try check("delete-group", [.deleteLinks(ofGroup: Self.group)])
    try check("find-link", [.findLink("br-shop")])
  }

  @Test("addresses and routes of both families")
  func addresses() throws {
    let address6 = try #require(IPAddress("fd00:1::5"))
    let gateway6 = try #require(IPAddress("fd00:1::1"))
    try check(
      "address", [.addAddress(.v4(IPv4Address(10, 1, 2, 5)), prefixLength: 24, link: 7)])
    try check(
      "address-alone", [.addAddress(.v4(IPv4Address(169, 254, 8, 8)), prefixLength: 32, link: 7)])
    try check("address6", [.addAddress(address6, prefixLength: 64, link: 7)])
    try check("route", [.addDefaultRoute(by: .v4(IPv4Address(10, 1, 2, 1)))])
    try check("route6", [.addDefaultRoute(by: gateway6)])
  }

  @Test("lists")
  func lists() throws {
    try check("list-links", [.listLinks], .list)
    try check("list-addresses", [.listAddresses], .list)
    try check("list-routes", [.listRoutes], .list)
    try check("list-connections", [.listConnections], .list)
  }

  @Test("a flow is forgotten in the words in which the kernel told it")
  func flows() throws {
    let flows = try recordedMessages("answers/connections").compactMap(DatagramFlow.init)
    let flow = try #require(flows.first { $0.targetPort == 5353 })
    try check("forget", [.forget(flow)])
    var writer = NetlinkWriter()
    writer.message(type: 256, flags: 0, sequence: 1) { writer in
      writer.append(UInt32(2))
      writer.attribute(0x8001, flow.tuple)
      writer.attribute(18, [0, 9] as [UInt8])
    }
    var bytes = writer.bytes[...]
    let zoned = try #require(NetlinkMessage.next(&bytes).flatMap(DatagramFlow.init))
    try check("forget-in-zone", [.forget(zoned)])
  }

  @Test("tables of nftables, their chains and rules")
  func tables() throws {
    try check("find-table", [.findTable("berth", family: 1)])
    try check("find-chain", [.findChain("ports", in: "berth", family: 1)])
    try check("list-chains", [.listChains], .list)
    try check("list-rules", [.listRules(of: "filter", family: 2)], .list)
  }
}
