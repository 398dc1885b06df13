// Lines out of what a program writes in pieces, for displays that show nothing but lines.

import Glibc

/// One stream of a program. What is not ended yet is kept, at most `limit` bytes of it.
struct OutputLines {
  /// A longer line goes on in the next one.
  static let limit = 16 << 10

  private var pending: [UInt8] = []
  private var begun = Duration.zero

  /// What stands behind the last line's end so far.
  var unended: ArraySlice<UInt8> { Self.left(of: pending[...]) }

  /// Calls `body` with each line that ends in `bytes` and with the time of its first piece; of its end,
  /// when it was drawn over.
  mutating func take(
    _ bytes: [UInt8], at time: Duration, _ body: (ArraySlice<UInt8>, Duration) -> Void
  ) {
    var rest = bytes[...]
    while let end = Self.lineEnd(in: rest) {
      if pending.isEmpty {
        Self.give(rest[..<end], time, time, body)
      } else {
        pending += rest[..<end]
        Self.give(pending[...], begun, time, body)
        pending = []
      }
      rest = rest[(end + 1)...]
    }
    guard !rest.isEmpty else { return }
    if pending.isEmpty { begun = time }
    pending += rest
    guard pending.count > Self.limit else { return }
    // The states of a bar that were drawn over are let go; what is a line in truth is broken.
    var line = Self.left(of: pending[...])
    let isOver = line.endIndex < pending.endIndex
    while line.count > Self.limit { body(Self.cut(&line), begun) }
    pending = Array(line) + (isOver ? [0x0D] : [])
  }

  /// Calls `body` with the last line when it has no end.
  mutating func end(_ body: (ArraySlice<UInt8>, Duration) -> Void) {
    if !pending.isEmpty { Self.give(pending[...], begun, begun, body) }
    pending = []
  }

  /// Forgets what is not ended.
  mutating func drop() { pending = [] }

  private static func lineEnd(in bytes: ArraySlice<UInt8>) -> Int? {
    bytes.withUnsafeBytes { buffer in
      buffer.baseAddress.flatMap { base in
        memchr(base, 0x0A, buffer.count).map { bytes.startIndex + (UnsafeRawPointer($0) - base) }
      }
    }
  }

  private static func give(
    _ line: ArraySlice<UInt8>, _ begun: Duration, _ ended: Duration,
    _ body: (ArraySlice<UInt8>, Duration) -> Void
  ) {
    let start = line.startIndex
    var line = left(of: line)
    let time = line.startIndex == start ? begun : ended
    while line.count > limit { body(cut(&line), time) }
    body(line, time)
  }

  /// What a screen shows of a line that was drawn over again and again: its last state that is not blank.
  private static func left(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var end = line.endIndex
    while true {
      let start = line[..<end].lastIndex(of: 0x0D).map { $0 + 1 } ?? line.startIndex
      if start == line.startIndex || line[start..<end].contains(where: { $0 != 0x20 }) {
        return line[start..<end]
      }
      end = start - 1
    }
  }

  /// Takes the first `limit` bytes off, or a few less so as not to part a character.
  private static func cut(_ line: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var end = line.startIndex + limit
    let least = end - 3
    while end > least, line[end] & 0xC0 == 0x80 { end -= 1 }
    defer { line = line[end...] }
    return line[..<end]
  }
}
