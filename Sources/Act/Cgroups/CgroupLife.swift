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
  /// - Parameter pidfd: the first process of a container that another is to join. Where programs
  ///   of the container have made groups of their own on v2 (systemd and engines do), the group
  ///   of that process is entered: one that gives controllers to groups below takes no process.
  package func entry(beside pidfd: CInt? = nil) throws(SystemCallError) -> CgroupEntry {
    var tasks: [SharedDescriptor] = []
    for group in groups where group.hierarchy.version == .v1 {
      tasks.append(
        SharedDescriptor(try Descriptor.open(group.folder.appending("tasks"), O_WRONLY)))
    }
    guard let group = groups.first(where: { $0.hierarchy.version == .v2 }) else {
      return CgroupEntry(tasks: tasks, directory: nil)
    }
    guard let pidfd, let folder = try group.folder(of: pidfd, below: id) else {
      return CgroupEntry(tasks: tasks, directory: group.directory)
    }
    let directory = try Descriptor.open(folder, O_RDONLY | O_DIRECTORY)
    return CgroupEntry(tasks: tasks, directory: SharedDescriptor(directory))
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
    var list = try text(group.folder.appending("cgroup.procs"))
    for folder in foldersBelow(group.folder) {
      // One that goes meanwhile has no process.
      list += (try? text(folder.appending("cgroup.procs"))) ?? ""
    }
    return words(list).compactMap { Int32($0) }.filter { $0 > 0 }
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
      for folder in foldersBelow(group.folder).reversed() {
        // One that is still busy keeps the group above it busy: the next round comes to it again.
        _ = folder.withPlatformString { rmdir($0) }
      }
      usleep(round < 20 ? 200 : 2_000)
    }
    removeParents(of: group.folder, base: group.hierarchy.base)
  }
}

extension Cgroup.Group {
  /// The group below this one that a process is in; nil when it is in this one.
  fileprivate func folder(of pidfd: CInt, below id: String) throws(SystemCallError) -> FilePath? {
    let lines = try text(FilePath("/proc/self/fdinfo/\(pidfd)")).split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix("Pid:") }),
      let pid = Int32(words(String(line.dropFirst(4))).first ?? ""), pid > 0
    else { return nil }
    let groups = try text(FilePath("/proc/\(pid)/cgroup")).split(separator: "\n")
    guard let parts = groups.first(where: { $0.hasPrefix("0::") })?.split(separator: "/"),
      let own = parts.firstIndex(of: Substring(id)), own + 1 < parts.endIndex
    else { return nil }
    return folder.appending(parts[(own + 1)...].joined(separator: "/"))
  }
}

/// Groups that the container's own programs have made, those above before those below them.
private func foldersBelow(_ folder: FilePath) -> [FilePath] {
  var found: [FilePath] = []
  var waiting = [folder]
  while let next = waiting.popLast(), found.count < 10_000 {
    var status = stat()
    // Each group below counts as one link more than the two of any folder.
    guard next.withPlatformString({ lstat($0, &status) }) == 0, status.st_nlink > 2 else {
      continue
    }
    // One that goes meanwhile has none below it.
    for name in (try? namesInFolder(next)) ?? [] {
      let below = next.appending(name)
      guard below.withPlatformString({ lstat($0, &status) }) == 0,
        status.st_mode & S_IFMT == S_IFDIR
      else { continue }
      found.append(below)
      waiting.append(below)
    }
  }
  return found
}
