// What is being worked on, and how that looks on a terminal of some size: a value, without a clock.

import Engine

struct ProgressBoard {
  private struct Task {
    var event: ProgressEvent
    var begun: ContinuousClock.Instant
    var ended: ContinuousClock.Instant?
    /// Bytes so far and in all; neither ever shrinks.
    var current: UInt64 = 0
    var total: UInt64 = 0

    var isDone: Bool { event.phase != .working }
    var share: Double { total == 0 ? 0 : min(1, Double(current) / Double(total)) }

    mutating func take(_ event: ProgressEvent, at now: ContinuousClock.Instant) {
      self.event = event
      current = max(current, event.current ?? 0)
      total = max(total, event.total ?? 0)
      ended = event.phase == .working ? nil : (ended ?? now)
      if event.phase == .done || event.status == "Extracting" { current = total }
    }
  }

  private var order: [String] = []
  private var tasks: [String: Task] = [:]

  var isEmpty: Bool { order.isEmpty }
  /// Whether something goes on that is worth drawing again.
  var isWorking: Bool { tasks.values.contains { !$0.isDone } }

  /// Takes a change in. Images that share a layer both tell of it: it stays with the first.
  /// - Returns: whether it is more than a count of bytes.
  mutating func note(_ event: ProgressEvent, at now: ContinuousClock.Instant) -> Bool {
    guard var task = tasks[event.id] else {
      order.append(event.id)
      var task = Task(event: event, begun: now)
      task.take(event, at: now)
      tasks[event.id] = task
      return true
    }
    guard task.event.parent == event.parent else { return false }
    let isNews = task.event.status != event.status || task.event.phase != event.phase
    task.take(event, at: now)
    tasks[event.id] = task
    return isNews
  }

  /// The lines of one frame, none as wide as the terminal, so that none wraps.
  func frame(at now: ContinuousClock.Instant, columns: Int, rows: Int, title: String, style: Style)
    -> [BoardLine]
  {
    let all = order.compactMap { tasks[$0] }
    let top = all.filter { $0.event.parent == nil }
    let done = all.filter(\.isDone).count
    var head = BoardLine()
    head.add("[+] \(title) \(done)/\(all.count)", .bold)
    var lines = [head]
    let room = max(1, rows - 2)
    let wanted = fitting(all, top, room)
    let shown = wanted.count > room ? mostWorthSeeing(wanted, room - 1) : wanted
    let width = min(columns / 2, top.map { columnCount($0.event.id) }.max() ?? 0)
    for task in shown {
      let parts = all.filter { $0.event.parent == task.event.id }
      lines.append(line(task, parts, now, width: width, columns: columns))
    }
    if wanted.count > shown.count {
      var more = BoardLine()
      more.add(" ... \(wanted.count - shown.count) more")
      lines.append(more)
    }
    return lines.map { $0.painted(style, columns: columns - 1) }
  }

  /// Everything with its parts below it; without parts that are done, or without any, where the
  /// terminal is too low.
  private func fitting(_ all: [Task], _ top: [Task], _ room: Int) -> [Task] {
    func nested(_ include: (Task) -> Bool) -> [Task] {
      top.flatMap { task in
        [task] + all.filter { $0.event.parent == task.event.id && include($0) }
      }
    }
    let whole = nested { _ in true }
    if whole.count <= room { return whole }
    let working = nested { !$0.isDone }
    return working.count <= room ? working : top
  }

  /// What goes on or went wrong before what is done, all in the order in which it began.
  private func mostWorthSeeing(_ tasks: [Task], _ count: Int) -> [Task] {
    let isQuiet = { (task: Task) in task.event.phase == .done }
    let loud = tasks.count { !isQuiet($0) }
    var room = (loud: min(loud, count), quiet: count - min(loud, count))
    return tasks.filter { task in
      if isQuiet(task) {
        room.quiet -= 1
        return room.quiet >= 0
      }
      room.loud -= 1
      return room.loud >= 0
    }
  }

  private func line(
    _ task: Task, _ parts: [Task], _ now: ContinuousClock.Instant, width: Int, columns: Int
  ) -> BoardLine {
    let event = task.event
    var line = BoardLine()
    let indent = event.parent == nil ? " " : "   "
    line.add(indent)
    let (mark, colour) = mark(task, now)
    line.add(mark, colour)
    let name = printable(event.id)
    line.add(" " + name)
    let padding = max(0, width - columnCount(name) - (event.parent == nil ? 0 : 2))
    line.add(String(repeating: " ", count: padding) + " ")
    if !task.isDone, !parts.isEmpty { addTotals(parts, to: &line) }
    line.add(printable(event.status), event.phase == .working ? nil : colour)
    if event.parent != nil, event.status == "Downloading", task.total > 0 {
      line.add(" " + amount(task, columns))
    }
    if !event.detail.isEmpty { line.add(" " + printable(event.detail)) }
    let clock = seconds((task.ended ?? now) - task.begun)
    line.addAtEnd(clock, columns: columns - 1)
    return line
  }

  private func mark(_ task: Task, _ now: ContinuousClock.Instant) -> (String, BoardLine.Look) {
    switch task.event.phase {
    case .working:
      let frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
      let tenths = max(0, tenths(now - task.begun))
      return (frames[Int(tenths % 10)], .colour(.blue))
    case .done: return ("✔", .colour(.green))
    case .warning: return ("!", .colour(.yellow))
    case .error: return ("✘", .colour(.red))
    }
  }

  /// One sign for each part, how far it has come, and all bytes once they are known.
  private func addTotals(_ parts: [Task], to line: inout BoardLine) {
    let signs = ["⠀", "⡀", "⣀", "⣄", "⣤", "⣦", "⣶", "⣷", "⣿"]
    let bar = parts.map { part in
      part.isDone ? signs[8] : signs[part.total == 0 ? 0 : min(8, Int(part.share * 8))]
    }
    line.add("[")
    line.add(bar.joined(), .colour(.green))
    line.add("] ")
    let unknown = parts.contains { !$0.isDone && $0.total == 0 }
    let total = parts.reduce(UInt64(0)) { $0.addingReportingOverflow($1.total).partialValue }
    let current = parts.reduce(UInt64(0)) { $0.addingReportingOverflow($1.current).partialValue }
    if !unknown, total > 0 {
      line.add("\(padded(humanSize(current))) / \(humanSize(total)) ")
    }
  }

  private func amount(_ task: Task, _ columns: Int) -> String {
    let sizes = "\(padded(humanSize(task.current)))/\(humanSize(task.total))"
    let width = min(30, columns - 60)
    guard width >= 8 else { return sizes }
    let filled = min(width - 1, Int(task.share * Double(width - 1)))
    let bar =
      String(repeating: "=", count: filled) + ">"
      + String(repeating: " ", count: width - 1 - filled)
    return "[\(bar)] \(sizes)"
  }
}

/// A number that changes must not move what stands behind it.
private func padded(_ size: String) -> String {
  String(repeating: " ", count: max(0, 6 - size.count)) + size
}

private func tenths(_ duration: Duration) -> Int64 {
  let parts = duration.components
  return parts.seconds &* 10 &+ parts.attoseconds / 100_000_000_000_000_000
}

private func seconds(_ duration: Duration) -> String {
  let tenths = max(0, tenths(duration))
  return "\(tenths / 10).\(tenths % 10)s"
}
