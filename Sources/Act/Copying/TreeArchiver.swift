// A file, link or folder with all below it as a tar stream, read by handles.

import Archive
import CLinux
import Glibc
import Linux
import SystemPackage

let capabilityAttribute = "security.capability"

package struct TreeArchiver {
  package typealias Sink = (UnsafeRawBufferPointer) throws -> Void

  /// Folders are open while what is in them is read.
  private static let depthLimit = 256
  /// Files with several names are remembered, so that they stay one file; so many, and no more.
  private static let linkLimit = 1 << 20
  private static let chunk = 256 << 10

  private struct FileID: Hashable {
    var device: UInt64
    var inode: UInt64
  }

  private let tree: CopyTree
  private let leavesOutMounts: Bool
  private let layer: LayerRules?
  private let sink: Sink
  private var writer = TarWriter()
  private var known: [FileID: [UInt8]] = [:]
  /// The last folder found that no older layer has, with a slash behind.
  private var newFolder: [UInt8]?
  private var buffer = [UInt8](repeating: 0, count: Self.chunk)

  /// - Parameters:
  ///   - leavesOutMounts: what is mounted in the tree becomes an empty file or folder.
  ///   - layer: the tree is an upper folder of overlayfs.
  package init(
    _ tree: CopyTree, leavesOutMounts: Bool = false, layer: LayerRules? = nil,
    sink: @escaping Sink
  ) {
    self.tree = tree
    self.leavesOutMounts = leavesOutMounts
    self.layer = layer
    self.sink = sink
  }

  /// Writes `source` under the name that it has at the target, and the end of the archive.
  package mutating func archive(_ source: CopySource, as name: [UInt8]) throws {
    try add(source.handle, source.status, path: name, depth: 0)
    writer.finish()
    try flush()
  }

  /// Writes what is in the tree, not its root, and the end of the archive.
  package mutating func archiveContents() throws {
    try addContents(tree.root, [], 0)
    writer.finish()
    try flush()
  }

  private mutating func add(
    _ handle: SharedDescriptor, _ status: FileStatus, path: [UInt8], depth: Int
  ) throws {
    guard depth < Self.depthLimit else { throw CopyFault.tooDeep(tree.shown(path)) }
    var entry = TarEntry(.file, path: path)
    entry.mode = status.mode
    (entry.uid, entry.gid) = (status.uid, status.gid)
    entry.modified = TarTime(seconds: status.seconds, nanoseconds: status.nanoseconds)
    (entry.major, entry.minor) = (status.major, status.minor)
    switch status.kind {
    case .socket: return  // they are nothing without who listens
    case .file: try addFile(handle, status, entry)
    case .link:
      entry.kind = .symbolicLink
      entry.target = try tree.linkTarget(handle)
      try addHead(entry)
    case .character, .block, .fifo:
      entry.kind =
        status.kind == .fifo
        ? .fifo : status.kind == .block ? .blockDevice : .characterDevice
      try addHead(entry)
    case .folder:
      entry.kind = .directory
      entry.path.append(UInt8(ascii: "/"))
      if !(layer?.implied.contains(path) ?? false) { try addHead(entry) }
      try addContents(handle, path, depth)
    }
  }

  private mutating func addContents(_ handle: SharedDescriptor, _ path: [UInt8], _ depth: Int)
    throws
  {
    let folder = SharedDescriptor(try tree.reopen(handle, O_RDONLY | O_DIRECTORY))
    if let layer, try hidesSomething(folder, path, layer) {
      try addHead(TarEntry(.file, path: opaqueMark(in: path)))
    }
    for name in try names(in: folder) {
      // It may have gone since the folder was read.
      guard let child = try tree.look(name, in: folder) else { continue }
      let inner = path.isEmpty ? name : path + [UInt8(ascii: "/")] + name
      if let layer, try addOfLayer(child, name, in: path, layer, inner) { continue }
      if leavesOutMounts, try tree.isMountPoint(name, in: folder) {
        try addEmpty(tree.status(child), path: inner)
      } else {
        try add(child, tree.status(child), path: inner, depth: depth + 1)
      }
    }
  }

  private mutating func hidesSomething(
    _ folder: SharedDescriptor, _ path: [UInt8], _ layer: LayerRules
  ) throws -> Bool {
    guard case .over(let layers) = layer.opaque, try tree.isOpaque(borrowed(folder)) else {
      return false
    }
    // What is in a new folder is new.
    if let newFolder, path.starts(with: newFolder) { return false }
    if try tree.isKnown(path, to: layers) { return true }
    newFolder = path + [UInt8(ascii: "/")]
    return false
  }

  /// What overlayfs keeps otherwise than a layer has it; false for all else.
  private mutating func addOfLayer(
    _ child: SharedDescriptor, _ name: [UInt8], in folder: [UInt8], _ layer: LayerRules,
    _ path: [UInt8]
  ) throws -> Bool {
    if layer.leftOut.contains(path) { return true }
    if try tree.status(child).isWhiteout {
      try addHead(TarEntry(.file, path: whiteout(of: name, in: folder)))
      return true
    }
    guard looksLikeWhiteout(name) else { return false }
    throw CopyFault.unlayerable(tree.shown(path))
  }

  private mutating func addEmpty(_ status: FileStatus, path: [UInt8]) throws {
    var entry = TarEntry(status.kind == .folder ? .directory : .file, path: path)
    entry.mode = status.kind == .folder ? 0o755 : 0o644
    entry.modified = TarTime(seconds: status.seconds, nanoseconds: status.nanoseconds)
    if status.kind == .folder { entry.path.append(UInt8(ascii: "/")) }
    try addHead(entry)
  }

  /// In order, so that the same tree gives the same archive.
  private func names(in folder: SharedDescriptor) throws -> [[UInt8]] {
    try Linux.names(in: borrowed(folder)).map { name in
      name.withPlatformString { pointer in
        Array(UnsafeBufferPointer(start: pointer, count: strlen(pointer))).map(
          UInt8.init(bitPattern:))
      }
    }.sorted { $0.lexicographicallyPrecedes($1) }
  }

  private mutating func addFile(
    _ handle: SharedDescriptor, _ status: FileStatus, _ entry: TarEntry
  ) throws {
    var entry = entry
    if status.links > 1 {
      let id = FileID(device: status.device, inode: status.inode)
      if let first = known[id] {
        entry.kind = .hardLink
        entry.target = first
        return try addHead(entry)
      }
      if known.count < Self.linkLimit { known[id] = entry.path }
    }
    let file = try tree.reopen(handle, O_RDONLY)
    entry.attributes = capabilities(of: file)
    writer.begin(entry, size: status.size)
    try flush()
    var left = status.size
    while left > 0 {
      let wanted = min(left, buffer.count)
      let count = try retrying("read", tree.shown(entry.path)) {
        buffer.withUnsafeMutableBytes { read(file.raw, $0.baseAddress, wanted) }
      }
      // Shorter than it was: an archive cannot say so any more.
      guard count > 0 else { throw CopyFault.changed(tree.shown(entry.path)) }
      try buffer.withUnsafeBytes { try sink(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      left -= count
    }
    writer.end(size: status.size)
    try flush()
  }

  /// What a program may do beyond its user: the one attribute that goes along, as with docker.
  private func capabilities(of file: borrowing Descriptor) -> [TarEntry.Attribute] {
    var value = [UInt8](repeating: 0, count: 64)
    // None, or a file system that knows none.
    let count = fgetxattr(file.raw, capabilityAttribute, &value, value.count)
    guard count > 0 else { return [] }
    return [
      TarEntry.Attribute(name: Array(capabilityAttribute.utf8), value: Array(value[..<count]))
    ]
  }

  private mutating func addHead(_ entry: TarEntry) throws {
    writer.begin(entry, size: 0)
    writer.end(size: 0)
    try flush()
  }

  private mutating func flush() throws {
    try writer.output.withUnsafeBytes { try sink($0) }
    writer.output.removeAll(keepingCapacity: true)
  }
}
