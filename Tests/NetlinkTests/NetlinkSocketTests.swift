// Netlink on a real kernel, in a network namespace that goes with the test.

import Addressing
import CLinux
import Glibc
import Linux
import Netlink
import SystemPackage
import Testing

@Suite("Links, addresses and routes are made and told", .enabled(if: geteuid() == 0))
struct NetlinkSocketTests {
  private func inOwnNamespace(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await blocking {
      let home = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
      try checking("unshare") { berth_unshare(UInt(CLONE_NEWNET)) }
      defer { _ = berth_setns(home.raw, CLONE_NEWNET) }
      try body()
    }
  }

  @Test("what was made is what is listed")
  func listing() async throws {
    try await inOwnNamespace {
      var socket = try NetlinkSocket()
      let hardware = MACAddress(for: IPv4Address(10, 1, 2, 1))
      try socket.perform([
        .addBridge("b0", mtu: 1400, hardwareAddress: hardware, group: 0x8000_0001)
      ])
      #expect(try socket.link(named: "b0")?.isUp == false)
      let bridge = try #require(try socket.link(named: "b0"))
      #expect(bridge.kind == "bridge" && bridge.mtu == 1400 && bridge.hardwareAddress == hardware)
      let address = IPAddress.v4(IPv4Address(10, 1, 2, 1))
      try socket.perform(
        [.addAddress(address, prefixLength: 24, link: bridge.index), .setUp("lo")]
          + NetlinkRequest.bringUp("b0"))
      try socket.perform([.addAddress(address, prefixLength: 24, link: bridge.index)])
      try socket.perform([.addDefaultRoute(by: .v4(IPv4Address(10, 1, 2, 9)))])
      #expect(try socket.links().filter(\.isUp).map(\.name).sorted() == ["b0", "lo"])
      #expect(try socket.addresses().filter { $0.link == bridge.index }.map(\.address) == [address])
      let routes = try socket.routes()
      #expect(
        routes.contains { $0.destination == IPSubnet("10.1.2.0/24") && $0.link == bridge.index })
      #expect(
        routes.contains {
          $0.destination.prefixLength == 0 && "\($0.gateway ?? address)" == "10.1.2.9"
        })
    }
  }

  @Test("the first failure of a batch is told with its subject, and the rest is done")
  func failures() async throws {
    try await inOwnNamespace {
      var socket = try NetlinkSocket()
      let failure = #expect(throws: SystemCallError.self) {
        try socket.perform([.setUp("absent"), .setUp("lo")])
      }
      #expect(failure?.subject == "absent" && failure?.errno == .operationNotSupportedByDevice)
      #expect(try socket.link(named: "lo")?.isUp == true)
      try socket.perform([.deleteLink("absent"), .deleteLinks(ofGroup: 0x8000_0001)])
    }
  }

  @Test("three hundred requests at once do not drown their answers")
  func many() async throws {
    try await inOwnNamespace {
      var socket = try NetlinkSocket()
      try socket.perform([NetlinkRequest](repeating: .setUp("lo"), count: 300))
      #expect(try socket.link(named: "lo")?.isUp == true)
    }
  }

  @Test("a thread comes back from another namespace")
  func namespaces() async throws {
    try await inOwnNamespace {
      let here = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
      try checking("unshare") { berth_unshare(UInt(CLONE_NEWNET)) }
      var inside = try NetlinkSocket()
      try inside.perform([
        .addBridge("b1", mtu: 1500, hardwareAddress: MACAddress(for: .loopback), group: 0)
      ])
      let there = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
      try checking("setns") { berth_setns(here.raw, CLONE_NEWNET) }
      var remote = try NetlinkSocket(inNamespace: there.raw)
      var local = try NetlinkSocket()
      #expect(try remote.link(named: "b1") != nil && local.link(named: "b1") == nil)
    }
  }
}
