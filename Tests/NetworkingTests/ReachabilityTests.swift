// Who reaches whom: containers, the host, a machine beside it.

import Addressing
import Blueprint
import Glibc
import Linux
import Netlink
import Networking
import SystemPackage
import Testing

/// What should come of a question: "<machine> <address seen>", or nil for silence.
private struct Cell {
  let question: Question
  let answer: String?
}

@Suite("Packets go where the model says", .enabled(if: geteuid() == 0))
struct ReachabilityTests {
  private func check(_ cells: [Cell]) throws {
    for (group, limit) in [
      (cells.filter { $0.answer != nil }, 5000), (cells.filter { $0.answer == nil }, 600),
    ] {
      let answers = try ask(group.map(\.question), within: Int32(limit))
      for (cell, answer) in zip(group, answers) {
        #expect(answer == cell.answer, "\(cell.question)")
      }
    }
  }

  @Test("networks are open inside, closed between each other, and reach out")
  func walls() async throws {
    try await laboratory { lab in
      let outside = try lab.neighbour()
      let (front, back) = (try lab.network("front"), try lab.network("back"))
      let inner = try lab.network("inner") { $0.isInternal = true }
      let web = try lab.container("web", on: [front])
      let app = try lab.container("app", on: [front, inner])
      let data = try lab.container("data", on: [back])
      let vault = try lab.container("vault", on: [inner])
      for machine in [outside, lab.host] + [web, app, data, vault].map(\.machine) {
        try lab.serve(machine, 80)
      }
      var cells: [Cell] = []
      for transport in [PublishedPort.Transport.tcp, .udp] {
        let cell = { (from: Machine, to: String, answer: String?) in
          cells.append(Cell(question: Question(from, to, 80, transport), answer: answer))
        }
        cell(web.machine, app.address, "app \(web.address)")
        cell(app.machine, web.address, "web \(app.address)")
        cell(app.machine, vault.address, "vault \(app.address(on: 1))")
        cell(vault.machine, app.address(on: 1), "app \(vault.address)")
        cell(web.machine, data.address, nil)
        cell(data.machine, web.address, nil)
        cell(web.machine, vault.address, nil)
        cell(vault.machine, web.address, nil)
        cell(vault.machine, "10.99.0.2", nil)
        cell(vault.machine, inner.gateway.description, nil)
        cell(data.machine, front.gateway.description, nil)
        cell(web.machine, "10.99.0.2", "outside 10.99.0.1")
        cell(data.machine, "10.99.0.2", "outside 10.99.0.1")
        cell(web.machine, front.gateway.description, "host \(web.address)")
        cell(lab.host, web.address, "web \(front.gateway)")
        cell(lab.host, vault.address, "vault \(inner.gateway)")
        cell(outside, web.address, nil)
        cell(outside, vault.address, nil)
        cell(outside, front.gateway.description, nil)
        cell(outside, "10.99.0.1", "host 10.99.0.2")
      }
      try check(cells)
    }
  }

  @Test("published ports answer where they are published, and keep the client's address")
  func ports() async throws {
    try await laboratory { lab in
      let outside = try lab.neighbour()
      let (front, back) = (try lab.network("front"), try lab.network("back"))
      let web = try lab.container("web", on: [front])
      let twin = try lab.container("twin", on: [front])
      let data = try lab.container("data", on: [back])
      try lab.serve(web.machine, 80)
      let ports = [PublishedPort.Transport.tcp, .udp].flatMap { transport in
        [
          published("", 8080, 80, transport), published("127.0.0.1", 8081, 80, transport),
          published("10.99.0.1", 8082, 80, transport),
        ]
      }
      let reservation = try lab.store.reserve(ports)
      #expect(reservation.ports == ports)
      try lab.store.publish([web.publication(reservation.ports)])
      var cells: [Cell] = []
      for transport in [PublishedPort.Transport.tcp, .udp] {
        let cell = { (from: Machine, to: String, port: UInt16, seen: String?) in
          cells.append(
            Cell(question: Question(from, to, port, transport), answer: seen.map { "web \($0)" }))
        }
        let gateway = front.gateway.description
        cell(outside, "10.99.0.1", 8080, "10.99.0.2")
        cell(outside, "10.99.0.1", 8081, nil)
        cell(outside, "10.99.0.1", 8082, "10.99.0.2")
        cell(outside, gateway, 8080, nil)
        cell(lab.host, "127.0.0.1", 8080, gateway)
        cell(lab.host, "127.0.0.1", 8081, gateway)
        cell(lab.host, "127.0.0.1", 8082, nil)
        cell(lab.host, "10.99.0.1", 8080, "10.99.0.1")
        cell(lab.host, "10.99.0.1", 8082, "10.99.0.1")
        cell(lab.host, gateway, 8080, gateway)
        for neighbour in [web, twin] {
          cell(neighbour.machine, "10.99.0.1", 8080, gateway)
          cell(neighbour.machine, gateway, 8080, gateway)
          cell(neighbour.machine, "10.99.0.1", 8081, nil)
        }
        cell(data.machine, "10.99.0.1", 8080, gateway)
        cell(data.machine, back.gateway.description, 8080, gateway)
        cell(data.machine, gateway, 8080, nil)
        cell(data.machine, web.address, 80, nil)
      }
      try check(cells)
      try lab.store.unpublish([web.machine.name])
      #expect(try lab.store.publications().isEmpty)
      try check(
        cells.filter { $0.answer != nil && $0.question.transport == .tcp }
          .map { Cell(question: $0.question, answer: nil) })
    }
  }

