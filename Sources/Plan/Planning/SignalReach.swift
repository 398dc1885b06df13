// Whether a container's first process can be reached by its stop signal. The kernel keeps signals whose
// default has not been changed away from the first process of a pid namespace (pid_namespaces(7)):
// waiting for one to act on SIGTERM is waiting for nothing.

/// What /proc/PID/status (proc_pid_status(5)) says of a process and signals.
package struct SignalMasks: Hashable, Sendable {
  /// Bit `n - 1` stands for signal `n`.
  package var blocked: UInt64
  package var ignored: UInt64
  package var caught: UInt64
  /// It is the first process of its pid namespace.
  package var isFirst: Bool
  /// It waits for something, or is held: it does not run.
  package var isWaiting: Bool
  /// How often it has begun to run.
  package var switches: UInt64

  /// - Parameter status: the text of the file. Nil where a line that is needed lacks.
  package init?(_ status: String) {
    var fields: [Substring: Substring] = [:]
    for line in status.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon]] = line[colon...].dropFirst().drop { $0 == " " || $0 == "\t" }
    }
    func mask(_ name: Substring) -> UInt64? { fields[name].flatMap { UInt64($0, radix: 16) } }
    guard let blocked = mask("SigBlk"), let ignored = mask("SigIgn"), let caught = mask("SigCgt"),
      let numbers = fields["NSpid"], let state = fields["State"]?.first
    else { return nil }
    self.blocked = blocked
    self.ignored = ignored
    self.caught = caught
    isFirst = numbers.split(separator: "\t").last == "1"
    isWaiting = state != "R"
    let counts = ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"]
    switches = counts.reduce(0) { $0 &+ (fields[Substring($1)].flatMap { UInt64($0) } ?? 0) }
  }

  /// Whether the kernel would drop this signal. One that is blocked is kept for who asks for it
  /// (sigwaitinfo, signalfd); one that is ignored is ignored on purpose: both get their time.
  package func drops(_ signal: Int32) -> Bool {
    guard isFirst, (1...64).contains(signal), signal != 9, signal != 19 else { return false }
    return (blocked | ignored | caught) & (1 << UInt64(signal - 1)) == 0
  }
}

/// Looks at a process until it is sure whether a signal can reach it: one that has just begun may change
/// how it takes signals in the next moment, as may a shell that is about to become a server.
package struct SignalReach: Sendable {
  package enum Verdict: Hashable, Sendable {
    case reached
    case never
    case lookAgain
  }

  /// From this age on a process has set up what it sets up.
  private static let grown = Duration.seconds(1)
  /// How long a process that does nothing is looked at, young and grown.
  private static let stillness = (
    young: Duration.milliseconds(200), grown: Duration.milliseconds(5)
  )
  /// How long a grown process that goes on running is looked at.
  private static let patience = Duration.milliseconds(50)

  private let signal: Int32
  private var stillSince: (time: Duration, switches: UInt64)?
  private var grownSince: Duration?

  package init(signal: Int32) { self.signal = signal }

  /// - Parameters:
  ///   - time: of this look, on any clock that only goes forward.
  ///   - age: of the process.
  ///   - hasChildren: it may be waiting for one of them, to go on with something else.
  package mutating func look(
    _ masks: SignalMasks, at time: Duration, age: Duration, hasChildren: Bool
  ) -> Verdict {
    guard masks.drops(signal) else { return .reached }
    if !masks.isWaiting || stillSince?.switches != masks.switches {
      stillSince = masks.isWaiting ? (time, masks.switches) : nil
    }
    let still = stillSince.map { time - $0.time } ?? .zero
    guard age >= Self.grown else {
      return !hasChildren && still >= Self.stillness.young ? .never : .lookAgain
    }
    let since = grownSince ?? time
    grownSince = since
    let isSure = still >= Self.stillness.grown || time - since >= Self.patience
    return isSure ? .never : .lookAgain
  }
}
