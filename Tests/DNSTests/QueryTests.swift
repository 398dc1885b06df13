import DNS
import Testing

@Suite("Questions are read out of messages of unknown quality")
struct QueryTests {
  @Test("a question as resolvers send it")
  func plain() throws {
    let message: [UInt8] = [
      0xBE, 0xEF,  // number
      0x01, 0x00,  // a query; recursion desired
      0, 1, 0, 0, 0, 0, 0, 0,  // one question, nothing else
      3, 0x57, 0x65, 0x62, 4, 0x73, 0x68, 0x6F, 0x70, 0,  // Web.shop
      0, 28, 0, 1,  // AAAA, internet
    ]
    let query = try #require(asking(message))
    #expect(query.id == 0xBEEF)
    #expect(query.name == DomainName("web.shop".utf8))
    #expect(query.type == .aaaa)
    #expect(query.recordClass == 1)
    #expect(query.payloadSize == nil)
    #expect(query.datagramLimit == 512)
    #expect(query.question == Array(message[12...]))
  }

  @Test(
    "the size that a client takes is kept within bounds",
    arguments: [(0, 512), (511, 512), (1232, 1232), (4096, 4096), (65535, 4096)])
  func payload(_ size: UInt16, _ limit: Int) throws {
    let message = header(additionals: 1) + question(["web"]) + extensionRecord(size: size)
    #expect(try #require(asking(message)).datagramLimit == limit)
  }

  @Test("a name of 255 bytes is read, one of 256 is not")
  func longestName() {
    let long = String(repeating: "a", count: 63)
    let longest = [long, long, long, String(repeating: "b", count: 61)]
    #expect(asking(header() + question(longest))?.name.wire.count == 255)
    let tooLong = [long, long, long, String(repeating: "b", count: 62)]
    #expect(asking(header() + question(tooLong)) == nil)
  }

  enum Fate: Sendable { case ignored, formatError, notImplemented }

  struct Hostile: CustomTestStringConvertible, Sendable {
    var label: String
    var message: [UInt8]
    var fate: Fate

    init(_ label: String, _ message: [UInt8], _ fate: Fate = .formatError) {
      self.label = label
      self.message = message
      self.fate = fate
    }

    var testDescription: String { label }
  }

  static let hostile: [Hostile] = [
    Hostile("nothing", [], .ignored),
    Hostile("less than a header", Array(header().dropLast()), .ignored),
    Hostile("an answer, which must not be answered", header(flags: 0x8180), .ignored),
    Hostile("an update", header(flags: 0x2800) + question(["web"]), .notImplemented),
    Hostile("a header and no more", header()),
    Hostile("no question", header(questions: 0)),
    Hostile("two questions", header(questions: 2) + question(["a"]) + question(["b"])),
    Hostile("65535 questions said, one there", header(questions: 65535) + question(["web"])),
    Hostile("a question with an answer", header(answers: 1) + question(["web"])),
    Hostile("a question with an authority", header(authorities: 65535) + question(["web"])),
    Hostile("a pointer to itself", header() + [0xC0, 12, 0, 1, 0, 1]),
    Hostile("a pointer to the header", header() + [0xC0, 0, 0, 1, 0, 1]),
    Hostile("two pointers at each other", header() + [0xC0, 14, 0xC0, 12, 0, 1, 0, 1]),
    Hostile("a label, then a pointer back to it", header() + [1, 0x61, 0xC0, 12, 0, 1, 0, 1]),
    Hostile("a pointer behind the end", header() + [0xFF, 0xFF, 0, 1, 0, 1]),
    Hostile("half a pointer", header() + [0xC0]),
    Hostile("a label of 64 bytes", header() + [64] + Array(repeating: 0x61, count: 64) + [0]),
    Hostile("a label of the kind 10", header() + [0x80, 0x61, 0, 0, 1, 0, 1]),
    Hostile("a label longer than the message", header() + [63, 0x61]),
    Hostile("a name without an end", header() + [1, 0x61, 1, 0x62]),
    Hostile("a name and no type", header() + [1, 0x61, 0]),
    Hostile("a type and half a class", header() + [1, 0x61, 0, 0, 1, 0]),
    Hostile("64 KiB of labels", header() + Array(repeating: 1, count: 65523)),
    Hostile("64 KiB of pointers", header() + Array(repeating: 0xC0, count: 65523)),
    Hostile(
      "64 KiB of noughts behind none", header(questions: 0) + Array(repeating: 0, count: 65523)),
    Hostile("65535 additional records", header(additionals: 65535) + question(["web"])),
    Hostile("an additional record that is not there", header(additionals: 1) + question(["web"])),
    Hostile(
      "an additional record that ends behind the message",
      header(additionals: 1) + question(["web"]) + [0, 0, 41, 4, 208, 0, 0, 0, 0, 0xFF, 0xFF]),
    Hostile(
      "an additional record with a looping name and no more",
      header(additionals: 1) + question(["web"]) + [0xC0, 21]),
    Hostile(
      "two records of EDNS",
      header(additionals: 2) + question(["web"]) + extensionRecord(size: 512)
        + extensionRecord(size: 512)),
  ]

  @Test("hostile messages are refused and never followed", arguments: hostile)
  func refused(_ row: Hostile) {
    switch read(row.message) {
    case .query(let query): Issue.record("taken for \(query)")
    case .ignored: #expect(row.fate == .ignored)
    case .refused(let reply):
      #expect(row.fate != .ignored)
      #expect(reply.count == 12)
      #expect(reply.prefix(2).elementsEqual(row.message.prefix(2)))
      #expect(reply[2] & 0x80 != 0)
      #expect(reply[3] == (row.fate == .formatError ? 1 : 4))
      #expect(reply[4...].allSatisfy { $0 == 0 })
    }
  }

  @Test("no message whatever stops the reader", .timeLimit(.minutes(1)))
  func arbitrary() {
    var random = Sequence64(state: 20_301)
    let seeds =
      Self.hostile.map(\.message).filter { $0.count < 600 }
      + [header(additionals: 1) + question(["web"]) + extensionRecord(size: 1232)]
    var read = 0
    for round in 0..<20_000 {
      var message = seeds[round % seeds.count]
      for _ in 0..<(1 + random.next() % 4) where !message.isEmpty {
        message[Int(random.next() % UInt64(message.count))] = UInt8(
          truncatingIfNeeded: random.next())
      }
      message.removeLast(Int(random.next() % UInt64(message.count + 1)) / 4)
      if asking(message) != nil { read += 1 }
      _ = Reply(message.span, to: question(["web"]), id: 0xBEEF)
    }
    #expect(read > 0)
  }
}

/// The same numbers each time (SplitMix64).
struct Sequence64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
