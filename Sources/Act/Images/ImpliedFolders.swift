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

extension IngestSession {
  /// Settles the layers of an image, lowest first; to be called before a name stands for it.
  func settle(_ chains: [Digest]) async throws {
    let settled = try await blocking { [folders] in
      var settled: [FilePath] = []
      for (index, chain) in chains.enumerated() {
        let list = folders.impliedFolders(chain)
        guard let text = try readFile(list, limit: 32 << 20) else { continue }
        let below = chains[..<index].reversed().map { folders.layerFiles($0) }
        for path in text.split(separator: 0, omittingEmptySubsequences: false).dropLast() {
          try settleFolder(Array(path), in: folders.layerFiles(chain), below: below)
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

/// Makes one folder like the nearest one below that it covers.
private func settleFolder(_ path: [UInt8], in layer: FilePath, below: [FilePath]) throws {
  guard let folder = try find(path, in: layer).folder else { return }
  for lower in below {
    let found = try find(path, in: lower)
    if let source = found.folder { return try copyDescription(from: source, to: folder) }
    if found.hidesBelow { return }
  }
}

/// What a layer has at a path: a folder, something that hides what is below it, or nothing.
private struct Found: ~Copyable {
  var folder: SharedDescriptor?
  var hidesBelow = false
}

private func find(_ path: [UInt8], in layer: FilePath) throws -> Found {
  let root = try Descriptor.open(layer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  if path.isEmpty { return Found(folder: SharedDescriptor(root)) }
  let resolve = Int32(
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
  var isOpaque = false
  var end = path.startIndex
  while true {
    end = path[end...].firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
    do throws(SystemCallError) {
      let folder = try root.resolve(
        filePath(Array(path[..<end])), O_RDONLY | O_DIRECTORY, resolve: resolve)
      if end == path.endIndex { return Found(folder: SharedDescriptor(folder)) }
      if fgetxattr(folder.raw, "trusted.overlay.opaque", nil, 0) > 0 { isOpaque = true }
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory: return Found(hidesBelow: isOpaque)
      case .notDirectory, .tooManySymbolicLinkLevels: return Found(hidesBelow: true)
      default: throw error
      }
    }
    end += 1
  }
}

private func filePath(_ bytes: [UInt8]) -> FilePath {
  (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
    buffer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
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
    let text = name.map { CChar(bitPattern: $0) } + [0]
    let count = try checking("fgetxattr") { fgetxattr(source.raw, text, &value, value.count) }
    try checking("fsetxattr") { fsetxattr(target.raw, text, value, count, 0) }
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
