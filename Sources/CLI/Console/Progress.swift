// What the engine is doing, on stderr: redrawn on a terminal, one line for each change elsewhere.

package import Engine
import JSON
import Synchronization

package enum ProgressMode: String, Sendable, CaseIterable {
  case auto
  case tty
  case plain
  case json
  case quiet
  /// The reference's other word for `quiet`.
  case none
}

package final class Progress: Sendable {
  private enum Form {
    case redrawn
    case lines
    case json
    case nothing
  }

  private struct State {
    var board = ProgressBoard()
    /// The widths of the lines that stand on the terminal.
    var drawn: [Int] = []
    var lastDraw: ContinuousClock.Instant?
    /// Something has changed since.
    var isStale = false
    /// Other text has the terminal: what is worth telling comes as lines between that.
    var hasGivenWay = false
  }

  private static let betweenFrames = Duration.milliseconds(100)
  /// What ends is seen sooner than clocks go on, but not many times at one glance.
  private static let betweenNews = Duration.milliseconds(30)

  private let form: Form
  private let title: String
  private let style: Style
  private let dryRun: Bool
  private let output: Output
  private let state = Mutex(State())

  /// - Parameter title: the verb, for the header of the redrawn form.
  package init(
    _ mode: ProgressMode, title: String, style: Style, dryRun: Bool = false,
    output: Output = .error
  ) {
    form =
      switch mode {
      case .auto: output.isTerminal ? .redrawn : .lines
      case .tty: .redrawn
      case .plain: .lines
      case .json: .json
      case .quiet, .none: .nothing
      }
    self.title = title
    self.style = style
    self.dryRun = dryRun
    self.output = output
  }

  package func show(_ event: ProgressEvent) {
    switch form {
    case .nothing: break
    case .json: output.line(Self.json(event, dryRun: dryRun).text())
    case .lines:
      // Byte counts are for redrawing; as lines they would be noise.
      let isNews = state.withLock { $0.board.note(event, at: .now) }
      if isNews { output.line(Self.line(event, dryRun: dryRun)) }
    case .redrawn:
      state.withLock { state in
        let isNews = state.board.note(event, at: .now)
        if state.hasGivenWay {
          if isNews, !Self.isUsual(event) { output.line(Self.line(event, dryRun: dryRun)) }
        } else if isDue(state, after: isNews ? Self.betweenNews : Self.betweenFrames) {
          draw(&state)
        } else {
          state.isStale = true
        }
      }
    }
  }

  /// Keeps clocks and marks going while nothing happens. Ends when its task is cancelled.
  package func keepDrawing() async {
    guard form == .redrawn else { return }
    while !Task.isCancelled {
      // Cancelled: then the loop ends.
      try? await Task.sleep(for: Self.betweenFrames)
      state.withLock { state in
        guard !Task.isCancelled, !state.hasGivenWay else { return }
        if state.isStale || state.board.isWorking, isDue(state, after: Self.betweenFrames) {
          draw(&state)
        }
      }
    }
  }

  /// Draws the last state; further text comes below it.
  package func finish() { end(givingWay: false) }

  /// The same, but what happens from now on comes as lines, for other text comes too.
  package func giveWay() { end(givingWay: true) }

  private func end(givingWay: Bool) {
    guard form == .redrawn else { return }
    state.withLock { state in
      if !state.board.isEmpty, !state.hasGivenWay { draw(&state) }
      state = State()
      state.hasGivenWay = givingWay
    }
  }

  /// What containers are expected to do as they are started says nothing to who reads their output.
  private static func isUsual(_ event: ProgressEvent) -> Bool {
    ["Creating", "Created", "Starting", "Started", "Running"].contains(event.status)
  }

  /// Takes the drawn lines away so that other text can be printed; they come back with the next event.
  package func interrupt(_ print: () -> Void) {
    guard form == .redrawn else { return print() }
    state.withLock { state in
      let (columns, _) = output.size ?? (80, 24)
      if !state.drawn.isEmpty { output.write(Self.upwards(state.drawn, columns) + "\u{1B}[J") }
      state.drawn = []
      print()
    }
  }

  static func line(_ event: ProgressEvent, dryRun: Bool) -> String {
    let mode = dryRun ? " DRY-RUN MODE - " : ""
    let detail = event.detail.isEmpty ? "" : " \(event.detail)"
    return "\(mode) \(printable("\(event.id) \(event.status)\(detail)")) "
  }

  static func json(_ event: ProgressEvent, dryRun: Bool) -> JSONValue {
    var object = JSONObject()
    if dryRun { object["dry-run"] = true }
    object["id"] = .string(event.id)
    object["parent_id"] = event.parent.map { .string($0) }
    object["status"] = .string(event.phase.rawValue)
    object["text"] = .string(event.status)
    if !event.detail.isEmpty { object["details"] = .string(event.detail) }
    // As in the reference, what is nothing yet is left out.
    object["current"] = event.current.flatMap { $0 > 0 ? JSONValue($0) : nil }
    object["total"] = event.total.flatMap { $0 > 0 ? JSONValue($0) : nil }
    if event.parent != nil, event.phase == .done {
      object["percent"] = 100
    } else if let current = event.current, let total = event.total, current > 0, total > 0 {
      object["percent"] = JSONValue(UInt64(min(1, Double(current) / Double(total)) * 100))
    }
    return .object(object)
  }

  private func isDue(_ state: borrowing State, after span: Duration) -> Bool {
    state.lastDraw.map { .now - $0 >= span } ?? true
  }

  private func draw(_ state: inout State) {
    let now = ContinuousClock.now
    let (columns, rows) = output.size ?? (80, 24)
    let lines = state.board.frame(
      at: now, columns: columns, rows: rows, title: title, style: style)
    output.write(Self.frame(lines, over: state.drawn, columns: columns))
    state.drawn = lines.map(\.width)
    state.lastDraw = now
    state.isStale = false
  }

  /// The bytes that put a frame in the place of an earlier one: at once, each line over the old one, and
  /// only what is left of that taken away, so that nothing flickers. Terminals that know synchronised
  /// output (mode 2026) show it when it is whole; the others ignore the mode.
  static func frame(_ lines: [BoardLine], over drawn: [Int], columns: Int) -> String {
    var text = "\u{1B}[?2026h\u{1B}[?25l" + upwards(drawn, columns)
    for line in lines { text += "\(line.text)\u{1B}[K\n" }
    if !drawn.isEmpty { text += "\u{1B}[J" }
    return text + "\u{1B}[?25h\u{1B}[?2026l"
  }

  /// To the first line of what was drawn. A terminal that was made narrower meanwhile has broken long
  /// lines into several.
  private static func upwards(_ drawn: [Int], _ columns: Int) -> String {
    let rows = drawn.reduce(0) { $0 + max(1, ($1 + columns - 1) / max(1, columns)) }
    return rows == 0 ? "" : "\r\u{1B}[\(rows)A"
  }
}
