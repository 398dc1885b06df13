// Mounts that are nowhere yet: made or copied, given their flags, then attached by descriptor, so
// that no path is looked up twice: fsopen(2), open_tree(2), mount_setattr(2), move_mount(2).

import CLinux
import Glibc
import Linux
import SystemPackage

/// A mount held by a descriptor. It vanishes with the descriptor unless it was attached.
struct DetachedMount: ~Copyable {
  let root: Descriptor

  struct Flags: OptionSet {
    let rawValue: UInt64
    static let readOnly = Flags(rawValue: UInt64(MOUNT_ATTR_RDONLY))
    static let noSetuid = Flags(rawValue: UInt64(MOUNT_ATTR_NOSUID))
    static let noDevices = Flags(rawValue: UInt64(MOUNT_ATTR_NODEV))
    static let noExecution = Flags(rawValue: UInt64(MOUNT_ATTR_NOEXEC))
    static let strictAccessTime = Flags(rawValue: UInt64(MOUNT_ATTR_STRICTATIME))
    static let noAccessTime = Flags(rawValue: UInt64(MOUNT_ATTR_NOATIME))
    static let noFolderAccessTime = Flags(rawValue: UInt64(MOUNT_ATTR_NODIRATIME))
    /// nosuid, nodev, noexec.
    static let inert: Flags = [.noSetuid, .noDevices, .noExecution]
  }

  /// A new file system of `type`.
  static func make(_ type: String, _ options: [(String, String)] = [], _ flags: Flags)
    throws(SystemCallError) -> DetachedMount
  {
    let context = Descriptor(
      owning: CInt(try checking("fsopen", type) { berth_fsopen(type, UInt32(FSOPEN_CLOEXEC)) }))
    for (key, value) in [("source", type)] + options {
      try checking("fsconfig", "\(type) \(key)=\(value)") {
        berth_fsconfig(context.raw, FSCONFIG_SET_STRING.rawValue, key, value, 0)
      }
    }
    try checking("fsconfig", type) {
      berth_fsconfig(context.raw, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0)
    }
    let mount = try checking("fsmount", type) {
      berth_fsmount(context.raw, UInt32(FSMOUNT_CLOEXEC), UInt32(flags.rawValue))
    }
    return DetachedMount(root: Descriptor(owning: CInt(mount)))
  }

  /// A copy of what is at `folder`, a handle in this mount namespace; `recursive` takes what is
  /// mounted below with it.
  static func copy(of folder: CInt, recursive: Bool = false) throws(SystemCallError)
    -> DetachedMount
  {
    let flags = UInt32(OPEN_TREE_CLONE) | UInt32(OPEN_TREE_CLOEXEC) | UInt32(AT_EMPTY_PATH)
    let raw = try checking("open_tree") {
      berth_open_tree(folder, "", flags | (recursive ? UInt32(AT_RECURSIVE) : 0))
    }
    return DetachedMount(root: Descriptor(owning: CInt(raw)))
  }

  /// A copy of what is at `path` on the host, whose tree is still the root.
  static func copy(of path: FilePath) throws(SystemCallError) -> DetachedMount {
    let source = try Descriptor.open(path, O_PATH)
    return try copy(of: source.raw)
  }

  func set(_ flags: Flags, clear: Flags = [], propagation: UInt64 = 0, recursive: Bool = false)
    throws(SystemCallError)
  {
    try setMountFlags(
      root.raw, flags, clear: clear, propagation: propagation, recursive: recursive)
  }

  /// Attaches the mount on `target`, a handle. `root` stays a handle on the attached mount.
  func attach(to target: borrowing Descriptor) throws(SystemCallError) {
    try attachMount(root.raw, to: target)
  }
}

/// Changes the flags of the mount that `root` is the root of.
func setMountFlags(
  _ root: CInt, _ flags: DetachedMount.Flags, clear: DetachedMount.Flags = [],
  propagation: UInt64 = 0, recursive: Bool = false
) throws(SystemCallError) {
  var cleared = clear.rawValue
  // The three answers to access times are one field, which wants to be cleared before it is set.
  if flags.contains(.strictAccessTime) || flags.contains(.noAccessTime) {
    cleared |= UInt64(MOUNT_ATTR__ATIME)
  }
  try checking("mount_setattr") {
    berth_mount_setattr(
      root, "", UInt32(AT_EMPTY_PATH) | (recursive ? UInt32(AT_RECURSIVE) : 0), flags.rawValue,
      cleared, propagation, 0)
  }
}

func attachMount(_ root: CInt, to target: borrowing Descriptor) throws(SystemCallError) {
  let place = target.raw
  try checking("move_mount") {
    berth_move_mount(
      root, "", place, "", UInt32(MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
  }
}
