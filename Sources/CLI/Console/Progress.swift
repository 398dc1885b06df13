// What the engine is doing, on stderr: redrawn on a terminal, one line for each change elsewhere.

import Blueprint
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
    /// Steps of builds as lines, and when they told something last: by their clock and by this one.
    var lines: BuildLines?
    var heard: (time: Duration, at: ContinuousClock.Instant)?
    var records: BuildRecords?
    /// Other text has the terminal: what is worth telling comes as lines between that.
    var hasGivenWay = false
  }

  /// How often it is seen to lines that wait for others.
  private static let betweenLooks = Duration.milliseconds(500)
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

  /// Whether nothing is told of what goes on.
  package var isQuiet: Bool { form == .nothing }

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
        } else {
          refresh(&state, isNews: isNews)
        }
      }
    }
  }

  package func show(_ event: BuildEvent) {
    switch form {
    case .nothing: break
    case .json:
      state.withLock { state in
        if state.records == nil { state.records = BuildRecords(began: Self.beginning(of: event)) }
        if let record = state.records?.take(event) { output.line(record.text()) }
      }
    case .lines: state.withLock { addLines(of: event, &$0) }
    case .redrawn:
      state.withLock { state in
        guard !state.hasGivenWay else { return addLines(of: event, &state) }
        let isNews = state.board.note(event, at: .now)
        refresh(&state, isNews: isNews)
      }
    }
  }

  private static func beginning(of event: BuildEvent) -> Timestamp {
    let parts = event.time.components
    let age = parts.seconds &* 1_000_000_000 &+ parts.attoseconds / 1_000_000_000
    return Timestamp(nanoseconds: Session.now().nanoseconds &- age)
  }

  private func addLines(of event: BuildEvent, _ state: inout State) {
    if state.lines == nil { state.lines = BuildLines(neutralises: output.isTerminal) }
    let page = state.lines?.take(event) ?? []
    state.heard = (event.time, .now)
    if !page.isEmpty { output.write(page) }
  }

  /// Prints what has waited long enough.
  private func addLines(_ state: inout State) {
    guard let heard = state.heard else { return }
    let page = state.lines?.wait(until: heard.time + (.now - heard.at)) ?? []
    if !page.isEmpty { output.write(page) }
  }

  /// Keeps clocks and marks going while nothing happens. Ends when its task is cancelled.
  package func keepDrawing() async {
    guard form == .redrawn || form == .lines else { return }
    while !Task.isCancelled {
      // Cancelled: then the loop ends.
      try? await Task.sleep(for: form == .lines ? Self.betweenLooks : Self.betweenFrames)
      state.withLock { state in
        guard !Task.isCancelled else { return }
        if form == .lines || state.hasGivenWay {
          addLines(&state)
        } else if state.isStale || state.board.isWorking, isDue(state, after: Self.betweenFrames) {
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
    guard form == .redrawn || form == .lines else { return }
    state.withLock { state in
      let rest = state.lines?.end() ?? []
      if !rest.isEmpty { output.write(rest) }
      guard form == .redrawn else { return }
      if !state.board.isEmpty, !state.hasGivenWay {
        draw(&state, isLast: true)
        let words = lastWords(of: state.board.failed)
        if !words.isEmpty { output.write(words) }
      }
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

  /// What the programs of failed steps wrote last, whole lines, as it stays on the terminal.
  private func lastWords(of steps: [BuildStep]) -> [UInt8] {
    Self.lastWords(of: steps, style: style, neutralised: output.isTerminal)
  }

  static func lastWords(of steps: [BuildStep], style: Style, neutralised: Bool) -> [UInt8] {
    var page: [UInt8] = []
    for step in steps where !step.lines.isEmpty {
      page += Array("\(style.dim("------"))\n > \(style.bold(step.name)):\n".utf8)
      for line in step.lines { appendLine(line[...], [], neutralised: neutralised, to: &page) }
    }
    return page.isEmpty ? [] : page + Array("\(style.dim("------"))\n".utf8)
  }

  private func isDue(_ state: borrowing State, after span: Duration) -> Bool {
    state.lastDraw.map { .now - $0 >= span } ?? true
  }

  /// Draws now or later.
  private func refresh(_ state: inout State, isNews: Bool) {
    if isDue(state, after: isNews ? Self.betweenNews : Self.betweenFrames) {
      draw(&state)
    } else {
      state.isStale = true
    }
  }

  private func draw(_ state: inout State, isLast: Bool = false) {
    let now = ContinuousClock.now
    let (columns, rows) = output.size ?? (80, 24)
    let lines = state.board.frame(
      at: now, columns: columns, rows: rows, title: title, style: style, isLast: isLast)
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
