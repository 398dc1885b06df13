// What one load finds wrong, before and after the places are looked up.

import Diagnostics

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

/// What one load gathers. One is passed through all stages.
final class Findings {
  private(set) var faults: [Fault] = []
  private(set) var warnings: [Fault] = []
  /// Whether values shall keep how they came to be, for `config --explain`.
  let keepsStories: Bool
  private var seen: Set<String> = []
  /// Enough for any screen; a text made of faults must not become a memory of faults.
  private static let limit = 500

  init(keepsStories: Bool = false) { self.keepsStories = keepsStories }

  var isFaulty: Bool { !faults.isEmpty }
  /// Whether a part of the text could not be read at all.
  var isIncomplete: Bool {
    faults.contains {
      [.unreadable, .remoteFile, .include, .syntax, .alias, .textLimit].contains($0.kind)
    }
  }

  func add(_ fault: Fault) {
    guard faults.count < Self.limit, seen.insert(key(fault)).inserted else { return }
    faults.append(fault)
  }

  func warn(_ warning: Fault) {
    guard warnings.count < Self.limit, seen.insert(key(warning)).inserted else { return }
    warnings.append(warning)
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
