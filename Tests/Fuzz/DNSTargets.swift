// What the name service reads: messages of a container's programs and of other servers, streams of
// them, the host's resolv.conf, and names.

import Addressing

@testable import DNS

/// A message is a question, an answer to somebody's question, and the beginning of answers at once.
func tryMessage(_ bytes: [UInt8]) {
  switch Incoming(bytes.span) {
  case .ignored:
    require(bytes.count < headerSize || bytes[2] & 0x80 != 0, "a message was passed over")
  case .refused(let reply):
    require(reply.count == headerSize, "a refusal has more than a header")
    require(reply[0] == bytes[0] && reply[1] == bytes[1], "a refusal has another number")
    require(Incoming(reply.span) == .ignored, "a refusal would be answered")
    require(reply[3] & 0x0F != 0, "a refusal says that all is well")
  case .query(let query):
    checkQuestion(query, of: bytes)
    checkForwarding(query, bytes)
    for answer in answers(bytes) { checkAnswer(answer, to: query) }
    for code in [ResponseCode.formatError, .serverFailure, .noSuchName, .refused] {
      let failure = query.failure(code)
      let reply = required(
        Reply(failure.span, to: query.question, id: query.id), "a failure is no answer")
      require(reply.code == code.rawValue, "a failure has another code")
      checkRecords(failure, of: query, count: 0)
    }
  }
  checkReply(bytes)
}

/// What parses is the same question when it is written again.
private func checkQuestion(_ query: Query, of bytes: [UInt8]) {
  let end = headerSize + query.question.count
  require(end <= bytes.count && Array(bytes[headerSize..<end]) == query.question, "not its bytes")
  require(query.question.map(lowercased).starts(with: query.name.wire), "another name")
  require(query.name.wire.count <= DomainName.longest, "a name is too long")
  require(query.question.count == query.name.wire.count + 4, "a question has more than a name")
  var again = Array(bytes[..<4]) + [0, 1, 0, 0, 0, 0, 0, query.payloadSize == nil ? 0 : 1]
  again += query.question
  if let size = query.payloadSize {
    again += [0, 0, 41, UInt8(size >> 8), UInt8(size & 0xFF), 0, 0, 0, 0, 0, 0]
  }
  require(Incoming(again.span) == .query(query), "a question is another one when written again")
  for count in 0..<again.count where count < headerSize + query.question.count {
    if case .query = Incoming(again.span.extracting(0..<count)) {
      fatalError("property violated: a question that is cut off at \(count) is one")
    }
  }
  let labels = query.name.wire.dropLast().filter { $0 == UInt8(ascii: ".") }
  if labels.isEmpty, query.name.wire.count > 1,
    text(query.name.wire).utf8.elementsEqual(query.name.wire)
  {
    require(
      DomainName(query.name.description.utf8) == query.name, "`\(query.name)` is another name")
  }
}

/// To pass a message on changes its number and nothing else.
private func checkForwarding(_ query: Query, _ bytes: [UInt8]) {
  for id in [0, query.id, ~query.id, 0xFFFF] as [UInt16] {
    let passed = Query.renumbered(bytes, id: id)
    require(passed.dropFirst(2) == bytes.dropFirst(2), "more than the number was changed")
    guard case .query(let other) = Incoming(passed.span) else {
      fatalError("property violated: what is passed on is no question")
    }
    require(other.id == id && other.question == query.question, "another question is passed on")
    require(Query.renumbered(passed, id: query.id) == bytes, "the number does not come back")
  }
}

/// Few and many addresses and names, made of the input.
private func answers(_ bytes: [UInt8]) -> [Answer] {
  let seed = bytes.reduce(UInt32(bytes.count)) { $0 &* 31 &+ UInt32($1) }
  let count = Int(seed % 8 == 0 ? seed % 400 : seed % 12)
  let v4 = (0..<count).map { IPAddress.v4(IPv4Address(seed &+ UInt32($0))) }
  let v6 = (0..<count).map { IPAddress.v6(IPv6Address(high: UInt64(seed), low: UInt64($0))) }
  let names = bytes.split(separator: 0).prefix(64).compactMap { DomainName($0) }
  return [
    .empty, .addresses([]), .addresses(v4), .addresses(v6), .addresses(v4 + v6), .names(names),
  ]
}

private func checkAnswer(_ answer: Answer, to query: Query) {
  require((512...4096).contains(query.datagramLimit), "a datagram of \(query.datagramLimit) bytes")
  let size = query.payloadSize ?? 0
  require(query.datagramLimit <= max(size, 512), "a datagram that the client does not take")
  let wanted =
    switch answer {
    case .empty: 0
    case .addresses(let addresses): addresses.count
    case .names(let names): names.count
    }
  for limit in [512, query.datagramLimit, 4096, Int(UInt16.max)] {
    let message = query.response(answer, limit: limit)
    require(message.count <= limit, "\(message.count) bytes where \(limit) fit")
    require(message[0] == UInt8(query.id >> 8) && message[1] == UInt8(query.id & 0xFF), "number")
    let reply = required(
      Reply(message.span, to: query.question, id: query.id), "an answer is none to its question")
    let count = Int(message[6]) << 8 | Int(message[7])
    require(reply.code == 0 && count <= wanted, "more was said than there is")
    require(reply.isTruncated == (count < wanted), "what was left out was not said")
    require(!(count == 0 && wanted > 0 && limit > 1024), "nothing was said of \(wanted)")
    checkRecords(message, of: query, count: count)
  }
}

