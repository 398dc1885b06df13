// A tar stream written below a folder, by handles: no link is followed, nothing is written elsewhere,
// whatever the archive says and whatever changes below the folder meanwhile.

package import Archive
import CLinux
import Glibc
import Linux
import SystemPackage

package final class TreeWriter: TarVisitor {
  /// Whose the files become.
  package enum Owner: Hashable, Sendable {
    case asArchived
    case fixed(uid: UInt32, gid: UInt32)
  }

  /// What is not to be had from an archive: on the host a device of a container is still a device, and
  /// a program that becomes another user still does.
  package enum Trust: Hashable, Sendable {
    case everything
    case plain(keepsSetIDs: Bool)
  }

  /// What is in the way of something of another kind.
  package enum Obstacles: Sendable {
    /// It stays, and that is an error.
    case refused
    /// It goes, folders with all that is in them. A link that an entry's folder turns out to be is
    /// followed, as if the folder that is written to were the root.
    case replaced
  }

  private struct FolderTime {
    var path: [UInt8]
    var time: TarTime
  }

  private let tree: CopyTree
  private let folder: SharedDescriptor
  private let owner: Owner
  private let trust: Trust
  private let obstacles: Obstacles
  private var lastParent: [UInt8]?
  private var lastFolder: SharedDescriptor
  private var file: Descriptor?
  private var entry: TarEntry?
  private var folderTimes: [FolderTime] = []
  /// Devices that were left out.
  package private(set) var leftOut = 0
  /// Whether folders were taken away.
  package private(set) var hasReplacedFolders = false

  package init(
    _ tree: CopyTree, into target: CopyTarget, owner: Owner, trust: Trust,
    obstacles: Obstacles = .refused
  ) {
    self.tree = tree
    folder = target.folder
    lastFolder = target.folder
    self.owner = owner
    self.trust = trust
    self.obstacles = obstacles
  }

  package func begin(_ entry: TarEntry) throws {
    self.entry = nil
    let names = try names(of: entry.path)
    guard let name = names.last else { return }  // the folder itself, which is there
    let parent = try parent(names.dropLast())
    try clear(name, in: parent, for: entry)
    switch entry.kind {
    case .directory: try makeFolder(name, in: parent, entry, names)
    case .file: try beginFile(name, in: parent, entry)
    case .symbolicLink:
      try on(entry, "symlink") {
        cString(entry.target) { target in cString(name) { symlinkat(target, parent.raw, $0) } }
      }
      try settle(name, in: parent, entry)
    case .hardLink: try link(name, in: parent, entry)
    case .fifo: try node(name, in: parent, entry, type: 0o010000)
    case .characterDevice, .blockDevice:
      guard trust == .everything else { leftOut += 1; return }
      try node(name, in: parent, entry, type: entry.kind == .blockDevice ? 0o060000 : 0o020000)
    }
  }

  package func data(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
    guard let raw = file?.raw, let entry else { return }
    var done = 0
    while done < bytes.count {
      done += try retrying("write", tree.shown(entry.path)) {
        pwrite(
          raw, bytes.baseAddress.map { $0 + done }, bytes.count - done, Int(offset) + done)
      }
    }
  }

  package func end() throws {
    guard let raw = file?.raw, let entry else { return }
    try on(entry, "ftruncate") { ftruncate(raw, Int(entry.size)) }
    let (uid, gid) = ids(entry)
    try on(entry, "fchown") { fchown(raw, uid, gid) }
    try on(entry, "fchmod") { fchmod(raw, mode(entry)) }
    // Behind the change of owner, which takes them away.
    for attribute in entry.attributes where keepsCapabilities {
      guard attribute.name == Array(capabilityAttribute.utf8) else { continue }
      try on(entry, "fsetxattr") {
        attribute.value.withUnsafeBytes {
          fsetxattr(raw, capabilityAttribute, $0.baseAddress, $0.count, 0)
        }
      }
    }
    var times = times(entry.modified)
    try on(entry, "futimens") { futimens(raw, &times) }
    file = nil
    self.entry = nil
  }

  /// Call when the archive is complete: times of folders, which what was put into them has changed.
  package func finish() throws {
    for folder in folderTimes.reversed() {
      // Gone, or no folder any more: somebody else's doing.
      guard let handle = try? open(folder.path) else { continue }
      var times = times(folder.time)
      _ = cString(Array(".".utf8)) { utimensat(handle.raw, $0, &times, 0) }
    }
  }
}

