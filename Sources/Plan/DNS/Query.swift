// What a client asks: one question out of a message of unknown quality.

/// RFC 1035, 3.2.2; RFC 3596; RFC 6891.
package struct RecordType: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let a = RecordType(rawValue: 1)
  package static let ptr = RecordType(rawValue: 12)
  package static let aaaa = RecordType(rawValue: 28)
  package static let opt = RecordType(rawValue: 41)
  package static let any = RecordType(rawValue: 255)
}

/// RFC 1035, 4.1.1.
package enum ResponseCode: UInt8, Sendable {
  case noError = 0
  case formatError = 1
  case serverFailure = 2
  case noSuchName = 3
  case notImplemented = 4
  case refused = 5
}

package struct Query: Hashable, Sendable {
  package let id: UInt16
  package let flags: UInt16
  /// The question as it came, in the case that the client wrote: answers repeat it.
  package let question: [UInt8]
  package let name: DomainName
  package let type: RecordType
  package let recordClass: UInt16
  /// The size of answer that the client takes over UDP, where it says one (EDNS).
  package let payloadSize: Int?

  /// Whether addresses may answer it: of the class IN, or of any.
  package var isOfInternet: Bool { recordClass == 1 || recordClass == 255 }
}

package enum Incoming: Hashable, Sendable {
  case query(Query)
  /// To be answered with these bytes: it cannot be understood.
  case refused([UInt8])
  /// Not to be answered at all: it is too short, or itself an answer.
  case ignored
}

/// Bytes of the header that every message begins with.
package let headerSize = 12

extension Incoming {
  /// Reads one message. No compression pointer is followed: a question has none, and what comes
  /// behind the question is only stepped over, so no message can make this turn in circles.
  package init(_ message: Span<UInt8>) {
    guard message.count >= headerSize, message[2] & 0x80 == 0 else {
      self = .ignored
      return
    }
    guard message[2] & 0x78 == 0 else {
      self = .refused(headerOnly(message, .notImplemented))
      return
    }
    guard let query = Query(message) else {
      self = .refused(headerOnly(message, .formatError))
      return
    }
    self = .query(query)
  }
}

extension Query {
  fileprivate init?(_ message: Span<UInt8>) {
    guard number(message, 4) == 1, number(message, 6) == 0, number(message, 8) == 0,
      let (name, end) = questionName(message), end + 4 <= message.count
    else { return nil }
    id = number(message, 0)
    flags = number(message, 2)
    self.name = name
    type = RecordType(rawValue: number(message, end))
    recordClass = number(message, end + 2)
    var question: [UInt8] = []
    question.reserveCapacity(end + 4 - headerSize)
    for index in headerSize..<(end + 4) { question.append(message[index]) }
    self.question = question
    switch additional(message, at: end + 4, count: number(message, 10)) {
    case .malformed: return nil
    case .plain: payloadSize = nil
    case .extended(let size): payloadSize = size
    }
  }
}

/// More records than this behind a question are nobody's honest query.
private let additionalLimit = 8

private enum Additional {
  case plain
  case extended(payloadSize: Int)
  case malformed
}

/// Steps over the records behind the question and notes the one of EDNS.
private func additional(_ message: Span<UInt8>, at start: Int, count: UInt16) -> Additional {
  guard count <= additionalLimit else { return .malformed }
  var result = Additional.plain
  var offset = start
  for _ in 0..<count {
    guard let end = endOfName(message, at: offset), end + 10 <= message.count else {
      return .malformed
    }
    if number(message, end) == RecordType.opt.rawValue {
      if case .extended = result { return .malformed }
      result = .extended(payloadSize: Int(number(message, end + 2)))
    }
    offset = end + 10 + Int(number(message, end + 8))
    guard offset <= message.count else { return .malformed }
  }
  return result
}

/// The name of the first question in lower case, and where it ends.
private func questionName(_ message: Span<UInt8>) -> (DomainName, end: Int)? {
  guard let end = endOfName(message, at: headerSize),
    end - headerSize <= DomainName.longest
  else { return nil }
  var wire: [UInt8] = []
  wire.reserveCapacity(end - headerSize)
  var nextLength = headerSize
  for index in headerSize..<end {
    let byte = message[index]
    if index == nextLength {
      // A pointer ends a name as well, but has no place in a question.
      guard byte <= DomainName.longestLabel else { return nil }
      nextLength += 1 + Int(byte)
      wire.append(byte)
    } else {
      wire.append(lowercased(byte))
    }
  }
  return (DomainName(verified: wire), end)
}

/// The offset behind a name: behind its empty label or its pointer, which is not followed.
func endOfName(_ message: Span<UInt8>, at start: Int) -> Int? {
  var offset = start
  while offset < message.count, offset - start < DomainName.longest {
    let length = Int(message[offset])
    if length == 0 { return offset + 1 }
    if length >= 0xC0 { return offset + 2 <= message.count ? offset + 2 : nil }
    guard length <= DomainName.longestLabel else { return nil }
    offset += 1 + length
  }
  return nil
}

/// Two bytes in network order. The caller has checked that they are there.
func number(_ message: Span<UInt8>, _ offset: Int) -> UInt16 {
  UInt16(message[offset]) << 8 | UInt16(message[offset + 1])
}

/// An answer to a message of which no more than the header can be trusted.
private func headerOnly(_ message: Span<UInt8>, _ code: ResponseCode) -> [UInt8] {
  [
    message[0], message[1], 0x80 | message[2] & 0x79, code.rawValue,
    0, 0, 0, 0, 0, 0, 0, 0,
  ]
}