/// The records of an answer are whole, about the name in question, and all there is.
private func checkRecords(_ message: [UInt8], of query: Query, count: Int) {
  var offset = headerSize + query.question.count
  require(Array(message[headerSize..<offset]) == query.question, "another question was answered")
  for _ in 0..<count {
    require(offset + 12 <= message.count, "a record is cut off")
    require(message[offset] == 0xC0 && message[offset + 1] == 12, "a record of another name")
    offset += 12 + Int(number(message.span, offset + 10))
  }
  let extra = query.payloadSize == nil ? 0 : 11
  require(offset + extra == message.count, "\(message.count - offset) bytes behind the records")
  require(Int(number(message.span, 10)) == (extra == 0 ? 0 : 1), "EDNS")
}

/// Bytes of a stranger are an answer only under the right number and with the right question.
private func checkReply(_ bytes: [UInt8]) {
  guard bytes.count >= headerSize else {
    require(Reply(bytes.span, to: [], id: 0) == nil, "less than a header is an answer")
    return
  }
  let id = number(bytes.span, 0)
  let question =
    bytes.dropFirst(headerSize)
    .prefix { $0 != 0 } + [0, 0, 1, 0, 1]
  guard let reply = Reply(bytes.span, to: Array(question), id: id) else { return }
  require(bytes[2] & 0x80 != 0, "a question is an answer")
  require(reply.code <= 15, "a code of more than four bits")
  require(Reply(bytes.span, to: Array(question), id: id ^ 1) == nil, "the number does not matter")
  if number(bytes.span, 4) == 1 {
    var other = Array(question)
    // Not a letter's case.
    other[other.count - 1] ^= 0x01
    require(Reply(bytes.span, to: other, id: id) == nil, "the question does not matter")
  }
  let passed = Query.renumbered(bytes, id: id ^ 0x5A5A)
  require(Reply(passed.span, to: Array(question), id: id ^ 0x5A5A) == reply, "another answer")
}

/// The first byte says how the stream is cut; the rest is the stream, and also messages to be sent.
func tryFrames(_ bytes: [UInt8]) {
  guard let first = bytes.first else { return }
  let stream = Array(bytes.dropFirst())
  let whole = taken(stream, pieces: stream.count + 1)
  let step = Int(first % 17) + 1
  require(taken(stream, pieces: step) == whole, "a stream in pieces of \(step) is another one")
  for case .message(let message) in whole {
    require((headerSize...1024).contains(message.count), "a message of \(message.count) bytes")
  }
  let messages = stream.split(separator: first).map(Array.init).filter {
    (headerSize...1024).contains($0.count)
  }
  let framed = messages.flatMap { required(Frames.framed($0), "a message has no frame") }
  require(
    taken(framed, pieces: step) == messages.map { .message($0) }, "messages do not come out whole")
}

/// What comes out of a stream that arrives in pieces of so many bytes.
private func taken(_ stream: [UInt8], pieces size: Int) -> [Frames.Next] {
  var frames = Frames(limit: 1024)
  var result: [Frames.Next] = []
  for start in stride(from: 0, to: stream.count, by: size) {
    frames.append(stream[start..<min(start + size, stream.count)])
    while true {
      let next = frames.next()
      if next == .incomplete { break }
      result.append(next)
      if next == .malformed { return result }
    }
  }
  return result
}

func tryResolverFile(_ bytes: [UInt8]) {
  let servers = NameServer.servers(inResolverFile: bytes)
  require((1...NameServer.limit).contains(servers.count), "\(servers.count) servers")
  let lines = servers.map { "nameserver \($0.address)" + ($0.interface.map { "%\($0)" } ?? "") }
  let printed = Array(lines.joined(separator: "\n").utf8)
  require(NameServer.servers(inResolverFile: printed) == servers, "other servers: \(lines)")
  let commented = bytes.split(separator: 0x0A).flatMap { line -> [UInt8] in
    Array("# ".utf8) + Array(line) + [0x0A]
  }
  require(
    NameServer.servers(inResolverFile: commented) == [NameServer(address: .v4(.loopback))],
    "a comment names a server")
}

/// Lines: the first is a network, the others are names of hosts on it.
func tryZone(_ bytes: [UInt8]) {
  let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).prefix(64).map(
    Array.init)
  let network = lines.first ?? []
  let hosts = lines.dropFirst().enumerated().map { index, name in
    let address = IPAddress.v4(IPv4Address(0x0A00_0001 &+ UInt32(index)))
    return NamedHost(addresses: [address], ownName: name, names: [name])
  }
  let zone = Zone([(name: network, hosts: hosts)])
  var random = SystemRandomNumberGenerator()
  for host in hosts {
    guard let name = DomainName(host.ownName), let address = host.addresses.first else { continue }
    require(
      isAmong(address, zone.lookUp(name, .a, using: &random), of: name), "`\(name)` leads nowhere")
    require(
      name.reverseAddress != nil || zone.lookUp(name, .aaaa, using: &random) == .empty,
      "`\(name)` has what it has not")
    if let longer = DomainName(host.ownName + [0x2E] + network), DomainName(network) != nil,
      host.ownName.last != 0x2E
    {
      require(
        isAmong(address, zone.lookUp(longer, .a, using: &random), of: longer),
        "`\(longer)` leads nowhere")
    }
  }
  let stranger = required(DomainName("stranger.invalid".utf8), "a name")
  if !hosts.contains(where: { $0.ownName.map(lowercased).starts(with: "stranger".utf8) }) {
    require(zone.lookUp(stranger, .a, using: &random) == nil, "a stranger is known")
  }
}

/// A name that is an address backwards is asked as one.
private func isAmong(_ address: IPAddress, _ answer: Answer?, of name: DomainName) -> Bool {
  guard case .addresses(let found) = answer else { return name.reverseAddress != nil }
  return found.contains(address)
}
