// What one `COPY` would copy, as one digest: two of them are equal when the same files would be the same
// in the image. Times do not count, nor do the names of users.

import Blueprint
import CLinux
import Control
import Glibc
import Linux
import OCI
import SystemPackage

/// The digest of all that `copy` selects from its source, in the order of its patterns.
func digest(of copy: LayerCopy) throws -> LayerDigest {
  let source = try openSource(copy.source)
  var contents: ContentDigests?
  var keepsOwners = false
  switch copy.source {
  case .folder(_, _, let file?): contents = ContentDigests(file: filePath(file.raw))
  case .folder, .files: break
  case .layers: keepsOwners = copy.owner == nil
  }
  let digester = SourceDigester(contents ?? ContentDigests(file: nil), keepsOwners: keepsOwners)
  try Selection(copy, in: source).visit { selected in
    digester.begin(selected)
    switch selected.thing {
    case .contents(let folder):
      var walk = SourceWalk(selected.filter, digester)
      try walk.run(in: folder.raw)
    case .item(let item, _): try digester.add(item)
    }
  }
  digester.contents.save()
  return digester.finish()
}

private final class SourceDigester: SourceVisitor {
  let contents: ContentDigests
  private let keepsOwners: Bool
  private var hash = SHA256()
  private var files = 0
  private var bytes: UInt64 = 0
  private var buffer: [UInt8] = []

  init(_ contents: ContentDigests, keepsOwners: Bool) {
    self.contents = contents
    self.keepsOwners = keepsOwners
    buffer.reserveCapacity(64 << 10)
  }

  /// A folder gives what is in it, whatever it is called; a file may keep its name.
  func begin(_ selected: Selected) {
    switch selected.thing {
    case .contents: put([UInt8(ascii: "c")])
    case .item: put([UInt8(ascii: "i")])
    }
    var name: [UInt8] = []
    if case .item = selected.thing { name = selected.name }
    put(counted: name)
  }

  func begin(_ item: SourceItem) throws { put(head: item) }
  func end(_ item: SourceItem) throws {}

  func add(_ item: SourceItem) throws {
    if item.status.isWhiteout { return }
    put(head: item)
    files += 1
    switch item.status.kind {
    case .file:
      put(try contents.digest(of: item))
      bytes &+= UInt64(clamping: item.status.size)
    case .link: put(counted: try linkTarget(item.name, in: item.folder))
    case .character, .block: put(UInt64(item.status.number))
    case .folder, .fifo, .socket: break
    }
  }

  func finish() -> LayerDigest {
    flush()
    return LayerDigest(digest: hash.finish().description, files: files, bytes: bytes)
  }

  private func put(head item: SourceItem) {
    let status = item.status
    put([status.kind.rawValue])
    put(counted: item.path)
    put(UInt64(status.mode))
    if keepsOwners { put(UInt64(status.uid) << 32 | UInt64(status.gid)) }
  }

  private func put(counted bytes: [UInt8]) {
    put(UInt64(bytes.count))
    put(bytes)
  }

  private func put(_ number: UInt64) {
    withUnsafeBytes(of: number.littleEndian) { buffer.append(contentsOf: $0) }
  }

  private func put(_ bytes: [UInt8]) {
    buffer.append(contentsOf: bytes)
    if buffer.count > 60 << 10 { flush() }
  }

  private func flush() {
    hash.update(buffer)
    buffer.removeAll(keepingCapacity: true)
  }
}
