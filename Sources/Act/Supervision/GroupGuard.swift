// A shim that is killed takes its container's first process with it, and with that the processes of
// an own pid namespace. Where the pid namespace is somebody else's the others would live on with
// nobody to watch them: a small process waits for the shim's end and then ends the group. So it is
// where AppArmor confines the first process: with the change of profile the kernel forgets the signal
// that it was to get with its parent's death.

import Blueprint
import CLinux
import Cgroups
import Glibc
import Linux
import Store
import SystemPackage

extension ContainerBlueprint {
  /// Whether a killed shim would leave processes behind.
  var needsGuard: Bool { sharing.pid != .own || security.appArmorProfile != nil }
}

final class GroupGuard {
  private let pid: pid_t
  private let pidfd: Descriptor

  /// Forks; the caller has one thread. The guard keeps `lock`, so that nobody takes the container
  /// for dead before its processes are.
  init(_ cgroup: Cgroup, keeping lock: borrowing FileLock) throws(SystemCallError) {
    let shim = Descriptor(
      owning: CInt(try checking("pidfd_open") { berth_pidfd_open(getpid(), 0) }))
    var kept = [shim.raw, lock.raw]
    kept.sort()
    let pid = try checking("fork") { fork() }
    if pid == 0 { watch(shim.raw, cgroup, keeping: kept) }
    self.pid = pid
    pidfd = Descriptor(owning: CInt(try checking("pidfd_open") { berth_pidfd_open(pid, 0) }))
  }

  /// The shim sees to its container itself: ends the guard and waits for its end.
  func dismiss() {
    _ = berth_pidfd_send_signal(pidfd.raw, SIGKILL)
    while waitpid(pid, nil, 0) < 0, Errno.current == .interrupted {}
  }
}

private func watch(_ shim: CInt, _ cgroup: Cgroup, keeping kept: [CInt]) -> Never {
  // The group's own descriptors go too: it is found by its paths.
  var next: CInt = 3
  for fd in kept {
    if fd > next { _ = berth_close_range(UInt32(next), UInt32(fd) - 1, 0) }
    next = fd + 1
  }
  _ = berth_close_range(UInt32(next), UInt32.max, 0)
  "berth-guard".withCString { name in
    _ = berth_prctl(PR_SET_NAME, UInt(bitPattern: name), 0, 0, 0)
  }
  // Nothing is written and nobody can be told: what fails here is left to the next command's sweep.
  var watched = pollfd(fd: shim, events: Int16(POLLIN), revents: 0)
  while poll(&watched, 1, -1) < 0, Errno.current == .interrupted {}
  try? cgroup.kill()
  try? cgroup.remove()
  _exit(0)
}
