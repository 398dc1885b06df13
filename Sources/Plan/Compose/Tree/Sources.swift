// The texts of one load, and the faults found in them, with the lines that they point at.

import Diagnostics
import YAML

/// The files that were read. Origins point into it.
struct Sources: Sendable {
  private(set) var files: [(path: String, shown: String, bytes: [UInt8])] = []

  mutating func add(path: String, shown: String, bytes: [UInt8]) -> Int32 {
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
  /// `lines` keeps where the lines of a file begin: many faults are in one file.
  func excerpt(_ origin: Origin, _ lines: inout [Int32: YAMLLines]) -> String? {
    guard origin.file >= 0, origin.line > 0, Int(origin.file) < files.count else { return nil }
    let bytes = files[Int(origin.file)].bytes
    let known = lines[origin.file] ?? YAMLLines(bytes)
    lines[origin.file] = known
    guard let range = known.range(of: Int(origin.line), end: bytes.count) else { return nil }
    var shown = bytes[range].prefix(400)
    // A byte order mark is no column.
    if origin.line == 1, shown.starts(with: [0xEF, 0xBB, 0xBF]) { shown = shown.dropFirst(3) }
    var text = String(decoding: shown, as: UTF8.self)
    while text.last?.isNewline == true { text.removeLast() }
    return text
  }

  func diagnostics(_ faults: [Fault], severity: Diagnostic.Severity) -> [Diagnostic] {
    var lines: [Int32: YAMLLines] = [:]
    return faults.map { fault in
      Diagnostic(
        fault.summary, severity: severity, code: fault.kind.code, causes: fault.causes,
        span: span(fault.origin), excerpt: excerpt(fault.origin, &lines), hint: fault.hint)
    }
  }
}

/// The kinds of faults in compose files, each with its stable code.
enum FaultKind: Int, Sendable {
  case syntax = 101
  case duplicateKey = 102
  case keyNotText = 103
  case unknownKey = 110
  case wrongType = 111
  case missingKey = 112
  case notOneOf = 113
  case duplicateItem = 114
  case badName = 115
  case badValue = 116
  case outOfRange = 117
  case interpolation = 120
  case requiredVariable = 121
  case cast = 122
  case merge = 130
  case extends = 131
  case include = 132
  case undefinedReference = 140
  case missingImage = 141
  case conflict = 142
  case cycle = 143
  case disabledDependency = 144
  case unreadable = 150
  case environmentFile = 151
  case projectName = 152
  case noFile = 153
  case noService = 154
  case unsupported = 160
  case obsolete = 170
  case unsetVariable = 171
  case oldBoolean = 172
  case severalFiles = 173

  var code: String {
    let digits = "\(rawValue)"
    return "B" + String(repeating: "0", count: 4 - digits.count) + digits
  }
}

/// A fault before its place is looked up.
struct Fault: Error, Sendable {
  var kind: FaultKind
  var summary: String
  var origin: Origin
  var hint: String?
  var causes: [String] = []

  init(
    _ kind: FaultKind, _ summary: String, at origin: Origin = .none, hint: String? = nil,
    causes: [String] = []
  ) {
    self.kind = kind
    self.summary = summary
    self.origin = origin
    self.hint = hint
    self.causes = causes
  }
}

extension Fault {
  /// Bytes of a line of a message; names and values of the text stand in it whole.
  private static let longest = 1_000

  /// The fault with lines that fit a screen: beginning and end stay.
  func cut() -> Fault {
    func cut(_ text: String) -> String {
      guard text.utf8.count > Self.longest else { return text }
      let scalars = text.unicodeScalars
      return String(scalars.prefix(Self.longest / 8)) + "…"
        + String(scalars.suffix(Self.longest / 8))
    }
    var fault = self
    fault.summary = cut(summary)
    fault.hint = hint.map(cut)
    return fault
  }
}

/// What one load gathers. One is passed through all stages.
final class Findings {
  private(set) var faults: [Fault] = []
  private(set) var warnings: [Fault] = []
  private var seen: Set<String> = []
  /// What the stages have made of the texts so far, where they make more of it than there was.
  var growth = Growth()
  /// Enough for any screen; a text made of faults must not become a memory of faults.
  private static let limit = 100

  var isFaulty: Bool { !faults.isEmpty }
  /// Nothing more is added: what only prepares a fault can be left out.
  var isFull: Bool { faults.count >= Self.limit }
  /// Whether a part of the text could not be read at all.
  var isIncomplete: Bool {
    faults.contains {
      [.unreadable, .unsupported, .include, .syntax, .duplicateKey].contains($0.kind)
    }
  }

  func add(_ fault: @autoclosure () -> Fault) {
    guard !isFull else { return }
    let fault = fault().cut()
    if seen.insert(key(fault)).inserted { faults.append(fault) }
  }

  func warn(_ warning: @autoclosure () -> Fault) {
    guard warnings.count < Self.limit else { return }
    let warning = warning().cut()
    if seen.insert(key(warning)).inserted { warnings.append(warning) }
  }

  /// Stages see the merged tree again after each file: the same fault is told once.
  private func key(_ fault: Fault) -> String {
    "\(fault.origin.file):\(fault.origin.line):\(fault.origin.column):\(fault.summary)"
  }

  /// In the order of the files, and in each by place; what has no place comes last.
  func diagnostics(_ sources: Sources) -> [Diagnostic] {
    sources.diagnostics(ordered(faults), severity: .error)
  }

  func warningDiagnostics(_ sources: Sources) -> [Diagnostic] {
    sources.diagnostics(ordered(warnings), severity: .warning)
  }

  private func ordered(_ faults: [Fault]) -> [Fault] {
    faults.enumerated().sorted { left, right in
      let (a, b) = (left.element.origin, right.element.origin)
      let leftKey = (a.file < 0 ? Int32.max : a.file, a.line, a.column)
      let rightKey = (b.file < 0 ? Int32.max : b.file, b.line, b.column)
      return leftKey == rightKey ? left.offset < right.offset : leftKey < rightKey
    }.map(\.element)
  }
}
