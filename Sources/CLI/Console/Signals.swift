// Signals of the terminal and of whoever ends us, as calls on a thread of their own.

import CLinux
import Glibc
import Synchronization

/// One watcher for the process. Until a handler is set, SIGINT, SIGTERM, SIGHUP and SIGQUIT end the
/// program at once with the exit status of an interruption; what was begun converges next time.
package enum Signals {
  package typealias Handler = @Sendable (Int32) -> Void

  private static let handler = Mutex<Handler?>(nil)
  private static let watched = [SIGINT, SIGTERM, SIGQUIT, SIGWINCH, SIGUSR1, SIGUSR2]

  /// Call before any other thread exists: they all inherit the mask.
  package static func block() {
    // A reader that goes away is noticed at the write.
    signal(SIGPIPE, SIG_IGN)
    var set = set
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  private static var set: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in watched { sigaddset(&set, signal) }
    // Blocked, it would come through though nohup(1) has it ignored.
    var before = sigaction()
    sigaction(SIGHUP, nil, &before)
    if unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self) != 1 {
      sigaddset(&set, SIGHUP)
    }
    return set
  }

  /// Calls `body` for each signal from now on, in place of ending the program; nil ends that.
  package static func handle(_ body: Handler?) { handler.withLock { $0 = body } }

  /// Watches until the process ends.
  package static func watch() -> Never {
    var set = set
    while true {
      var number: Int32 = 0
      guard sigwait(&set, &number) == 0 else { continue }
      if let body = handler.withLock({ $0 }) {
        body(number)
      } else if number != SIGWINCH {
        RawTerminal.restoreIfChanged()
        _exit(number == SIGINT || number == SIGTERM ? 130 : 128 + number)
      }
    }
  }
}
