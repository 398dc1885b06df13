// Writes the members of one layer into an empty folder. Every parent is resolved below that folder's
// handle, links are never followed, and only berth writes whiteouts and overlay attributes.

import Archive
import CLinux
import Glibc
import Linux
import SystemPackage

/// Kinds of files in a mode, inode(7).
private enum Type {
  static let mask: mode_t = 0o170000
  static let fifo: mode_t = 0o010000
  static let character: mode_t = 0o020000
  static let folder: mode_t = 0o040000
  static let block: mode_t = 0o060000
}

final class LayerUnpacker: TarVisitor {
  private static let cachedFolders = 256
  /// For the names of implied folders: a hundred thousand of them.
  private static let impliedLimit = 16 << 20

  private let root: SharedDescriptor
  /// Bytes of content that may be written.
  private let limit: UInt64
  private(set) var written: UInt64 = 0

  private var folders: [[UInt8]: SharedDescriptor] = [:]
  private var lastParent: [UInt8]?
  private var lastFolder: SharedDescriptor
  private var folderTimes: FolderTimes
  /// Folders that the archive names only as parents of others, with the root as the empty path.
  private(set) var impliedFolders: Set<[UInt8]> = [[]]
  private var impliedBytes = 0

  private var file: SharedDescriptor?
  private var entry: TarEntry?
  private var fileEnd: UInt64 = 0

  /// - Parameter folder: empty, and written to by nobody else.
  init(_ folder: FilePath, limit: UInt64) throws {
    root = SharedDescriptor(
      try Descriptor.open(folder, CLinux.O_PATH | O_DIRECTORY | O_NOFOLLOW))
    lastFolder = root
    folderTimes = try FolderTimes(beside: root)
    self.limit = limit
  }

  func begin(_ entry: TarEntry) throws {
    let path = try LayerPath(entry.path)
    self.entry = nil
    switch path.role {
    case .ignored: return
    case .opaque: return try setOpaque(path.parent)
    case .whiteout(let hidden): return try hide(hidden, in: try folder(path.parent))
    case .plain: break
    }
    if path.isRoot {
      guard entry.kind == .directory else {
        throw UnpackFault.refused(entry.path, "the root must be a folder")
      }
      return try finishFolder(try reopen(root, Array(".".utf8)), entry, path: [])
    }
    let parent = try folder(path.parent)
    switch entry.kind {
    case .file: try beginFile(entry, parent, path)
    case .directory: try makeFolder(entry, parent, path)
    case .hardLink: try link(entry, parent, path)
    case .symbolicLink: try symbolicLink(entry, parent, path)
    case .characterDevice, .blockDevice, .fifo: try makeNode(entry, parent, path)
    }
  }

  func data(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
    guard let file else { return }
    written += UInt64(bytes.count)
    guard written <= limit else { throw UnpackFault.tooLarge(limit: limit) }
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        file.raw, bytes.baseAddress.map { $0 + done }, bytes.count - done, Int(offset) + done)
      if count >= 0 {
        done += count
      } else if Errno.current != .interrupted {
        throw failure("pwrite")
      }
    }
    fileEnd = offset + UInt64(bytes.count)
  }

  func end() throws {
    guard let file, let entry else { return }
    if entry.size > fileEnd, ftruncate(file.raw, Int(entry.size)) != 0 {
      throw failure("ftruncate")
    }
    try setMetadata(file.raw, entry)
    self.file = nil
    self.entry = nil
  }

  /// Call when the archive is complete: sets what later members would have changed.
  func finish() throws {
    try folderTimes.replay { path, time in
      // Later members may have put something else in its place.
      guard let folder = path.isEmpty ? root : try open(path) else { return }
      try setTime(folder, Array(".".utf8), time)
    }
    folders = [:]
  }
}

// MARK: - Folders

extension LayerUnpacker {
  /// The handle of a folder of this layer, made if the archive did not name it before.
  private func folder(_ path: [UInt8]) throws -> SharedDescriptor {
    if path == lastParent { return lastFolder }
    let folder: SharedDescriptor
    if path.isEmpty {
      folder = root
    } else if let known = folders[path] {
      folder = known
    } else {
      folder = try openFolder(path)
      if folders.count >= Self.cachedFolders { folders.removeAll(keepingCapacity: true) }
      folders[path] = folder
    }
    lastParent = path
    lastFolder = folder
    return folder
  }

  private func openFolder(_ path: [UInt8]) throws -> SharedDescriptor {
    if let folder = try open(path) { return folder }
    switch Errno.current {
    case .noSuchFileOrDirectory: return try implyFolder(path)
    case .notDirectory: if let folder = try replaceWhiteout(path) { return folder }
    default: break
    }
    throw UnpackFault.refused(path, "it is reached through a link or a file")
  }

