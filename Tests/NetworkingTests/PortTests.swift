// Ports are held before they are published, and a conflict names the holder.

import Blueprint
import CLinux
import Glibc
import Linux
import Networking
import SystemPackage
import Testing

@Suite("Host ports are reserved before anything starts", .enabled(if: geteuid() == 0))
struct PortTests {
  private func holder(_ lab: Laboratory, _ port: PublishedPort) -> String? {
    do {
      _ = try lab.store.reserve([port])
      Issue.record("\(port) was free")
      return nil
    } catch let conflict as PortConflict {
      return conflict.holder
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  @Test(
    "a process in the way is named, whatever address it has",
    arguments: [
      ("0.0.0.0", "0.0.0.0", PublishedPort.Transport.tcp), ("127.0.0.1", "0.0.0.0", .tcp),
      ("0.0.0.0", "127.0.0.1", .tcp), ("0.0.0.0", "0.0.0.0", .udp),
      ("127.0.0.1", "127.0.0.1", .udp),
      ("::", "", .tcp), ("::", "", .udp),
    ])
  func processes(theirs: String, ours: String, transport: PublishedPort.Transport) async throws {
    try await laboratory { lab in
      let socket = try lab.occupy(theirs, 7000, transport)
      let name = holder(lab, published(ours, 7000, 80, transport))
      #expect(name?.hasSuffix("(pid \(getpid()))") == true, "\(name ?? "nobody")")
      let other = PublishedPort.Transport.tcp == transport ? PublishedPort.Transport.udp : .tcp
      _ = try lab.store.reserve([published(ours, 7000, 80, other)])
      _ = socket
      #expect(try lab.store.reserve([published(ours, 7001, 80, transport)]).sockets.count >= 1)
    }
  }

  @Test("a container in the way is named")
  func containers() async throws {
    try await laboratory { lab in
      let web = try lab.container("web", on: [try lab.network("front")])
      let port = published("", 7000, 80)
      let reservation = try lab.store.reserve([port])
      try lab.store.publish([web.publication(reservation.ports)])
      #expect(holder(lab, port) == "container `shop-web-1`")
      #expect(holder(lab, published("127.0.0.1", 7000, 81)) == "container `shop-web-1`")
      withExtendedLifetime(reservation) {}
    }
  }

  @Test("nothing stays reserved when one of several ports is taken")
  func allOrNothing() async throws {
    try await laboratory { lab in
      let socket = try lab.occupy("0.0.0.0", 7002, .tcp)
      let ports = (7000...7002).map { published("", UInt16($0), 80) }
      #expect(throws: PortConflict.self) { try lab.store.reserve(ports) }
      #expect(try lab.store.reserve(Array(ports[..<2])).ports == Array(ports[..<2]))
      _ = socket
    }
  }

  @Test("an address that the host lacks is told as such")
  func absent() async throws {
    try await laboratory { lab in
      let port = published("192.0.2.7", 7000, 80)
      do {
        _ = try lab.store.reserve([port])
        Issue.record("an address of nobody was bound")
      } catch let conflict as PortConflict {
        #expect(conflict.holder == nil && conflict.reason.contains("cannot assign"))
      }
    }
  }

  @Test("port 0 takes free ports, each once")
  func ephemeral() async throws {
    try await laboratory { lab in
      let wanted = [PublishedPort](repeating: published("", 0, 80), count: 20)
      let reservation = try lab.store.reserve(wanted)
      let ports = Set(reservation.ports.map(\.hostPort))
      #expect(ports.count == 20 && !ports.contains(0))
      #expect(reservation.sockets.count == 40)
    }
  }

  @Test("connections of an earlier server that linger are not in the way")
  func lingering() async throws {
    try await laboratory { lab in
      try lab.serve(lab.host, 7000)
      #expect(try ask([Question(lab.host, "127.0.0.1", 7000)]) == ["host 127.0.0.1"])
      lab.stopServing()
      try run(["sh", "-c", "ss -tan | grep -q TIME-WAIT"], in: lab.host)
      let first = try lab.store.reserve([published("", 7000, 80)])
      #expect(throws: PortConflict.self) { try lab.store.reserve(first.ports) }
      withExtendedLifetime(first) {}
    }
  }
}
