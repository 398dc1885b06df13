// A program that was started here and whose end is waited for.

import CLinux
import Glibc
import Linux
import Synchronization

/// A process that is waited for once.
final class ChildProcess: Sendable {
  private let pid: pid_t
  private let ended = Mutex<Int32?>(nil)
  private let pidfd: SharedDescriptor?

  init(_ pid: pid_t) {
    self.pid = pid
    let raw = berth_pidfd_open(pid, 0)
    pidfd = raw < 0 ? nil : SharedDescriptor(Descriptor(owning: CInt(raw)))
  }

  /// Ends it, unless it has ended and was waited for.
  func kill() {
    pidfd.map { _ = berth_pidfd_send_signal($0.raw, SIGKILL) }
  }

  /// Blocks until it has ended: its exit status.
  func status() throws -> Int32 {
    try ended.withLock { ended in
      if let ended { return ended }
      var status: CInt = 0
      try retrying("waitpid") { waitpid(pid, &status, 0) }
      let code =
        berth_exited(status) != 0 ? berth_exit_status(status) : 128 + berth_term_signal(status)
      ended = code
      return code
    }
  }
}
