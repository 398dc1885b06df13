// What a reader gives: whole lines of one stream that were read at one instant.

/// Lines of one stream, in order. Each ends with a newline; the last may lack it when the container
/// ended without one, or when the line is longer than a reader joins: it is a line all the same.
package struct JournalBatch: Hashable, Sendable {
  package var stream: JournalStream
  /// Wall time of the read that brought the (end of the) lines, nanoseconds since 1970.
  package var nanoseconds: Int64
  package var bytes: [UInt8]

  package init(stream: JournalStream, nanoseconds: Int64, bytes: [UInt8]) {
    self.stream = stream
    self.nanoseconds = nanoseconds
    self.bytes = bytes
  }

  /// The lines one by one, without their newlines. Costs an allocation each: for speed, walk `bytes`.
  package var entries: [JournalEntry] {
    var entries: [JournalEntry] = []
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: newline) ?? bytes.count
      entries.append(
        JournalEntry(stream: stream, nanoseconds: nanoseconds, bytes: Array(bytes[start..<end])))
      start = end + 1
    }
    return entries
  }

  /// How many lines there are.
  package var lineCount: Int {
    let newlines = bytes.withUnsafeBytes { countNewlines($0) }
    return newlines + (bytes.last == newline || bytes.isEmpty ? 0 : 1)
  }

  package mutating func removeFirst(lines: Int) {
    var start = 0
    for _ in 0..<lines {
      start = bytes[start...].firstIndex(of: newline).map { $0 + 1 } ?? bytes.count
    }
    bytes.removeFirst(start)
  }
}

/// One line without its newline.
package struct JournalEntry: Hashable, Sendable {
  package var stream: JournalStream
  package var nanoseconds: Int64
  package var bytes: [UInt8]

  package init(stream: JournalStream, nanoseconds: Int64, bytes: [UInt8]) {
    self.stream = stream
    self.nanoseconds = nanoseconds
    self.bytes = bytes
  }
}
