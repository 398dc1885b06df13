// Patience with registries that fail for a while.

/// How often and how patiently a registry is asked again.
package struct RetryPolicy: Sendable {
  package var attempts: Int
  /// Waits before the second, third, … attempt, each lengthened by up to a tenth.
  package var waits: [Duration]
  /// A Retry-After up to this is kept, a longer one fails.
  package var longestWait: Duration

  package init(
    attempts: Int = 5,
    waits: [Duration] = [.milliseconds(300), .seconds(1), .seconds(2), .seconds(4)],
    longestWait: Duration = .seconds(60)
  ) {
    self.attempts = attempts
    self.waits = waits
    self.longestWait = longestWait
  }

  func wait(before attempt: Int) -> Duration {
    let wait = waits.isEmpty ? .zero : waits[min(attempt - 1, waits.count - 1)]
    return wait + wait * Double.random(in: 0...0.1)
  }
}
