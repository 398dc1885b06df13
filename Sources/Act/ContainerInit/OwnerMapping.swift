// Binds whose files are seen as the container's user's and belong to somebody else outside:
// id-mapped mounts, mount_setattr(2), since Linux 5.12.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// Who the container's program runs as, for binds that show files as theirs.
struct OwnerMapping {
  let identity: Identity
  private let proc: ProcessMaps

  /// Nil when no mount asks for it.
  init?(
    _ mounts: [PreparedMount], _ process: ProcessBlueprint, in root: borrowing RootFolder
  ) throws(LaunchFailure) {
    let asks = mounts.contains { mount in
      if case .bind(_, _, _, _, _, _, _?) = mount.step { true } else { false }
    }
    guard asks else { return nil }
    identity = try findIdentity(process.user, process.additionalGroups, in: root)
    proc = ProcessMaps()
  }

  /// - Parameter tree: attached nowhere yet.
  func apply(_ owner: OwnerMap, to tree: CInt, _ label: String) throws(LaunchFailure) {
    let namespace = try step(label) { () throws(SystemCallError) in
      var status = stat()
      try checking("fstat") { fstat(tree, &status) }
      return try proc.namespace(
        users: OwnerMap.ranges(outside: owner.user ?? status.st_uid, inside: identity.user),
        groups: OwnerMap.ranges(outside: owner.group ?? status.st_gid, inside: identity.group))
    }
    let flags = UInt32(AT_EMPTY_PATH) | UInt32(AT_RECURSIVE)
    let answer = berth_mount_setattr(
      tree, "", flags, UInt64(MOUNT_ATTR_IDMAP), 0, 0, namespace.raw)
    if answer == 0 { return }
    let reason = Errno.current
    let message =
      switch reason {
      case .invalidArgument: "this file system cannot show its files as another user's"
      case .noFunction: "owners can be mapped by Linux 5.12 and later only"
      case .notPermitted: "its owners are mapped already, or may not be mapped from here"
      default: "mount_setattr: \(reason.text)"
      }
    throw LaunchFailure(stage: label, errno: reason, message: "`bind_owner: map`: \(message)")
  }
}

/// Makes user namespaces that nobody is in: all that the kernel takes of them is their maps.
private struct ProcessMaps {
  func namespace(users: [OwnerMap.Range], groups: [OwnerMap.Range]) throws(SystemCallError)
    -> Descriptor
  {
    let pipe = try Descriptor.pipe()
    var arguments = clone_args()
    arguments.flags = UInt64(CLONE_NEWUSER)
    arguments.exit_signal = UInt64(SIGCHLD)
    let child = berth_clone3(&arguments)
    if child == 0 { waitForEnd(pipe.reading.raw, closing: pipe.writing.raw) }
    if child < 0 { throw SystemCallError("clone3", "user namespace", .current) }
    let result = Self.outcome { () throws(SystemCallError) in
      let proc = try ProcFiles()
      try proc.setMaps(of: Int32(child), users: text(users), groups: text(groups))
      return try proc.userNamespace(of: Int32(child))
    }
    // The end of the file that it waits for.
    _ = consume pipe
    var status: CInt = 0
    _ = try? retrying("waitpid") { waitpid(pid_t(child), &status, 0) }
    return try result.get()
  }

  private static func outcome(_ body: () throws(SystemCallError) -> Descriptor) -> Outcome {
    do throws(SystemCallError) { return .made(try body()) } catch { return .failed(error) }
  }

  private func text(_ ranges: [OwnerMap.Range]) -> String {
    ranges.map { "\($0.outside) \($0.inside) \($0.count)\n" }.joined()
  }
}

private enum Outcome: ~Copyable {
  case made(Descriptor)
  case failed(SystemCallError)

  consuming func get() throws(SystemCallError) -> Descriptor {
    switch consume self {
    case .made(let descriptor): return descriptor
    case .failed(let error): throw error
    }
  }
}

private func waitForEnd(_ reading: CInt, closing writing: CInt) -> Never {
  close(writing)
  var byte: UInt8 = 0
  while read(reading, &byte, 1) < 0, Errno.current == .interrupted {}
  _exit(0)
}
