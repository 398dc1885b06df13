// Where the user's mounts come from: paths of the host, images, and file systems of their own.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// Copies what lies on the host into descriptors. To be called before the mount tree is made
/// private: sources with propagation keep their peers.
///
/// - Parameter volumes: file systems of volumes by name, which the shim has made.
func prepareMounts(_ steps: [MountStep], volumes: [String: SharedDescriptor])
  throws(LaunchFailure) -> [PreparedMount]
{
  var prepared: [PreparedMount] = []
  for mount in steps {
    switch mount {
    case .tmpfs, .image:
      prepared.append(PreparedMount(step: mount))
    case .bind:
      prepared.append(PreparedMount(step: mount, source: try bindTree(mount)))
    case .volume:
      prepared.append(try prepareVolume(mount, volumes))
    }
  }
  return prepared
}

private func prepareVolume(_ mount: MountStep, _ volumes: [String: SharedDescriptor])
  throws(LaunchFailure) -> PreparedMount
{
  guard
    case .volume(let name, let source, _, let readOnly, let fills, let subpath, let driver) =
      mount
  else { return PreparedMount(step: mount) }
  var prepared = PreparedMount(step: mount)
  if let driver { prepared.flags = driver.flags }
  if readOnly { prepared.flags.insert(.readOnly) }
  // Memory is looked for among the containers that have it, when the mount tree is our own.
  if driver?.isMemory == true { return prepared }
  let record = source.path.removingLastComponent()
  if let driver, !driver.isBind {
    // A tree for each target: of the shim's, what is attached once cannot be attached again.
    guard let tree = volumes[mount.treeName] else {
      throw LaunchFailure(stage: mount.label, message: "its file system was not mounted")
    }
    prepared.source = tree
    if fills, subpath == nil, !driver.options.contains("ro") {
      prepared.filling = try step(mount.label) { () throws(SystemCallError) in
        try VolumeFilling(record: record, target: tree, isLasting: true)
      }
    }
    return prepared
  }
  let folder = driver?.device.path ?? source.path
  let place = SharedDescriptor(try openSource(folder, subpath, of: name, mount.label))
  prepared.source = try step(mount.label) { () throws(SystemCallError) in
    let tree = try DetachedMount.copy(
      of: place.raw, recursive: driver.map { $0.options.contains("rbind") } ?? true)
    try tree.set([], propagation: UInt64(MS_PRIVATE), recursive: true)
    return SharedDescriptor(try tree.root.duplicate())
  }
  let isFolder = try step(mount.label) { () throws(SystemCallError) in
    try status(of: place.raw).st_mode & S_IFMT == S_IFDIR
  }
  if fills, subpath == nil, isFolder {
    prepared.filling = try step(mount.label) { () throws(SystemCallError) in
      try VolumeFilling(record: record, target: place, isLasting: true)
    }
  }
  return prepared
}

private func openSource(_ folder: FilePath, _ subpath: Bytes?, of name: String, _ label: String)
  throws(LaunchFailure) -> Descriptor
{
  let top = try step(label) { () throws(SystemCallError) in
    try Descriptor.open(folder, O_PATH)
  }
  guard let subpath else { return top }
  return try open(subpath, below: top, called: "volume `\(name)`", label)
}

/// What links with an absolute path mean below a folder: nothing of it, or that it is the root.
enum AbsoluteLinks {
  case leadOut
  case leadInside
}

/// What is at `subpath` below `top`, which it may not leave, be it by links.
func open(
  _ subpath: Bytes, below top: borrowing Descriptor, called owner: String, _ label: String,
  absoluteLinks: AbsoluteLinks = .leadOut
) throws(LaunchFailure) -> Descriptor {
  let bound =
    switch absoluteLinks {
    case .leadOut: RESOLVE_BENEATH
    case .leadInside: RESOLVE_IN_ROOT
    }
  do throws(SystemCallError) {
    return try top.resolve(
      subpath.path, O_PATH, resolve: Int32(bound | RESOLVE_NO_MAGICLINKS))
  } catch {
    let reason =
      switch error.errno {
      case .noSuchFileOrDirectory, .notDirectory: "`\(subpath.text)` is not in \(owner)"
      case .improperLink: "`\(subpath.text)` leads out of \(owner)"
      default: "`\(subpath.text)` in \(owner): \(error.errno.text)"
      }
    throw LaunchFailure(stage: label, errno: error.errno, message: reason)
  }
}