// MARK: - Names

extension TreeWriter {
  /// The names of a path. Leading slashes and single dots mean nothing; what would lead up is refused.
  private func names(of path: [UInt8]) throws -> [[UInt8]] {
    let names = path.split(separator: UInt8(ascii: "/")).map(Array.init)
      .filter { $0 != Array(".".utf8) }
    guard !names.contains(Array("..".utf8)), !path.contains(0) else {
      throw CopyFault.badName(String(decoding: path, as: UTF8.self))
    }
    return names
  }

  private func open(_ path: [UInt8]) throws(SystemCallError) -> SharedDescriptor {
    if path.isEmpty { return folder }
    let way =
      switch obstacles {
      case .refused: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
      case .replaced: RESOLVE_IN_ROOT
      }
    return SharedDescriptor(
      try borrowed(folder).resolve(
        filePath(path), O_PATH | O_DIRECTORY, resolve: Int32(way | RESOLVE_NO_MAGICLINKS)))
  }

  /// The folder of these names, made where the archive has left it out.
  private func parent(_ names: ArraySlice<[UInt8]>) throws -> SharedDescriptor {
    let path = Array(names.joined(separator: [UInt8(ascii: "/")]))
    if path == lastParent { return lastFolder }
    let found = try folderThere(path) ?? makeParent(names, path)
    (lastParent, lastFolder) = (path, found)
    return found
  }

  private func folderThere(_ path: [UInt8]) throws -> SharedDescriptor? {
    do throws(SystemCallError) {
      return try open(path)
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory: return nil
      case .notDirectory, .tooManySymbolicLinkLevels:
        throw CopyFault.clash(tree.shown(path), isFolder: true)
      default: throw error
      }
    }
  }

  private func makeParent(_ names: ArraySlice<[UInt8]>, _ path: [UInt8]) throws
    -> SharedDescriptor
  {
    guard let name = names.last else { throw CopyFault.changed(tree.shown(path)) }
    let above = try parent(names.dropLast())
    _ = cString(name) { mkdirat(above.raw, $0, 0o755) }
    guard let made = try folderThere(path) else { throw CopyFault.missing(tree.shown(path)) }
    return made
  }

  /// Takes away what is in the way. Folders are kept for folders, and for nothing else.
  private func clear(_ name: [UInt8], in parent: SharedDescriptor, for entry: TarEntry) throws {
    guard let there = try tree.look(name, in: parent) else { return }
    let isFolder = try tree.status(there).kind == .folder
    if isFolder, entry.kind == .directory { return }
    if case .replaced = obstacles, isFolder { return try removeFolder(name, in: parent) }
    if case .refused = obstacles, isFolder || entry.kind == .directory {
      throw CopyFault.clash(tree.shown(entry.path), isFolder: entry.kind == .directory)
    }
    let result = cString(name) { unlinkat(parent.raw, $0, 0) }
    if result == 0 || Errno.current == .noSuchFileOrDirectory { return }
    // A single file that is mounted there: its content is replaced.
    if Errno.current == .resourceBusy, entry.kind == .file { return }
    throw SystemCallError("unlink", tree.shown(entry.path), .current)
  }

  private func removeFolder(_ name: [UInt8], in parent: SharedDescriptor) throws {
    guard let component = filePath(name).lastComponent else { return }
    try removeTree(component, in: borrowed(parent))
    hasReplacedFolders = true
    (lastParent, lastFolder) = (nil, folder)
  }
}

// MARK: - Kinds

