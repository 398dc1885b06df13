// What one load finds wrong, before and after the places are looked up.

import Diagnostics

/// A fault before its place is looked up.
struct Fault: Error, Sendable {
  var kind: FaultKind
  var summary: String
  var origin: Origin
  var hint: String?
  var causes: [String] = []
  /// Hint at putting the text into quotes as it was written, which only its source knows.
  var quotesSource = false

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
  /// Whether values shall keep how they came to be, for `config --explain`.
  let keepsStories: Bool
  /// An env file could not be read: a variable that is not set may stand there.
  var lacksVariables = false
  /// Services that lack what they extend, which is told.
  var lacking: Set<String> = []
  private var seen: Set<String> = []
  /// What the stages have made of the texts so far, where they make more of it than there was.
  var growth = Growth()
  /// Enough for any screen; a text made of faults must not become a memory of faults.
  private static let limit = LoadOutcome.limit

  init(keepsStories: Bool = false) { self.keepsStories = keepsStories }

  var isFaulty: Bool { !faults.isEmpty }
  /// Nothing more is added: what only prepares a fault can be left out.
  var isFull: Bool { faults.count >= Self.limit }
  /// Whether a part of the text could not be read at all.
  var isIncomplete: Bool {
    faults.contains {
      [.unreadable, .remoteFile, .include, .syntax, .alias, .textLimit, .noFile].contains($0.kind)
    }
  }

  func add(_ fault: @autoclosure () -> Fault) {
    guard !isFull else { return }
    let fault = fault().cut()
    if seen.insert(fault.origin == .none ? fault.summary : place(fault)).inserted {
      faults.append(fault)
    }
  }

  func warn(_ warning: @autoclosure () -> Fault) {
    guard warnings.count < Self.limit else { return }
    let warning = warning().cut()
    if seen.insert(place(warning) + warning.summary).inserted { warnings.append(warning) }
  }

  /// Stages see the merged tree again after each file, and several services may share a text by an
  /// anchor or by `extends`: a fault of one kind at one place is told once.
  private func place(_ fault: Fault) -> String {
    "\(fault.kind.code) \(fault.origin.file):\(fault.origin.line):\(fault.origin.column) "
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
