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
