// The texts of one load, with the lines that faults and explanations point at.

import Diagnostics
import YAML

/// The files that were read. Origins point into it.
struct Sources: Sendable {
  private(set) var files: [(path: String, shown: String, bytes: [UInt8], isEnvironment: Bool)] = []
  private var numbers: [String: Int32] = [:]

  /// A file that was read before, and has not changed since, keeps its number.
  mutating func add(
    path: String, shown: String, bytes: [UInt8], isEnvironment: Bool = false
  ) -> Int32 {
    if let known = numbers[path], files[Int(known)].bytes == bytes { return known }
    numbers[path] = Int32(clamping: files.count)
    files.append((path, shown, bytes, isEnvironment))
    return Int32(clamping: files.count - 1)
  }

  func span(_ origin: Origin) -> SourceSpan? {
    guard origin.file >= 0, origin.line > 0, Int(origin.file) < files.count else { return nil }
    return SourceSpan(
      file: files[Int(origin.file)].shown, line: Int(origin.line), column: Int(origin.column),
      length: max(1, Int(origin.length)))
  }

  /// The line that `origin` points at, without its line end, cut to a length that fits a screen.
  /// `lines` keeps where the lines of a file begin: many faults are in one file.
  func excerpt(_ origin: Origin, _ lines: inout [Int32: YAMLLines]) -> String? {
    guard origin.file >= 0, origin.line > 0, Int(origin.file) < files.count else { return nil }
    let bytes = files[Int(origin.file)].bytes
    let known = lines[origin.file] ?? YAMLLines(bytes)
    lines[origin.file] = known
    guard let range = known.range(of: Int(origin.line), end: bytes.count) else { return nil }
    var shown = bytes[range].prefix(1 << 16)
    // A byte order mark is no column.
    if origin.line == 1, shown.starts(with: [0xEF, 0xBB, 0xBF]) { shown = shown.dropFirst(3) }
    var text = String(decoding: shown, as: UTF8.self)
    while text.last?.isNewline == true { text.removeLast() }
    return text
  }

  func diagnostics(_ faults: [Fault], severity: Diagnostic.Severity) -> [Diagnostic] {
    var lines: [Int32: YAMLLines] = [:]
    return faults.map { fault in
      let excerpt = excerpt(fault.origin, &lines)
      var hint = fault.hint
      if fault.quotesSource, let excerpt { hint = quoted(fault.origin, excerpt) ?? hint }
      return Diagnostic(
        fault.summary, severity: severity, code: fault.kind.code, causes: fault.causes,
        span: span(fault.origin), excerpt: excerpt, hint: hint)
    }
  }

  private func quoted(_ origin: Origin, _ excerpt: String) -> String? {
    let scalars = excerpt.unicodeScalars.dropFirst(Int(origin.column) - 1)
      .prefix(Int(origin.length))
    return scalars.isEmpty ? nil : "put it in quotes: \"\(String(scalars))\""
  }
}
