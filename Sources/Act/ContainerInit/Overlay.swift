// The root file system: the image's layers below, the container's own folder above.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// Mounts the overlay on `<container folder>/rootfs` in this mount namespace and gives its root.
///
/// The layers are named by descriptor, relative to /proc/self/fd: three or four bytes each, so the
/// page that mount(2) takes holds the 500 that overlayfs allows, and no byte of a path can be taken
/// for a separator.
func mountOverlay(_ root: RootBlueprint, _ containerFolder: FilePath) throws(SystemCallError)
  -> RootFolder
{
  let folder = try Descriptor.open(containerFolder, O_PATH | O_DIRECTORY)
  var layers: [SharedDescriptor] = []
  for layer in root.layers.reversed() {
    layers.append(SharedDescriptor(try Descriptor.open(layer.path, O_PATH | O_DIRECTORY)))
  }
  let upper = try ownFolder("upper", in: folder)
  let work = try ownFolder("work", in: folder)
  let target = try ownFolder("rootfs", in: folder)
  if let top = layers.first { try inheritFirst(from: top.raw, upper: upper, work: work) }

  try checking("chdir", "/proc/self/fd") { chdir("/proc/self/fd") }
  let options =
    "lowerdir=" + layers.map { "\($0.raw)" }.joined(separator: ":")
    + ",upperdir=\(upper.raw),workdir=\(work.raw),index=off,metacopy=off,redirect_dir=off"
  try checking("mount", "overlay") {
    mount("overlay", "\(target.raw)", "overlay", 0, options)
  }
  try checking("chdir", "/") { chdir("/") }
  return RootFolder(handle: try folder.openChild("rootfs", O_PATH | O_DIRECTORY))
}

private func ownFolder(_ name: String, in folder: borrowing Descriptor) throws(SystemCallError)
  -> Descriptor
{
  if mkdirat(folder.raw, name, 0o755) != 0, Errno.current != .fileExists {
    throw SystemCallError("mkdir", name, .current)
  }
  return try folder.openChild(FilePath(name), O_PATH | O_DIRECTORY | O_NOFOLLOW)
}

/// Before the first mount (which makes `work/work`) the upper folder gets owner and mode of the
/// image's root: what is above is what the container sees as `/`.
func inheritFirst(
  from layer: CInt, upper: borrowing Descriptor, work: borrowing Descriptor
) throws(SystemCallError) {
  var status = stat()
  guard fstatat(work.raw, "work", &status, AT_SYMLINK_NOFOLLOW) != 0 else { return }
  try checking("fstat") { fstat(layer, &status) }
  let folder = try upper.openChild(".", O_RDONLY | O_DIRECTORY)
  try checking("fchown") { fchown(folder.raw, status.st_uid, status.st_gid) }
  try checking("fchmod") { fchmod(folder.raw, status.st_mode & 0o7777) }
}

/// Makes `root` the root of this mount namespace and lets go of everything else.
func pivot(into root: borrowing RootFolder) throws(SystemCallError) {
  try checking("fchdir", "rootfs") { fchdir(root.handle.raw) }
  try checking("pivot_root") { berth_pivot_root(".", ".") }
  // The old root now lies on top of the new one at `.`.
  try checking("umount2") { umount2(".", CInt(MNT_DETACH)) }
  try checking("chdir", "/") { chdir("/") }
}
