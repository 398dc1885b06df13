// PID 1 for `init: true`: reaps what is orphaned, passes signals on, ends as the program ends.
// Runs with the program's own identity, capabilities and filter.

import CLinux
import Glibc
import Linux
import SystemPackage

/// Returns in the child, which goes on to exec; the parent stays and never returns.
func runAsInit(_ socket: borrowing Descriptor) throws(LaunchFailure) {
  var all = sigset_t()
  sigfillset(&all)
  sigprocmask(SIG_SETMASK, &all, nil)
  var arguments = clone_args()
  arguments.exit_signal = UInt64(SIGCHLD)
  // clone3 is not allowed by every filter; without flags it is plain fork.
  // In a pid namespace that is not its own, what is orphaned would go to somebody else.
  _ = berth_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
  let child = fork()
  guard child >= 0 else {
    throw LaunchFailure("starting the program", SystemCallError("fork"))
  }
  if child == 0 {
    try inOwnGroup()
    return
  }
  // Whatever the program closed stays closed: init holds nothing but its terminal's name.
  _ = berth_close_range(0, UInt32.max, 0)
  forwardAndReap(child, all)
}

/// The program leads its own process group, in the foreground of the terminal when there is one.
private func inOwnGroup() throws(LaunchFailure) {
  setpgid(0, 0)
  // Blocked signals: SIGTTOU does not stop this.
  _ = tcsetpgrp(0, getpid())
  var none = sigset_t()
  sigemptyset(&none)
  sigprocmask(SIG_SETMASK, &none, nil)
}

private func forwardAndReap(_ child: pid_t, _ signals: sigset_t) -> Never {
  var signals = signals
  while true {
    let signal = sigwaitinfo(&signals, nil)
    if signal == SIGCHLD {
      reap(child)
    } else if signal > 0 {
      kill(child, signal)
    }
  }
}

private func reap(_ child: pid_t) {
  while true {
    var status: CInt = 0
    let ended = waitpid(-1, &status, WNOHANG)
    guard ended > 0 else { return }
    if ended == child {
      _exit(
        berth_exited(status) != 0
          ? berth_exit_status(status) : 128 + berth_term_signal(status))
    }
  }
}
