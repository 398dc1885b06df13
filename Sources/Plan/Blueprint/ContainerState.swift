// What is true of a container now (`<run>/containers/<id>/state.json`, written by its shim alone)
// and what stays true after its end (`<state>/containers/<id>/exit.json`).

package struct ContainerState: Codable, Hashable, Sendable {
  package enum Status: String, Codable, Sendable {
    case created
    case running
    case paused
    case restarting
    case exited
    /// The shim was lost and its container with it.
    case dead
  }

  package var version = 1
  /// /proc/sys/kernel/random/boot_id: a record of another boot says nothing.
  package var bootID: String
  package var status: Status
  /// For reading only: a stored pid is never signalled.
  package var pid: Int32?
  package var shimPid: Int32?
  package var startedAt: Timestamp?
  package var finishedAt: Timestamp?
  package var exitCode: Int32?
  package var oomKilled = false
  package var restartCount = 0
  package var health: HealthState?
  /// Why it could not run, in one line.
  package var failure: String?
  /// Stopped or killed by hand: `unless-stopped` keeps it down.
  package var stoppedByUser = false

  package init(bootID: String, status: Status) {
    self.bootID = bootID
    self.status = status
  }
}

package struct HealthState: Codable, Hashable, Sendable {
  package enum Status: String, Codable, Sendable {
    case starting
    case healthy
    case unhealthy
  }

  package struct Result: Codable, Hashable, Sendable {
    package var startedAt: Timestamp
    package var endedAt: Timestamp
    /// -1 for a probe that ran out of time.
    package var exitCode: Int32
    /// At most 4096 bytes.
    package var output: Bytes

    package init(startedAt: Timestamp, endedAt: Timestamp, exitCode: Int32, output: Bytes) {
      self.startedAt = startedAt
      self.endedAt = endedAt
      self.exitCode = exitCode
      self.output = output
    }
  }

  package var status: Status
  package var failingStreak: Int
  /// The last five.
  package var results: [Result]

  package init(status: Status = .starting, failingStreak: Int = 0, results: [Result] = []) {
    self.status = status
    self.failingStreak = failingStreak
    self.results = results
  }
}
