// What the unpacking child gives up before it looks at the first byte of a layer: the file system but
// the layer's folder, capabilities that files do not need, memory, and all system calls but those that
// write files. Even a decoder that a hostile layer takes over can do no more than write that layer.

import CCapability
import CLinux
import Glibc
import Linux
import SystemPackage

enum Confinement {
  /// Owners, modes, set-id bits, device nodes, file capabilities; CAP_SYS_ADMIN alone may set the
  /// `trusted.` attributes by which overlayfs is told of opaque folders, and the filter leaves it
  /// nothing else to be used for.
  private static let kept: Set<cap_value_t> = [
    CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD, CAP_SETFCAP, CAP_SYS_ADMIN,
  ]

  /// Data, heap and stacks: several times what the largest window and the longest names take.
  private static let memory: rlim_t = 256 << 20
  /// More handles than are ever kept open.
  private static let files: rlim_t = 512

  /// Makes the folder behind `folder` the root of a mount namespace of this process alone, on which
  /// no program runs, no set-id bit counts and no device opens. For a process of one thread.
  static func enter(_ folder: borrowing Descriptor) throws(SystemCallError) {
    // Before the namespace is left in which the folder was opened.
    let cloneTree: UInt32 = 1  // OPEN_TREE_CLONE
    let flags = cloneTree | UInt32(AT_EMPTY_PATH) | UInt32(bitPattern: O_CLOEXEC)
    let tree = Descriptor(
      owning: CInt(try checking("open_tree") { berth_open_tree(folder.raw, "", flags) }))
    try checking("mount_setattr") {
      berth_mount_setattr(
        tree.raw, "", UInt32(AT_EMPTY_PATH),
        UInt64(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), 0, 0, 0)
    }
    try checking("unshare", "mount namespace") { berth_unshare(UInt(CLONE_NEWNS)) }
    try checking("mount", "/") { mount(nil, "/", nil, UInt(MS_REC) | UInt(MS_PRIVATE), nil) }
    let fromEmpty: UInt32 = 0x4  // MOVE_MOUNT_F_EMPTY_PATH
    try checking("move_mount") { berth_move_mount(tree.raw, "", AT_FDCWD, "/", fromEmpty) }
    try checking("fchdir") { fchdir(tree.raw) }
    try checking("pivot_root") { berth_pivot_root(".", ".") }
    try checking("umount2", "the old root") { umount2(".", CInt(MNT_DETACH)) }
    try checking("chdir", "/") { chdir("/") }
  }

  /// For a process of one thread: later ones have the same.
  static func giveUpPrivileges() throws(SystemCallError) {
    for (resource, limit) in [
      (RLIMIT_DATA, memory), (RLIMIT_NOFILE, files), (RLIMIT_CORE, 0),
    ] {
      var limits = rlimit(rlim_cur: limit, rlim_max: limit)
      try checking("setrlimit") {
        setrlimit(__rlimit_resource_t(UInt32(resource.rawValue)), &limits)
      }
    }
    try checking("prctl") { berth_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }
    try checking("prctl") { berth_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }
    try boundCapabilities(to: kept)
    try setCapabilities(kept)
  }

  /// Lets all threads of this process make no other system calls than those of the list.
  static func filterSystemCalls() throws(SystemCallError) {
    let filter = SystemCallFilter.program
    try checking("seccomp") {
      filter.withUnsafeBytes {
        berth_load_seccomp_filter_everywhere($0.baseAddress, UInt16(filter.count))
      }
    }
  }
}
