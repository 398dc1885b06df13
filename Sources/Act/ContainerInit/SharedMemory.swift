// /dev/shm and /dev/mqueue: the container's own, the host's or another container's, as its ipc
// namespace is.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// Attaches both below `devices`; nothing where the container is to have none.
func mountSharedMemory(
  _ blueprint: ContainerBlueprint, partner: CInt?, devices: borrowing Descriptor
) throws(LaunchFailure) {
  if blueprint.sharing.ipc == .none { return }
  try step("mounting /dev/shm") { () throws(SystemCallError) in
    let mount = try sharedMemory(blueprint, partner)
    try mount.attach(to: folder("shm", in: devices))
  }
  try step("mounting /dev/mqueue") { () throws(SystemCallError) in
    // Of the ipc namespace that this process is in.
    let mount = try DetachedMount.make("mqueue", [], .inert)
    try mount.attach(to: folder("mqueue", in: devices))
  }
}

private func sharedMemory(_ blueprint: ContainerBlueprint, _ partner: CInt?)
  throws(SystemCallError) -> DetachedMount
{
  switch blueprint.sharing.ipc {
  case .none, .own, .shareable:
    let size = blueprint.resources.sharedMemory ?? 64 << 20
    return try DetachedMount.make("tmpfs", [("mode", "1777"), ("size", "\(size)")], .inert)
  case .host:
    let mount = try DetachedMount.copy(of: "/dev/shm")
    try mount.set(.inert)
    return mount
  case .container:
    guard let partner else { throw SystemCallError("setns", "ipc", .invalidArgument) }
    let mount = try partnersMemory(partner)
    try mount.set(.inert)
    return mount
  }
}

/// A copy of the mount at /dev/shm of the container whose first process `pidfd` is. A mount can be
/// copied only from inside of its namespace, so this process goes there and comes back.
private func partnersMemory(_ pidfd: CInt) throws(SystemCallError) -> DetachedMount {
  let home = try Descriptor.open("/proc/self/ns/mnt", O_RDONLY)
  let root = try Descriptor.open("/", O_PATH | O_DIRECTORY)
  try checking("setns", "mount") { berth_setns(pidfd, CLONE_NEWNS) }
  let result = Result { () throws(SystemCallError) in
    let place = try Descriptor.open("/", O_PATH | O_DIRECTORY).resolve(
      "dev/shm", O_PATH | O_DIRECTORY | O_NOFOLLOW,
      resolve: Int32(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS))
    let temporary = 0x0102_1994
    guard berth_filesystem_type(place.raw) == temporary else {
      throw SystemCallError("fstatfs", "/dev/shm", .invalidArgument)
    }
    return try DetachedMount.copy(of: place.raw).root.duplicate().release()
  }
  try checking("setns", "mount") { berth_setns(home.raw, CLONE_NEWNS) }
  try checking("fchdir", "/") { fchdir(root.raw) }
  try checking("chroot", "/") { chroot(".") }
  return DetachedMount(root: Descriptor(owning: try result.get()))
}
