import Addressing
import CLinux
import Glibc
import Linux
import Store
import Supervision
import SystemPackage
import Testing

private let outside = IPv4Address(192, 0, 2, 1)
private let elsewhere = IPv4Address(192, 0, 2, 2)

@Suite("All other names are asked elsewhere")
struct ForwardingTests {
  @Test("the answer comes back under the client's number, as the server gave it")
  func answer() throws {
    let bench = try Bench()
    bench.servers[0].behaviour = { message, _ in [reply(to: message, address: outside)] }
    let seen = try Seen(bench.ask(question("example.com", id: 0x4321, size: 1400)))
    #expect(seen.id == 0x4321)
    #expect(seen.addresses == ["192.0.2.1"])
    // The question goes on as it came, EDNS and all.
    let asked = try #require(bench.servers[0].datagrams.first?.message)
    #expect(asked[2...].elementsEqual(question("example.com", size: 1400)[2...]))
    #expect(bench.service.deadline == nil)
  }

  @Test("ports and numbers differ from question to question")
  func unpredictable() throws {
    let bench = try Bench()
    bench.servers[0].behaviour = { message, _ in [reply(to: message, address: outside)] }
    for index in 0..<60 { _ = try bench.ask("name-\(index).example") }
    let datagrams = bench.servers[0].datagrams
    #expect(Set(datagrams.map(\.port)).count > 50)
    #expect(Set(datagrams.map { [$0.message[0], $0.message[1]] }).count > 50)
  }

  enum First: String, Sendable, CaseIterable {
    case serverFailure, refused, nobodyThere, silent, forger, nonsense
  }

  @Test("where the first server fails, the second is asked", arguments: First.allCases)
  func failover(_ first: First) throws {
    let bench = try Bench(servers: 2)
    bench.servers[1].behaviour = { message, _ in [reply(to: message, address: outside)] }
    switch first {
    case .serverFailure: bench.servers[0].behaviour = { m, _ in [reply(to: m, code: 2)] }
    case .refused: bench.servers[0].behaviour = { m, _ in [reply(to: m, code: 5)] }
    case .nobodyThere: bench.servers[0].close()
    case .silent: break
    case .forger:
      bench.servers[0].behaviour = { m, _ in [forged(reply(to: m, address: elsewhere))] }
    case .nonsense: bench.servers[0].behaviour = { _, _ in [[], [1, 2, 3]] }
    }
    #expect(try Seen(bench.ask("example.com")).addresses == ["192.0.2.1"])
  }

  @Test("no such name is an answer: nobody else is asked")
  func noSuchName() throws {
    let bench = try Bench(servers: 2)
    bench.servers[0].behaviour = { message, _ in [reply(to: message, code: 3)] }
    #expect(try Seen(bench.ask("nowhere.example")).code == 3)
    bench.wait(nanoseconds: 60_000_000)
    #expect(bench.servers[1].datagrams.isEmpty)
  }

  @Test("all servers failing is told with the first one's failure, or as a failure of our own")
  func allFail() throws {
    let bench = try Bench(servers: 3)
    for server in bench.servers { server.behaviour = { m, _ in [reply(to: m, code: 5)] } }
    #expect(try Seen(bench.ask("example.com")).code == 5)
    #expect(bench.servers.allSatisfy { $0.datagrams.count == 1 })
    for server in bench.servers { server.close() }
    #expect(try Seen(bench.ask("example.com")).code == 2)
  }

  @Test("nobody answering is told before the client gives up")
  func nobodyAnswers() throws {
    let bench = try Bench(servers: 3, step: 20_000_000, patience: 150_000_000)
    let start = monotonic()
    #expect(try Seen(bench.ask("example.com")).code == 2)
    #expect((150_000_000...2_000_000_000).contains(monotonic() - start))
    #expect(bench.servers.allSatisfy { !$0.datagrams.isEmpty })
    #expect(bench.service.deadline == nil)
  }

