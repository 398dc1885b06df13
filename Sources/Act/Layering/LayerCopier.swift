// Does the copying of one `COPY`: what was selected into the root, by handles on both sides.

import CLinux
import Control
import Copying
import Dockerfile
import Glibc
import Linux
import SystemPackage

/// What is the same for all that one `COPY` copies.
struct CopyRules {
  /// Nil keeps those of the source.
  var owner: Ownership?
  var mode: ModeChange?
  /// A context of the host has no devices to give.
  var refusesDevices: Bool

  var maker: Ownership { owner ?? Ownership() }

  func ownership(_ status: EntryStatus) -> Ownership {
    owner ?? Ownership(uid: status.uid, gid: status.gid)
  }

  func mode(_ status: EntryStatus) -> UInt32 {
    var isFolder = false
    if case .folder = status.kind { isFolder = true }
    return mode?.applied(to: status.mode, isFolder: isFolder) ?? status.mode
  }
}

final class LayerCopier: SourceVisitor {
  private struct FileID: Hashable {
    var device: UInt64
    var inode: UInt64
  }

  private struct KnownFile {
    var folder: [[UInt8]]
    var name: CName
  }

  /// Files with several names stay one file; so many are remembered.
  private static let linkLimit = 1 << 20

  private let tree: TargetTree
  private let rules: CopyRules
  /// The folder that is copied into, and those in it that are being copied.
  private var folders: [TargetFolder] = []
  private var known: [FileID: KnownFile] = [:]
  private var transfer = FileTransfer()

  init(_ tree: TargetTree, _ rules: CopyRules) {
    self.tree = tree
    self.rules = rules
  }

  private var current: TargetFolder { folders[folders.count - 1] }

  /// Begins with one source: names of one file are told within it, for another may have taken the first away.
  func start(in folder: TargetFolder) {
    folders = [folder]
    known.removeAll()
  }

  // MARK: - Folders

  func begin(_ item: SourceItem) throws {
    let (folder, there) = try self.folder(for: item)
    let raw = folder.handle.raw
    let owner = rules.ownership(item.status)
    let mode = rules.mode(item.status)
    // Of a folder that is as it should be the layer says nothing.
    if there.uid != owner.uid || there.gid != owner.gid {
      try on(item, "fchown") { fchown(raw, owner.uid, owner.gid) }
      folder.isTouched = true
    }
    if there.mode != mode || folder.isTouched {
      try on(item, "fchmod") { fchmod(raw, mode) }
      folder.isTouched = true
    }
    let time = tree.time(item.status.modified)
    if time.nanoseconds != there.modified.nanoseconds { folder.isTouched = true }
    folder.time = time
    tree.define(folder)
    folders.append(folder)
  }

  func end(_ item: SourceItem) throws {
    try folders.popLast()?.close()
  }

  /// One that is there already, also behind a link of the root, or a new one.
  private func folder(for item: SourceItem) throws -> (TargetFolder, EntryStatus) {
    let above = current
    let plain = Array(item.name.dropLast())
    guard let there = try EntryStatus(item.name, in: above.handle.raw) else {
      let made = try tree.makeFolder(item.name, in: above)
      let status = try EntryStatus(of: made.raw)
      return (
        TargetFolder(SharedDescriptor(made), names: above.names + [plain], status), status
      )
    }
    switch there.kind {
    case .folder:
      let folder = try openChild(item.name, in: above.handle.raw, O_RDONLY | O_DIRECTORY)
      return (TargetFolder(SharedDescriptor(folder), names: above.names + [plain], there), there)
    case .link:
      if case .folder(let way) = try find(above.names + [plain], below: tree.root) {
        let status = try EntryStatus(of: way.folder.raw)
        return (TargetFolder(way.folder, names: way.names, status), status)
      }
    default: break
    }
    throw LayerFailure(
      ofTarget:
        "cannot put the folder `\(text(item.path))` in place of `\(place(item))`: it is not a folder"
    )
  }

  // MARK: - All else

  func add(_ item: SourceItem) throws { try add(item, as: item.name) }

  func add(_ item: SourceItem, as name: CName) throws {
    let folder = current
    folder.isTouched = true
    switch item.status.kind {
    case .file: try copyFile(item, as: name)
    case .link:
      let target = try linkTarget(item.name, in: item.folder) + [0]
      try make(item, name, "symlink") {
        withPointer(target) { target in
          withPointer(name) { symlinkat(target, folder.handle.raw, $0) }
        }
      }
      try settle(item, name)
    case .character, .block, .fifo:
      if item.status.isWhiteout { return }
      let type: mode_t
      switch item.status.kind {
      case .fifo: type = 0o010000
      case _ where rules.refusesDevices:
        throw LayerFailure("cannot copy `\(text(item.path))`: it is a device, not a file")
      case .block: type = 0o060000
      default: type = 0o020000
      }
      let mode = type | rules.mode(item.status)
      try make(item, name, "mknod") {
        withPointer(name) { mknodat(folder.handle.raw, $0, mode, item.status.number) }
      }
      try settle(item, name)
    case .folder, .socket: return
    }
  }

