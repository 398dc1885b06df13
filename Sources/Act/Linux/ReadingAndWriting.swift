// Whole reads and writes on descriptors, with EINTR and short counts dealt with.

import Glibc
import SystemPackage

extension Descriptor {
  /// Writes all of `bytes`. Blocks when the descriptor does.
  package func writeAll(_ bytes: [UInt8]) throws(SystemCallError) {
    try writeAll(bytes[...])
  }

  package func writeAll(_ bytes: ArraySlice<UInt8>) throws(SystemCallError) {
    var offset = 0
    while offset < bytes.count {
      offset += try retrying("write") {
        bytes.withUnsafeBytes { buffer in
          buffer.baseAddress.map { write(raw, $0 + offset, buffer.count - offset) } ?? 0
        }
      }
    }
  }

  /// One read of at most `count` bytes; empty at the end of the file.
  package func read(upTo count: Int) throws(SystemCallError) -> [UInt8] {
    var failure: SystemCallError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(SystemCallError) {
        filled = try retrying("read") { readInto(raw, buffer.baseAddress, count) }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Everything up to the end of the file; EFBIG when there is more than `limit`.
  package func readAll(limit: Int) throws(SystemCallError) -> [UInt8] {
    var content: [UInt8] = []
    while true {
      let part = try read(upTo: min(64 << 10, limit - content.count + 1))
      if part.isEmpty { return content }
      content += part
      if content.count > limit { throw SystemCallError("read", "", .fileTooLarge) }
    }
  }
}

private func readInto(_ fd: CInt, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(fd, buffer, count)
}
