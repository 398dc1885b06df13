// Binds, volumes and tmpfs of the user. Sources become handles while the host's tree is still the
// root; targets are looked up once, below the container's root; flags are set before attaching.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// A mount with its source held; tmpfs has none.
struct PreparedMount {
  let step: MountStep
  let source: SharedDescriptor?
}

extension MountStep {
  var label: String {
    switch self {
    case .volume(let name, _, _, _, _): "mounting volume `\(name)`"
    case .bind(let source, let target, _, _, _): "mounting `\(source.text)` on `\(target.text)`"
    case .tmpfs(let target, _, _, _): "mounting tmpfs on `\(target.text)`"
    }
  }
}

/// Copies the source trees into descriptors. To be called before the mount tree is made private:
/// sources with propagation keep their peers.
func prepareMounts(_ steps: [MountStep]) throws(LaunchFailure) -> [PreparedMount] {
  var prepared: [PreparedMount] = []
  for mount in steps {
    switch mount {
    case .tmpfs:
      prepared.append(PreparedMount(step: mount, source: nil))
    case .volume(_, let source, _, let readOnly, _):
      let tree = try step(mount.label) { () throws(SystemCallError) in
        try sourceTree(source.path, readOnly: readOnly, propagation: nil, create: false)
      }
      prepared.append(PreparedMount(step: mount, source: tree))
    case .bind(let source, _, let readOnly, let create, let propagation):
      do throws(SystemCallError) {
        let tree = try sourceTree(
          source.path, readOnly: readOnly, propagation: propagation, create: create)
        prepared.append(PreparedMount(step: mount, source: tree))
      } catch  where error.errno == .noSuchFileOrDirectory {
        throw LaunchFailure(
          stage: mount.label, errno: error.errno,
          message: "bind source path does not exist: \(source.text)")
      } catch {
        throw LaunchFailure(mount.label, error)
      }
    }
  }
  return prepared
}

private func sourceTree(
  _ path: FilePath, readOnly: Bool, propagation: String?, create: Bool
) throws(SystemCallError) -> SharedDescriptor {
  if create, path.withPlatformString({ access($0, F_OK) }) != 0,
    Errno.current == .noSuchFileOrDirectory
  {
    try makeFolders(path, mode: 0o755)
  }
  let source = try Descriptor.open(path, O_PATH)
  let tree = try DetachedMount.copy(of: source.raw, recursive: true)
  // 0 leaves the copy a peer of its source.
  let kind: UInt64 =
    switch propagation {
    case "shared", "rshared": 0
    case "slave", "rslave": UInt64(MS_SLAVE)
    default: UInt64(MS_PRIVATE)
    }
  try tree.set(readOnly ? .readOnly : [], propagation: kind, recursive: true)
  return SharedDescriptor(try tree.root.duplicate())
}

/// Attaches one mount below `root`.
func attach(_ mount: PreparedMount, in root: borrowing RootFolder) throws(LaunchFailure) {
  let target = mount.step.target
  try refuseTarget(target, mount.step.label)
  guard let source = mount.source else {
    try attachTmpfs(mount.step, in: root)
    return
  }
  let handle = try step(mount.step.label) { () throws(SystemCallError) in
    let status = try sourceStatus(source)
    return try root.ensure(target.path, status.st_mode & S_IFMT == S_IFDIR ? .folder : .file)
  }
  try refuse(handle, target, mount.step.label, in: root)
  if case .volume(_, let folder, _, _, fillFromImage: true) = mount.step {
    try step("filling volume from `\(target.text)`") { () throws(SystemCallError) in
      try fillVolume(folder.path, from: handle)
    }
  }
  try step(mount.step.label) { () throws(SystemCallError) in
    try attachMount(source.raw, to: handle)
  }
}

private func sourceStatus(_ source: SharedDescriptor) throws(SystemCallError) -> stat {
  var status = stat()
  try checking("fstat") { fstat(source.raw, &status) }
  return status
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
    for option in options {
      try apply(option, &flags, &settings)
    }
    try DetachedMount.make("tmpfs", settings, flags).attach(to: handle)
  }
}

/// Of mount(8): what a tmpfs may be told in a compose file.
private func apply(
  _ option: String, _ flags: inout DetachedMount.Flags, _ settings: inout [(String, String)]
) throws(SystemCallError) {
  switch option {
  case "ro": flags.insert(.readOnly)
  case "rw": flags.remove(.readOnly)
  case "noexec": flags.insert(.noExecution)
  case "exec": flags.remove(.noExecution)
  case "nosuid": flags.insert(.noSetuid)
  case "suid": flags.remove(.noSetuid)
  case "nodev": flags.insert(.noDevices)
  case "dev": flags.remove(.noDevices)
  default:
    let parts = option.split(separator: "=", maxSplits: 1)
    let known = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "huge", "mpol"]
    guard parts.count == 2, known.contains(String(parts[0])) else {
      throw SystemCallError("mount", "tmpfs option \(option)", .invalidArgument)
    }
    settings.removeAll { $0.0 == parts[0] }
    settings.append((String(parts[0]), String(parts[1])))
  }
}
