// A shim that is killed takes its container's first process with it, but not always: the kernel forgets
// the signal that the process was to get with its parent's death when it changes its user or runs a
// set-uid file, and when AppArmor confines it. Where the pid namespace is somebody else's the others
// would live on in any case, and frozen ones do not die. So each shim has a guard: a process of a few
// pages that waits for the shim's end and then becomes `berth-shim end`.
//
// The guard is the shim's parent, so that what the shim leaves behind is the guard's to reap: a pid
// namespace does not end before all of it was reaped, and the host's first process may be in no hurry
// or not do it at all. A guard that is killed itself is replaced by a child of the shim, which does
// all but that.

import CLinux
import Glibc
import Linux
import Store
import SystemPackage

final class GroupGuard {
  private enum Place: Equatable {
    case parent(pid_t)
    case child(pid_t)
    case none
  }

  private let claim: CInt
  private var place: Place
  /// Guards that end again and again of themselves are not started for ever.
  private var renewalsLeft = 100

  /// Forks, and returns in the child: the caller becomes the guard. It has one thread, and keeps
  /// `claim` for longer than this. The guard has it too, so that nobody starts the container again
  /// before its processes are gone.
  init(keeping claim: borrowing FileLock) throws(SystemCallError) {
    self.claim = claim.raw
    let program = try ownProgram()
    let guardian = getpid()
    let shim = try checking("fork") { fork() }
    if shim > 0 { watch(shim, program.raw, claim.raw) }
    place = .parent(guardian)
    setsid()
    // Somebody's end that `reap` is told of, as it is of a child's.
    try checking("prctl") { berth_prctl(PR_SET_PDEATHSIG, UInt(SIGCHLD), 0, 0, 0) }
  }

  /// To be called with every SIGCHLD: puts another guard in the place of one that has ended.
  func renew() {
    guard case .parent(let pid) = place, getppid() != pid else { return }
    forkChild()
  }

  /// Whether the process that has ended was a guard: then there is another one.
  func renewed(after ended: pid_t) -> Bool {
    guard place == .child(ended) else { return false }
    forkChild()
    return true
  }

  /// The shim has seen to its container itself. The parent learns that from its exit.
  func dismiss() {
    guard case .child(let pid) = place else { return }
    // A child that was not reaped keeps its number.
    kill(pid, SIGKILL)
    while waitpid(pid, nil, 0) < 0, Errno.current == .interrupted {}
  }

  private func forkChild() {
    place = .none
    guard renewalsLeft > 0 else { return }
    renewalsLeft -= 1
    // Without memory for a process: the kernel's signal and the next command's sweep are left.
    guard let program = try? ownProgram() else { return }
    let shim = getpid()
    let pid = fork()
    if pid == 0 { watch(shim, program.raw, claim) }
    if pid > 0 { place = .child(pid) }
  }
}

/// Not by its name: that may be another program's when it is needed.
private func ownProgram() throws(SystemCallError) -> Descriptor {
  try Descriptor.open("/proc/self/exe", O_PATH)
}

private func watch(_ shim: pid_t, _ program: CInt, _ claim: CInt) -> Never {
  // Whoever signals the shim's session does not mean the guard.
  setsid()
  let pidfd = CInt(berth_pidfd_open(shim, 0))
  var next: CInt = 3
  for fd in [pidfd, program, claim].sorted() {
    if fd > next { _ = berth_close_range(UInt32(next), UInt32(fd) - 1, 0) }
    next = max(next, fd + 1)
  }
  _ = berth_close_range(UInt32(next), UInt32.max, 0)
  _ = berth_fcntl(claim, F_SETFD, 0)
  nameProcess("berth-guard")
  // The shim's own words say all that `end` has to know, and `run` is as long as `end`.
  let words = CommandLine.unsafeArgv
  if let word = words[1] { memcpy(word, "end", 3) }
  berth_become_at_end(pidfd, program, words)
}

func nameProcess(_ name: String) {
  name.withCString { _ = berth_prctl(PR_SET_NAME, UInt(bitPattern: $0), 0, 0, 0) }
}
