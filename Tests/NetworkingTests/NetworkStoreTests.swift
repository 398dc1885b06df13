// Networks come, are repaired and go; addresses are held by one container each.

import Addressing
import Blueprint
import CLinux
import Glibc
import Linux
import Netlink
import Networking
import Store
import TestSupport
import Synchronization
import SystemPackage
import Testing

@Suite("Networks converge from any state", .enabled(if: geteuid() == 0))
struct NetworkStoreTests {
  @Test("a network is made once, made again where it lacks, and leaves nothing")
  func life() async throws {
    try await laboratory { lab in
      var socket = try NetlinkSocket()
      let before = Set(try socket.links().map(\.name))
      let forwarding: FilePath = "/proc/sys/net/ipv4/ip_forward"
      try Descriptor.open(forwarding, O_WRONLY).writeAll([UInt8(ascii: "0")])
      let record = try lab.network("shop_default") { $0.labels = ["a": "b"] }
      #expect(try lab.network("shop_default") == record)
      #expect(try lab.store.list() == [record])
      #expect(record.gateway == record.subnet.address(at: 1))
      #expect(try readFile(forwarding, limit: 4)?.first == UInt8(ascii: "1"))
      let link = try #require(try socket.link(named: record.bridge))
      #expect(link.kind == "bridge" && link.isUp && link.mtu == 1500)
      #expect(try socket.addresses().contains { $0.address == .v4(record.gateway) })

      try run(["ip", "link", "delete", record.bridge], in: lab.host)
      try run(["nft", "delete", "table", "inet", lab.store.table], in: lab.host)
      #expect(try lab.network("shop_default") == record)
      let again = try #require(try socket.link(named: record.bridge))
      #expect(again.isUp && again.hardwareAddress == link.hardwareAddress)
      try run(["sh", "-c", "nft list table inet \(lab.store.table) >/dev/null 2>&1"], in: lab.host)

      _ = try lab.container("web", on: [record])
      try lab.store.remove("shop_default")
      try lab.store.remove("shop_default")
      #expect(Set(try socket.links().map(\.name)) == before)
      #expect(throws: (any Error).self) {
        try run(
          ["sh", "-c", "nft list table inet \(lab.store.table) >/dev/null 2>&1"], in: lab.host)
      }
      #expect(try lab.store.list().isEmpty && lab.store.record("shop_default") == nil)
      #expect(try readFile(forwarding, limit: 4)?.first == UInt8(ascii: "0"))
    }
  }

  @Test("a bridge that was made without its address and switches is finished")
  func halfMade() async throws {
    try await laboratory { lab in
      let record = try lab.network("half")
      var socket = try NetlinkSocket()
      try run(["ip", "address", "flush", "dev", record.bridge], in: lab.host)
      try run(["ip", "link", "set", record.bridge, "down"], in: lab.host)
      _ = try lab.network("half")
      #expect(try socket.link(named: record.bridge)?.isUp == true)
      #expect(try socket.addresses().contains { $0.address == .v4(record.gateway) })
      try makeFolders(lab.store.layout.network("stale").appending("leases"))
      #expect(try lab.store.record("stale") == nil)
      #expect(try lab.network("stale").name == "stale")
    }
  }

  @Test("published ports come back with a table that was lost")
  func flushed() async throws {
    try await laboratory { lab in
      let record = try lab.network("front")
      let web = try lab.container("web", on: [record])
      try lab.serve(web.machine, 80)
      try lab.store.publish([web.publication([published("", 8080, 80)])])
      try run(["nft", "flush", "ruleset"], in: lab.host)
      let question = Question(lab.host, "127.0.0.1", 8080)
      #expect(try ask([question], within: 300) == [nil])
      _ = try lab.store.repair("front")
      #expect(try ask([question]) == ["web \(record.gateway)"])
    }
  }

  @Test("many endpoints go in one call, and those already gone are no error")
  func disconnecting() async throws {
    try await laboratory { lab in
      let record = try lab.network("front")
      let containers = try (0..<5).map { try lab.container("c\($0)", on: [record]) }
      var socket = try NetlinkSocket()
      #expect(try socket.links().filter { $0.kind == "veth" }.count == 5)
      try lab.store.disconnect(containers[0].endpoints)
      try lab.store.disconnect(containers.flatMap(\.endpoints))
      try lab.store.disconnect(containers.flatMap(\.endpoints))
      #expect(try !socket.links().contains { $0.kind == "veth" })
      #expect(try socket.link(named: record.bridge) != nil)
    }
  }

  @Test("a container may be on more networks than answers of the kernel fit at once")
  func manyNetworks() async throws {
    try await laboratory { lab in
      let networks = try (0..<70).map { try lab.network("n\($0)") }
      // Its links go with its namespace, which goes with this.
      let container = try lab.container("web", on: networks)
      var socket = try NetlinkSocket()
      let pairs = try socket.links().filter { $0.kind == "veth" }
      #expect(pairs.count == 70)
      withExtendedLifetime(container) {}
    }
  }

  @Test("links without IPv6 are made so, and those that a container makes itself are not")
  func linksWithoutIPv6() async throws {
    try await laboratory { lab in
      let web = try lab.container("web", on: [lab.network("front"), lab.network("back")])
      for (link, value) in [("eth0", 1), ("eth1", 1), ("default", 0)] {
        let file = "/proc/sys/net/ipv6/conf/\(link)/disable_ipv6"
        try run(["sh", "-c", "test $(cat \(file)) = \(value)"], in: web.machine)
      }
    }
  }

  @Test("what opened a port first does not close it for who has it now")
  func portTakenOver() async throws {
    try await laboratory { lab in
      let one = try lab.network("one")
      let two = try lab.network("two")
      let old = try lab.container("old", on: [one])
      let new = try lab.container("new", on: [two])
      let question = Question(lab.host, "127.0.0.1", 8080)
      try lab.serve(new.machine, 80)
      for end in [{ try lab.store.unpublish(["old"]) }, { try lab.store.remove("one") }] {
        try lab.store.publish([old.publication([published("", 8080, 80)])])
        try lab.store.publish([new.publication([published("", 8080, 80)])])
        try end()
        #expect(try ask([question]) == ["new \(#require(two.ipv4).gateway)"])
      }
      try lab.store.unpublish(["new"])
      #expect(try ask([question], within: 300) == [nil])
    }
  }

  @Test("blocks that routes, addresses and other networks use are not taken")
  func subnets() async throws {
    try await laboratory { lab in
      let outside = try lab.neighbour()
      try run(["ip", "route", "add", "172.16.0.0/12", "via", "10.99.0.2"], in: lab.host)
      let first = try lab.network("one")
      #expect(first.subnet.description.hasPrefix("192.168."))
      for (text, holder) in [
        ("172.20.0.0/16", "route 172.16.0.0/12 of this host"),
        ("10.99.0.128/25", "address block 10.99.0.0/24 of this host"),
        (first.subnet.description, "network `one`"),
      ] {
        let subnet = try #require(IPv4Subnet(text))
        #expect(
          throws: NetworkError.subnetTaken(name: "two", subnet: "\(subnet)", holder: holder)
        ) { try lab.network("two") { $0.ipv4 = BlockWish(subnet: subnet) } }
      }
      #expect(try lab.store.record("two") == nil)
      withExtendedLifetime(outside) {}
    }
  }

  @Test(
    "names that could be paths or rules are refused",
    arguments: ["", "..", "a/b", "a b", "-a", "a\"", "ä"])
  func names(name: String) async throws {
    try await laboratory { lab in
      #expect(throws: NetworkError.invalidName(name)) { try lab.network(name) }
      #expect(throws: NetworkError.invalidName(name)) { try lab.store.remove(name) }
    }
  }

  @Test("addresses are given lowest first, to one container each, and come back")
  func leases() async throws {
    try await laboratory { lab in
      let network = try lab.network("small") {
        $0.ipv4 = BlockWish(subnet: IPv4Subnet("10.7.0.0/29"))
      }
      let store = lab.store
      let given = try (2...6).map { try store.lease(network, container: "c\($0)").address }
      #expect(given == (2...6).map { IPv4Address(10, 7, 0, $0) })
      #expect(throws: NetworkError.full(name: "small", subnet: "\(network.subnet)")) {
        try store.lease(network, container: "c7")
      }
      let third = IPv4Address(10, 7, 0, 3)
      #expect(
        throws: NetworkError.addressTaken(
          address: .v4(third), name: "small", holder: "container `c3`")
      ) {
        try store.lease(network, container: "other", wanted: third)
      }
      #expect(try store.lease(network, container: "c3", wanted: third).address == third)
      try store.release(.v4(third), network: "small", container: "other")
      #expect(try store.leases("small").count == 5)
      try store.release(.v4(third), network: "small", container: "c3")
      #expect(try store.lease(network, container: "c8").address == third)
      let outside = IPv4Address(10, 8, 0, 1)
      #expect(throws: NetworkError.addressOutside(address: .v4(outside), name: "small")) {
        try store.lease(network, container: "c9", wanted: outside)
      }
      #expect(throws: NetworkError.self) {
        try store.lease(network, container: "c9", wanted: network.gateway)
      }
      let six = try #require(IPv6Address("fd12::2"))
      #expect(throws: NetworkError.familyMissing(address: .v6(six), name: "small")) {
        try store.lease(network, container: "c9", wanted6: six)
      }
      try store.sweepLeases("small") { $0 == "c8" }
      #expect(try store.leases("small").map(\.container) == ["c8"])
    }
  }

  @Test("a container that takes another's place gets its addresses, when that is gone")
  func inherited() async throws {
    try await laboratory { lab in
      let network = try lab.network("both") {
        $0.ipv4 = BlockWish(subnet: IPv4Subnet("10.7.0.0/30"))
        $0.ipv6 = BlockWish(subnet: IPv6Subnet("fd12::/64"))
      }
      let store = lab.store
      func endpoint(_ lease: Lease) throws -> EndpointBlueprint {
        try EndpointBlueprint(
          on: network, lease, interface: "eth0", hardwareAddress: nil, names: [])
      }
      let lease = try store.lease(network, container: "old")
      #expect(throws: NetworkError.self) { try store.lease(network, container: "new") }
      for wanted in [nil, lease.address] {
        #expect(
          try store.lease(network, container: "new", wanted: wanted, replacing: "old") == lease)
      }
      #expect(try store.leases("both").map(\.container) == ["old", "old"])
      let endpoints = [try endpoint(lease)]
      try store.handOver(endpoints, of: "old", to: "new", having: endpoints)
      #expect(try store.leases("both").map(\.container) == ["new", "new"])
      // What the other does not have is given back; what is another's is left alone.
      try store.handOver(endpoints, of: "old", to: "third", having: endpoints)
      try store.handOver(endpoints, of: "new", to: "third", having: [])
      #expect(try store.leases("both").isEmpty)
    }
  }

  @Test("a network of both families gives the same place in each, one of IPv6 alone the lowest")
  func families() async throws {
    try await laboratory { lab in
      let both = try lab.network("both") {
        $0.ipv4 = BlockWish(subnet: IPv4Subnet("10.7.0.0/24"))
        $0.ipv6 = BlockWish(subnet: IPv6Subnet("fd12::/64"))
      }
      let first = try lab.store.lease(both, container: "a", wanted: IPv4Address(10, 7, 0, 9))
      #expect(first.address6 == IPv6Address("fd12::9"))
      let alone = try lab.network("alone") {
        $0.ipv4 = nil
        $0.ipv6 = BlockWish(subnet: IPv6Subnet("fd13::/64"))
      }
      let leases = try ["a", "b"].map { try lab.store.lease(alone, container: $0) }
      #expect(leases.map(\.address6) == [IPv6Address("fd13::2"), IPv6Address("fd13::3")])
      #expect(leases.allSatisfy { $0.address == nil })
      #expect(throws: NetworkError.noFamily("none")) { try lab.network("none") { $0.ipv4 = nil } }
    }
  }

  @Test(
    "networks that several take away at once all go, with their links and rules, and no other does")
  func removedTogether() async throws {
    try await laboratory { lab in
      let names = (0..<12).map { "net\($0)" }
      let records = try names.map { try lab.network($0) }
      let kept = try lab.network("kept")
      for record in records { _ = try lab.container("c-\(record.name)", on: [record]) }
      let (store, namespace, done) = (lab.store, lab.host.namespace, Collected<String>())
      for name in names {
        detachThread {
          done.add(
            Result {
              let home = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
              try checking("setns") { berth_setns(namespace.raw, CLONE_NEWNET) }
              defer { _ = berth_setns(home.raw, CLONE_NEWNET) }
              try store.remove(name)
              return name
            })
        }
      }
      while done.count < names.count { usleep(1000) }
      #expect(try done.values().sorted() == names.sorted())
      var socket = try NetlinkSocket()
      let bridges = try socket.links().filter { $0.kind == "bridge" }.map(\.name)
      #expect(bridges == [kept.bridge])
      #expect(try lab.store.list() == [kept])
      let chains = "nft list table inet \(store.table) | grep -o 'chain in-.*{'"
      try run(["sh", "-c", "test \"$(\(chains))\" = 'chain in-\(kept.shortID) {'"], in: lab.host)
    }
  }

  @Test("two state folders on one machine never choose the same subnet")
  func twoStores() async throws {
    try await laboratory { lab in
      let namespace = lab.host.namespace
      let found = Collected<IPv4Subnet>()
      for index in 0..<4 {
        let folder = lab.folder.appending("other\(index)")
        detachThread {
          found.add(
            Result {
              let home = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
              try checking("setns") { berth_setns(namespace.raw, CLONE_NEWNET) }
              defer { _ = berth_setns(home.raw, CLONE_NEWNET) }
              let store = NetworkStore(layout: Layout(state: folder, run: folder))
              return try store.ensure(
                NetworkSpecification(name: "same"), now: Timestamp(nanoseconds: 1)
              ).subnet
            })
        }
      }
      while found.count < 4 { usleep(1000) }
      let subnets = try found.values()
      #expect(Set(subnets).count == 4)
    }
  }

  @Test("eight askers at once never get the same address")
  func contention() async throws {
    let layout = Layout(
      state: FilePath("/tmp/berth-leases-\(getpid())"),
      run: FilePath("/tmp/berth-leases-\(getpid())"))
    defer { try? removeTree(layout.state) }
    let record = try record(subnet: "10.7.0.0/24")
    let all = try await withThrowingTaskGroup { group in
      for worker in 0..<8 {
        group.addTask {
          try await blocking {
            let store = NetworkStore(layout: layout)
            return try (0..<10).compactMap {
              try store.lease(record, container: "\(worker)-\($0)").address
            }
          }
        }
      }
      return try await group.reduce(into: [IPv4Address]()) { $0 += $1 }
    }
    #expect(all.count == 80 && Set(all).count == 80)
    #expect(try NetworkStore(layout: layout).leases("n").count == 80)
  }
}

/// What threads found, put together.
private final class Collected<Value: Sendable>: Sendable {
  private let results = Mutex<[Result<Value, any Error>]>([])

  var count: Int { results.withLock { $0.count } }
  func add(_ result: Result<Value, any Error>) { results.withLock { $0.append(result) } }
  func values() throws -> [Value] { try results.withLock { $0 }.map { try $0.get() } }
}
