// Messages in a stream: each with its length in two bytes in front (RFC 1035, 4.2.2).

/// Takes a stream apart as it comes.
package struct Frames: Sendable {
  private var buffer: [UInt8] = []
  private let limit: Int

  /// `limit` is the longest message that is taken.
  package init(limit: Int) { self.limit = limit }

  package enum Next: Hashable, Sendable {
    case message([UInt8])
    case incomplete
    /// Longer than the limit or shorter than a header: nothing behind it can be trusted.
    case malformed
  }

  package var isEmpty: Bool { buffer.isEmpty }

  package mutating func append(_ bytes: some Sequence<UInt8>) { buffer.append(contentsOf: bytes) }

  package mutating func next() -> Next {
    guard buffer.count >= 2 else { return .incomplete }
    let length = Int(buffer[0]) << 8 | Int(buffer[1])
    guard (headerSize...max(limit, headerSize)).contains(length) else { return .malformed }
    guard buffer.count >= 2 + length else { return .incomplete }
    let message = Array(buffer[2..<(2 + length)])
    buffer.removeFirst(2 + length)
    return .message(message)
  }

  /// The message with its length in front; nil when it is too long for any stream.
  package static func framed(_ message: [UInt8]) -> [UInt8]? {
    guard let length = UInt16(exactly: message.count) else { return nil }
    return [UInt8(length >> 8), UInt8(truncatingIfNeeded: length)] + message
  }
}