  @Test("a client that sends datagrams all the time reaches each new container")
  func datagrams() async throws {
    try await laboratory { lab in
      let outside = try lab.neighbour()
      let front = try lab.network("front")
      let containers = try ["old", "new"].map { try lab.container($0, on: [front]) }
      for container in containers { try lab.serve(container.machine, 80) }
      let client = try DatagramClient(outside, "10.99.0.1", 8080)
      let port = published("", 8080, 80, .udp)
      let reservation = try lab.store.reserve([port])
      #expect(client.ask() == nil)
      for container in containers {
        try lab.store.publish([container.publication([port])])
        #expect(client.ask() == "\(container.machine.name) 10.99.0.2")
        try lab.store.unpublish([container.machine.name])
        #expect(client.ask() == nil)
      }
      withExtendedLifetime(reservation) {}
    }
  }

  @Test("a port on 127.0.0.1 is closed to a neighbour that routes loopback to the host")
  func loopback() async throws {
    try await laboratory { lab in
      let outside = try lab.neighbour()
      let front = try lab.network("front")
      let web = try lab.container("web", on: [front])
      // Answers would be lost on their way to such a neighbour: what counts is what comes in.
      let inside = try inNetworkNamespace(web.machine.namespace.raw) {
        () throws(SystemCallError) in try bindSocket("0.0.0.0", 80, .udp)
      }
      let own = try bindSocket("127.0.0.1", 9000, .udp)
      try lab.store.publish([web.publication([published("127.0.0.1", 8081, 80, .udp)])])
      // The neighbour sends packets for 127.0.0.1 and does not take them for its own.
      try inNetworkNamespace(outside.namespace.raw) { () throws(SystemCallError) in
        try Descriptor.open("/proc/sys/net/ipv4/conf/eth0/route_localnet", O_WRONLY)
          .writeAll([UInt8(ascii: "1")])
      }
      try Descriptor.open("/proc/sys/net/ipv4/conf/uplink/route_localnet", O_WRONLY)
        .writeAll([UInt8(ascii: "1")])
      try run(["ip", "route", "del", "local", "127.0.0.0/8", "table", "local"], in: outside)
      try run(["ip", "route", "del", "local", "127.0.0.1", "table", "local"], in: outside)
      try run(["ip", "route", "add", "127.0.0.0/8", "via", "10.99.0.1"], in: outside)
      for (from, to, port, arrives) in [
        (lab.host, "127.0.0.1", 8081, true), (lab.host, "127.0.0.1", 9000, true),
        (outside, "127.0.0.1", 8081, false), (outside, "127.0.0.1", 9000, false),
        (web.machine, front.gateway.description, 8081, false),
      ] as [(Machine, String, UInt16, Bool)] {
        _ = try DatagramClient(from, to, port).ask()
        let count = [inside, own].filter { socket in
          var byte: UInt8 = 0
          return recv(socket.raw, &byte, 1, CInt(MSG_DONTWAIT)) >= 0
        }.count
        #expect(count == (arrives ? 1 : 0), "\(from.name) → \(to):\(port)")
      }
    }
  }
}
