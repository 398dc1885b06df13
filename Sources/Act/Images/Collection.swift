// What goes out of the store, safely beside pulls and runs.
//
// With `collect.lock` held alone, the leases of living commands are read first, then the containers, then
// the names: a command that lets go of its lease has by then written a name or a container, which is read
// later. What none of them needs is renamed into a folder of the trash, and the lock is let go: nobody
// waits for files to be deleted. A collector that dies leaves its folder to the next one.

import CLinux
import Diagnostics
import Glibc
import JSON
import Linux
package import OCI
import Store
import SystemPackage

/// A container, as the store needs to know it.
package struct ImageUser: Sendable, Hashable {
  package var name: String
  package var isRunning: Bool
  /// The image that it was made from.
  package var image: Digest?
  /// The chain ids of its layers, and whatever else it may name.
  package var digests: Set<Digest>

  package init(name: String, isRunning: Bool, image: Digest?, digests: Set<Digest>) {
    self.name = name
    self.isRunning = isRunning
    self.image = image
    self.digests = digests
  }
}

/// Reads the containers, at the moment when it is called.
package typealias ImageUsers = () throws -> [ImageUser]

/// All that is in the store, while nobody else can lease any of it.
struct Census {
  struct Record {
    var file: FilePath
    /// Nil for the one that keeps an image without names.
    var reference: ImageReference?
    /// Nil when the image is not whole: then the record keeps nothing.
    var image: Digest?
  }

  let store: ImageStore
  let leased: ImageNeeds
  let commands: Int
  let users: [ImageUser]
  private(set) var images: [LocalImage] = []
  private(set) var records: [Record] = []
  fileprivate let trash: TrashFolder

  /// - Parameter trash: of this collection.
  fileprivate init(_ store: ImageStore, users: ImageUsers, trash: TrashFolder) throws {
    self.store = store
    self.trash = trash
    (leased, commands) = try ImageLease.readAll(store.folders)
    self.users = try users()
    let names = store.folders.names
    for name in try namesInFolder(names).map(\.string).sorted(by: precedes) {
      let file = names.appending(name)
      let found = try store.image(namedBy: file)
      let reference = found.flatMap { $0.references.first ?? $0.repoDigests.first }
      records.append(Record(file: file, reference: reference, image: found?.id))
      guard let found else { continue }
      if let place = images.firstIndex(where: { $0.id == found.id }) {
        images[place].references += found.references
        images[place].repoDigests += found.repoDigests
      } else {
        images.append(found)
      }
    }
  }

  func users(of image: Digest) -> [ImageUser] {
    users.filter { $0.image == image || $0.digests.contains(image) }
  }

  /// Takes away the records that `isMeant` says yes to.
  mutating func forget(where isMeant: (Record) -> Bool) throws {
    for record in records where isMeant(record) { try removeFile(record.file) }
    records.removeAll(where: isMeant)
    for index in images.indices {
      let id = images[index].id
      let names = records.filter { $0.image == id }.compactMap(\.reference)
      images[index].references = names.filter { $0.digest == nil }
      images[index].repoDigests = names.filter { $0.digest != nil }
    }
    images.removeAll { image in !records.contains { $0.image == image.id } }
  }

  /// Lets an image stay that has lost its names.
  mutating func keepUntagged(_ image: LocalImage) throws {
    let file = store.folders.untagged(image.id)
    let record = NameRecord(
      reference: image.id.description, digest: image.manifestDigest,
      manifest: image.manifestDigest, size: image.size)
    try trash.publish(record, at: file)
    records.append(Record(file: file, reference: nil, image: image.id))
    var kept = image
    (kept.references, kept.repoDigests) = ([], [])
    if !images.contains(where: { $0.id == image.id }) { images.append(kept) }
  }

  /// Throws away what nobody needs.
  /// - Parameter candidates: nothing else is looked at; nil is all that is in the store.
  /// - Returns: the chain ids of the layers that went.
  func sweep(among candidates: ImageNeeds? = nil) throws -> [Digest] {
    let kept = try neededByAnyone()
    let folders = store.folders
    let chains = try candidates?.chains ?? digests(in: folders.layers)
    var blobs = try candidates?.blobs ?? digests(in: folders.blobs)
    var gone: [Digest] = []
    for chain in chains.subtracting(kept.chains).sorted(by: { precedes($0.hex, $1.hex) }) {
      if let record = try layerRecord(chain) { blobs.insert(record.blob) }
      if try trash.take(folders.layer(chain)) { gone.append(chain) }
    }
    for blob in blobs.subtracting(kept.blobs) { _ = try trash.take(folders.blob(blob)) }
    return gone
  }

  private func neededByAnyone() throws -> ImageNeeds {
    var kept = try needed()
    kept.formUnion(leased)
    kept.formUnion(try store.needsOfSteps())
    // A layer may have come from another blob than the manifest of its image names.
    for chain in kept.chains {
      if let record = try layerRecord(chain) { kept.blobs.insert(record.blob) }
    }
    return kept
  }

