// What every container finds below /proc, /dev and /sys. The folders of the image are only places
// to attach to: nodes and links are made on file systems of our own before anyone can see them.

import Blueprint
import Cgroups
import CLinux
import Glibc
import Linux
import SystemPackage

/// Handles that later steps need again; paths are never looked up twice.
struct SystemMounts: ~Copyable {
  let devices: DetachedMount
  let terminals: DetachedMount
}

private let readOnlyInert: DetachedMount.Flags = [.readOnly, .inert]

func mountSystem(_ request: LaunchRequest, in root: borrowing RootFolder) throws(LaunchFailure)
  -> SystemMounts
{
  let blueprint = request.blueprint
  let privileged = blueprint.security.privileged
  try step("mounting /proc") { () throws(SystemCallError) in
    try DetachedMount.make("proc", [], .inert).attach(to: place("proc", in: root))
  }
  try step("mounting /sys") { () throws(SystemCallError) in
    let system = try DetachedMount.make("sysfs", [], privileged ? .inert : readOnlyInert)
    try system.attach(to: place("sys", in: root))
    let cgroup = request.cgroup
    let isWritable = privileged || blueprint.security.writableCgroups
    try mountCgroups(
      blueprint.sharing.cgroup == .host ? cgroup.viewsOfHost : cgroup.views, below: system.root,
      readOnly: !isWritable)
  }
  let devices = try step("mounting /dev") { () throws(SystemCallError) in
    let mount = try DetachedMount.make(
      "tmpfs", [("mode", "755"), ("size", "65536k")],
      [.noSetuid, .noExecution, .strictAccessTime])
    try makeStandardNodes(in: mount.root)
    try mount.attach(to: place("dev", in: root))
    return mount
  }
  let terminals = try step("mounting /dev/pts") { () throws(SystemCallError) in
    let mount = try DetachedMount.make(
      "devpts", [("ptmxmode", "0666"), ("mode", "0620"), ("gid", "5")],
      [.noSetuid, .noExecution])
    try mount.attach(to: folder("pts", in: devices.root))
    return mount
  }
  try mountSharedMemory(blueprint, partner: request.partners.ipc?.raw, devices: devices.root)
  return SystemMounts(devices: devices, terminals: terminals)
}

/// An ordinary folder of the image, made when it lacks. A link in its place is refused: what is
/// mounted there must be where programs look for it.
private func place(_ name: String, in root: borrowing RootFolder) throws(SystemCallError)
  -> Descriptor
{
  if mkdirat(root.handle.raw, name, 0o755) != 0, Errno.current != .fileExists {
    throw SystemCallError("mkdir", "/" + name, .current)
  }
  return try root.handle.resolve(
    FilePath(name), O_PATH | O_DIRECTORY | O_NOFOLLOW,
    resolve: Int32(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS))
}

func folder(_ name: String, in parent: borrowing Descriptor) throws(SystemCallError)
  -> Descriptor
{
  try checking("mkdir", name) { [raw = parent.raw] in mkdirat(raw, name, 0o755) }
  return try parent.openChild(FilePath(name), O_PATH | O_DIRECTORY | O_NOFOLLOW)
}

private func makeStandardNodes(in devices: borrowing Descriptor) throws(SystemCallError) {
  let raw = devices.raw
  let nodes: [(String, UInt32, UInt32)] = [
    ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9),
    ("tty", 5, 0),
  ]
  for (name, major, minor) in nodes {
    try checking("mknod", "/dev/" + name) {
      mknodat(raw, name, S_IFCHR | 0o666, gnu_dev_makedev(major, minor))
    }
  }
  let links = [
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
  ]
  for (name, target) in links {
    try checking("symlink", "/dev/" + name) { symlinkat(target, raw, name) }
  }
}

/// Shows the container's own groups, and no others, below /sys/fs/cgroup.
private func mountCgroups(
  _ views: [CgroupView], below system: borrowing Descriptor, readOnly: Bool
) throws(SystemCallError) {
  guard !views.isEmpty else { return }
  let flags: DetachedMount.Flags = readOnly ? readOnlyInert : .inert
  let target = try system.openChild("fs/cgroup", O_PATH | O_DIRECTORY)
  if views.count == 1, views[0].name.isEmpty {
    let view = try DetachedMount.copy(of: views[0].folder)
    try view.set(flags)
    try view.attach(to: target)
    return
  }
  let base = try DetachedMount.make("tmpfs", [("mode", "755")], .inert)
  try base.attach(to: target)
  for view in views {
    let name = view.name.isEmpty ? "unified" : view.name
    let place = try folder(name, in: base.root)
    let mount = try DetachedMount.copy(of: view.folder)
    try mount.set(flags)
    try mount.attach(to: place)
    for single in name.split(separator: ",") where name.contains(",") {
      try checking("symlink", name) { [raw = base.root.raw] in
        symlinkat(name, raw, String(single))
      }
    }
  }
  if readOnly { try base.set(.readOnly) }
}
