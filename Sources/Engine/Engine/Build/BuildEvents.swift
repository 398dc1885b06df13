// What a build tells while it works: steps that begin, write and end.

package struct BuildEvent: Hashable, Sendable {
  package enum Outcome: Hashable, Sendable {
    case done
    /// Known from an earlier build: nothing was done.
    case cached
    /// One line that says why.
    case failed(String)
    case cancelled
  }

  package enum Change: Hashable, Sendable {
    /// `[web builder 2/4] RUN make`.
    case began(String)
    /// What a program has written, as it came: pieces of lines too.
    case output([UInt8], isError: Bool)
    /// Bytes of something that is fetched; a total of 0 is not known.
    case progress(current: UInt64, total: UInt64)
    case finished(Outcome)
  }

  /// Counts from 1 through all builds of one command, in the order of beginning.
  package var step: Int
  package var change: Change
  /// Since the command began.
  package var time: Duration

  package init(step: Int, _ change: Change, time: Duration) {
    self.step = step
    self.change = change
    self.time = time
  }
}
