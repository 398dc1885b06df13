// The caller's end of a process that is being started.

import Glibc
package import Linux
import SystemPackage

/// A started process, from its clone to its exec. Letting go of it closes the descriptors; a
/// process that was not told to proceed ends by itself then.
package struct LaunchedContainer: ~Copyable, Sendable {
  /// In the caller's pid namespace.
  package let pid: Int32
  package let pidfd: SharedDescriptor
  /// Becomes readable when the next of `waitUntilReady` and `waitForExec` would not block.
  package var progress: CInt { socket.raw }
  /// The pty's master when there is a terminal; known once ready.
  package private(set) var terminal: SharedDescriptor?

  private let socket: Descriptor

  init(pid: Int32, pidfd: consuming Descriptor, socket: consuming Descriptor) {
    self.pid = pid
    self.pidfd = SharedDescriptor(pidfd)
    self.socket = socket
  }

  /// Blocks until the process has set itself up and waits.
  package mutating func waitUntilReady() throws(LaunchFailure) {
    switch try next() {
    case .ready(let terminal): self.terminal = terminal
    case .failed(let failure): throw failure
    case .executing, .closed: throw ended
    }
  }

  /// Lets the process run its program. It may have died meanwhile: `waitForExec` says so.
  package func proceed() {
    // EPIPE is told by `waitForExec`.
    try? socket.sendPacket([UInt8(ascii: "G")])
  }

  /// Blocks until the program runs.
  package func waitForExec() throws(LaunchFailure) {
    switch try next() {
    case .executing: break
    case .failed(let failure): throw failure
    case .ready, .closed: throw ended
    }
    switch try next() {
    case .closed: return
    case .failed(let failure): throw failure
    case .ready, .executing: throw ended
    }
  }

  /// The three together, for callers with nothing to do between.
  package mutating func start() throws(LaunchFailure) {
    try waitUntilReady()
    proceed()
    try waitForExec()
  }

  private func next() throws(LaunchFailure) -> Progress {
    try step("starting the process") { () throws(SystemCallError) in
      try socket.receiveProgress()
    }
  }

  private var ended: LaunchFailure {
    LaunchFailure(
      stage: "starting the process", message: "it ended before its program ran")
  }
}
