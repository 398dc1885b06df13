// The texts of one load, with the lines that faults and explanations point at.

import Diagnostics

/// The files that were read. Origins point into it.
struct Sources: Sendable {
  private(set) var files: [(path: String, shown: String, bytes: [UInt8])] = []
  private var numbers: [String: Int32] = [:]

  /// A file that was read before, and has not changed since, keeps its number.
  mutating func add(path: String, shown: String, bytes: [UInt8]) -> Int32 {
    if let known = numbers[path], files[Int(known)].bytes == bytes { return known }
    numbers[path] = Int32(clamping: files.count)
    files.append((path, shown, bytes))
    return Int32(clamping: files.count - 1)
  }

  func span(_ origin: Origin) -> SourceSpan? {
    guard origin.file >= 0, origin.line > 0, Int(origin.file) < files.count else { return nil }
    return SourceSpan(
      file: files[Int(origin.file)].shown, line: Int(origin.line), column: Int(origin.column),
      length: max(1, Int(origin.length)))
  }

  /// The line that `origin` points at, without its line end, cut to a length that fits a screen.
  func excerpt(_ origin: Origin) -> String? {
    guard origin.file >= 0, origin.line > 0, Int(origin.file) < files.count else { return nil }
    let bytes = files[Int(origin.file)].bytes
    var line = 1
    var start = 0
    while line < Int(origin.line), start < bytes.count {
      if bytes[start] == 0x0A { line += 1 }
      start += 1
    }
    guard line == Int(origin.line) else { return nil }
    let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
    var text = String(decoding: bytes[start..<min(end, start + 400)], as: UTF8.self)
    while text.last?.isNewline == true { text.removeLast() }
    return text
  }

  func diagnostic(_ fault: Fault, severity: Diagnostic.Severity) -> Diagnostic {
    Diagnostic(
      fault.summary, severity: severity, code: fault.kind.code, causes: fault.causes,
      span: span(fault.origin), excerpt: excerpt(fault.origin), hint: fault.hint)
  }
}
