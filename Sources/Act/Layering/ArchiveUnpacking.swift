// Archives that `ADD` takes apart: recognised by what is in them, unpacked below one folder of the root and
// nowhere else, with an end for those that never end.

import Archive
import CLinux
import ContainerInit
import Control
import Copying
import Diagnostics
import Glibc
import Linux
import SystemPackage

struct ArchiveUnpacking {
  private static let chunk = 256 << 10
  /// The first block of bzip2 needs so much to be decoded, and more; an archive that has no header by
  /// then is none.
  private static let searched = 4 << 20

  let file: CInt
  /// For messages.
  let name: String

  /// Whether the file begins as a tar archive, compressed or not. What comes behind is not looked at.
  func isArchive() throws -> Bool {
    var head: [UInt8] = []
    let decompressor = Decompressor(.archives)
    var total = 0
    var isAtEnd = false
    do {
      while head.count < 512, total < Self.searched {
        let bytes = try read()
        if bytes.isEmpty {
          isAtEnd = true
          break
        }
        total += bytes.count
        try decompressor.feed(bytes) { if head.count < 512 { head += $0 } }
      }
      if isAtEnd, head.count < 512 { try decompressor.finish { head += $0 } }
    } catch let fault as ArchiveFault {
      switch fault {
      case .demanding, .outOfMemory:
        throw LayerFailure(
          "the archive `\(name)` cannot be unpacked: \(fault.diagnostics[0].summary)",
          hint: "`ADD --unpack=false` copies it as it is")
      case .corrupt, .truncated, .tooMuch: break
      }
    }
    return isTarHeader(head)
  }

  /// - Parameters:
  ///   - room: bytes of content that may come out of it.
  ///   - owner: of all that comes out of it; nil leaves that to the archive.
  /// - Returns: whether folders had to go for it.
  func unpack(
    into folder: TargetFolder, _ tree: TargetTree, room: UInt64, owner: Ownership?
  ) throws -> Bool {
    try checking("lseek", name) { lseek(file, 0, SEEK_SET) }
    let place = CopyTree(
      root: folder.handle, descriptors: SharedDescriptor(try ownDescriptors()),
      label: text([slash] + joined(folder.names + [[]])))
    folder.isTouched = true
    let writer = TreeWriter(
      place, into: try place.streamTarget([0x2E]),
      owner: owner.map { .fixed(uid: $0.uid, gid: $0.gid) } ?? .asArchived,
      trust: .plain(keepsSetIDs: true), obstacles: .replaced)
    var visitor = LimitedWriter(writer: writer, room: room, name: name, tree: tree)
    var reader = TarReader()
    let decompressor = Decompressor(.archives)
    do {
      while !reader.isAtEnd {
        let bytes = try read()
        if bytes.isEmpty {
          try decompressor.finish { try reader.feed($0, to: &visitor) }
          break
        }
        try decompressor.feed(bytes) { try reader.feed($0, to: &visitor) }
      }
    } catch let fault as ArchiveFault {
      // Behind its end there may be anything.
      guard reader.isAtEnd else { throw fault }
    }
    try reader.finish(&visitor)
    try writer.finish()
    return writer.hasReplacedFolders
  }

  private func read() throws(SystemCallError) -> [UInt8] {
    var failure: SystemCallError?
    let bytes = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, count in
      do throws(SystemCallError) {
        count = try retrying("read", name) { Glibc.read(file, buffer.baseAddress, buffer.count) }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}

extension TarReader {
  fileprivate mutating func feed(_ bytes: [UInt8], to visitor: inout some TarVisitor) throws {
    try bytes.withUnsafeBytes { try feed($0, to: &visitor) }
  }
}

/// Passes members on, as long as there is room for them, and no later than the layer may be.
private struct LimitedWriter: TarVisitor {
  let writer: TreeWriter
  var room: UInt64
  let name: String
  let tree: TargetTree
  var requester = Requester()

  mutating func begin(_ entry: TarEntry) throws {
    try requester.look(after: Requester.entry)
    var entry = entry
    let time = tree.time(
      timespec(tv_sec: Int(entry.modified.seconds), tv_nsec: Int(entry.modified.nanoseconds)))
    entry.modified = TarTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    try writer.begin(entry)
  }

  mutating func data(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
    let (left, isTooMuch) = room.subtractingReportingOverflow(UInt64(bytes.count))
    guard !isTooMuch else {
      throw LayerFailure(
        "the archive `\(name)` holds more than there is room for",
        hint: "`ADD --unpack=false` copies it as it is")
    }
    room = left
    try requester.look(after: bytes.count)
    try writer.data(bytes, at: offset)
  }

  mutating func end() throws { try writer.end() }
}