  /// By images and containers.
  func needed() throws -> ImageNeeds {
    var kept = ImageNeeds()
    for user in users {
      kept.chains.formUnion(user.digests)
      kept.blobs.formUnion(user.digests)
      if let image = user.image { kept.blobs.insert(image) }
    }
    for image in images { kept.formUnion(try store.needs(of: image)) }
    return kept
  }

  private func layerRecord(_ chain: Digest) throws -> LayerRecord? {
    do {
      return try readRecord(LayerRecord.self, at: store.folders.layerRecord(chain))
    } catch is JSONError {
      return nil
    }
  }

  private func digests(in folder: FilePath) throws -> Set<Digest> {
    Set(try namesInFolder(folder).compactMap { Digest(hex: $0.string) })
  }
}

private func precedes(_ left: String, _ right: String) -> Bool {
  left.utf8.lexicographicallyPrecedes(right.utf8)
}

extension ImageStore {
  /// Runs `body` while nothing can be leased, then deletes what it threw away.
  /// - Returns: what `body` gave, and how many bytes of the disk came free. Blocks.
  func collecting<Value>(usedBy users: ImageUsers, _ body: (inout Census) throws -> Value) throws
    -> (value: Value, freed: UInt64)
  {
    try folders.make()
    let gate = try FileLock.wait(folders.collectLock)
    let dead = try TrashFolder.dead(folders)
    let trash = try TrashFolder(folders)
    let result: Result<Value, any Error>
    do {
      var census = try Census(self, users: users, trash: trash)
      result = .success(try body(&census))
    } catch {
      result = .failure(error)
    }
    // Names go for good before what they stood for does.
    let names = try Descriptor.open(folders.names, O_RDONLY | O_DIRECTORY)
    try checking("fsync", folders.names.string) { fsync(names.raw) }
    _ = consume gate
    for folder in dead { _ = try folder.empty() }
    let freed = try trash.empty()
    return (try result.get(), freed)
  }

  /// Removes the locks of blobs, when nobody pulls. Call while nothing can be leased.
  func removeLocks(_ census: Census) throws {
    guard census.commands == 0 else { return }
    for name in try namesInFolder(folders.ingest) where name.string.hasSuffix(".lock") {
      try removeFile(folders.ingest.appending(name))
    }
  }
}

/// One collection's part of the trash.
private final class TrashFolder: Sendable {
  private let folder: FilePath
  private let lockFile: FilePath
  private let lock: HeldLock

  /// Call with `collect.lock` held alone.
  convenience init(_ folders: ImageFolders) throws {
    var random = SystemRandomNumberGenerator()
    let folder = folders.trash.appending(String(random.next() as UInt64, radix: 16))
    guard let found = try TrashFolder(existing: folder) else {
      throw SystemCallError("flock", folder.string, .wouldBlock)
    }
    try makeFolders(folder)
    self.init(folder, found.lock)
  }

  private init(_ folder: FilePath, _ lock: HeldLock) {
    self.folder = folder
    self.lock = lock
    lockFile = Self.lockFile(of: folder)
  }

  private init?(existing folder: FilePath) throws {
    guard let lock = try HeldLock(attempting: Self.lockFile(of: folder)) else { return nil }
    self.folder = folder
    self.lock = lock
    lockFile = Self.lockFile(of: folder)
  }

  private static func lockFile(of folder: FilePath) -> FilePath {
    FilePath(folder.string + ".lock")
  }

  /// What collectors left that are gone. Call with `collect.lock` held alone.
  static func dead(_ folders: ImageFolders) throws -> [TrashFolder] {
    let names = Set(
      try namesInFolder(folders.trash).map { name in
        name.string.hasSuffix(".lock") ? String(name.string.dropLast(5)) : name.string
      })
    return try names.compactMap { try TrashFolder(existing: folders.trash.appending($0)) }
  }

  /// Whether it was there.
  func take(_ path: FilePath) throws -> Bool {
    guard let name = path.lastComponent else { return false }
    let target = folder.appending(
      path.removingLastComponent().lastComponent.map { "\($0)-\(name)" } ?? "\(name)")
    do throws(SystemCallError) {
      try move(path, to: target)
      return true
    } catch {
      if error.errno == .noSuchFileOrDirectory { return false }
      throw error
    }
  }

  /// Writes a record here and renames it to its place.
  func publish(_ record: NameRecord, at path: FilePath) throws {
    let aside = folder.appending("record")
    try writeRecord(record, to: aside, .durable)
    try move(aside, to: path)
  }

  private func move(_ source: FilePath, to target: FilePath) throws(SystemCallError) {
    try checking("rename", source.string) {
      source.withPlatformString { source in
        target.withPlatformString { rename(source, $0) }
      }
    }
  }

  /// Deletes all; how many bytes that were. The lock file goes last.
  func empty() throws -> UInt64 {
    var usage = DiskUsage()
    let bytes = try usage.add(folder)
    let itself = try usage.addAlone(folder)
    try removeTree(folder)
    try removeFile(lockFile)
    return bytes - min(bytes, itself)
  }
}
