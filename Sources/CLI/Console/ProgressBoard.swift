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

  /// What has a line of its own.
  private enum Entry {
    case task(Task)
    case step(BuildStep)

    /// The id of what it stands below.
    var parent: String? { if case .task(let task) = self { task.event.parent } else { nil } }
    var isDone: Bool {
      switch self {
      case .task(let task): task.isDone
      case .step(let step): step.isDone
      }
    }
    /// Over, and nothing to worry about.
    var isQuiet: Bool {
      switch self {
      case .task(let task): task.event.phase == .done
      case .step(let step): step.isQuiet
      }
    }
    /// How many lines it would like to have below its own.
    var wish: Int { if case .step(let step) = self { step.wish } else { 0 } }
  }

  private enum Key {
    case task(String)
    case step(Int)
  }

  private var order: [Key] = []
  private var tasks: [String: Task] = [:]
  private var steps: [Int: BuildStep] = [:]

  var isEmpty: Bool { order.isEmpty }
  /// Whether something goes on that is worth drawing again.
  var isWorking: Bool {
    tasks.values.contains { !$0.isDone } || steps.values.contains { !$0.isDone }
  }
  /// Steps of builds that went wrong, in order.
  var failed: [BuildStep] {
    steps.values.filter(\.isFailed).sorted { $0.number < $1.number }
  }

  /// Takes a change in. Images that share a layer both tell of it: it stays with the first.
  /// - Returns: whether it is more than a count of bytes.
  mutating func note(_ event: ProgressEvent, at now: ContinuousClock.Instant) -> Bool {
    guard var task = tasks[event.id] else {
      order.append(.task(event.id))
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

  /// The same of a step of a build: whether it is more than output.
  mutating func note(_ event: BuildEvent, at now: ContinuousClock.Instant) -> Bool {
    let number = event.step
    switch event.change {
    case .began(let name):
      if steps[number] == nil { order.append(.step(number)) }
      steps[number] = BuildStep(number: number, name: name, begun: now)
      return true
    case .output(let bytes, let isError):
      steps[number]?.write(bytes, isError: isError)
      return false
    case .progress(let current, let total):
      steps[number]?.count(current, of: total)
      return false
    case .finished(let outcome):
      steps[number]?.finish(outcome, at: now)
      return true
    }
  }

  /// The lines of one frame, none as wide as the terminal, so that none wraps. In the last one no step
  /// has lines below its own.
  func frame(
    at now: ContinuousClock.Instant, columns: Int, rows: Int, title: String, style: Style,
    isLast: Bool = false
  ) -> [BoardLine] {
    let all = entries
    let done = all.filter(\.isDone).count
    var head = BoardLine()
    head.add("[+] \(title) \(done)/\(all.count)", .bold)
    var lines = [head]
    let whole = max(1, rows - 2)
    let share = isLast ? 0 : share(of: whole, all)
    let room = whole - all.reduce(0) { $0 + min(share, $1.wish) }
    let wanted = fitting(all, room)
    let shown = wanted.count > room ? mostWorthSeeing(wanted, room - 1) : wanted
    let width = min(columns / 2, tasks.values.map(nameWidth).max() ?? 0)
    for entry in shown {
      switch entry {
      case .task(let task): lines.append(line(task, now, width: width, columns: columns))
      case .step(let step):
        let mark = mark(phase(of: step), at: now - step.begun)
        lines.append(step.line(at: now, mark: mark, columns: columns))
        lines += step.tail(min(share, step.wish))
      }
    }
    if wanted.count > shown.count {
      var more = BoardLine()
      more.add(" ... \(wanted.count - shown.count) more")
      lines.append(more)
    }
    return lines.map { $0.painted(style, columns: columns - 1) }
  }

  private var entries: [Entry] {
    order.compactMap { key in
      switch key {
      case .task(let id): tasks[id].map { .task($0) }
      case .step(let number): steps[number].map { .step($0) }
      }
    }
  }

  private func parts(of task: Task) -> [Task] {
    order.compactMap { key in
      guard case .task(let id) = key, let part = tasks[id] else { return nil }
      return part.event.parent == task.event.id ? part : nil
    }
  }

  private func nameWidth(_ task: Task) -> Int {
    task.event.parent == nil ? columnCount(task.event.id) : 0
  }

  /// How many lines each step may have below its own, so that all that goes on has a line; what is over
  /// comes after that.
  private func share(of room: Int, _ all: [Entry]) -> Int {
    let wishes = all.map(\.wish).filter { $0 > 0 }
    guard !wishes.isEmpty else { return 0 }
    let loud = all.count { !$0.isQuiet }
    let free = room - loud - (loud < all.count ? 1 : 0)
    return max(
      0,
      (1...BuildStep.seen).last { share in
        wishes.reduce(0) { $0 + min(share, $1) } <= free
      } ?? 0)
  }

  /// Everything with its parts below it; without parts that are done, or without any, where the
  /// terminal is too low.
  private func fitting(_ all: [Entry], _ room: Int) -> [Entry] {
    func nested(_ include: (Task) -> Bool) -> [Entry] {
      all.filter { $0.parent == nil }.flatMap { entry -> [Entry] in
        guard case .task(let task) = entry else { return [entry] }
        return [entry] + parts(of: task).filter(include).map { .task($0) }
      }
    }
    let whole = nested { _ in true }
    if whole.count <= room { return whole }
    let working = nested { !$0.isDone }
    return working.count <= room ? working : nested { _ in false }
  }

  /// What goes on or went wrong before what is done, all in the order in which it began.
  private func mostWorthSeeing(_ entries: [Entry], _ count: Int) -> [Entry] {
    let loud = entries.count { !$0.isQuiet }
    var room = (loud: min(loud, count), quiet: count - min(loud, count))
    return entries.filter { entry in
      if entry.isQuiet {
        room.quiet -= 1
        return room.quiet >= 0
      }
      room.loud -= 1
      return room.loud >= 0
    }
  }

  private func line(
    _ task: Task, _ now: ContinuousClock.Instant, width: Int, columns: Int
  ) -> BoardLine {
    let event = task.event
    let parts = parts(of: task)
    var line = BoardLine()
    let indent = event.parent == nil ? " " : "   "
    line.add(indent)
    let (mark, colour) = mark(event.phase, at: now - task.begun)
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
    let clock = clockText((task.ended ?? now) - task.begun)
    line.addAtEnd(clock, columns: columns - 1)
    return line
  }

  private func phase(of step: BuildStep) -> ProgressEvent.Phase {
    switch step.outcome {
    case nil: .working
    case .done, .cached: .done
    case .cancelled: .warning
    case .failed: .error
    }
  }

  private func mark(_ phase: ProgressEvent.Phase, at age: Duration) -> (String, BoardLine.Look) {
    switch phase {
    case .working:
      let frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
      let tenths = max(0, tenths(age))
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

/// `12.3s`.
func clockText(_ duration: Duration) -> String {
  let tenths = max(0, tenths(duration))
  return "\(tenths / 10).\(tenths % 10)s"
}
