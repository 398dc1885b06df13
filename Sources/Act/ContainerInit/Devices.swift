// Devices that a container asks for by name, and all of the host's for privileged ones.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

func attachDevices(
  _ security: SecurityBlueprint, devices: borrowing Descriptor, in root: borrowing RootFolder
) throws(LaunchFailure) {
  for device in security.devices {
    try step("adding device `\(device.source.text)`") { () throws(SystemCallError) in
      try addDevice(
        device.source.path, device.target.path,
        NodeChanges(mode: device.mode, user: device.user, group: device.group), in: root, depth: 0)
    }
  }
  if security.privileged {
    try step("adding the host's devices") { () throws(SystemCallError) in
      try addHostDevices(root)
    }
  }
}

/// What is other than on the host; nil is the same.
private struct NodeChanges {
  var mode: UInt32?
  var user: UInt32?
  var group: UInt32?
}

/// A node like the host's, or for a folder all nodes below it.
private func addDevice(
  _ source: FilePath, _ target: FilePath, _ changes: NodeChanges = NodeChanges(),
  in root: borrowing RootFolder, depth: Int
) throws(SystemCallError) {
  var status = stat()
  try checking("stat", source.string) { source.withPlatformString { stat($0, &status) } }
  switch status.st_mode & S_IFMT {
  case S_IFCHR, S_IFBLK:
    try addNode(status, target, changes, in: root)
  case S_IFDIR where depth < 4:
    for name in try namesInFolder(source) {
      let child = source.appending(name)
      guard isDeviceOrFolder(child) else { continue }
      try addDevice(child, target.appending(name), changes, in: root, depth: depth + 1)
    }
  default:
    throw SystemCallError("mknod", source.string + " (not a device)", .invalidArgument)
  }
}

private func addNode(
  _ status: stat, _ target: FilePath, _ changes: NodeChanges, in root: borrowing RootFolder
) throws(SystemCallError) {
  let parent = try root.ensure(target.removingLastComponent(), .folder)
  let name = target.lastComponent?.string ?? ""
  let folder = parent.raw
  let type = status.st_mode & S_IFMT
  let mode = (changes.mode ?? status.st_mode) & 0o7777
  guard mknodat(folder, name, type | mode, status.st_rdev) == 0 else {
    let reason = Errno.current
    var found = stat()
    // A standard node, or one left by an earlier start; never what the image has in its place.
    guard reason == .fileExists, fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0,
      found.st_mode & S_IFMT == type, found.st_rdev == status.st_rdev
    else { throw SystemCallError("mknod", target.string, reason) }
    return
  }
  try checking("chown", target.string) {
    fchownat(
      folder, name, changes.user ?? status.st_uid, changes.group ?? status.st_gid,
      AT_SYMLINK_NOFOLLOW)
  }
}

private func isDeviceOrFolder(_ path: FilePath) -> Bool {
  var status = stat()
  guard path.withPlatformString({ lstat($0, &status) }) == 0 else { return false }
  return [S_IFCHR, S_IFBLK, S_IFDIR].contains(status.st_mode & S_IFMT)
}

private func addHostDevices(_ root: borrowing RootFolder) throws(SystemCallError) {
  let own: Set<String> = ["pts", "shm", "mqueue", "fd", "console", "ptmx", ".lxc", ".udev"]
  for name in try namesInFolder("/dev") where !own.contains(name.string) {
    let source = FilePath("/dev").appending(name)
    guard isDeviceOrFolder(source) else { continue }
    try addDevice(source, source, in: root, depth: 0)
  }
}
