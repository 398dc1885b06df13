// When a container's health is probed next, and what its probes make of it. Pure: instants are
// nanoseconds of one monotonic clock.

package struct HealthMachine: Hashable, Sendable {
  package static let resultLimit = 5
  package static let outputLimit = 4096
  private static let shortestInterval = Nanoseconds.milliseconds(1)

  private let blueprint: HealthBlueprint
  private var startPeriodEnd: Int64
  private var isFirst = true
  package private(set) var state = HealthState()
  /// When the next probe is due. While one runs this is without meaning.
  package private(set) var nextProbe: Int64

  /// A container that has started at `now`. Its first probe is due at once: what is ready at once
  /// is healthy at once.
  package init(_ blueprint: HealthBlueprint, startedAt now: Int64) {
    self.blueprint = blueprint
    nextProbe = now
    startPeriodEnd = now.addingSaturated(blueprint.startPeriod.count)
  }

  /// Takes the result of a probe that began at `began` and ended at `now`.
  /// Failures do not count in the start period before the first success, nor for the first probe,
  /// which comes before anybody asked for it.
  package mutating func probed(_ result: HealthState.Result, began: Int64, now: Int64) {
    state.results.append(result)
    state.results.removeFirst(max(0, state.results.count - Self.resultLimit))
    if result.exitCode == 0 {
      state.failingStreak = 0
      state.status = .healthy
    } else if !isFirst, state.status != .starting || began >= startPeriodEnd {
      state.failingStreak += 1
      if state.failingStreak >= max(1, blueprint.retries) { state.status = .unhealthy }
    }
    isFirst = false
    let inStartPeriod = state.status == .starting && now < startPeriodEnd
    let interval = inStartPeriod ? blueprint.startInterval : blueprint.interval
    nextProbe = now.addingSaturated(max(interval, Self.shortestInterval).count)
  }
}

extension Int64 {
  /// The sum, or the largest number where it does not fit: spans come from the user's file.
  fileprivate func addingSaturated(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
