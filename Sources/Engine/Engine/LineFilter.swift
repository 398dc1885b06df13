// Which lines of a container are shown: those that have one of the patterns, and a level that is high
// enough.

import CLinux
import Diagnostics
import Glibc
import Journal

/// What lines must have, as meant. Patterns are those of `grep -E`; bytes are compared, not characters.
package struct LogChoice: Hashable, Sendable {
  /// A line passes with any of them; none lets all pass.
  package var patterns: [String] = []
  package var ignoresCase = false
  package var level: LogLevel?

  package init() {}

  var isOpen: Bool { patterns.isEmpty && level == nil }

  /// Throws for a pattern that is none.
  package func check() throws {
    for pattern in patterns { _ = try LinePattern(pattern, ignoresCase: ignoresCase) }
  }
}

/// The lines of one container as they come: a line without a level has that of the line before it.
struct LineFilter {
  private let patterns: [LinePattern]
  private let level: LogLevel?
  private var current: [JournalStream: LogLevel] = [:]

  init(_ choice: LogChoice) throws {
    patterns = try choice.patterns.map { try LinePattern($0, ignoresCase: choice.ignoresCase) }
    level = choice.level
  }

  /// The lines that pass; nil when none does. Words of berth itself always do.
  mutating func passed(_ batch: JournalBatch) -> JournalBatch? {
    if batch.stream == .notice { return batch }
    var kept: [UInt8] = []
    batch.bytes.withUnsafeBytes { bytes in
      if level == nil, patterns.count == 1, let literal = patterns[0].literal {
        keepLines(with: literal, of: bytes, in: &kept)
      } else {
        keepLines(of: bytes, batch.stream, in: &kept)
      }
    }
    if kept.isEmpty { return nil }
    return JournalBatch(stream: batch.stream, nanoseconds: batch.nanoseconds, bytes: kept)
  }

  private mutating func keepLines(
    of bytes: UnsafeRawBufferPointer, _ stream: JournalStream, in kept: inout [UInt8]
  ) {
    var rest = bytes
    while !rest.isEmpty {
      let line = firstLine(of: rest)
      rest = UnsafeRawBufferPointer(rebasing: rest[line.count...])
      let text = line.last == lineEnd ? UnsafeRawBufferPointer(rebasing: line.dropLast()) : line
      if isHigh(text, stream), hasPattern(text) { kept.append(contentsOf: line) }
    }
  }

  private mutating func isHigh(_ line: UnsafeRawBufferPointer, _ stream: JournalStream) -> Bool {
    guard let level else { return true }
    if let found = LogLevel(of: line) { current[stream] = found }
    return (current[stream] ?? .info) >= level
  }

  private func hasPattern(_ line: UnsafeRawBufferPointer) -> Bool {
    patterns.isEmpty || patterns.contains { $0.matches(line) }
  }

  /// From one find to the next: lines without it cost no look at each.
  private func keepLines(
    with literal: [UInt8], of bytes: UnsafeRawBufferPointer, in kept: inout [UInt8]
  ) {
    guard let base = bytes.baseAddress else { return }
    var offset = 0
    while offset < bytes.count,
      let found = memmem(base + offset, bytes.count - offset, literal, literal.count)
    {
      let place = UnsafeRawPointer(found) - base
      var start = place
      while start > offset, bytes[start - 1] != lineEnd { start -= 1 }
      let line = firstLine(of: UnsafeRawBufferPointer(rebasing: bytes[start...]))
      kept.append(contentsOf: line)
      offset = start + line.count
    }
  }
}

private let lineEnd: UInt8 = 0x0A

/// With its newline, where it has one.
private func firstLine(of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
  guard let base = bytes.baseAddress, let end = memchr(base, CInt(lineEnd), bytes.count) else {
    return bytes
  }
  return UnsafeRawBufferPointer(rebasing: bytes[...(UnsafeRawPointer(end) - base)])
}

/// One pattern. Used by one thread.
private final class LinePattern {
  /// Set where the pattern is nothing but these bytes.
  let literal: [UInt8]?
  private var expression = regex_t()
  private let isCompiled: Bool

  init(_ text: String, ignoresCase: Bool) throws(BadPattern) {
    let special = Set(#"\.[](){}*+?^$|"#.utf8)
    if !ignoresCase, !text.isEmpty, !text.utf8.contains(where: special.contains) {
      literal = Array(text.utf8)
      isCompiled = false
      return
    }
    literal = nil
    let flags = REG_EXTENDED | REG_NOSUB | (ignoresCase ? REG_ICASE : 0)
    let code = regcomp(&expression, text, flags)
    isCompiled = code == 0
    guard isCompiled else { throw BadPattern(text: text, reason: Self.reason(code)) }
  }

  deinit { if isCompiled { regfree(&expression) } }

  func matches(_ line: UnsafeRawBufferPointer) -> Bool {
    // An empty line has an address too, or it could not be told where it ends.
    guard let base = line.baseAddress ?? UnsafeRawPointer(bitPattern: 1) else { return false }
    if let literal { return memmem(base, line.count, literal, literal.count) != nil }
    var place = regmatch_t(rm_so: 0, rm_eo: regoff_t(clamping: line.count))
    return regexec(&expression, base.assumingMemoryBound(to: CChar.self), 1, &place, REG_STARTEND)
      == 0
  }

  private static func reason(_ code: CInt) -> String {
    var bytes = [CChar](repeating: 0, count: 128)
    regerror(code, nil, &bytes, bytes.count)
    return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

struct BadPattern: Diagnosable {
  var text: String
  var reason: String

  var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "`\(text)` is no pattern", causes: [reason.prefix(1).lowercased() + reason.dropFirst()],
        hint:
          "patterns are those of `grep -E`; write a backslash before a character that means itself")
    ]
  }
}
