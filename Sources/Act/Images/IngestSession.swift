// The folder of one running pull. All that a pull makes is made here and renamed into the store when
// it is whole and on the disk; what a dead pull left is removed by the next one.

import Glibc
import JSON
import Linux
import OCI
import Store
import Synchronization
import SystemPackage

/// Ends with `close`, or with the process: then `sweep` of another pull removes the folder.
final class IngestSession: Sendable {
  let folders: ImageFolders
  let folder: FilePath
  let flusher: Flusher
  /// What a collection leaves alone until the session's names are published.
  let needs: ImageLease
  private let lock: HeldLock
  private let lastFile = Atomic<Int>(0)

  /// Blocks.
  init(_ folders: ImageFolders, lease: ImageLease) throws {
    self.folders = folders
    needs = lease
    try folders.make()
    try Self.sweep(folders)
    var random = SystemRandomNumberGenerator()
    let name = String(random.next() as UInt64, radix: 16)
    folder = folders.ingest.appending("session-" + name)
    flusher = Flusher(folder)
    // Made under another name, so that no sweep meets it without its lock. One at a time: whoever has
    // made one that is there by now was killed.
    let turn = try Descriptor.open(folders.ingest, O_RDONLY | O_DIRECTORY)
    try retrying("flock", folders.ingest.string) { flock(turn.raw, LOCK_EX) }
    for name in try namesInFolder(folders.ingest) where name.string.hasPrefix("new-") {
      try removeTree(folders.ingest.appending(name))
    }
    let aside = folders.ingest.appending("new-" + name)
    try makeFolders(aside)
    guard let lock = try HeldLock(attempting: aside.appending("lock")) else {
      throw SystemCallError("flock", aside.string, .wouldBlock)
    }
    self.lock = lock
    try rename(aside, to: folder)
    _ = consume turn
  }

  /// Removes the folder with all that was not published.
  func close() throws { try Self.removeEnded(folder) }

  /// Removes the folders of pulls whose process is gone.
  static func sweep(_ folders: ImageFolders) throws {
    for name in try namesInFolder(folders.ingest) where name.string.hasPrefix("session-") {
      try removeIfDead(folders.ingest.appending(name))
    }
  }

  private static func removeIfDead(_ folder: FilePath) throws {
    let path = folder.appending("lock")
    // One without a lock is about to go: nothing new may come into it.
    guard path.withPlatformString({ access($0, F_OK) }) == 0 else { return try removeEnded(folder) }
    let lock: HeldLock?
    do throws(SystemCallError) {
      lock = try HeldLock(attempting: path)
    } catch {
      if error.errno == .noSuchFileOrDirectory { return }  // another pull was quicker
      throw error
    }
    if lock != nil { try removeEnded(folder) }
  }

  /// The unpacker of a pull that was killed writes on until it finds that nobody listens, and whoever looks
  /// whether a session has ended may make its lock anew. What takes its time is left to the next pull.
  private static func removeEnded(_ folder: FilePath) throws(SystemCallError) {
    for _ in 0..<removingAttempts {
      do throws(SystemCallError) {
        return try removeTree(folder)
      } catch {
        guard error.errno == .directoryNotEmpty else { throw error }
      }
      usleep(20_000)
    }
  }

  private static let removingAttempts = 100

  var turns: FilePath { folder.appending("turns") }
  func blobFile(_ digest: Digest) -> FilePath { folder.appending("blob-" + digest.hex) }
  func layerFolder(_ chain: Digest) -> FilePath { folder.appending("layer-" + chain.hex) }

  /// A file of the session becomes that of a blob, to be published with its layer.
  func take(_ file: FilePath, asBlob digest: Digest) throws {
    try rename(file, to: blobFile(digest))
  }

  /// Where the bytes of a layer go.
  /// - Parameter blobFile: nil when the blob need not be kept.
  func target(_ chain: Digest, blobFile: FilePath?, unpacker: FilePath) throws(SystemCallError)
    -> LayerPipeline.Target
  {
    LayerPipeline.Target(
      blobFile: blobFile, files: layerFolder(chain).appending("fs"),
      implied: layerFolder(chain).appending("implied"), unpacker: unpacker,
      limit: try usableSpace(folder), turns: turns)
  }

  /// The folder of a layer, with an empty `fs` that is to be what the layer says: readable for all
  /// where it says nothing, as a container's user other than root must enter it.
  func makeLayerFolder(_ chain: Digest) throws(SystemCallError) {
    let files = layerFolder(chain).appending("fs")
    try makeFolders(files)
    try checking("chmod", files.string) { files.withPlatformString { chmod($0, 0o755) } }
  }

  /// Puts a small verified blob into the store. Blocks until it is on the disk.
  func publish(_ bytes: [UInt8], as digest: Digest) throws {
    try publish(bytes, at: folders.blob(digest))
  }