extension TreeWriter {
  private func makeFolder(
    _ name: [UInt8], in parent: SharedDescriptor, _ entry: TarEntry, _ names: [[UInt8]]
  ) throws {
    if cString(name, { mkdirat(parent.raw, $0, 0o700) }) != 0, Errno.current != .fileExists {
      throw SystemCallError("mkdir", tree.shown(entry.path), .current)
    }
    guard let made = try tree.look(name, in: parent) else {
      throw CopyFault.changed(tree.shown(entry.path))
    }
    guard try tree.status(made).kind == .folder else {
      throw CopyFault.clash(tree.shown(entry.path), isFolder: true)
    }
    let folder = try tree.reopen(made, O_RDONLY | O_DIRECTORY)
    let (uid, gid) = ids(entry)
    try on(entry, "fchown") { [raw = folder.raw] in fchown(raw, uid, gid) }
    try on(entry, "fchmod") { [raw = folder.raw] in fchmod(raw, mode(entry)) }
    folderTimes.append(
      FolderTime(
        path: Array(names.joined(separator: [UInt8(ascii: "/")])), time: entry.modified))
  }

  private func beginFile(_ name: [UInt8], in parent: SharedDescriptor, _ entry: TarEntry) throws {
    self.entry = entry
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
    do throws(SystemCallError) {
      file = try borrowed(parent).openChild(filePath(name), flags, mode: 0o600)
    } catch  where error.errno == .fileExists {
      guard let there = try tree.look(name, in: parent), try tree.status(there).kind == .file else {
        throw CopyFault.changed(tree.shown(entry.path))
      }
      file = try tree.reopen(there, O_WRONLY | O_TRUNC)
    } catch {
      throw SystemCallError(error.call, tree.shown(entry.path), error.errno)
    }
  }

  /// A further name of a file that the archive had before.
  private func link(_ name: [UInt8], in parent: SharedDescriptor, _ entry: TarEntry) throws {
    let first = try names(of: entry.target)
    guard let last = first.last else {
      throw CopyFault.badName(String(decoding: entry.target, as: UTF8.self))
    }
    let above = try self.parent(first.dropLast())
    try on(entry, "link") {
      cString(last) { last in cString(name) { linkat(above.raw, last, parent.raw, $0, 0) } }
    }
  }

  private func node(
    _ name: [UInt8], in parent: SharedDescriptor, _ entry: TarEntry, type: mode_t
  ) throws {
    let device = berth_makedev(entry.major, entry.minor)
    // With its mode from birth (the caller has no umask): chmod by name would follow a link.
    let mode = type | self.mode(entry)
    try on(entry, "mknod") { cString(name) { mknodat(parent.raw, $0, mode, device) } }
    try settle(name, in: parent, entry)
  }

  /// Owner and time of what cannot be opened.
  private func settle(_ name: [UInt8], in parent: SharedDescriptor, _ entry: TarEntry) throws {
    let (uid, gid) = ids(entry)
    try on(entry, "fchownat") {
      cString(name) { fchownat(parent.raw, $0, uid, gid, AT_SYMLINK_NOFOLLOW) }
    }
    var times = times(entry.modified)
    try on(entry, "utimensat") {
      cString(name) { utimensat(parent.raw, $0, &times, AT_SYMLINK_NOFOLLOW) }
    }
  }

  private var keepsCapabilities: Bool {
    owner == .asArchived && trust != .plain(keepsSetIDs: false)
  }

  private func ids(_ entry: TarEntry) -> (UInt32, UInt32) {
    switch owner {
    case .asArchived: (entry.uid, entry.gid)
    case .fixed(let uid, let gid): (uid, gid)
    }
  }

  private func mode(_ entry: TarEntry) -> mode_t {
    trust == .plain(keepsSetIDs: false) ? entry.mode & 0o1777 : entry.mode & 0o7777
  }

  private func times(_ time: TarTime) -> [timespec] {
    let stamp = timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))
    return [stamp, stamp]
  }

  private func on(_ entry: TarEntry, _ call: StaticString, _ body: () -> CInt)
    throws(SystemCallError)
  {
    try checking(call, tree.shown(entry.path), body)
  }
}

private func cString<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
  (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("it has a NUL at least") }
    return body(base)
  }
}
