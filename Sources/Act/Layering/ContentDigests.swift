// Digests of files' contents, kept from one time to the next by what stat(2) says of them, so that a
// context that has not changed is not read again. Nothing depends on the file that they are kept in: it
// may lack, be broken or be of an hour ago.
//
//   "berth digests 1\n"   16 bytes
//   records of 72 bytes, ordered by device and inode, little-endian:
//     device, inode, size, mtime, ctime (ns)   5 × 8
//     SHA-256                                  32
//   SHA-256 of all before                      32

import CLinux
import Glibc
import Linux
import OCI
import SystemPackage

final class ContentDigests {
  private static let magic = Array("berth digests 1\n".utf8)
  private static let length = 72
  /// 18 MiB of file. Those of other folders go first.
  private static let limit = 1 << 18
  /// A file that was changed so shortly before it was read may change again within what its file system
  /// counts as the same time.
  private static let settling: Int64 = 2_000_000_000

  private struct Key: Hashable {
    var device: UInt64
    var inode: UInt64
    var size: UInt64
    var modified: Int64
    var changed: Int64
  }

  private let file: FilePath?
  private var old: [UInt8] = []
  private var used: [(key: Key, digest: [UInt8])] = []
  private var isChanged = false
  private var requester = Requester()
  private var buffer = [UInt8](repeating: 0, count: 256 << 10)

  init(file: FilePath?) {
    self.file = file
    if let file { old = Self.read(file) }
  }

  /// The 32 bytes that stand for the content of a file, and for what it lets a program do.
  func digest(of item: SourceItem) throws -> [UInt8] {
    let status = item.status
    let key = Key(
      device: status.device, inode: status.inode, size: UInt64(clamping: status.size),
      modified: status.modified.nanoseconds, changed: status.changed.nanoseconds)
    if let known = find(key) {
      used.append((key, known))
      return known
    }
    let now = Self.now()
    let digest = try read(item, key)
    if file != nil, now - max(key.modified, key.changed) > Self.settling {
      used.append((key, digest))
      isChanged = true
    }
    return digest
  }

  private func read(_ item: SourceItem, _ key: Key) throws -> [UInt8] {
    let file = try openChild(item.name, in: item.folder, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    var hash = SHA256()
    while true {
      let count = try retrying("read", text(item.path)) {
        buffer.withUnsafeMutableBytes { Glibc.read(file.raw, $0.baseAddress, $0.count) }
      }
      if count == 0 { break }
      try requester.look(after: count)
      buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
    let granted = capabilities(of: file.raw)
    if !granted.isEmpty {
      hash.update(granted)
      hash.update([UInt8(granted.count)])
    }
    return hash.bytes()
  }

  /// Where they are kept is written anew when there is something new. Failing to costs time, nothing else.
  func save() {
    guard let file, isChanged else { return }
    var records = used
    var seen = Set(records.map(\.key))
    var offset = Self.magic.count
    while offset + Self.length <= old.count, records.count < Self.limit {
      let key = key(at: offset)
      if seen.insert(key).inserted { records.append((key, digest(at: offset))) }
      offset += Self.length
    }
    records.sort {
      ($0.key.device, $0.key.inode, $0.key.changed) < ($1.key.device, $1.key.inode, $1.key.changed)
    }
    var content = Self.magic
    content.reserveCapacity(records.count * Self.length + 64)
    for (key, digest) in records.prefix(Self.limit) {
      for number in [
        key.device, key.inode, key.size, UInt64(bitPattern: key.modified),
        UInt64(bitPattern: key.changed),
      ] {
        withUnsafeBytes(of: number.littleEndian) { content.append(contentsOf: $0) }
      }
      content += digest
    }
    var hash = SHA256()
    hash.update(content)
    content += hash.bytes()
    // The next time reads the files again.
    try? write(content, to: file)
  }

  private func write(_ content: [UInt8], to file: FilePath) throws {
    let aside = FilePath(file.string + ".\(getpid())")
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
    let made = try Descriptor.open(aside, flags, mode: 0o600)
    do {
      try made.writeAll(content)
      try checking("rename", aside.string) {
        aside.withPlatformString { from in file.withPlatformString { rename(from, $0) } }
      }
    } catch {
      _ = aside.withPlatformString { unlink($0) }
      throw error
    }
  }

  // MARK: - What is kept

  private func find(_ wanted: Key) -> [UInt8]? {
    let count = (old.count - Self.magic.count) / Self.length
    var (low, high) = (0, max(0, count))
    while low < high {
      let middle = (low + high) / 2
      let key = key(at: Self.magic.count + middle * Self.length)
      if (key.device, key.inode) < (wanted.device, wanted.inode) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    // A file that has changed is there twice at most times, and once more for each change.
    while low < count {
      let offset = Self.magic.count + low * Self.length
      let key = key(at: offset)
      guard key.device == wanted.device, key.inode == wanted.inode else { return nil }
      if key == wanted { return digest(at: offset) }
      low += 1
    }
    return nil
  }

  private func key(at offset: Int) -> Key {
    old.withUnsafeBytes { bytes in
      func number(_ index: Int) -> UInt64 {
        UInt64(
          littleEndian: bytes.loadUnaligned(fromByteOffset: offset + index * 8, as: UInt64.self))
      }
      return Key(
        device: number(0), inode: number(1), size: number(2),
        modified: Int64(bitPattern: number(3)), changed: Int64(bitPattern: number(4)))
    }
  }

  private func digest(at offset: Int) -> [UInt8] { Array(old[(offset + 40)..<(offset + 72)]) }

  /// The magic and whole records; empty when there is no such file.
  private static func read(_ file: FilePath) -> [UInt8] {
    let most = limit * length + magic.count + 32
    // Unreadable is as good as not there.
    guard let handle = try? Descriptor.open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
      let content = try? handle.readAll(limit: most),
      content.count >= magic.count + 32, content.starts(with: magic),
      (content.count - magic.count - 32) % length == 0
    else { return [] }
    var hash = SHA256()
    content.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0.dropLast(32))) }
    guard content.suffix(32).elementsEqual(hash.bytes()) else { return [] }
    return Array(content.dropLast(32))
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return time.nanoseconds
  }
}
