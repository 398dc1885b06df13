// A further process in a running container: exec, a health probe, a hook. Same namespaces, same
// cgroup, same profile as the first process.

import Blueprint
import CLinux
import Cgroups
import Glibc
import Linux
import SystemPackage

/// Clones a process into the container, which sets itself up and then waits for `proceed`. The
/// caller has one thread and reaps the process, also when starting it fails.
package func joinContainer(_ request: JoinRequest) throws(LaunchFailure) -> LaunchedContainer {
  let security = request.blueprint.security
  let privileges = try Privileges(
    security, privileged: request.privileged || security.privileged,
    filter: readFilter(security.seccompFilter))
  let entry = try step("opening the cgroup") { () throws(SystemCallError) in
    try request.cgroup.entry(beside: request.pidfd)
  }
  let child = JoiningProcess(request: request, privileges: privileges, entry: entry)
  return try inProcesses(of: request.pidfd) { () throws(LaunchFailure) in
    try clone(namespaces: 0, entry: entry) { socket throws(LaunchFailure) in
      try child.run(socket)
    }
  }
}

private struct JoiningProcess {
  let request: JoinRequest
  let privileges: Privileges
  let entry: CgroupEntry

  func run(_ socket: borrowing Descriptor) throws(LaunchFailure) -> Never {
    let blueprint = request.blueprint
    try startAnew()
    let root = try enter()
    let proc = try step("mounting an own procfs") { () throws(SystemCallError) in
      try ProcFiles()
    }
    try setScore(proc, blueprint.resources.oomScoreAdjustment)
    let terminal = try openStreams(root)
    let identity = try findIdentity(
      request.user ?? blueprint.process.user, blueprint.process.additionalGroups, in: root)
    try enterWorkingDirectory(
      request.workingDirectory ?? blueprint.process.workingDirectory, in: root)
    let command = Command(
      request.arguments, environment: request.environment, home: identity.home)
    try setLimits(blueprint.resources.limits)
    joinKeyring(blueprint.id)
    try giveStreams(to: identity)
    try tell(socket, .ready(terminal: terminal))
    try waitForGo(socket)
    try become(command, identity, privileges, usesInit: false, proc, socket)
  }

  /// The cgroup first: what this process then costs is the container's.
  private func enter() throws(LaunchFailure) -> RootFolder {
    try step("joining the cgroup") { () throws(SystemCallError) in
      try entry.joinCurrentThread()
    }
    return try step("joining the container") { () throws(SystemCallError) in
      let namespaces =
        CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP
      try checking("setns") { berth_setns(request.pidfd, namespaces) }
      return RootFolder(handle: try Descriptor.open("/", O_PATH | O_DIRECTORY))
    }
  }

  private func openStreams(_ root: borrowing RootFolder) throws(LaunchFailure)
    -> SharedDescriptor?
  {
    switch request.streams {
    case .inherited(let input, let output, let error):
      try step("opening standard streams") { () throws(SystemCallError) in
        try useAsStreams(input: input, output: output, error: error)
      }
      return nil
    case .terminal:
      return try step("opening a terminal") { () throws(SystemCallError) in
        let terminals = try root.open("/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW)
        let terminal = try Terminal(in: terminals)
        try terminal.take()
        return terminal.master
      }
    }
  }
}
