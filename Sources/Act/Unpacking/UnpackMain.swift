// The child that unpacks one layer: it confines itself, then turns compressed bytes into files. One
// thread inflates and hashes, the other writes.

import Archive
import CLinux
import Glibc
import Linux
import OCI
import Synchronization
import SystemPackage

/// The descriptors that the child finds open.
enum UnpackDescriptor {
  static let input: CInt = 0
  static let report: CInt = 1
  static let folder: CInt = 3
  /// Locked by the one child of a pull that may take a large window.
  static let largeWindow: CInt = 4
  /// Where the implied folders are written to, each with a NUL behind it.
  static let implied: CInt = 5
}

private let queuedBytes = 2 << 20
private let readBytes = 256 << 10

/// Unpacks what stands on its standard input into the folder behind descriptor 3 and reports on its
/// standard output (drawn in UnpackReport.swift). Needs root.
///
/// - Parameter arguments: how many bytes of content may be written.
/// - Returns: the exit status; 125 when it was not called as berth calls it.
package func unpackMain(_ arguments: [String]) -> Int32 {
  guard arguments.count == 1, let limit = UInt64(arguments[0]),
    berth_fcntl(UnpackDescriptor.folder, F_GETFD, 0) >= 0,
    berth_fcntl(UnpackDescriptor.implied, F_GETFD, 0) >= 0
  else {
    let line = Array("berth-unpack: started by `berth pull`, not by hand\n".utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    return 125
  }
  let report: UnpackReport
  do {
    report = try unpack(limit: limit)
  } catch {
    report = UnpackReport(refusing: error)
  }
  let output = Descriptor(owning: UnpackDescriptor.report)
  do {
    try output.writeAll(report.bytes)
  } catch {
    return 1  // nobody listens any more
  }
  return 0
}

private func unpack(limit: UInt64) throws -> UnpackReport {
  keepMemory()
  // Opens its library, which is out of reach afterwards.
  Decompressor.prepare()
  try Confinement.enter(Descriptor(owning: UnpackDescriptor.folder))
  try Confinement.giveUpPrivileges()
  let plain = ChunkChannel(limit: queuedBytes)
  let started = ChunkChannel(limit: 1)
  let confined = ChunkChannel(limit: 1)
  let inflated = Inflated()
  BlockingPool.shared.run {
    started.finish()
    inflated.fill(plain, after: confined)
  }
  _ = try started.receive()
  // From here on for both threads: the other one has begun, which takes more than is allowed now.
  try Confinement.filterSystemCalls()
  confined.finish()
  do {
    var unpacker = try LayerUnpacker("/", limit: limit)
    var reader = TarReader()
    while let chunk = try plain.receive() {
      try chunk.withUnsafeBytes { try reader.feed($0, to: &unpacker) }
    }
    try reader.finish(&unpacker)
    try unpacker.finish()
    let implied = Descriptor(owning: UnpackDescriptor.implied)
    try implied.writeAll(Array(unpacker.impliedFolders.map { $0 + [0] }.joined()))
    return .done(written: Int64(clamping: unpacker.written), diffID: inflated.digest)
  } catch {
    plain.abandon()
    throw error
  }
}

/// Buffers are used again instead of being mapped, cleared and unmapped each time.
private func keepMemory() {
  mallopt(M_MMAP_THRESHOLD, 4 << 20)
  mallopt(M_TRIM_THRESHOLD, 16 << 20)
  mallopt(M_ARENA_MAX, 2)
}

/// The first half: compressed bytes in, plain chunks out.
private final class Inflated: Sendable {
  private let hasher = Mutex(SHA256())

  /// Of all that came out of the decoder; to be asked for when the channel has ended.
  var digest: Digest { hasher.withLock { $0.finish() } }

  func fill(_ plain: ChunkChannel, after confined: ChunkChannel) {
    do {
      _ = try confined.receive()
      let input = Descriptor(owning: UnpackDescriptor.input)
      let decompressor = Decompressor {
        try retrying("flock") { flock(UnpackDescriptor.largeWindow, LOCK_EX) }
      }
      func emit(_ chunk: [UInt8]) throws {
        hasher.withLock { $0.update(chunk) }
        try plain.send(chunk)
      }
      while true {
        let chunk = try input.read(upTo: readBytes)
        if chunk.isEmpty { break }
        try decompressor.feed(chunk, emit)
      }
      try decompressor.finish(emit)
      plain.finish()
    } catch {
      plain.finish(.failure(error))
    }
  }
}
