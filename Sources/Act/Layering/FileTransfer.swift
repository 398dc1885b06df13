// The content of one file into another: shared where the file system can, else copied by the kernel, and
// small ones by hand, which is fastest.

import CLinux
import Glibc
import Linux
import SystemPackage

struct FileTransfer {
  private static let small = 64 << 10
  /// What the kernel copies in one call.
  private static let most = 64 << 20

  /// What this pair of file systems cannot do is not tried again.
  private var clones = true
  private var copiesRange = true
  private var requester = Requester()
  private var buffer = [UInt8](repeating: 0, count: Self.small)

  /// - Parameter size: what was seen of the source; what is in it when it is read counts.
  mutating func copy(_ source: CInt, to target: CInt, size: Int) throws {
    if size < Self.small { return try copySmall(source, to: target) }
    if clones {
      // FICLONE: _IOW(0x94, 9, int)
      if berth_ioctl_int(target, 0x4004_9409, Int(source)) == 0 { return }
      clones = false
    }
    if copiesRange, try copyRange(source, to: target) { return }
    while true {
      let count = try retrying("sendfile") { sendfile(target, source, nil, Self.most) }
      if count == 0 { return }
      try requester.look(after: count)
    }
  }

  private mutating func copySmall(_ source: CInt, to target: CInt) throws {
    while true {
      let count = try retrying("read") {
        buffer.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) }
      }
      var done = 0
      while done < count {
        done += try retrying("write") {
          buffer.withUnsafeBytes { write(target, $0.baseAddress.map { $0 + done }, count - done) }
        }
      }
      if count == 0 { return }
      try requester.look(after: count)
    }
  }

  private mutating func copyRange(_ source: CInt, to target: CInt) throws -> Bool {
    while true {
      let count = berth_copy_file_range(source, target, Self.most)
      if count == 0 { return true }
      if count > 0 {
        try requester.look(after: count)
        continue
      }
      switch Errno.current {
      case .interrupted: continue
      case .improperLink, .notSupported, .noFunction, .invalidArgument, .notPermitted:
        copiesRange = false
        return false
      case let reason: throw SystemCallError("copy_file_range", "", reason)
      }
    }
  }
}