  /// Nil, with errno, when there is no such folder, or only through a link.
  private func open(_ path: [UInt8]) throws -> SharedDescriptor? {
    let flags = UInt64(CLinux.O_PATH | O_DIRECTORY | O_CLOEXEC)
    let resolve = UInt64(
      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
    while true {
      let raw = cString(path) { berth_openat2(root.raw, $0, flags, 0, resolve) }
      if raw >= 0 { return SharedDescriptor(Descriptor(owning: CInt(raw))) }
      switch Errno.current {
      case .interrupted, .resourceTemporarilyUnavailable: continue
      case .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels: return nil
      default: throw failure("openat2")
      }
    }
  }

  /// Makes a folder that the archive does not name itself.
  private func implyFolder(_ path: [UInt8]) throws -> SharedDescriptor {
    let parts = try LayerPath(path)
    let parent = try folder(parts.parent)
    guard cString(parts.name, { mkdirat(parent.raw, $0, 0o755) }) == 0 else {
      throw failure("mkdirat")
    }
    let made = try reopen(parent, parts.name)
    guard fchmod(made.raw, 0o755) == 0 else { throw failure("fchmod") }
    impliedBytes += path.count + 64
    guard impliedBytes <= Self.impliedLimit else {
      throw ArchiveFault.tooMuch(
        "bytes of names of folders without an entry", limit: Self.impliedLimit)
    }
    impliedFolders.insert(path)
    return made
  }

  /// A folder in place of a whiteout that this layer wrote before: it hides what was below. Nil when
  /// something else stands there.
  private func replaceWhiteout(_ path: [UInt8]) throws -> SharedDescriptor? {
    let parts = try LayerPath(path)
    let parent = try folder(parts.parent)
    var status = stat()
    guard cString(parts.name, { fstatat(parent.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else {
      // Its parent was the whiteout, and is a folder now.
      return Errno.current == .noSuchFileOrDirectory ? try implyFolder(path) : nil
    }
    guard isWhiteout(status) else { return nil }
    try clear(parent, parts.name)
    let made = try implyFolder(path)
    try markOpaque(made)
    return made
  }

  private func reopen(_ parent: SharedDescriptor, _ name: [UInt8]) throws -> SharedDescriptor {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let raw = cString(name) { openat(parent.raw, $0, flags) }
    guard raw >= 0 else { throw failure("openat") }
    return SharedDescriptor(Descriptor(owning: raw))
  }

  private func makeFolder(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: LayerPath) throws {
    var hidesLower = false
    if cString(path.name, { mkdirat(parent.raw, $0, 0o700) }) != 0 {
      guard Errno.current == .fileExists else { throw failure("mkdirat") }
      let status = try self.status(parent, path.name)
      if status.st_mode & Type.mask != Type.folder {
        hidesLower = isWhiteout(status)
        try clear(parent, path.name)
        guard cString(path.name, { mkdirat(parent.raw, $0, 0o700) }) == 0 else {
          throw failure("mkdirat")
        }
      }
    }
    let made = try reopen(parent, path.name)
    if hidesLower { try markOpaque(made) }
    try finishFolder(made, entry, path: path.bytes)
  }

  private func finishFolder(_ folder: SharedDescriptor, _ entry: TarEntry, path: [UInt8]) throws {
    try setMetadata(folder.raw, entry)
    try folderTimes.note(path, entry.modified)
    impliedFolders.remove(path)
  }
}

// MARK: - Files, links and nodes

extension LayerUnpacker {
  private func beginFile(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: LayerPath) throws {
    let raw = try replacing(parent, path.name) {
      openat(parent.raw, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    }
    file = SharedDescriptor(Descriptor(owning: raw))
    fileEnd = 0
    self.entry = entry
  }

  private func symbolicLink(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: LayerPath) throws
  {
    guard !entry.target.isEmpty, !entry.target.contains(0) else {
      throw UnpackFault.refused(entry.path, "its target is empty or holds a NUL")
    }
    try replacing(parent, path.name) { name in
      cString(entry.target) { symlinkat($0, parent.raw, name) }
    }
    try setOwner(parent, path.name, entry)
    try setTime(parent, path.name, entry.modified)
  }

  private func link(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: LayerPath) throws {
    let target = try LayerPath(entry.target)
    guard target.role == .plain, !target.isRoot else {
      throw UnpackFault.refused(entry.path, "it is a hard link to something that is no file")
    }
    guard target.bytes != path.bytes else { return }
    let source = try folder(target.parent)
    var status = stat()
    guard cString(target.name, { fstatat(source.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0,
      status.st_mode & Type.mask != Type.folder, !isWhiteout(status)
    else { throw UnpackFault.refused(entry.path, "its hard link's target is not in this layer") }
    try replacing(parent, path.name) { name in
      cString(target.name) { linkat(source.raw, $0, parent.raw, name, 0) }
    }
  }

  private func makeNode(_ entry: TarEntry, _ parent: SharedDescriptor, _ path: LayerPath) throws {
    var type = Type.fifo
    var device: dev_t = 0
    if entry.kind != .fifo {
      guard entry.kind == .blockDevice || entry.major != 0 || entry.minor != 0 else {
        throw UnpackFault.refused(entry.path, "device 0:0 is how overlayfs marks a whiteout")
      }
      guard entry.major < 1 << 12, entry.minor < 1 << 20 else {
        throw UnpackFault.refused(entry.path, "its device number is out of range")
      }
      type = entry.kind == .blockDevice ? Type.block : Type.character
      device = berth_makedev(entry.major, entry.minor)
    }
    try replacing(parent, path.name) { mknodat(parent.raw, $0, type | 0o600, device) }
    try setOwner(parent, path.name, entry)
    // Just made, and nobody else writes here: there is no link to follow.
    guard cString(path.name, { fchmodat(parent.raw, $0, entry.mode, 0) }) == 0 else {
      throw failure("fchmodat")
    }
    try setTime(parent, path.name, entry.modified)
  }

  /// Runs a call that makes `name`; what stands in its way from earlier in this layer is removed.
  @discardableResult
  private func replacing(
    _ parent: SharedDescriptor, _ name: [UInt8], _ make: (UnsafePointer<CChar>) -> CInt
  ) throws -> CInt {
    var result = cString(name, make)
    if result < 0, Errno.current == .fileExists {
      try clear(parent, name)
      result = cString(name, make)
    }
    if result < 0 { throw failure("making a member") }
    return result
  }

  private func clear(_ parent: SharedDescriptor, _ name: [UInt8]) throws {
    if cString(name, { unlinkat(parent.raw, $0, 0) }) == 0 { return }
    // A folder: handles to it and to what is below must go before it does.
    folders = [:]
    lastParent = nil
    try removeFolder(parent, name)
  }

  private func removeFolder(_ parent: SharedDescriptor, _ name: [UInt8]) throws {
    let path = cString(name) { FilePath(platformString: $0) }
    guard let component = path.lastComponent else { throw failure("unlinkat") }
    let handle = cString(Array(".".utf8)) {
      openat(parent.raw, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    guard handle >= 0 else { throw failure("openat") }
    try removeTree(component, in: Descriptor(owning: handle))
  }

  func status(_ parent: SharedDescriptor, _ name: [UInt8]) throws -> stat {
    var status = stat()
    guard cString(name, { fstatat(parent.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else {
      throw failure("fstatat")
    }
    return status
  }
}

// MARK: - Failures

extension LayerUnpacker {
  func failure(_ call: String) -> any Error {
    let reason = Errno.current
    if reason == .noSpace || reason == Errno(rawValue: EDQUOT) {
      return UnpackFault.noSpace(written: written)
    }
    return SystemCallError(call, "", reason)
  }
}

// MARK: - Whiteouts

extension LayerUnpacker {
  private func isWhiteout(_ status: stat) -> Bool {
    status.st_mode & Type.mask == Type.character && status.st_rdev == 0
  }

  /// Hides a name of the layers below. What this layer itself has under the name stays.
  private func hide(_ name: [UInt8], in parent: SharedDescriptor) throws {
    if cString(name, { mknodat(parent.raw, $0, Type.character | 0o600, 0) }) == 0 { return }
    guard Errno.current == .fileExists else { throw failure("mknodat") }
    if try status(parent, name).st_mode & Type.mask == Type.folder {
      try markOpaque(try reopen(parent, name))
    }
  }

  private func setOpaque(_ path: [UInt8]) throws {
    if path.isEmpty { return try markOpaque(try reopen(root, Array(".".utf8))) }
    let parts = try LayerPath(path)
    _ = try folder(path)
    try markOpaque(try reopen(try folder(parts.parent), parts.name))
  }

  private func markOpaque(_ folder: SharedDescriptor) throws {
    guard fsetxattr(folder.raw, "trusted.overlay.opaque", "y", 1, 0) == 0 else {
      throw failure("fsetxattr")
    }
  }
}
