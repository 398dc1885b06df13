// From compressed bytes to a folder in one pass: this side hashes and keeps what comes in, the child
// that unpacks (Unpacking) inflates, hashes and writes what comes out of that.

import CLinux
import Glibc
import Linux
import OCI
import Registry
import Synchronization
import SystemPackage
import Unpacking

final class LayerPipeline: Sendable {
  private static let queuedBytes = 2 << 20

  private let blob: ContentDescriptor
  private let diffID: Digest
  private let compressed: ChunkChannel
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

  /// Takes what `bring` offers or feeds, to its end or failure.
  func take(_ bring: () async throws -> Void) async {
    do {
      try await bring()
      compressed.finish()
    } catch HTTPFault.abandoned, is ChunkChannel.Abandoned {
      // The other end knows why, or it was sent too much: then its size tells.
      compressed.finish()
    } catch {
      compressed.finish(.failure(error))
    }
  }

  /// Why the blob was not what was announced.
  struct WrongContent: Error {
    var size: Int64
    var digest: Digest
  }

  /// Where the bytes of a layer go.
  struct Target: Sendable {
    /// Where the blob is kept; nil when it is in the store already.
    var blobFile: FilePath?
    /// The empty folder that is unpacked into.
    var files: FilePath
    /// Where the names of folders go that the layer does not describe.
    var implied: FilePath
    /// `berth-unpack`.
    var unpacker: FilePath
    /// Bytes of content that may be written.
    var limit: UInt64
    /// By which the layers of one pull take turns in using much memory.
    var turns: FilePath
  }

  /// Takes what is offered until its end. Blocks. A layer that cannot be used is read to its end all
  /// the same, to tell wrong content (the registry's fault) from content that is bad by design (the
  /// image's). The child is gone afterwards, whatever happened.
  ///
  /// - Parameter progress: told how many compressed bytes were taken.
  /// - Returns: bytes of content that were written.
  func ingest(_ target: Target, progress: (Int64) -> Void) throws -> Int64 {
    do {
      let child = try UnpackProcess(
        target.unpacker, into: target.files, limit: target.limit,
        implied: target.implied, turns: target.turns)
      var hasher = SHA256()
      var size: Int64 = 0
      var childTakes = true
      let output = try BlobWriter(target.blobFile, room: target.limit)
      while let chunk = try compressed.receive() {
        hasher.update(chunk)
        size += Int64(chunk.count)
        progress(size)
        guard childTakes else { continue }
        do {
          try child.write(chunk)
          try output.write(chunk)
        } catch is UnpackProcess.Closed {
          childTakes = false
        }
      }
      let digest = hasher.finish()
      guard size == blob.size, digest == blob.digest else {
        throw WrongContent(size: size, digest: digest)
      }
      return try written(child.finish())
    } catch {
      compressed.abandon()
      throw error
    }
  }

  private func written(_ report: UnpackReport) throws -> Int64 {
    switch report {
    case .refused(let layer): throw layer
    case .done(_, let received) where received != diffID:
      throw LayerFault.wrongDiffID(expected: diffID, received: received)
    case .done(let written, _): return written
    }
  }
}

/// Writes the compressed blob beside the unpacking, or nothing.
private struct BlobWriter: ~Copyable {
  private let file: Descriptor?
  private let room: UInt64

  init(_ path: FilePath?, room: UInt64) throws {
    self.room = room
    if let path {
      file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
    } else {
      file = nil
    }
  }

  func write(_ chunk: [UInt8]) throws {
    do throws(SystemCallError) {
      try file?.writeAll(chunk)
    } catch {
      guard error.errno == .noSpace || error.errno == Errno(rawValue: EDQUOT) else { throw error }
      throw LayerFault.noSpace(room: room)
    }
  }
}
