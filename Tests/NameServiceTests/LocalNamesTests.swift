import Addressing
import CLinux
import Glibc
import Linux
import Supervision
import SystemPackage
import Testing

@Suite("Names of the container's networks are answered at once")
struct LocalNamesTests {
  @Test("over datagrams, with the number and the question of the client")
  func datagram() throws {
    let bench = try Bench()
    try bench.publish("shop-web-1", "172.18.0.2", ["web", "shop-web-1"])
    let answer = try bench.ask("WeB", id: 0xABCD)
    #expect(
      answer == [
        0xAB, 0xCD, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 3, 0x57, 0x65, 0x42, 0, 0, 1, 0, 1,
        0xC0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, 172, 18, 0, 2,
      ])
    #expect(bench.servers[0].datagrams.isEmpty)
  }

  static let rows: [(name: String, type: UInt16, code: UInt8, addresses: [String])] = [
    ("web", 1, 0, ["172.18.0.2", "172.18.0.3"]),
    ("web.net", 1, 0, ["172.18.0.2", "172.18.0.3"]),
    ("shop-web-2", 1, 0, ["172.18.0.3"]),
    ("db.back", 1, 0, ["172.19.0.2"]),
    ("web", 28, 0, []),
    ("web", 15, 0, []),
    ("2.0.18.172.in-addr.arpa", 12, 0, []),
    // Another project's: nobody else is asked either, as nothing is forwarded here.
    ("secret", 1, 3, []),
    ("secret.other", 1, 3, []),
    ("web.back", 1, 3, []),
    ("9.0.18.172.in-addr.arpa", 12, 3, []),
  ]

  @Test("row", arguments: rows)
  func row(_ row: (name: String, type: UInt16, code: UInt8, addresses: [String])) throws {
    let bench = try Bench(networks: ["net", "back"], forwards: false)
    try bench.publish("shop-web-1", "172.18.0.2", ["web", "shop-web-1"])
    try bench.publish("shop-web-2", "172.18.0.3", ["web", "shop-web-2"])
    try bench.publish("shop-db-1", "172.19.0.2", ["db"], network: "back")
    try bench.publish("other-secret-1", "172.20.0.2", ["secret"], network: "other")
    let seen = try Seen(bench.ask(row.name, row.type))
    #expect(seen.code == row.code)
    #expect(seen.addresses == row.addresses)
  }

  @Test("a known name has no addresses of another class than that of the internet")
  func classes() throws {
    let bench = try Bench()
    try bench.publish("shop-web-1", "172.18.0.2", ["web"])
    for (number, addresses) in [(1, ["172.18.0.2"]), (3, []), (255, ["172.18.0.2"])] {
      var message = question("web")
      message[message.count - 1] = UInt8(number)
      let seen = try Seen(bench.ask(message))
      #expect(seen.code == 0 && seen.addresses == addresses, "class \(number)")
    }
    #expect(bench.servers[0].datagrams.isEmpty)
  }

  @Test("asked backwards, the container's own name and its network come back")
  func backwards() throws {
    let bench = try Bench()
    try bench.publish("shop-web-1", "172.18.0.2", ["web", "shop-web-1"])
    let answer = try bench.ask("2.0.18.172.in-addr.arpa", 12)
    #expect(answer[7] == 1)
    let name: [UInt8] = [10] + Array("shop-web-1".utf8) + [3] + Array("net".utf8) + [0]
    #expect(answer.suffix(name.count).elementsEqual(name))
  }

  @Test("more replicas than a datagram takes come over a stream")
  func replicas() throws {
    let bench = try Bench()
    for index in 1...40 { try bench.publish("web-\(index)", "172.18.0.\(index)", ["web"]) }
    let cut = try Seen(bench.ask("web"))
    #expect(cut.isTruncated)
    #expect(cut.addresses.count == 30)
    let large = try Seen(bench.ask(question("web", size: 1232)))
    #expect(!large.isTruncated)
    #expect(large.addresses.count == 40)
    let stream = try connected(SOCK_STREAM, bench.port)
    try stream.writeAll(framed(question("web")))
    let frame = try bench.pump { Bench.take(stream) }
    #expect(try Seen(Array(frame[2...])).addresses.count == 40)
  }

  /// Faster than file times advance: were they believed too early, a change would be missed.
  @Test("a name is there as soon as its file is, and gone with it")
  func changes() throws {
    let bench = try Bench(forwards: false)
    #expect(try Seen(bench.ask("web")).code == 3)
    for round in 0..<300 {
      let address = "172.18.\(round / 250).\(round % 250 + 1)"
      try bench.publish("web-1", address, ["web"])
      #expect(try Seen(bench.ask("web")).addresses == [address])
      if round % 3 == 0 {
        try bench.withdraw("web-1")
        #expect(try Seen(bench.ask("web")).code == 3)
      }
    }
    // Settled, and changed once more.
    bench.wait(nanoseconds: 120_000_000)
    #expect(try Seen(bench.ask("web")).code == 0)
    #expect(try Seen(bench.ask("web")).code == 0)
    try bench.publish("web-2", "172.18.9.9", ["web"])
    #expect(try Seen(bench.ask("web")).addresses.count == 2)
    try removeTree(bench.names("net"))
    #expect(try Seen(bench.ask("web")).code == 3)
  }

  @Test("what is no record names nobody, and harms no other name")
  func brokenRecords() throws {
    let bench = try Bench(forwards: false)
    try bench.publish("web-1", "172.18.0.2", ["web"])
    for (name, content) in [
      ("a", ""), ("b", "{"), ("c", "[]"), ("d", #"{"address":"x","names":["bad"]}"#),
      ("e", #"{"address":"172.18.0.3"}"#), ("f.new", #"{"address":"172.18.0.4","names":["bad"]}"#),
    ] {
      let path = bench.names("net").appending(name)
      let file = try Descriptor.open(path, O_WRONLY | O_CREAT)
      try file.writeAll(Array(content.utf8))
    }
    try makeFolders(bench.names("net").appending("folder"))
    #expect(symlink("/etc/hostname", bench.names("net").appending("link").string) == 0)
    #expect(try Seen(bench.ask("web")).addresses == ["172.18.0.2"])
    #expect(try Seen(bench.ask("bad")).code == 3)
  }
}

@Suite("Clients over streams")
struct StreamTests {
  @Test("several questions on one connection, in pieces and together")
  func several() throws {
    let bench = try Bench(forwards: false)
    try bench.publish("web-1", "172.18.0.2", ["web"])
    let stream = try connected(SOCK_STREAM, bench.port)
    let questions = (1...20).flatMap { framed(question("web", id: $0)) }
    try stream.writeAll(questions[..<33])
    bench.wait(nanoseconds: 10_000_000)
    try stream.writeAll(questions[33...])
    var bytes: [UInt8] = []
    let size = 2 + 12 + 9 + 16
    _ = try bench.pump { () -> Bool? in
      bytes += Bench.take(stream) ?? []
      return bytes.count >= 20 * size ? true : nil
    }
    for index in 0..<20 {
      let frame = Array(bytes[(index * size)..<((index + 1) * size)])
      #expect(frame[0..<2].elementsEqual([0, UInt8(size - 2)]))
      #expect(try Seen(Array(frame[2...])).id == UInt16(index + 1))
    }
  }

  @Test("a client that ends its half still gets its answer, then the end")
  func half() throws {
    let bench = try Bench()
    bench.servers[0].behaviour = { message, _ in
      [reply(to: message, address: .init(192, 0, 2, 1))]
    }
    let stream = try connected(SOCK_STREAM, bench.port)
    try stream.writeAll(framed(question("example.com")))
    shutdown(stream.raw, CInt(SHUT_WR))
    let frame = try bench.pump { Bench.take(stream) }
    #expect(try Seen(Array(frame[2...])).addresses == ["192.0.2.1"])
    #expect(try bench.pump { Bench.take(stream) } == [])
  }

  @Test(
    "what is no frame ends the connection",
    arguments: [[0, 0], [0, 11], [0x20, 0, 1, 2], [0xFF, 0xFF]] as [[UInt8]])
  func malformed(_ bytes: [UInt8]) throws {
    let bench = try Bench(forwards: false)
    let stream = try connected(SOCK_STREAM, bench.port)
    try stream.writeAll(bytes)
    #expect(try bench.pump { Bench.take(stream) ?? (errno == ECONNRESET ? [] : nil) } == [])
  }

  @Test("a silent connection is closed after a while, and more than enough of them at once")
  func silent() throws {
    let bench = try Bench(forwards: false)
    try bench.publish("web-1", "172.18.0.2", ["web"])
    let first = try connected(SOCK_STREAM, bench.port)
    bench.wait(nanoseconds: 5_000_000)
    let deadline = try #require(bench.service.deadline)
    #expect(deadline > monotonic() + 5_000_000_000)
    var others: [SharedDescriptor] = []
    for _ in 0..<80 {
      others.append(SharedDescriptor(try connected(SOCK_STREAM, bench.port)))
      bench.pump()
    }
    bench.wait(nanoseconds: 5_000_000)
    var byte: UInt8 = 0
    let closed = others.filter { recv($0.raw, &byte, 1, 0) == 0 }
    #expect(closed.count == 17)
    #expect(try Seen(bench.ask("web")).code == 0)
    bench.service.expire(deadline)
    #expect(try bench.pump { Bench.take(first) } == [])
    bench.service.expire(monotonic() + 11_000_000_000)
    #expect(bench.service.deadline == nil)
  }

  @Test("a client that reads nothing is not waited for")
  func neverReads() throws {
    let bench = try Bench(forwards: false)
    for index in 1...200 { try bench.publish("web-\(index)", "172.18.0.\(index)", ["web"]) }
    let stream = try connected(SOCK_STREAM, bench.port)
    let questions = (1...100).flatMap { _ in framed(question("web")) }
    for _ in 0..<300 {
      _ = questions.withUnsafeBytes {
        send(stream.raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      bench.pump()
    }
    #expect(try Seen(bench.ask("web")).code == 0)
  }
}

func framed(_ message: [UInt8]) -> [UInt8] {
  [UInt8(message.count >> 8), UInt8(message.count & 0xFF)] + message
}
