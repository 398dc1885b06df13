// Whether and when a container that has exited starts again. Pure: time comes in as spans.

package struct RestartMachine: Hashable, Sendable {
  package enum Decision: Hashable, Sendable {
    case restart(after: Nanoseconds)
    case final
  }

  package static let firstDelay = Nanoseconds.milliseconds(100)
  package static let longestDelay = Nanoseconds.seconds(60)
  /// A run of this length has succeeded as far as the delay goes.
  package static let goodRun = Nanoseconds.seconds(10)

  private let policy: RestartPolicy
  private var delay = firstDelay
  private var isStopped = false
  /// How often it was started again since its start by hand.
  package private(set) var restartCount = 0

  package init(policy: RestartPolicy) { self.policy = policy }

  /// Stopped or killed by hand: stays down, whatever the policy says.
  package mutating func stopByUser() { isStopped = true }

  /// What follows an exit with `code` after a run of `span`. A failure to start is a run of nothing.
  package mutating func exited(code: Int32, after span: Nanoseconds) -> Decision {
    guard wantsRestart(code) else { return .final }
    if span >= Self.goodRun { delay = Self.firstDelay }
    defer { delay = min(Nanoseconds(delay.count * 2), Self.longestDelay) }
    restartCount += 1
    return .restart(after: delay)
  }

  private func wantsRestart(_ code: Int32) -> Bool {
    if isStopped { return false }
    switch policy {
    case .no: return false
    case .always, .unlessStopped: return true
    case .onFailure(let attempts):
      // Every run before this one has failed, or this one would not have been.
      return code != 0 && attempts.map { restartCount < $0 } ?? true
    }
  }
}
