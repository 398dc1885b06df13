// Joining, pausing, counting, killing and removing a group.

import CLinux
import Glibc
package import Linux
package import SystemPackage

/// What a new process needs to enter a group, opened before the process exists.
package struct CgroupEntry: Sendable {
  /// v1: the `tasks` files.
  let tasks: [SharedDescriptor]
  /// v2: the folder for CLONE_INTO_CGROUP.
  package let directory: SharedDescriptor?

  /// Moves the calling thread. A thread that moves itself does not wait for the whole machine, as
  /// one moved from outside does (6–25 ms on a cold kernel).
  package func joinCurrentThread() throws(SystemCallError) {
    for file in tasks {
      try checking("write", "tasks") { Glibc.write(file.raw, "0", 1) }
    }
  }
}

/// One folder of a group for showing it inside the container.
package struct CgroupView: Hashable, Sendable {
  package let name: String
  package let folder: FilePath
}

extension Cgroup {
  package func entry() throws(SystemCallError) -> CgroupEntry {
    var tasks: [SharedDescriptor] = []
    for group in groups where group.hierarchy.version == .v1 {
      tasks.append(
        SharedDescriptor(try Descriptor.open(group.folder.appending("tasks"), O_WRONLY)))
    }
    return CgroupEntry(
      tasks: tasks, directory: groups.first { $0.hierarchy.version == .v2 }?.directory)
  }

  /// Folders of this container to show below /sys/fs/cgroup: the name there and the folder
  /// here.
  /// On v2 there is one, with an empty name.
  package var views: [CgroupView] {
    groups.map { group in
      let isV1 = group.hierarchy.version == .v1
      return CgroupView(
        name: isV1 ? group.hierarchy.controllers.joined(separator: ",") : "",
        folder: group.folder)
    }
  }

  /// The same for a container that sees the groups of the host: all of v2, which hides nothing from
  /// it. Of v1 it sees its own groups, by the names that they have on the host.
  package var viewsOfHost: [CgroupView] {
    groups.map { group in
      let isV1 = group.hierarchy.version == .v1
      return CgroupView(
        name: isV1 ? group.hierarchy.controllers.joined(separator: ",") : "",
        folder: isV1 ? group.folder : group.hierarchy.base)
    }
  }

  /// The processes of the group as this pid namespace numbers them.
  package func processes() throws(SystemCallError) -> [Int32] {
    guard let group = group(of: "freezer") ?? group(of: "pids") ?? groups.first else { return [] }
    return try words(text(group.folder.appending("cgroup.procs"))).compactMap { Int32($0) }
      .filter { $0 > 0 }
  }

  /// How many processes the kernel has killed here for want of memory.
  package func outOfMemoryKills() -> UInt64 {
    guard let group = group(of: "memory") else { return 0 }
    let file = group.hierarchy.version == .v1 ? "memory.oom_control" : "memory.events"
    // A group that is already gone has nothing more to tell.
    guard let content = try? text(group.folder.appending(file)) else { return 0 }
    for line in content.split(separator: "\n") {
      let parts = line.split(separator: " ")
      if parts.count == 2, parts[0] == "oom_kill" { return UInt64(parts[1]) ?? 0 }
    }
    return 0
  }

  package func freeze() throws(SystemCallError) { try setFrozen(true) }

  package func thaw() throws(SystemCallError) { try setFrozen(false) }

  private func setFrozen(_ frozen: Bool) throws(SystemCallError) {
    if let group = group(of: "freezer", .v1) {
      let file = group.folder.appending("freezer.state")
      let wanted = frozen ? "FROZEN" : "THAWED"
      // The kernel passes through FREEZING while it waits for processes in system calls, and new
      // ones may slip in: it wants to be told again.
      for _ in 0..<2_000 {
        try write(wanted, to: file)
        if words(try text(file)).first == wanted { return }
        usleep(500)
      }
      throw SystemCallError("freeze", file.string, .resourceTemporarilyUnavailable)
    }
    guard let group = groups.first(where: { $0.hierarchy.version == .v2 }) else {
      throw SystemCallError("freeze", id, Errno(rawValue: EOPNOTSUPP))
    }
    try write(frozen ? "1" : "0", to: group.folder.appending("cgroup.freeze"))
    for _ in 0..<2_000 {
      let events = try text(group.folder.appending("cgroup.events"))
      if events.contains(frozen ? "frozen 1" : "frozen 0") { return }
      usleep(500)
    }
    throw SystemCallError("freeze", group.folder.string, .resourceTemporarilyUnavailable)
  }

  /// Ends every process of the group with SIGKILL and waits until it is empty.
  /// - Throws: EBUSY when processes are still there after about five seconds.
  package func kill() throws(SystemCallError) {
    if let group = groups.first(where: { $0.hierarchy.version == .v2 }) {
      // cgroup.kill is of Linux 5.14; the loop below is the second line.
      try? write("1", to: group.folder.appending("cgroup.kill"))
    }
    for round in 0..<5_000 {
      let members = try processesOrNone()
      if members.isEmpty { return }
      // Frozen processes of v1 die only when thawed.
      if round == 0, group(of: "freezer", .v1) != nil { try? thaw() }
      killAll(members)
      usleep(round < 20 ? 200 : 1_000)
    }
    throw SystemCallError("kill", id, .resourceBusy)
  }

  private func processesOrNone() throws(SystemCallError) -> [Int32] {
    do {
      return try processes()
    } catch  where error.errno == .noSuchFileOrDirectory || error.errno.rawValue == ENODEV {
      return []
    }
  }

  /// A pid is signalled through a pidfd, and only when the group still lists it after the pidfd was
  /// opened: then it cannot be another process that got the number.
  private func killAll(_ members: [pid_t]) {
    var handles: [(pid: pid_t, handle: SharedDescriptor)] = []
    for pid in members {
      let raw = berth_pidfd_open(pid, 0)
      if raw >= 0 { handles.append((pid, SharedDescriptor(Descriptor(owning: CInt(raw))))) }
    }
    // A group that cannot be read any more has gone, and its processes with it.
    let still = Set((try? processes()) ?? [])
    for (pid, handle) in handles where still.contains(pid) {
      _ = berth_pidfd_send_signal(handle.raw, SIGKILL)
    }
  }

  /// Removes the group's folders, and berth's own where this was the last. Processes must be gone.
  package func remove() throws(SystemCallError) {
    var failure: SystemCallError?
    for group in groups.reversed() {
      do throws(SystemCallError) {
        try removeFolder(group)
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }

  /// The same where an error is already on its way: what cannot be removed stays.
  func removeNow() {
    // The first failure is the one that is told.
    try? remove()
  }

  private func removeFolder(_ group: Group) throws(SystemCallError) {
    // A dying process holds its group for a moment after it was reaped.
    for round in 0..<1_000 {
      if group.folder.withPlatformString({ rmdir($0) }) == 0 { break }
      let reason = Errno.current
      if reason == .noSuchFileOrDirectory { break }
      guard reason == .resourceBusy, round < 999 else {
        throw SystemCallError("rmdir", group.folder.string, reason)
      }
      usleep(round < 20 ? 200 : 2_000)
    }
    removeParents(of: group.folder, base: group.hierarchy.base)
  }
}
