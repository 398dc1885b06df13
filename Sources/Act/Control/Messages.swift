// What berth and a shim say to each other. One JSON packet each over SOCK_SEQPACKET.
//
// Hand-shake, over the socket that the shim is born with (descriptor 3):
//
//   shim ◀── files + memory, where there are any ─── berth       values of secrets that stand nowhere
//   shim ── born(pid) + network namespace ──────────▶ berth      makes veth pairs, addresses, rules
//   shim ◀── ports + sockets, any number of times ── berth       sockets that reserve host ports
//   shim ── warning, any number of times ───────────▶ berth      what was asked for and is left out
//   shim ◀── networkReady ────────────────────────── berth
//   shim ── ready | failed ─────────────────────────▶ berth      mounts and identity are done
//   shim ◀── go ──────────────────────────────────── berth
//   shim ── started(pid, startedAt) | failed ───────▶ berth      the program runs
//   shim ── exited(code) ───────────────────────────▶ berth      of a held container alone: all is over
//
// Before `go` the end of berth's side undoes everything. Afterwards the shim listens on
// `control.sock` in the container's run folder: one request for each connection.

package import Blueprint
package import Diagnostics
import Linux
import SystemPackage

/// From a shim that starts a container.
package enum StartReport: Hashable, Sendable {
  case born(pid: Int32)
  case warning(String)
  case ready
  case started(pid: Int32, startedAt: Timestamp)
  case failed(ShimFailure)
  case exited(code: Int32)
}

/// To a shim that starts a container.
package enum StartCommand: Hashable, Sendable {
  /// The packet's descriptors are the next values of the blueprint's handed files.
  case files
  /// The packet's sockets are kept open for the container's life.
  case ports
  case networkReady
  case go
}

/// To a running shim.
package enum ControlRequest: Hashable, Sendable {
  /// Ends the container for good: `signal`, and SIGKILL after the grace (negative: never).
  /// `cleanup` tells whether the shim sees to network rules itself.
  case stop(signal: Int32, graceNanoseconds: Int64, cleanup: Bool)
  case kill(signal: Int32)
  case pause
  case unpause
  /// For a pidfd of the container's first process.
  case join
  /// The same for one who looks at its files alone: also while it is paused.
  case view
  /// For the writing end of its input.
  case input
  /// For its network namespace.
  case namespace
  /// The networks in its blueprint have changed: they are read again.
  case renetwork
  /// Answered at the final exit.
  case wait
}

/// From a running shim.
package enum ControlReply: Hashable, Sendable {
  case done
  case exited(code: Int32)
  case joined(pid: Int32)
  /// Its program has just ended, or is to be started again.
  case notRunning
  case failed(ShimFailure)
}

/// Why a container could not be started, or a request not be met.
package struct ShimFailure: Hashable, Sendable {
  /// What was being done: "mounting volume `data`".
  package var stage: String
  package var errno: Int32?
  package var message: String
  /// The exit code to record: 126 and 127 as shells do, 125 or 1 otherwise.
  package var exitCode: Int32

  package init(stage: String, errno: Int32? = nil, message: String, exitCode: Int32 = 1) {
    self.stage = stage
    self.errno = errno
    self.message = message
    self.exitCode = exitCode
  }

  package init(stage: String, _ error: any Error) {
    let call = error as? SystemCallError
    let text = (error as? any Diagnosable)?.diagnostics.first?.summary ?? "\(error)"
    self.init(stage: stage, errno: call?.errno.rawValue, message: text)
  }
}

extension ShimFailure: Diagnosable {
  package var diagnostics: [Diagnostic] { [Diagnostic(stage, causes: [message])] }
  package var exitStatus: Int32 { exitCode }
}

/// What a message could not be read for.
package enum ControlError: Diagnosable, Hashable {
  /// Nobody listens: the container does not run.
  case notRunning
  /// The other side closed without an answer.
  case lost(while: String)
  case unexpected(String)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .notRunning: [Diagnostic("the container is not running")]
    case .lost(let doing): [Diagnostic("the container's supervisor was lost while \(doing)")]
    case .unexpected(let text):
      [Diagnostic("the container's supervisor gave an unexpected answer", causes: [text])]
    }
  }
}
