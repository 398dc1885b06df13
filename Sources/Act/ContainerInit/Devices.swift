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
      try addDevice(device.source.path, device.target.path, in: root, depth: 0)
    }
  }
  if security.privileged {
    try step("adding the host's devices") { () throws(SystemCallError) in
      try addHostDevices(root)
    }
  }
}

/// A node like the host's, or for a folder all nodes below it.
private func addDevice(
  _ source: FilePath, _ target: FilePath, in root: borrowing RootFolder, depth: Int
) throws(SystemCallError) {
  var status = stat()
  try checking("stat", source.string) { source.withPlatformString { stat($0, &status) } }
  switch status.st_mode & S_IFMT {
  case S_IFCHR, S_IFBLK:
    let parent = try root.ensure(target.removingLastComponent(), .folder)
    let name = target.lastComponent?.string ?? ""
    let folder = parent.raw
    let made = mknodat(folder, name, status.st_mode, status.st_rdev)
    if made != 0 {
      // A standard node, or one left by an earlier start.
      guard Errno.current == .fileExists else {
        throw SystemCallError("mknod", target.string, .current)
      }
      return
    }
    try checking("chown", target.string) {
      fchownat(folder, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW)
    }
  case S_IFDIR where depth < 4:
    for name in try namesInFolder(source) {
      let child = source.appending(name)
      guard isDeviceOrFolder(child) else { continue }
      try addDevice(child, target.appending(name), in: root, depth: depth + 1)
    }
  default:
    throw SystemCallError("mknod", source.string + " (not a device)", .invalidArgument)
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
