// `berth-shim end`: what a guard does when its shim was killed. It ends the container's processes and
// takes away what nobody else would before the next command: its groups, its names, its ports.
// Nothing is recorded: a run folder whose lock is free says by itself that the supervisor was lost.

import Blueprint
import CLinux
import Cgroups
import Glibc
import Linux
import Store
import SystemPackage

/// A process that was on its way into the group when it was ended is met in the next round.
private let rounds = 8

/// Runs with the claim to the run folder, and gives it up with its end.
func endLostContainer(_ options: RunOptions) -> Int32 {
  // The claim is not for the program that closes ports.
  _ = berth_close_range(3, UInt32.max, UInt32(CLOSE_RANGE_CLOEXEC))
  nameProcess("berth-guard")
  _ = berth_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
  // The kernel reaps at once what the shim has left to us.
  signal(SIGCHLD, SIG_IGN)
  while waitpid(-1, nil, WNOHANG) > 0 {}
  do {
    let layout = Layout(state: options.state, run: options.run)
    let blueprint = try readBlueprint(options.containerFolder)
    try end(try openGroup(blueprint, layout))
    let records = Records(layout: layout, blueprint: blueprint)
    records.withdrawNames()
    records.tell(.die(128 + SIGKILL))
    if !blueprint.network.ports.isEmpty || blueprint.removeOnExit {
      let releasing = try release(blueprint.id, options)
      // Who starts the container next must not have its ports closed by us.
      while waitpid(releasing, nil, 0) < 0, Errno.current == .interrupted {}
    }
    return 0
  } catch {
    // Nobody can be told; the next command's sweep does the rest.
    return 1
  }
}

private func end(_ cgroup: Cgroup) throws(SystemCallError) {
  for _ in 1..<rounds {
    try cgroup.kill()
    // Busy: somebody has come in meanwhile.
    if (try? cgroup.remove()) != nil { return }
  }
  try cgroup.kill()
  try cgroup.remove()
}
