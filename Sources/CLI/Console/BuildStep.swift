// One step of a build on the progress board: a line, and below it the last that its program has written.

import Engine

struct BuildStep {
  /// How many lines are kept for the case that it fails.
  static let kept = 20
  /// How many lines are seen while it goes on.
  static let seen = 6
  /// More than this in one piece has scrolled away before anybody could read it.
  private static let glance = 64 << 10

  let number: Int
  let name: String
  let begun: ContinuousClock.Instant
  private(set) var ended: ContinuousClock.Instant?
  private(set) var outcome: BuildEvent.Outcome?
  private(set) var current: UInt64 = 0
  private(set) var total: UInt64 = 0
  private var standard = OutputLines()
  private var error = OutputLines()
  private var isErrorLast = false
  /// The last lines, as they were written.
  private(set) var lines: [[UInt8]] = []

  init(number: Int, name: String, begun: ContinuousClock.Instant) {
    self.number = number
    self.name = oneLine(name)
    self.begun = begun
  }

  var isDone: Bool { outcome != nil }
  var isFailed: Bool { if case .failed = outcome { true } else { false } }
  /// Over, and nothing to worry about.
  var isQuiet: Bool {
    switch outcome {
    case .done, .cached: true
    case .failed, .cancelled, nil: false
    }
  }

  mutating func write(_ bytes: [UInt8], isError: Bool) {
    var piece = bytes
    if piece.count > Self.glance {
      piece = Array(piece[(piece.count - Self.glance)...])
      if isError { error.drop() } else { standard.drop() }
    }
    var found: [[UInt8]] = []
    let body = { (line: ArraySlice<UInt8>, _: Duration) in found.append(Array(line)) }
    if isError {
      error.take(piece, at: .zero, body)
    } else {
      standard.take(piece, at: .zero, body)
    }
    isErrorLast = isError
    keep(found)
  }

  mutating func count(_ current: UInt64, of total: UInt64) {
    self.current = max(self.current, current)
    self.total = max(self.total, total)
  }

  mutating func finish(_ outcome: BuildEvent.Outcome, at now: ContinuousClock.Instant) {
    self.outcome = outcome
    ended = now
    var found: [[UInt8]] = []
    let body = { (line: ArraySlice<UInt8>, _: Duration) in found.append(Array(line)) }
    standard.end(body)
    error.end(body)
    keep(found)
    if isQuiet { lines = [] }
  }

  private mutating func keep(_ found: [[UInt8]]) {
    lines = Array((lines + found.suffix(Self.kept)).suffix(Self.kept))
  }

  /// How many lines it would like to have below its own.
  var wish: Int { isDone && !isFailed ? 0 : min(Self.seen, tail.count) }

  /// Also what is not ended: a bar that fills, a question.
  private var tail: [ArraySlice<UInt8>] {
    let unended = isErrorLast ? error.unended : standard.unended
    return lines.map { $0[...] } + (unended.isEmpty ? [] : [unended])
  }

  func line(at now: ContinuousClock.Instant, mark: (String, BoardLine.Look), columns: Int)
    -> BoardLine
  {
    var line = BoardLine()
    line.add(" ")
    line.add(mark.0, mark.1)
    line.add(" ")
    switch outcome {
    case .cached: line.add("CACHED ", mark.1)
    case .cancelled: line.add("CANCELED ", mark.1)
    case .failed: line.add("ERROR ", mark.1)
    case .done, nil: break
    }
    line.add(name)
    if !isDone, current > 0 {
      line.add(" \(humanSize(current))" + (total > 0 ? " / \(humanSize(total))" : ""))
    }
    line.addAtEnd(clockText((ended ?? now) - begun), columns: columns - 1)
    return line
  }

  /// The last `count` lines of its program.
  func tail(_ count: Int) -> [BoardLine] {
    tail.suffix(count).map { bytes in
      var line = BoardLine()
      line.add("   │ " + screenText(bytes), .dim)
      return line
    }
  }
}

/// Columns that no screen has more of.
private let widestScreen = 1_000

/// A line of a program for a place of its own on a screen: nothing in it moves or colours anything, and tabs
/// are as wide as they would be.
func screenText(_ line: ArraySlice<UInt8>) -> String {
  // More than a screen is wide, marks and all.
  let text = String(decoding: line.prefix(4096), as: UTF8.self)
  let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
  if isPlain { return text }
  var result = String.UnicodeScalarView()
  var rest = Substring.UnicodeScalarView(text.unicodeScalars)
  var width = 0
  while width < widestScreen, let scalar = rest.popFirst() {
    if scalar == "\u{1B}", skipEscape(&rest) { continue }
    let shown =
      scalar == "\t"
      ? String(repeating: " ", count: 8 - width % 8) : printable(String(scalar))
    result.append(contentsOf: shown.unicodeScalars)
    width += columnCount(shown)
  }
  return String(result)
}

/// Leaves out what follows ESC in a control sequence or a command to the terminal; false for other escapes.
private func skipEscape(_ rest: inout Substring.UnicodeScalarView) -> Bool {
  switch rest.first {
  case "[":
    rest.removeFirst()
    while let scalar = rest.first, (0x20...0x3F).contains(scalar.value) { rest.removeFirst() }
    if let last = rest.first, (0x40...0x7E).contains(last.value) { rest.removeFirst() }
    return true
  case "]":
    while let scalar = rest.popFirst(), scalar != "\u{7}" {
      if scalar == "\u{1B}" {
        if rest.first == "\\" { rest.removeFirst() }
        break
      }
    }
    return true
  default: return false
  }
}
