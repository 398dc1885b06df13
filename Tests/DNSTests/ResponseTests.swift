import Addressing
import DNS
import Testing

@Suite("Answers are written as resolvers expect them")
struct ResponseTests {
  @Test("two addresses, byte for byte")
  func addresses() throws {
    let query = try #require(asking(header() + question(["Web"])))
    let answer = Answer.addresses([
      .v4(IPv4Address(172, 18, 0, 2)), .v4(IPv4Address(172, 18, 0, 3)),
    ])
    #expect(
      query.response(answer, limit: 512) == [
        0xBE, 0xEF,
        0x81, 0x80,  // an answer; recursion desired and available; no error
        0, 1, 0, 2, 0, 0, 0, 0,
        3, 0x57, 0x65, 0x62, 0, 0, 1, 0, 1,  // the question as it was asked
        0xC0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, 172, 18, 0, 2,  // its name, A, 600 s
        0xC0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, 172, 18, 0, 3,
      ])
  }

  @Test("a name, and the extension where the client has it")
  func name() throws {
    let message =
      header(flags: 0x0010, additionals: 1)
      + question(["2", "0", "18", "172", "in-addr", "arpa"], 12) + extensionRecord(size: 1232)
    let query = try #require(asking(message))
    let name = try #require(DomainName("a.b".utf8))
    #expect(
      query.response(.names([name]), limit: query.datagramLimit)
        == header(flags: 0x8090, answers: 1, additionals: 1)
        + question(["2", "0", "18", "172", "in-addr", "arpa"], 12)
        + [0xC0, 12, 0, 12, 0, 1, 0, 0, 2, 88, 0, 5, 1, 0x61, 1, 0x62, 0]
        + extensionRecord(size: 4096))
  }

  @Test("a known name without records of the type has no error and no records")
  func empty() throws {
    let query = try #require(asking(header() + question(["web"], 28)))
    #expect(
      query.response(.empty, limit: 512) == header(flags: 0x8180) + question(["web"], 28))
  }

  @Test(
    "a refusal carries its code",
    arguments: [(ResponseCode.noSuchName, 0x8183), (.serverFailure, 0x8182), (.refused, 0x8185)]
      as [(ResponseCode, UInt16)])
  func failure(_ code: ResponseCode, _ flags: UInt16) throws {
    let query = try #require(asking(header() + question(["web"])))
    #expect(query.failure(code) == header(flags: flags) + question(["web"]))
  }

  /// (512 - 12 - 9) / 16 = 30 records; with an extension of 11 bytes the same at 1232: 75.
  @Test(
    "what does not fit is left out and said to be",
    arguments: [
      (30, nil, 30, false), (31, nil, 30, true), (4000, nil, 30, true), (75, 1232, 75, false),
      (76, 1232, 75, true),
    ] as [(Int, UInt16?, UInt16, Bool)])
  func cut(_ replicas: Int, _ size: UInt16?, _ records: UInt16, _ isCut: Bool) throws {
    let message =
      header(additionals: size == nil ? 0 : 1) + question(["web"])
      + (size.map { extensionRecord(size: $0) } ?? [])
    let query = try #require(asking(message))
    let addresses = (0..<UInt32(replicas)).map { IPAddress.v4(IPv4Address(0xAC12_0000 + $0)) }
    let reply = query.response(.addresses(addresses), limit: query.datagramLimit)
    #expect(reply.count <= query.datagramLimit)
    #expect(Array(reply[6..<8]) == pair(records))
    #expect((reply[2] & 0x02 != 0) == isCut)
    let stream = query.response(.addresses(addresses), limit: 65535)
    #expect(Array(stream[6..<8]) == pair(UInt16(replicas)))
    #expect(stream[2] & 0x02 == 0)
  }
}

@Suite("Replies of other servers are believed only when they answer our question")
struct ReplyTests {
  static let asked = question(["web", "example"])

  static let rows: [(label: String, message: [UInt8], isOurs: Bool)] = [
    ("an answer", header(flags: 0x8180) + asked, true),
    ("in another case", header(flags: 0x8180) + question(["WEB", "eXample"]), true),
    ("a failure without a question", header(flags: 0x8182, questions: 0), true),
    ("no error without a question", header(flags: 0x8180, questions: 0), false),
    ("another number", header(id: 0xBEEE, flags: 0x8180) + asked, false),
    ("a query", header(flags: 0x0100) + asked, false),
    ("another operation", header(flags: 0xA800) + asked, false),
    ("another name", header(flags: 0x8180) + question(["web", "exampla"]), false),
    ("another type", header(flags: 0x8180) + question(["web", "example"], 28), false),
    ("another class", header(flags: 0x8180) + question(["web", "example"], 1, 3), false),
    ("a pointer for a name", header(flags: 0x8180) + [0xC0, 12, 0, 1, 0, 1], false),
    ("two questions", header(flags: 0x8180, questions: 2) + asked + asked, false),
    ("cut in the question", (header(flags: 0x8180) + asked).dropLast(), false),
    ("a header alone", header(flags: 0x8180), false),
    ("nothing", [], false),
  ]

  @Test("row", arguments: rows)
  func row(_ row: (label: String, message: [UInt8], isOurs: Bool)) {
    let reply = Reply(row.message.span, to: Self.asked, id: 0xBEEF)
    #expect((reply != nil) == row.isOurs)
  }

  @Test(
    "what it says is seen",
    arguments: [
      (0x8180, 0, false, false), (0x8380, 0, true, false), (0x8182, 2, false, true),
      (0x8183, 3, false, false), (0x8185, 5, false, true),
    ] as [(UInt16, UInt8, Bool, Bool)])
  func content(_ flags: UInt16, _ code: UInt8, _ isTruncated: Bool, _ isFailure: Bool) throws {
    let message = header(flags: flags) + Self.asked
    let found = Reply(message.span, to: Self.asked, id: 0xBEEF)
    let reply = try #require(found)
    #expect(reply.code == code)
    #expect(reply.isTruncated == isTruncated)
    #expect(reply.isFailure == isFailure)
  }

  @Test("a message gets another number and is otherwise as it was")
  func renumbered() {
    let message = header(id: 1) + Self.asked
    #expect(Query.renumbered(message, id: 0xABCD) == header(id: 0xABCD) + Self.asked)
  }
}

@Suite("Messages in a stream have their length in front")
struct FramesTests {
  @Test("messages come out whole, however they came in", arguments: [1, 2, 3, 7, 1000])
  func pieces(_ size: Int) throws {
    let messages = [header(), header(id: 2) + question(["web"]), header(id: 3)]
    let stream = try messages.flatMap { try #require(Frames.framed($0)) }
    var frames = Frames(limit: 100)
    var found: [[UInt8]] = []
    for start in stride(from: 0, to: stream.count, by: size) {
      frames.append(stream[start..<min(start + size, stream.count)])
      while case .message(let message) = frames.next() { found.append(message) }
    }
    #expect(found == messages)
    #expect(frames.isEmpty)
  }

  @Test("a length that no message has ends it", arguments: [0, 11, 101, 65535] as [UInt16])
  func malformed(_ length: UInt16) {
    var frames = Frames(limit: 100)
    frames.append(pair(length))
    #expect(frames.next() == .malformed)
  }

  @Test("what is longer than any stream carries has no frame")
  func tooLong() {
    #expect(Frames.framed(Array(repeating: 0, count: 65535)) != nil)
    #expect(Frames.framed(Array(repeating: 0, count: 65536)) == nil)
  }
}
