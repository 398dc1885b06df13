// Folders that a layer names only as parents of others: `t/x` without `t`. In an overlay the topmost layer
// says what a folder is like, so they must be made like the folder below that they stand for: otherwise
// `/tmp` loses its sticky bit to a layer that adds one file. Layers are unpacked side by side, so this is
// done when all layers of an image are there. Doing it again changes nothing: what is below a layer is told
// by its chain id.

import CLinux
import Glibc
import Linux
import OCI
import Store
import SystemPackage
import Unpacking

extension IngestSession {
  /// Settles the layers of an image, lowest first; to be called before a name stands for it.
  func settle(_ chains: [Digest]) async throws {
    let settled = try await blocking { [folders] in
      var settled: [FilePath] = []
      var settling = Settling()
      let layers = chains.map { folders.layerFiles($0) }
      for (index, chain) in chains.enumerated() {
        let list = folders.impliedFolders(chain)
        guard let text = try readFile(list, limit: 32 << 20) else { continue }
        let below = layers[..<index].reversed()
        for path in text.split(separator: 0, omittingEmptySubsequences: false).dropLast() {
          try settling.settle(Array(path), in: layers[index], below: below)
        }
        settled.append(list)
      }
      return settled
    }
    guard !settled.isEmpty else { return }
    // What the list is forgotten for must be on the disk.
    try await flusher.flush()
    try await blocking { for list in settled { try removeFile(list) } }
  }
}

extension ImageStore {
  /// Whether something on the way of a path, its last name too, is neither a folder nor missing in the root that
  /// these layers are: a link, say. Blocks.
  ///
  /// - Parameters:
  ///   - path: absolute and clean.
  ///   - layers: lowest first.
  package func leadsThroughOther(_ path: [UInt8], on layers: [StackedLayer]) throws -> Bool {
    var settling = Settling()
    return try settling.leadsThroughOther(path, in: layers.map { folder(of: $0) }.reversed())
  }
}

/// The work on one image's folders, with a bound: names may be thousands deep, in hundreds of layers.
private struct Settling {
  /// Parts of names that are looked up: seconds of work.
  private static let limit = 50_000_000
  private static let resolve = Int32(
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

  private var steps = 0

  /// Makes one folder like the nearest one below that it covers.
  mutating func settle(
    _ path: [UInt8], in layer: FilePath, below: ReversedCollection<ArraySlice<FilePath>>
  )
    throws
  {
    let depth = path.count(where: { $0 == UInt8(ascii: "/") }) + 1
    guard let folder = try open(path, in: layer, depth: depth).folder else { return }
    for lower in below {
      let found = try open(path, in: lower, depth: depth)
      if let source = found.folder { return try copyDescription(from: source, to: folder) }
      if try found.isCovered || hidesBelow(path, in: lower) { return }
    }
  }

  /// - Parameter layers: topmost first.
  mutating func leadsThroughOther(_ path: [UInt8], in layers: [FilePath]) throws -> Bool {
    var folder: [UInt8] = []
    for name in path.split(separator: UInt8(ascii: "/")).map(Array.init) {
      let whole = folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
      switch try kind(of: whole, named: name, in: folder, layers) {
      case .folder: folder = whole
      case .missing: return false
      case .other: return true
      }
    }
    return false
  }

  private enum Kind { case folder, missing, other }

  private mutating func kind(
    of path: [UInt8], named name: [UInt8], in folder: [UInt8], _ layers: [FilePath]
  ) throws -> Kind {
    let depth = path.count(where: { $0 == UInt8(ascii: "/") }) + 1
    for layer in layers {
      let found = try open(path, in: layer, depth: depth)
      if found.folder != nil { return .folder }
      if found.isCovered {
        // What hides the folder that it would be in hides it as well.
        guard let parent = try open(folder, in: layer, depth: depth).folder else { return .missing }
        var status = stat()
        try checking("fstatat") {
          cString(name) { fstatat(parent.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }
        }
        let isWhiteout = status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0
        return isWhiteout ? .missing : .other
      }
      if try hidesBelow(path, in: layer) { return .missing }
    }
    return .missing
  }

  /// The folder of a layer at a path; or that something else is there.
  private mutating func open(_ path: [UInt8], in layer: FilePath, depth: Int) throws
    -> (folder: SharedDescriptor?, isCovered: Bool)
  {
    try count(depth)
    let root = try Descriptor.open(layer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    if path.isEmpty { return (SharedDescriptor(root), false) }
    do throws(SystemCallError) {
      let folder = try root.resolve(
        cString(path) { FilePath(platformString: $0) }, O_RDONLY | O_DIRECTORY,
        resolve: Self.resolve)
      return (SharedDescriptor(folder), false)
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory: return (nil, false)
      case .notDirectory, .tooManySymbolicLinkLevels: return (nil, true)
      default: throw error
      }
    }
  }

  /// Whether a layer that lacks a folder has one of its parents marked as opaque.
  private mutating func hidesBelow(_ path: [UInt8], in layer: FilePath) throws -> Bool {
    var at = SharedDescriptor(try Descriptor.open(layer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
    for name in path.split(separator: UInt8(ascii: "/")) {
      try count(1)
      let raw = cString(Array(name)) {
        berth_openat(at.raw, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
      }
      // The end of what is there.
      guard raw >= 0 else { return false }
      at = SharedDescriptor(Descriptor(owning: raw))
      if fgetxattr(at.raw, "trusted.overlay.opaque", nil, 0) > 0 { return true }
    }
    return false
  }

  private mutating func count(_ more: Int) throws {
    steps += more
    guard steps <= Self.limit else { throw LayerFault.tooManyFolders }
  }
}

/// Owner first, since it clears set-id bits; time last.
private func copyDescription(from source: SharedDescriptor, to target: SharedDescriptor) throws {
  var status = stat()
  try checking("fstat") { fstat(source.raw, &status) }
  try checking("fchown") { fchown(target.raw, status.st_uid, status.st_gid) }
  try checking("fchmod") { fchmod(target.raw, status.st_mode & 0o7777) }
  for name in try attributeNames(source) where !name.starts(with: Array("trusted.overlay.".utf8)) {
    var value = [UInt8](repeating: 0, count: 64 << 10)
    try cString(name) { name in
      let count = try checking("fgetxattr") { fgetxattr(source.raw, name, &value, value.count) }
      try checking("fsetxattr") { fsetxattr(target.raw, name, value, count, 0) }
    }
  }
  var times = [status.st_atim, status.st_mtim]
  try checking("futimens") { futimens(target.raw, &times) }
}

private func attributeNames(_ folder: SharedDescriptor) throws -> [[UInt8]] {
  var buffer = [CChar](repeating: 0, count: 64 << 10)
  let count = flistxattr(folder.raw, &buffer, buffer.count)
  // A file system without attributes has none to copy.
  if count < 0, Errno.current == .notSupported { return [] }
  if count < 0 { throw SystemCallError("flistxattr") }
  return buffer[..<count].map { UInt8(bitPattern: $0) }.split(separator: 0).map { Array($0) }
}
