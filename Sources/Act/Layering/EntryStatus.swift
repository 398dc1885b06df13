// What fstat(2) says of one place in a tree, and the names in a folder.

import CLinux
import Glibc
import Linux
import SystemPackage

/// A name in a folder as the kernel takes it: the last byte is a NUL.
typealias CName = [UInt8]

struct EntryStatus {
  var kind: FileKind
  /// The low twelve bits.
  var mode: UInt32
  var uid: UInt32
  var gid: UInt32
  var size: Int
  var modified: timespec
  var changed: timespec
  var links: UInt64
  var device: UInt64
  var inode: UInt64
  /// Of a device.
  var number: dev_t

  init(_ status: stat) {
    kind = FileKind(mode: status.st_mode)
    mode = UInt32(status.st_mode & 0o7777)
    (uid, gid) = (status.st_uid, status.st_gid)
    size = Int(status.st_size)
    (modified, changed) = (status.st_mtim, status.st_ctim)
    links = UInt64(status.st_nlink)
    (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    number = status.st_rdev
  }

  /// Of what is open.
  init(of handle: CInt) throws(SystemCallError) {
    var status = stat()
    try checking("fstat") { fstat(handle, &status) }
    self.init(status)
  }

  /// Nil when nothing is there. A link is not followed.
  init?(_ name: CName, in folder: CInt) throws(SystemCallError) {
    var status = stat()
    let answer = withPointer(name) { fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW) }
    if answer != 0 {
      let reason = Errno.current
      if reason == .noSuchFileOrDirectory { return nil }
      throw SystemCallError("stat", text(name), reason)
    }
    self.init(status)
  }

  /// What overlayfs keeps in a layer for something that is gone.
  var isWhiteout: Bool {
    if case .character = kind { return number == 0 }
    return false
  }
}

func withPointer<Result>(_ name: CName, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
  name.withUnsafeBytes { bytes in
    guard let base = bytes.assumingMemoryBound(to: CChar.self).baseAddress else {
      preconditionFailure("it has a NUL at least")
    }
    return body(base)
  }
}

/// For messages.
func text(_ name: some Sequence<UInt8>) -> String {
  String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
}

/// openat(2) of one name, close-on-exec. A link at its end is not followed.
func openChild(_ name: CName, in folder: CInt, _ flags: CInt, mode: mode_t = 0)
  throws(SystemCallError) -> Descriptor
{
  let raw = try retrying("open", text(name)) {
    withPointer(name) { berth_openat(folder, $0, flags | O_NOFOLLOW | O_CLOEXEC, mode) }
  }
  return Descriptor(owning: raw)
}

func linkTarget(_ name: CName, in folder: CInt) throws(SystemCallError) -> [UInt8] {
  var buffer = [CChar](repeating: 0, count: 4096)
  let count = try checking("readlink", text(name)) {
    withPointer(name) { readlinkat(folder, $0, &buffer, buffer.count) }
  }
  return buffer[..<count].map(UInt8.init(bitPattern:))
}

/// The names in an open folder, in the order of their bytes, without `.` and `..`.
func names(in folder: CInt) throws(SystemCallError) -> [CName] {
  var names: [CName] = []
  var buffer = [UInt8](repeating: 0, count: 64 << 10)
  // Who has read it before has left it at its end.
  try checking("lseek") { lseek(folder, 0, SEEK_SET) }
  while true {
    let count = try retrying("getdents") {
      buffer.withUnsafeMutableBytes {
        berth_get_directory_entries(folder, $0.baseAddress, $0.count)
      }
    }
    if count == 0 { break }
    buffer.withUnsafeBytes { bytes in
      var offset = 0
      // struct linux_dirent64: inode, offset, length of the record, kind, name.
      while offset + 19 < count {
        let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
        guard length > 19 else { break }
        let rest = bytes[(offset + 19)..<min(count, offset + length)]
        let end = rest.firstIndex(of: 0) ?? rest.endIndex
        let name = rest[..<end]
        if !name.elementsEqual([0x2E]), !name.elementsEqual([0x2E, 0x2E]) {
          names.append(CName(name) + [0])
        }
        offset += length
      }
    }
  }
  names.sort { left, right in
    withPointer(left) { left in withPointer(right) { strcmp(left, $0) < 0 } }
  }
  return names
}

extension timespec {
  var nanoseconds: Int64 {
    let (whole, overflow) = Int64(tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? Int64(tv_sec) : whole &+ Int64(tv_nsec)
  }
}