// MARK: - Binds

private func bindTree(_ mount: MountStep) throws(LaunchFailure) -> SharedDescriptor? {
  guard
    case .bind(let source, _, let readOnly, let create, let propagation, let recursion, let owner) =
      mount
  else { return nil }
  let place: SharedDescriptor
  do throws(SystemCallError) {
    place = SharedDescriptor(try openBind(source.path, create: create, for: owner))
  } catch {
    guard error.errno == .noSuchFileOrDirectory else { throw LaunchFailure(mount.label, error) }
    throw LaunchFailure(
      stage: mount.label, errno: error.errno,
      message: "bind source path does not exist: \(source.text)")
  }
  if let propagation { try checkPeers(of: place.raw, source, propagation, mount.label) }
  return try step(mount.label) { () throws(SystemCallError) in
    let takesAll = recursion != .disabled
    let tree = try DetachedMount.copy(of: place.raw, recursive: takesAll)
    // 0 leaves the copy a peer of its source.
    let kind: UInt64 =
      switch propagation {
      case "shared", "rshared": 0
      case "slave", "rslave": UInt64(MS_SLAVE)
      default: UInt64(MS_PRIVATE)
      }
    if kind != 0 { try tree.set([], propagation: kind, recursive: true) }
    if readOnly { try tree.set(.readOnly, recursive: takesAll && recursion != .writable) }
    return SharedDescriptor(try tree.root.duplicate())
  }
}

/// A folder that is made belongs to whom its files will belong to.
private func openBind(_ path: FilePath, create: Bool, for owner: OwnerMap?)
  throws(SystemCallError) -> Descriptor
{
  if create, path.withPlatformString({ access($0, F_OK) }) != 0,
    Errno.current == .noSuchFileOrDirectory
  {
    try makeFolders(path, mode: 0o755)
    if let user = owner?.user {
      let made = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
      try checking("fchown", path.string) { fchown(made.raw, user, owner?.group ?? gid_t.max) }
    }
  }
  return try Descriptor.open(path, O_PATH)
}

/// What is to be passed on needs a source whose own mount passes it on: else nothing would ever
/// happen, and nobody would know why.
private func checkPeers(
  of place: CInt, _ source: Bytes, _ propagation: String, _ label: String
) throws(LaunchFailure) {
  let isShared = propagation.hasSuffix("shared")
  guard isShared || propagation.hasSuffix("slave") else { return }
  let words = try step(label) { () throws(SystemCallError) in
    try propagationOfMount(holding: place)
  }
  let isShareable = words.contains { $0.hasPrefix("shared:") }
  if isShareable || !isShared && words.contains(where: { $0.hasPrefix("master:") }) { return }
  throw LaunchFailure(
    stage: label,
    message: "`\(source.text)` is not on a shared\(isShared ? "" : " or slave") mount, so it "
      + "cannot be mounted as \(propagation)")
}

/// The optional fields of the mount's line in mountinfo: `shared:7`, `master:3`.
private func propagationOfMount(holding place: CInt) throws(SystemCallError)
  -> [String]
{
  let limit = 16 << 20
  let information = try Descriptor.open(FilePath("/proc/self/fdinfo/\(place)"), O_RDONLY)
    .readAll(limit: 1 << 16)
  let identifier = String(decoding: information, as: UTF8.self).split(separator: "\n")
    .first { $0.hasPrefix("mnt_id:") }?.dropFirst("mnt_id:".count).filter {
      $0 != "\t" && $0 != " "
    }
  guard let identifier else { return [] }
  let table = try Descriptor.open("/proc/self/mountinfo", O_RDONLY).readAll(limit: limit)
  for line in table.split(separator: UInt8(ascii: "\n")) {
    let fields = line.split(separator: UInt8(ascii: " "))
    guard fields.count > 6, fields[0].elementsEqual(identifier.utf8) else { continue }
    return fields[6...].prefix { !$0.elementsEqual("-".utf8) }
      .map { String(decoding: $0, as: UTF8.self) }
  }
  return []
}

func status(of raw: CInt) throws(SystemCallError) -> stat {
  var status = stat()
  try checking("fstat") { fstat(raw, &status) }
  return status
}