  @Test("a lost question is asked again, from the same port and under the same number")
  func lost() throws {
    let bench = try Bench()
    var isFirst = true
    bench.servers[0].behaviour = { message, _ in
      defer { isFirst = false }
      return isFirst ? [] : [reply(to: message, address: outside)]
    }
    #expect(try Seen(bench.ask("example.com")).addresses == ["192.0.2.1"])
    #expect(bench.servers[0].datagrams.count == 2)
    #expect(bench.servers[0].datagrams[0].message == bench.servers[0].datagrams[1].message)
  }

  @Test("forged answers are passed over until the right one comes")
  func forgeries() throws {
    let bench = try Bench(step: 2_000_000_000, patience: 5_000_000_000)
    bench.servers[0].behaviour = { message, _ in
      var other = reply(to: message, address: elsewhere)
      other[13] ^= 1
      var again = message
      again[2] = 1
      return [
        forged(reply(to: message, address: elsewhere)), other, again, [],
        reply(to: message, address: outside),
      ]
    }
    #expect(try Seen(bench.ask("example.com")).addresses == ["192.0.2.1"])
    #expect(bench.servers[0].datagrams.count == 1)
  }

  @Test("half an answer is fetched whole over a stream")
  func truncated() throws {
    let bench = try Bench(servers: 2)
    bench.servers[0].behaviour = { message, transport in
      transport == .datagram
        ? [reply(to: message, isTruncated: true)] : [reply(to: message, address: outside)]
    }
    let seen = try Seen(bench.ask("example.com"))
    #expect(seen.addresses == ["192.0.2.1"])
    #expect(!seen.isTruncated)
    #expect(bench.servers[0].streamQuestions.count == 1)
    #expect(bench.servers[1].datagrams.isEmpty)
  }

  @Test("what a datagram does not take stays cut, and comes whole to a client over a stream")
  func tooLarge() throws {
    let bench = try Bench()
    bench.servers[0].behaviour = { message, transport in
      transport == .datagram
        ? [reply(to: message, isTruncated: true)]
        : [reply(to: message, address: outside, padding: 60_000)]
    }
    let cut = try bench.ask(question("example.com", size: 4096))
    #expect(try Seen(cut).isTruncated)
    #expect(cut.count < 512)
    let stream = try connected(SOCK_STREAM, bench.port)
    try stream.writeAll(framed(question("example.com", id: 77)))
    var bytes: [UInt8] = []
    _ = try bench.pump { () -> Bool? in
      bytes += Bench.take(stream) ?? []
      return bytes.count > 60_000 ? true : nil
    }
    #expect(try Seen(Array(bytes[2...])).addresses == ["192.0.2.1"])
    #expect(try Seen(Array(bytes[2...])).id == 77)
  }

  @Test("a server without streams leaves the client what it cut off")
  func noStreams() throws {
    let bench = try Bench()
    bench.servers[0].behaviour = { [servers = bench.servers] message, _ in
      // From here on nobody listens: connecting is refused.
      defer { servers[0].close() }
      return [reply(to: message, isTruncated: true)]
    }
    #expect(try Seen(bench.ask("example.com")).isTruncated)
    bench.servers[0].behaviour = { _, _ in [] }
  }

  @Test("a container of internal networks only has nobody to ask")
  func isInternal() throws {
    let bench = try Bench(servers: 3, forwards: false)
    try bench.publish("web-1", "172.18.0.2", ["web"])
    #expect(try Seen(bench.ask("web")).addresses == ["172.18.0.2"])
    #expect(try Seen(bench.ask("example.com")).code == 3)
    let stream = try connected(SOCK_STREAM, bench.port)
    try stream.writeAll(framed(question("example.com")))
    #expect(try Seen(Array(bench.pump { Bench.take(stream) }[2...])).code == 3)
    bench.wait(nanoseconds: 100_000_000)
    #expect(bench.servers.allSatisfy { $0.datagrams.isEmpty && $0.streamQuestions.isEmpty })
  }

