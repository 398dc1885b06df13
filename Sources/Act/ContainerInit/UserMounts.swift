// Binds, volumes, images and tmpfs of the user. Sources become handles while the host's tree is
// still the root; targets are looked up once, below the container's root; flags are set before
// attaching.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// A mount with its source held; a tmpfs has none.
struct PreparedMount {
  let step: MountStep
  var source: SharedDescriptor?
  /// Set right before it is attached: what is filled from the image must be writable until then.
  var flags: DetachedMount.Flags = []
  var filling: VolumeFilling?
  var memory: MemoryVolume?
}

extension MountStep {
  var label: String {
    switch self {
    case .volume(let name, _, _, _, _, _, _): "mounting volume `\(name)`"
    case .bind(let source, let target, _, _, _, _, _):
      "mounting `\(source.text)` on `\(target.text)`"
    case .tmpfs(let target, _, _, _): "mounting tmpfs on `\(target.text)`"
    case .image(_, _, let target, _): "mounting an image on `\(target.text)`"
    }
  }
}

/// Attaches all, in their order.
///
/// - Parameter owners: what shows files of a bind as the container's user's; nil when none asks.
func attach(_ mounts: [PreparedMount], owners: OwnerMapping?, in root: borrowing RootFolder)
  throws(LaunchFailure)
{
  var memories: [String: SharedDescriptor] = [:]
  for mount in mounts {
    var mount = mount
    // The same memory at a second place: a copy of what is attached by now.
    if let name = mount.step.volumeName, let first = memories[name], mount.source == nil {
      mount.source = try step(mount.step.label) { () throws(SystemCallError) in
        SharedDescriptor(try DetachedMount.copy(of: first.raw).root.duplicate())
      }
    }
    if case .bind(_, _, _, _, _, _, let owner?) = mount.step, let source = mount.source {
      try owners?.apply(owner, to: source.raw, mount.step.label)
    }
    try attach(mount, in: root)
    if mount.memory != nil, let name = mount.step.volumeName { memories[name] = mount.source }
  }
}

/// Attaches one mount below `root`.
private func attach(_ mount: PreparedMount, in root: borrowing RootFolder) throws(LaunchFailure) {
  let target = mount.step.target
  try refuseTarget(target, mount.step.label)
  guard let source = mount.source else {
    try attachTmpfs(mount.step, in: root)
    return
  }
  let handle = try step(mount.step.label) { () throws(SystemCallError) in
    let mode = try status(of: source.raw).st_mode
    return try root.ensure(target.path, mode & S_IFMT == S_IFDIR ? .folder : .file)
  }
  try refuse(handle, target, mount.step.label, in: root)
  if let filling = mount.filling {
    try step("filling volume from `\(target.text)`") { () throws(SystemCallError) in
      try filling.fill(from: handle)
    }
  }
  try step(mount.step.label) { () throws(SystemCallError) in
    if !mount.flags.isEmpty { try setMountFlags(source.raw, mount.flags) }
    try attachMount(source.raw, to: handle)
  }
}

// MARK: - Targets that are refused

/// Files of /proc that file systems like lxcfs may stand in for.
private let allowedBelowProc: Set<String> = [
  "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps",
  "/proc/uptime", "/proc/loadavg", "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid",
  "/proc/sys/crypto/fips_enabled",
]

private func refuseTarget(_ target: Bytes, _ stage: String) throws(LaunchFailure) {
  let path = target.path.lexicallyNormalized()
  let text = path.string
  if !path.isAbsolute || path.components.isEmpty {
    throw LaunchFailure(stage: stage, message: "`\(target.text)` cannot be a mount target")
  }
  if text == "/proc" || text == "/sys"
    || text.hasPrefix("/proc/") && !allowedBelowProc.contains(text)
  {
    throw LaunchFailure(
      stage: stage, message: "`\(target.text)` cannot be a mount target: it is the kernel's")
  }
}

/// The same for what links of the image have made of a harmless name.
private func refuse(
  _ handle: borrowing Descriptor, _ target: Bytes, _ stage: String,
  in root: borrowing RootFolder
) throws(LaunchFailure) {
  let procMagic = 0x9fa0
  if berth_filesystem_type(handle.raw) == procMagic,
    !allowedBelowProc.contains(target.path.lexicallyNormalized().string)
  {
    throw LaunchFailure(
      stage: stage, message: "`\(target.text)` leads into /proc in this image")
  }
  let isRoot = try step(stage) { () throws(SystemCallError) in
    let (here, top) = (try handle.status(), try root.handle.status())
    return here.st_dev == top.st_dev && here.st_ino == top.st_ino
  }
  if isRoot {
    throw LaunchFailure(stage: stage, message: "`\(target.text)` leads to `/` in this image")
  }
}

// MARK: - tmpfs

private func attachTmpfs(_ mount: MountStep, in root: borrowing RootFolder)
  throws(LaunchFailure)
{
  guard case .tmpfs(let target, let size, let mode, let options) = mount else { return }
  let handle = try step(mount.label) { () throws(SystemCallError) in
    try root.ensure(target.path, .folder)
  }
  try refuse(handle, target, mount.label, in: root)
  try step(mount.label) { () throws(SystemCallError) in
    var flags: DetachedMount.Flags = .inert
    var settings: [(String, String)] = []
    if let size { settings.append(("size", "\(size)")) }
    settings.append(("mode", String(mode ?? 0o1777, radix: 8)))
    for option in options where !flags.apply(option) {
      let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw SystemCallError("mount", "tmpfs option \(option)", .invalidArgument)
      }
      settings.removeAll { $0.0 == parts[0] }
      settings.append((parts[0], parts[1]))
    }
    try DetachedMount.make("tmpfs", settings, flags).attach(to: handle)
  }
}

extension DetachedMount.Flags {
  /// Changes the flags as a word of mount(8) says; false when it is a word of something else.
  mutating func apply(_ option: String) -> Bool {
    switch option {
    case "ro": insert(.readOnly)
    case "rw": remove(.readOnly)
    case "noexec": insert(.noExecution)
    case "exec": remove(.noExecution)
    case "nosuid": insert(.noSetuid)
    case "suid": remove(.noSetuid)
    case "nodev": insert(.noDevices)
    case "dev": remove(.noDevices)
    case "noatime": insert(.noAccessTime)
    case "strictatime": insert(.strictAccessTime)
    case "nodiratime": insert(.noFolderAccessTime)
    case "relatime", "atime", "diratime": subtract([.noAccessTime, .strictAccessTime])
    default: return false
    }
    return true
  }
}