  private func copyFile(_ item: SourceItem, as name: CName) throws {
    let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY
    let source = try openChild(item.name, in: item.folder, flags)
    let status = try EntryStatus(of: source.raw)
    guard case .file = status.kind else {
      throw LayerFailure("`\(text(item.path))` changed while it was copied")
    }
    if status.links > 1, try link(item, name, status) { return }
    let mode = rules.mode(status)
    let owner = rules.ownership(status)
    let target = try create(item, name, mode)
    try transfer.copy(source.raw, to: target.raw, size: status.size)
    // Made by root with this mode, it has both already.
    if owner != Ownership() || current.givesGroup {
      try on(item, "fchown") { [raw = target.raw] in fchown(raw, owner.uid, owner.gid) }
      try on(item, "fchmod") { [raw = target.raw] in fchmod(raw, mode) }
    }
    try copyCapabilities(item, source.raw, target.raw)
    let time = tree.time(status.modified)
    let times = [time, time]
    try on(item, "futimens") { [raw = target.raw] in futimens(raw, times) }
  }

  private func create(_ item: SourceItem, _ name: CName, _ mode: UInt32) throws -> Descriptor {
    let flags = O_WRONLY | O_CREAT | O_EXCL
    do throws(SystemCallError) {
      return try openChild(name, in: current.handle.raw, flags, mode: mode)
    } catch {
      guard error.errno == .fileExists else { throw error }
    }
    try clear(item, name)
    return try openChild(name, in: current.handle.raw, flags, mode: mode)
  }

  /// Makes what is no file, in place of what is there.
  private func make(
    _ item: SourceItem, _ name: CName, _ call: StaticString, _ body: () -> CInt
  ) throws {
    if body() == 0 { return }
    guard Errno.current == .fileExists else {
      throw SystemCallError("\(call)", place(item))
    }
    try clear(item, name)
    try on(item, call, body)
  }

  private func clear(_ item: SourceItem, _ name: CName) throws {
    let folder = current.handle.raw
    if case .folder? = try EntryStatus(name, in: folder)?.kind {
      throw LayerFailure(
        ofTarget: "cannot put the file `\(text(item.path))` in place of the folder `\(place(name))`"
      )
    }
    try on(item, "unlink") { withPointer(name) { unlinkat(folder, $0, 0) } }
  }

  /// Whether `name` is now one more name of a file that was copied before.
  private func link(_ item: SourceItem, _ name: CName, _ status: EntryStatus) throws
    -> Bool
  {
    let id = FileID(device: status.device, inode: status.inode)
    guard let first = known[id] else {
      if known.count < Self.linkLimit {
        known[id] = KnownFile(folder: current.names, name: name)
      }
      return false
    }
    guard case .folder(let way) = try find(first.folder, below: tree.root) else { return false }
    let folder = current.handle.raw
    func attempt() -> CInt {
      withPointer(first.name) { first in
        withPointer(name) { linkat(way.folder.raw, first, folder, $0, 0) }
      }
    }
    if attempt() == 0 { return true }
    if Errno.current == .fileExists {
      try clear(item, name)
      if attempt() == 0 { return true }
    }
    // Too many names, or the first is gone: a file of its own then.
    return false
  }

  /// Owner and time of what cannot be opened.
  private func settle(_ item: SourceItem, _ name: CName) throws {
    let folder = current.handle.raw
    let owner = rules.ownership(item.status)
    let flags = AT_SYMLINK_NOFOLLOW
    try on(item, "fchownat") {
      withPointer(name) { fchownat(folder, $0, owner.uid, owner.gid, flags) }
    }
    let time = tree.time(item.status.modified)
    let times = [time, time]
    try on(item, "utimensat") { withPointer(name) { utimensat(folder, $0, times, flags) } }
  }

  /// What a program may do beyond its user: the one attribute that goes along, as with docker.
  private func copyCapabilities(_ item: SourceItem, _ source: CInt, _ target: CInt) throws {
    let value = capabilities(of: source)
    guard !value.isEmpty else { return }
    try on(item, "fsetxattr") {
      value.withUnsafeBytes { fsetxattr(target, capabilityAttribute, $0.baseAddress, $0.count, 0) }
    }
  }

  private func on(_ item: SourceItem, _ call: StaticString, _ body: () -> CInt)
    throws(SystemCallError)
  {
    try checking(call, place(item), body)
  }

  private func place(_ item: SourceItem) -> String { place(item.name) }

  private func place(_ name: CName) -> String {
    text([slash] + joined(current.names + [Array(name.dropLast())]))
  }
}

let capabilityAttribute = "security.capability"

/// Empty where there are none, or the file system knows none.
func capabilities(of file: CInt) -> [UInt8] {
  var value = [UInt8](repeating: 0, count: 64)
  let count = fgetxattr(file, capabilityAttribute, &value, value.count)
  return count > 0 ? Array(value[..<count]) : []
}
