// Starts a container's first process: clone3 with its namespaces; the child goes on in
// `FirstProcess` until exec. Needs a caller with one thread.

import Blueprint
import CLinux
import Cgroups
import Glibc
import Linux
import SystemPackage

/// Clones the first process, which sets itself up and then waits for `proceed`.
/// Blocks for the clone alone. When anything fails nothing is left: the mounts are the child's.
package func launch(_ request: LaunchRequest) throws(LaunchFailure) -> LaunchedContainer {
  let blueprint = request.blueprint
  let filter = try readFilter(blueprint.security.seccompFilter)
  let privileges = try Privileges(
    blueprint.security, privileged: blueprint.security.privileged, filter: filter)
  let entry = try step("opening the cgroup") { () throws(SystemCallError) in
    try request.cgroup.entry()
  }
  if blueprint.network.mode.hasOwnFiles {
    try step("writing hosts and resolv.conf") { () throws(SystemCallError) in
      try NetworkFiles(
        blueprint, hostHosts: hostFile("/etc/hosts"),
        hostResolver: hostFile("/etc/resolv.conf")
      ).write(to: request.runFolder)
    }
  }
  let child = FirstProcess(
    request: request, privileges: privileges, entry: entry,
    volumes: try mountVolumes(blueprint.mounts))
  return try inProcesses(of: request.partners.pid?.raw) { () throws(LaunchFailure) in
    try clone(namespaces: blueprint.sharing.madeByClone, entry: entry) {
      socket throws(LaunchFailure) in
      try child.run(socket)
    }
  }
}

extension NamespacesBlueprint {
  /// Flags of clone3(2); the network and cgroups come later.
  fileprivate var madeByClone: UInt64 {
    var flags = CLONE_NEWNS
    // By pattern: a comparison costs every shim a page of tables.
    if case .own = pid { flags |= CLONE_NEWPID }
    if case .own = uts { flags |= CLONE_NEWUTS }
    switch ipc {
    case .none, .own, .shareable: flags |= CLONE_NEWIPC
    case .host, .container: break
    }
    return UInt64(flags)
  }
}

/// Runs `body`, whose children are born in the pid namespace of the process that `pidfd` names;
/// where there is none, in the caller's.
func inProcesses<Value: ~Copyable>(
  of pidfd: CInt?, _ body: () throws(LaunchFailure) -> Value
) throws(LaunchFailure) -> Value {
  guard let pidfd else { return try body() }
  let own = try step("opening namespaces") { () throws(SystemCallError) in
    try Descriptor.open("/proc/self/ns/pid", O_RDONLY)
  }
  try step("joining the processes") { () throws(SystemCallError) in
    try checking("setns") { berth_setns(pidfd, CLONE_NEWPID) }
  }
  defer { _ = berth_setns(own.raw, CLONE_NEWPID) }
  return try body()
}

extension NetworkBlueprint.Mode {
  var hasOwnFiles: Bool {
    if case .container = self { false } else { true }
  }
}

/// Clones the calling process; the child runs `body`, reports its failure and never returns.
func clone(
  namespaces: UInt64, entry: CgroupEntry,
  _ body: (borrowing Descriptor) throws(LaunchFailure) -> Never
) throws(LaunchFailure) -> LaunchedContainer {
  var ends: [CInt] = [-1, -1]
  try step("starting the process") { () throws(SystemCallError) in
    let type = CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
    try checking("socketpair") { socketpair(AF_UNIX, type, 0, &ends) }
  }
  var pidfd: CInt = -1
  let answer = cloneRaw(namespaces: namespaces, entry: entry, pidfd: &pidfd)
  if answer == 0 { runChild(parentEnd: ends[0], ends[1], body) }
  let reason = Errno.current
  close(ends[1])
  let socket = Descriptor(owning: ends[0])
  if answer < 0 {
    throw LaunchFailure("starting the process", SystemCallError("clone3", "", reason))
  }
  return LaunchedContainer(
    pid: Int32(answer), pidfd: Descriptor(owning: pidfd), socket: socket)
}

private func cloneRaw(namespaces: UInt64, entry: CgroupEntry, pidfd: inout CInt) -> Int {
  var arguments = clone_args()
  arguments.flags = namespaces | UInt64(CLONE_PIDFD)
  arguments.exit_signal = UInt64(SIGCHLD)
  if let directory = entry.directory {
    arguments.flags |= UInt64(CLONE_INTO_CGROUP)
    arguments.cgroup = UInt64(directory.raw)
  }
  return withUnsafeMutablePointer(to: &pidfd) { pidfd in
    arguments.pidfd = UInt64(UInt(bitPattern: pidfd))
    return berth_clone3(&arguments)
  }
}

private func runChild(
  parentEnd: CInt, _ ownEnd: CInt,
  _ body: (borrowing Descriptor) throws(LaunchFailure) -> Never
) -> Never {
  close(parentEnd)
  var code: Int32 = 1
  do {
    let socket = Descriptor(owning: ownEnd)
    code = failureCode(socket, body)
  }
  _exit(code)
}

/// Only failures return.
private func failureCode(
  _ socket: borrowing Descriptor,
  _ body: (borrowing Descriptor) throws(LaunchFailure) -> Never
) -> Int32 {
  do throws(LaunchFailure) {
    try body(socket)
  } catch {
    // A parent that is gone needs no report.
    try? socket.report(.failed(error))
    return error.exitCode
  }
}
