// What is needed to start a container's first process, and a further one in it.

package import Blueprint
package import Cgroups
package import Linux
package import SystemPackage

/// Standard streams of a joining process: descriptors of the caller, who keeps and closes them.
package enum Streams: Hashable, Sendable {
  case inherited(input: CInt, output: CInt, error: CInt)
  /// A pty made inside the container; its master comes back to the caller.
  case terminal
}

/// First processes of the containers whose namespaces are joined, by pidfd: as the blueprint asks.
package struct Partners: Sendable {
  package var pid: SharedDescriptor?
  package var ipc: SharedDescriptor?

  package init(pid: SharedDescriptor? = nil, ipc: SharedDescriptor? = nil) {
    self.pid = pid
    self.ipc = ipc
  }
}

/// The first process of a container. The caller has one thread.
package struct LaunchRequest: Sendable {
  package var blueprint: ContainerBlueprint
  /// `<state>/containers/<id>`: `upper`, `work` and `rootfs` are made in it when they lack.
  package var containerFolder: FilePath
  /// `<run>/containers/<id>`: hosts, resolv.conf and hostname are written here.
  package var runFolder: FilePath
  /// nil is the namespace of the caller.
  package var networkNamespace: CInt?
  package var partners = Partners()
  package var cgroup: Cgroup
  /// Standard streams: descriptors of the caller, who keeps and closes them. Ignored where the
  /// blueprint asks for a terminal.
  package var input: CInt
  package var output: CInt
  package var error: CInt
  /// The values of `blueprint.handedFiles`, in their order: descriptors of the caller.
  package var handedFiles: [CInt] = []

  package init(
    blueprint: ContainerBlueprint, containerFolder: FilePath, runFolder: FilePath,
    networkNamespace: CInt?, cgroup: Cgroup, input: CInt, output: CInt, error: CInt
  ) {
    self.blueprint = blueprint
    self.containerFolder = containerFolder
    self.runFolder = runFolder
    self.networkNamespace = networkNamespace
    self.cgroup = cgroup
    self.input = input
    self.output = output
    self.error = error
  }
}

/// A further process in a running container: exec, a health probe, a hook. The caller has one
/// thread.
package struct JoinRequest: Sendable {
  /// Of the container's first process.
  package var pidfd: CInt
  package var blueprint: ContainerBlueprint
  package var cgroup: Cgroup
  package var arguments: [Bytes]
  /// Complete but for HOME.
  package var environment: [Bytes]
  /// `user[:group]`; nil is the container's.
  package var user: String?
  /// nil is the container's.
  package var workingDirectory: Bytes?
  package var privileged: Bool
  package var streams: Streams

  package init(
    pidfd: CInt, blueprint: ContainerBlueprint, cgroup: Cgroup, arguments: [Bytes],
    environment: [Bytes], user: String? = nil, workingDirectory: Bytes? = nil,
    privileged: Bool = false, streams: Streams
  ) {
    self.pidfd = pidfd
    self.blueprint = blueprint
    self.cgroup = cgroup
    self.arguments = arguments
    self.environment = environment
    self.user = user
    self.workingDirectory = workingDirectory
    self.privileged = privileged
    self.streams = streams
  }
}