  @Test("a flood of questions that nobody answers leaves local names alone")
  func flood() throws {
    let bench = try Bench(step: 300_000_000, patience: 1_000_000_000)
    try bench.publish("web-1", "172.18.0.2", ["web"])
    var failed = 0
    for id in 0..<3000 {
      bench.tell(question("name-\(id).example", id: UInt16(id)))
      bench.pump()
      while let answer = bench.hear() { if try Seen(answer).code == 2 { failed += 1 } }
    }
    // Those above the bound are told at once; the others hold one socket each.
    #expect(failed >= 3000 - 1024)
    while try Seen(bench.ask("web", id: 9999)).id != 9999 {}
    bench.wait(nanoseconds: 1_200_000_000)
    #expect(bench.service.deadline == nil)
  }
}

@Suite("The host's resolv.conf may change at any time")
struct ResolverFileChangesTests {
  @Test("ten swaps: the new server is asked, and no local name is lost")
  func swaps() throws {
    let bench = try Bench(servers: 2, resolverFile: true)
    try bench.publish("web-1", "172.18.0.2", ["web"])
    for (index, server) in bench.servers.enumerated() {
      server.behaviour = { message, _ in
        [reply(to: message, address: IPv4Address(192, 0, 2, UInt8(index + 1)))]
      }
    }
    for round in 0..<10 {
      let content = "nameserver \(bench.servers[round % 2].address)\n"
      try writeFile(Array(content.utf8), to: bench.root.appending("resolv.conf"), .volatile)
      for _ in 0..<50 { #expect(try Seen(bench.ask("web")).addresses == ["172.18.0.2"]) }
      #expect(try Seen(bench.ask("example.com")).addresses == ["192.0.2.\(round % 2 + 1)"])
    }
    // Gone for a moment: what it said last still holds.
    try removeFile(bench.root.appending("resolv.conf"))
    #expect(try Seen(bench.ask("web")).addresses == ["172.18.0.2"])
    #expect(try Seen(bench.ask("example.com")).addresses == ["192.0.2.2"])
  }
}

@Suite("Hostile packets do no harm")
struct HostilePacketTests {
  struct Row: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var message: [UInt8]

    init(_ label: String, _ message: [UInt8]) {
      testDescription = label
      self.message = message
    }
  }

  static let rows: [Row] = [
    Row("nothing", []),
    Row("one byte", [0]),
    Row("an answer", [1, 2, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0] + question("web")[12...]),
    Row("65535 questions", [1, 2, 1, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0] + question("web")[12...]),
    Row("a pointer to itself", [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 12, 0, 1, 0, 1]),
    Row(
      "pointers in a ring", [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 14, 0xC0, 12, 0, 1, 0, 1]),
    Row("a name without an end", [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63, 0x61]),
    Row(
      "as long as a datagram can be",
      Array(question("web").prefix(12)) + [UInt8](repeating: 1, count: 65_000)
    ),
    Row("an update", [1, 2, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0] + question("web")[12...]),
    Row("all ones", [UInt8](repeating: 0xFF, count: 512)),
  ]

  @Test("row", arguments: rows)
  func row(_ row: Row) throws {
    let bench = try Bench()
    try bench.publish("web-1", "172.18.0.2", ["web"])
    for _ in 0..<5 { bench.tell(row.message) }
    bench.wait(nanoseconds: 2_000_000)
    while let answer = bench.hear() { #expect(answer.count == 12 && answer[3] & 0x0F != 0) }
    #expect(try Seen(bench.ask("web")).addresses == ["172.18.0.2"])
    #expect(bench.servers[0].datagrams.isEmpty)
  }
}

private func forged(_ message: [UInt8]) -> [UInt8] {
  var copy = message
  copy[1] ^= 0x55
  return copy
}
