// What the engine is doing, on stderr: redrawn on a terminal, one line for each change elsewhere.

package import Engine
import Glibc
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

  private struct Task {
    var event: ProgressEvent
    var begun: ContinuousClock.Instant
    var ended: ContinuousClock.Instant?
  }

  private struct Board {
    var order: [String] = []
    var tasks: [String: Task] = [:]
    var drawn = 0
    var lastDraw: ContinuousClock.Instant?
  }

  private let form: Form
  private let title: String
  private let style: Style
  private let dryRun: Bool
  private let output = Output.error
  private let board = Mutex(Board())

  /// - Parameter title: the verb, for the header of the redrawn form.
  package init(_ mode: ProgressMode, title: String, style: Style, dryRun: Bool = false) {
    form =
      switch mode {
      case .auto: Output.error.isTerminal ? .redrawn : .lines
      case .tty: .redrawn
      case .plain: .lines
      case .json: .json
      case .quiet, .none: .nothing
      }
    self.title = title
    self.style = style
    self.dryRun = dryRun
  }

  package func show(_ event: ProgressEvent) {
    switch form {
    case .nothing: break
    case .json: output.line(Self.json(event, dryRun: dryRun).text())
    case .lines: showLine(event)
    case .redrawn: update(event)
    }
  }

  /// Draws the last state; further text comes below it.
  package func finish() {
    guard form == .redrawn else { return }
    board.withLock { board in
      if !board.order.isEmpty { draw(&board) }
      board = Board()
    }
  }

  /// Takes the drawn lines away so that other text can be printed; they come back with the next event.
  package func interrupt(_ print: () -> Void) {
    guard form == .redrawn else { return print() }
    board.withLock { board in
      erase(&board)
      print()
    }
  }

  private func showLine(_ event: ProgressEvent) {
    // Byte counts are for redrawing; as lines they would be noise.
    if event.phase == .working, event.current ?? 0 > 0 { return }
    let mode = dryRun ? " DRY-RUN MODE - " : ""
    let detail = event.detail.isEmpty ? "" : " \(event.detail)"
    output.line("\(mode) \(printable("\(event.id) \(event.status)\(detail)")) ")
  }

  private static func json(_ event: ProgressEvent, dryRun: Bool) -> JSONValue {
    var object = JSONObject()
    if dryRun { object["dry-run"] = true }
    object["id"] = .string(event.id)
    object["parent_id"] = event.parent.map { .string($0) }
    object["status"] = .string(event.phase.rawValue)
    object["text"] = .string(event.status)
    if !event.detail.isEmpty { object["details"] = .string(event.detail) }
    object["current"] = event.current.map { JSONValue($0) }
    object["total"] = event.total.map { JSONValue($0) }
    if let current = event.current, let total = event.total, total > 0 {
      object["percent"] = JSONValue(min(100, current / max(1, total / 100)))
    }
    return .object(object)
  }

  private func update(_ event: ProgressEvent) {
    board.withLock { board in
      let now = ContinuousClock.now
      if board.tasks[event.id] == nil { board.order.append(event.id) }
      var task = board.tasks[event.id] ?? Task(event: event, begun: now)
      task.event = event
      task.ended = event.phase == .working ? nil : (task.ended ?? now)
      board.tasks[event.id] = task
      let due = board.lastDraw.map { now - $0 > .milliseconds(50) } ?? true
      if due || event.phase != .working { draw(&board) }
    }
  }

  private func erase(_ board: inout Board) {
    if board.drawn > 0 { output.write("\u{1B}[\(board.drawn)A\u{1B}[J") }
    board.drawn = 0
  }

  private func draw(_ board: inout Board) {
    let now = ContinuousClock.now
    let (columns, rows) = output.size ?? (80, 24)
    let top = board.order.compactMap { board.tasks[$0] }.filter { $0.event.parent == nil }
    let done = top.filter { $0.event.phase != .working }.count
    var lines = [style.bold("[+] \(title) \(done)/\(top.count)")]
    let shown = board.order.compactMap { board.tasks[$0] }
      .filter { $0.event.parent == nil || $0.event.phase == .working }
    let room = max(1, rows - 3)
    for task in shown.prefix(room) { lines.append(line(task, now, columns)) }
    if shown.count > room { lines.append(" ... \(shown.count - room) more") }
    var text = board.drawn > 0 ? "\u{1B}[\(board.drawn)A" : ""
    for line in lines { text += "\u{1B}[2K\(line)\n" }
    if lines.count < board.drawn { text += "\u{1B}[J" }
    output.write(text)
    board.drawn = lines.count
    board.lastDraw = now
  }

  private func line(_ task: Task, _ now: ContinuousClock.Instant, _ columns: Int) -> String {
    let event = task.event
    let mark =
      switch event.phase {
      case .working: style.paint("⠿", .blue)
      case .done: style.paint("✔", .green)
      case .warning: style.paint("!", .yellow)
      case .error: style.paint("✘", .red)
      }
    let spent = (task.ended ?? now) - task.begun
    let tenths =
      spent.components.seconds * 10 + spent.components.attoseconds / 100_000_000_000_000_000
    let clock = "\(tenths / 10).\(tenths % 10)s"
    var amount = ""
    if let current = event.current, let total = event.total, event.phase == .working, total > 0 {
      amount = " \(humanSize(current))/\(humanSize(total))"
    }
    let indent = event.parent == nil ? "" : "  "
    let detail = event.detail.isEmpty ? "" : " \(event.detail)"
    let text = printable("\(indent)\(event.id) \(event.status)\(amount)\(detail)")
    let room = max(10, columns - clock.count - 6)
    let cut = shortened(text, to: room)
    let gap = String(repeating: " ", count: max(1, room - cut.count + 1))
    return " \(mark) \(cut)\(gap)\(style.dim(clock))"
  }
}
