// The times that folders are to have once nothing is written into them any more: kept in a file
// without a name, so that a layer of a million folders takes no memory.

import Archive
import CLinux
import Glibc
import Linux
import SystemPackage

struct FolderTimes: ~Copyable {
  private static let buffered = 64 << 10
  /// Several million folders of usual names.
  private static let limit = 256 << 20

  private let file: Descriptor
  private var pending: [UInt8] = []
  private var bytes = 0

  /// - Parameter folder: on whose file system the file lies.
  init(beside folder: SharedDescriptor) throws {
    file = try Self.nameless(in: folder)
  }

  /// O_TMPFILE where the file system has it.
  private static func nameless(in folder: SharedDescriptor) throws -> Descriptor {
    let temporary: CInt = 0o20_000_000 | O_DIRECTORY
    let raw = berth_openat(folder.raw, ".", temporary | O_RDWR | O_CLOEXEC, 0o600)
    if raw >= 0 { return Descriptor(owning: raw) }
    let name = ".berth-folder-times"
    let named = try checking("openat", name) {
      berth_openat(folder.raw, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    }
    let file = Descriptor(owning: named)
    try checking("unlinkat", name) { unlinkat(folder.raw, name, 0) }
    return file
  }

  mutating func note(_ path: [UInt8], _ time: TarTime) throws {
    append(UInt32(clamping: path.count))
    append(time.seconds)
    append(time.nanoseconds)
    pending += path
    bytes += 16 + path.count
    guard bytes <= Self.limit else {
      throw ArchiveFault.tooMuch("bytes of names of folders", limit: Self.limit)
    }
    if pending.count >= Self.buffered { try flush() }
  }

  private mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number) { pending.append(contentsOf: $0) }
  }

  private mutating func flush() throws {
    try file.writeAll(pending)
    pending.removeAll(keepingCapacity: true)
  }

  /// All that was noted, in that order: of two times for one folder the later one wins.
  mutating func replay(_ body: ([UInt8], TarTime) throws -> Void) throws {
    try flush()
    try checking("lseek") { lseek(file.raw, 0, SEEK_SET) }
    var rest: ArraySlice<UInt8> = []
    func take(_ count: Int) throws -> ArraySlice<UInt8> {
      while rest.count < count {
        let more = try file.read(upTo: Self.buffered)
        if more.isEmpty { throw SystemCallError("read", "", .ioError) }
        rest = rest + more
      }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
      let bytes = Array(try take(MemoryLayout<Number>.size))
      return bytes.withUnsafeBytes { $0.loadUnaligned(as: type) }
    }
    var done = 0
    while done < bytes {
      let count = Int(try number(UInt32.self))
      let time = TarTime(
        seconds: try number(Int64.self), nanoseconds: try number(Int32.self))
      try body(Array(try take(count)), time)
      done += 16 + count
    }
  }
}
