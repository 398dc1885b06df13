// Builds as lines for a file: each behind the number of its step, steps that go on side by side in blocks.

import Engine

/// What is printed, as a value without a clock.
///
/// One step has the page and its lines come at once; those of the others wait until it ends or they have waited
/// long enough. What ends is told at once.
struct BuildLines {
  private struct Step {
    var name: String
    var begun: Duration
    var standard = OutputLines()
    var error = OutputLines()
    /// Lines that are not printed yet.
    var held: [UInt8] = []
    /// Since when there is something to print, were it only the name.
    var waiting: Duration?
    /// When bytes were counted last.
    var counted: Duration?
  }

  /// How long one step may keep another waiting, while it has something to say and when it has not.
  private static let patience = Duration.seconds(2)
  private static let silence = Duration.milliseconds(500)
  /// How many bytes of a step may wait.
  private static let room = 256 << 10
  private static let betweenCounts = Duration.seconds(5)

  /// Whether escapes of programs are shown in place of being obeyed.
  let neutralises: Bool
  private var steps: [Int: Step] = [:]
  private var current: Int?
  /// When the current step printed last.
  private var spoken = Duration.zero
  private var isBegun = false

  init(neutralises: Bool) { self.neutralises = neutralises }

  /// Takes an event in and gives what is to be printed now.
  mutating func take(_ event: BuildEvent) -> [UInt8] {
    var page: [UInt8] = []
    let number = event.step
    switch event.change {
    case .began(let name):
      steps[number] = Step(name: oneLine(name), begun: event.time, waiting: event.time)
    case .output(let bytes, let isError): note(bytes, isError: isError, number, event.time)
    case .progress(let current, let total): count(current, total, number, event.time)
    case .finished(let outcome): finish(number, outcome, event.time, to: &page)
    }
    settle(event.time, to: &page)
    return page
  }

  /// What is to be printed because time has gone by.
  mutating func wait(until time: Duration) -> [UInt8] {
    var page: [UInt8] = []
    settle(time, to: &page)
    return page
  }

  /// What is left when no more will come of any step.
  mutating func end() -> [UInt8] {
    var page: [UInt8] = []
    for number in steps.keys.sorted() {
      close(number)
      if steps[number]?.waiting != nil { show(number, at: .zero, to: &page) }
    }
    steps = [:]
    current = nil
    return page
  }

  private mutating func note(_ bytes: [UInt8], isError: Bool, _ number: Int, _ time: Duration) {
    add(to: number, at: time) { step, body in
      if isError {
        step.error.take(bytes, at: time, body)
      } else {
        step.standard.take(bytes, at: time, body)
      }
    }
  }

  /// Takes lines that have no end for whole.
  private mutating func close(_ number: Int) {
    add(to: number, at: .zero) { step, body in
      step.standard.end(body)
      step.error.end(body)
    }
  }

  /// Holds the lines of a step that `source` gives.
  private mutating func add(
    to number: Int, at time: Duration,
    _ source: (inout Step, (ArraySlice<UInt8>, Duration) -> Void) -> Void
  ) {
    // Taken out, so that nothing is copied.
    guard var step = steps.removeValue(forKey: number) else { return }
    var held = step.held
    step.held = []
    let begun = step.begun
    let neutralises = neutralises
    // Lines that come together have one time, and so one beginning.
    var prefix = (time: time, bytes: Self.prefix(number, time - begun))
    source(&step) { line, time in
      if time != prefix.time { prefix = (time, Self.prefix(number, time - begun)) }
      appendLine(line, prefix.bytes, neutralised: neutralises, to: &held)
    }
    step.held = held
    if !held.isEmpty { step.waiting = step.waiting ?? time }
    steps[number] = step
  }

  private mutating func count(
    _ current: UInt64, _ total: UInt64, _ number: Int, _ time: Duration
  ) {
    guard var step = steps[number] else { return }
    let isWhole = total > 0 && current >= total
    guard isWhole || step.counted.map({ time - $0 >= Self.betweenCounts }) ?? true else { return }
    step.counted = time
    let amount = total > 0 ? "\(humanSize(current)) / \(humanSize(total))" : humanSize(current)
    step.held += Array("#\(number) \(amount)\n".utf8)
    step.waiting = step.waiting ?? time
    steps[number] = step
  }

  private mutating func finish(
    _ number: Int, _ outcome: BuildEvent.Outcome, _ time: Duration, to page: inout [UInt8]
  ) {
    guard let begun = steps[number]?.begun else { return }
    close(number)
    let words =
      switch outcome {
      case .done: "DONE \(fixed(seconds(time - begun), 1))s"
      case .cached: "CACHED"
      case .cancelled: "CANCELED"
      case .failed(let reason): "ERROR: \(oneLine(reason))"
      }
    steps[number]?.held += Array("#\(number) \(words)\n".utf8)
    show(number, at: time, to: &page)
    steps[number] = nil
    current = nil
  }

  /// Gives the page to whom it belongs now.
  private mutating func settle(_ time: Duration, to page: inout [UInt8]) {
    if let current, steps[current]?.waiting != nil { show(current, at: time, to: &page) }
    let waiting = steps.filter { $0.key != current && $0.value.waiting != nil }
    let patience = time - spoken >= Self.silence ? Self.silence : Self.patience
    let isDue = { (step: Step) in
      step.held.count > Self.room || time - (step.waiting ?? time) >= patience
    }
    // A step that has only begun is often over in no time: its name comes with the first that it says.
    let isWorthIt = { (step: Step) in
      !step.held.isEmpty || time - (step.waiting ?? time) >= Self.silence
    }
    let next = waiting.filter { current == nil ? isWorthIt($0.value) : isDue($0.value) }
    if let number = next.keys.min() { show(number, at: time, to: &page) }
  }

  private mutating func show(_ number: Int, at time: Duration, to page: inout [UInt8]) {
    spoken = time
    guard var step = steps[number] else { return }
    if current != number {
      if let current { page += Array("#\(current) ...\n".utf8) }
      page += Array((isBegun ? "\n" : "").utf8) + Array("#\(number) \(step.name)\n".utf8)
      isBegun = true
      current = number
    }
    page += step.held
    step.held = []
    step.waiting = nil
    steps[number] = step
  }

  /// `#3 0.125 `, with four digits of the seconds since its step began.
  private static func prefix(_ number: Int, _ time: Duration) -> [UInt8] {
    let seconds = seconds(time)
    let clock = fixed(seconds, seconds < 10 ? 3 : (seconds < 100 ? 2 : 1))
    return Array("#\(number) \(clock) ".utf8)
  }
}

/// One line, ended, also when it is empty.
func appendLine(
  _ line: ArraySlice<UInt8>, _ prefix: [UInt8], neutralised: Bool, to page: inout [UInt8]
) {
  if line.isEmpty {
    page += prefix + [0x0A]
  } else {
    line.withUnsafeBytes { appendLines($0, prefix, neutralised: neutralised, to: &page) }
  }
}

/// Text from outside for one line: what parts words is a space, other control characters are shown.
func oneLine(_ text: String) -> String {
  let isParted = text.unicodeScalars.contains { $0 == "\n" || $0 == "\r" || $0 == "\t" }
  guard isParted else { return printable(text) }
  let words = text.unicodeScalars.split { $0 == "\n" || $0 == "\r" || $0 == "\t" || $0 == " " }
  return printable(words.map { String($0) }.joined(separator: " "))
}

/// Never below zero: clocks of several threads may cross.
private func seconds(_ duration: Duration) -> Double {
  let parts = max(.zero, duration).components
  return Double(parts.seconds) + Double(parts.attoseconds) / 1e18
}
