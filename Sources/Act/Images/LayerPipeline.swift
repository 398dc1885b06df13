// From compressed bytes to a folder in one pass: one thread hashes, keeps and inflates what comes in,
// another hashes and unpacks what comes out of that.

import Archive
import CLinux
import Glibc
import Linux
import OCI
import Registry
import Synchronization
import SystemPackage

final class LayerPipeline: Sendable {
  private static let queuedBytes = 2 << 20

  private let blob: ContentDescriptor
  private let diffID: Digest
  private let compressed: ChunkChannel
  private let plain = ChunkChannel(limit: LayerPipeline.queuedBytes)
  private let taken = Atomic<Int64>(0)

  /// - Parameter onRoom: called when `offer` may be tried again after `full`.
  init(_ blob: ContentDescriptor, diffID: Digest, onRoom: @escaping @Sendable () -> Void) {
    self.blob = blob
    self.diffID = diffID
    compressed = ChunkChannel(limit: Self.queuedBytes, onRoom: onRoom)
  }

  /// How many compressed bytes were offered and taken.
  var received: Int64 { taken.load(ordering: .relaxed) }

  /// Does not block. More than the announced size is never taken.
  func offer(_ bytes: UnsafeRawBufferPointer) -> ChunkChannel.Offer {
    let total = received + Int64(bytes.count)
    let result = compressed.offer(Array(bytes))
    if case .taken = result { taken.store(total, ordering: .relaxed) }
    return total > blob.size ? .abandoned : result
  }

  /// Reads the whole blob from the store instead. Blocks.
  func feed(_ path: FilePath) throws {
    let file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW)
    while true {
      let chunk = try file.read(upTo: 256 << 10)
      if chunk.isEmpty { return }
      try compressed.send(chunk)
    }
  }

  func finishInput(_ result: Result<Void, any Error>) { compressed.finish(result) }

  /// Why the blob was not what was announced; thrown by `ingest`.
  struct WrongContent: Error {
    var size: Int64
    var digest: Digest
  }

  /// The first thread. Content that cannot be used is read to its end all the same, to tell wrong
  /// content (the registry's fault) from content that is bad by design (the image's).
  /// - Parameter file: where the blob is kept; nil when it is in the store already.
  func ingest(keepingIn file: FilePath?, progress: (Int64) -> Void) throws {
    var hasher = SHA256()
    var size: Int64 = 0
    var failure: (any Error)?
    do {
      let output = try BlobWriter(file)
      let decompressor = Decompressor()
      while let chunk = try compressed.receive() {
        hasher.update(chunk)
        size += Int64(chunk.count)
        progress(size)
        guard failure == nil else { continue }
        do {
          try output.write(chunk)
          try decompressor.feed(chunk) { try plain.send($0) }
        } catch {
          failure = error
          plain.finish(.failure(error))
        }
      }
      let digest = hasher.finish()
      guard size == blob.size, digest == blob.digest else {
        throw WrongContent(size: size, digest: digest)
      }
      if let failure { throw failure }
      try decompressor.finish { try plain.send($0) }
      plain.finish()
    } catch {
      plain.finish(.failure(error))
      compressed.abandon()
      throw error
    }
  }

  /// The second thread.
  /// - Returns: bytes of content that were written.
  func unpack(into folder: FilePath, limit: UInt64) throws -> Int64 {
    do {
      var unpacker = try LayerUnpacker(folder, limit: limit)
      var reader = TarReader()
      var hasher = SHA256()
      while let chunk = try plain.receive() {
        hasher.update(chunk)
        try chunk.withUnsafeBytes { try reader.feed($0, to: &unpacker) }
      }
      try reader.finish(&unpacker)
      try unpacker.finish()
      let digest = hasher.finish()
      guard digest == diffID else {
        throw LayerFault.wrongDiffID(expected: diffID, received: digest)
      }
      return Int64(clamping: unpacker.written)
    } catch {
      plain.abandon()
      throw error
    }
  }
}

/// Writes the compressed blob beside the unpacking, or nothing.
private struct BlobWriter: ~Copyable {
  private let file: Descriptor?

  init(_ path: FilePath?) throws {
    if let path {
      file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
    } else {
      file = nil
    }
  }

  func write(_ chunk: [UInt8]) throws { try file?.writeAll(chunk) }
}

/// What a layer may take: the free space less five hundredths of the file system.
func usableSpace(_ folder: FilePath) throws(SystemCallError) -> UInt64 {
  var status = statfs()
  try checking("statfs", folder.string) { folder.withPlatformString { statfs($0, &status) } }
  let reserve = UInt64(status.f_blocks) / 20
  let free = UInt64(status.f_bavail)
  let blocks = free > reserve ? free - reserve : 0
  return blocks.multipliedReportingOverflow(by: UInt64(status.f_bsize)).partialValue
}