  /// Lets the reference's tag and its repository digest stand for what the record says. Blocks until
  /// both are on the disk.
  func publish(_ record: NameRecord, _ reference: ImageReference) throws {
    try publishDigest(record, reference.pinned(to: record.digest))
    if reference.digest == nil { try publishTag(record, reference) }
  }

  /// Lets a repository digest stand for what the record says.
  func publishDigest(_ record: NameRecord, _ pinned: ImageReference) throws {
    var byDigest = record
    byDigest.reference = pinned.description
    try publish(JSONValue(encoding: byDigest).bytes(), at: folders.name(pinned))
  }

  /// Lets a tag stand for what the record says. An image that loses its last name by that is kept as
  /// one without names.
  func publishTag(_ record: NameRecord, _ tag: ImageReference) throws {
    let gate = try FileLock.share(folders.collectLock)
    if let old = try readRecord(NameRecord.self, at: folders.name(tag)),
      old.manifest != record.manifest
    {
      try keepUntagged(old, tag)
    }
    var byTag = record
    byTag.reference = tag.description
    try publish(JSONValue(encoding: byTag).bytes(), at: folders.name(tag))
    _ = consume gate
  }

  /// Keeps an image that has no name at all.
  func publishUntagged(_ record: NameRecord, id: Digest) throws {
    var byID = record
    byID.reference = id.description
    try publish(JSONValue(encoding: byID).bytes(), at: folders.untagged(id))
  }

  private func keepUntagged(_ old: NameRecord, _ tag: ImageReference) throws {
    let pinned = folders.name(tag.pinned(to: old.digest))
    let store = ImageStore(root: folders.root)
    guard try readRecord(NameRecord.self, at: pinned)?.manifest != old.manifest,
      let image = try store.load(old)
    else { return }
    try publishUntagged(old, id: image.id)
  }

  /// Several commands may publish the same thing at once: each writes its own file, the last one stays.
  private func publish(_ bytes: [UInt8], at path: FilePath) throws {
    let number = lastFile.add(1, ordering: .relaxed).newValue
    let file = folder.appending("file-\(number)")
    let descriptor = try Descriptor.open(file, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
    try descriptor.writeAll(bytes)
    try checking("fsync", file.string) { fsync(descriptor.raw) }
    try rename(file, to: path)
    try sync(path.removingLastComponent())
  }

  /// Puts a verified file of the session into the store as a blob. Blocks until it is on the disk.
  func publish(_ file: FilePath, asBlob digest: Digest) throws {
    let descriptor = try Descriptor.open(file, O_RDONLY | O_NOFOLLOW)
    try checking("fsync", file.string) { fsync(descriptor.raw) }
    try rename(file, to: folders.blob(digest))
    try sync(folders.blobs)
  }

  /// Puts a layer, and its blob if it was fetched, into the store, when both are on the disk.
  func publish(_ layer: LayerRecord, chain: Digest, fetchedBlob: Bool) async throws {
    let record = layerFolder(chain).appending("layer.json")
    try await blocking { try writeRecord(layer, to: record, .volatile) }
    try await flusher.flush()
    try await blocking { try self.rename(layer, chain: chain, fetchedBlob: fetchedBlob) }
  }

  /// Puts a blob alone into the store, when it is on the disk.
  func publishBlob(_ digest: Digest) async throws {
    try await flusher.flush()
    try await blocking { [self] in
      try rename(blobFile(digest), to: folders.blob(digest))
      try sync(folders.blobs)
    }
  }

  private func rename(_ layer: LayerRecord, chain: Digest, fetchedBlob: Bool) throws {
    if fetchedBlob {
      try rename(blobFile(layer.blob), to: folders.blob(layer.blob))
      try sync(folders.blobs)
    }
    do throws(SystemCallError) {
      try rename(layerFolder(chain), to: folders.layer(chain))
    } catch {
      // The same layer, published under another blob meanwhile, is as good.
      guard error.errno == .directoryNotEmpty || error.errno == .fileExists else { throw error }
      return
    }
    try sync(folders.layers)
  }

  private func sync(_ folder: FilePath) throws(SystemCallError) {
    let descriptor = try Descriptor.open(folder, O_RDONLY | O_DIRECTORY)
    try checking("fsync", folder.string) { fsync(descriptor.raw) }
  }

  private func rename(_ source: FilePath, to target: FilePath) throws(SystemCallError) {
    try checking("rename", target.string) {
      source.withPlatformString { source in
        target.withPlatformString { Glibc.rename(source, $0) }
      }
    }
  }
}

/// A file lock that closures can hold; let go with the last of its owners.
final class HeldLock: Sendable {
  private let lock: FileLock

  /// Nil when somebody else holds it.
  init?(attempting path: FilePath) throws(SystemCallError) {
    guard let lock = try FileLock.attempt(path) else { return nil }
    self.lock = lock
  }
}
