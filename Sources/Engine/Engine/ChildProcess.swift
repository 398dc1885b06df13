// A program that was started here and whose end is waited for.

import CLinux
import Glibc
import Linux
import Synchronization

/// A process that is waited for once.
final class ChildProcess: Sendable {
  private let pid: pid_t
  private let ended = Mutex<Int32?>(nil)

  init(_ pid: pid_t) { self.pid = pid }

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
