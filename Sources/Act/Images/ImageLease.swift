// What a running command needs of the store, so that a collection beside it leaves that alone.
//
// A lease is a locked file below `leases/` with one line for each layer and blob that is needed. It is
// made and added to while `collect.lock` is shared, so never between the moment when a collector, which
// holds that lock alone, has read the leases and the moment when it has taken out what nobody needs.
// Therefore: lease first, then look whether a thing is there. What was there stays; what was not is
// fetched, and stays too. A lease that is not locked belonged to a process that is gone.

import CLinux
import Glibc
import Linux
package import OCI
import Store
import Synchronization
import SystemPackage

/// Layers by chain id, and blobs.
struct ImageNeeds: Sendable, Hashable {
  var chains: Set<Digest> = []
  var blobs: Set<Digest> = []

  var isEmpty: Bool { chains.isEmpty && blobs.isEmpty }

  mutating func formUnion(_ other: ImageNeeds) {
    chains.formUnion(other.chains)
    blobs.formUnion(other.blobs)
  }
}

/// Ends with `end`, when nothing refers to it any more, or with the process.
package final class ImageLease: Sendable {
  private let folders: ImageFolders
  private let path: FilePath
  private let file: Descriptor
  private let held = Mutex(ImageNeeds())

  /// Blocks, not longer than a collector takes to mark.
  init(_ folders: ImageFolders) throws {
    self.folders = folders
    try folders.make()
    var random = SystemRandomNumberGenerator()
    let name = String(random.next() as UInt64, radix: 16)
    path = folders.leases.appending(name)
    let gate = try FileLock.share(folders.collectLock)
    let opened = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW)
    try retrying("flock", path.string) { flock(opened.raw, LOCK_EX) }
    file = opened
    _ = consume gate
  }

  deinit { end() }

  /// Nothing is kept any more. May be called again.
  package func end() {
    // One that stays is taken for that of a dead process, and removed by the next collection.
    try? removeFile(path)
  }

  /// From now on these are kept, if they are there. Blocks.
  func hold(_ needs: ImageNeeds) throws {
    let gate = try FileLock.share(folders.collectLock)
    try write(needs)
    _ = consume gate
  }

  /// Finds something and holds what it needs, without a collection in between. Blocks.
  func hold<Found>(finding: () throws -> (Found, ImageNeeds)) throws -> Found {
    let gate = try FileLock.share(folders.collectLock)
    let (found, needs) = try finding()
    try write(needs)
    _ = consume gate
    return found
  }

  private func write(_ needs: ImageNeeds) throws {
    try held.withLock { held in
      var text = ""
      for chain in needs.chains where held.chains.insert(chain).inserted {
        text += "layer \(chain.hex)\n"
      }
      for blob in needs.blobs where held.blobs.insert(blob).inserted {
        text += "blob \(blob.hex)\n"
      }
      if !text.isEmpty { try file.writeAll(Array(text.utf8)) }
    }
  }

  /// More than this is in no lease: all images of a large project at once.
  private static let byteLimit = 64 << 20

  /// Removes the files of dead processes, unless others lease at this moment: the next one does it then.
  static func sweep(_ folders: ImageFolders) throws {
    guard let gate = try FileLock.attempt(folders.collectLock) else { return }
    _ = try readAll(folders)
    _ = consume gate
  }

  /// What living processes need. The files of dead ones are removed. Call with `collect.lock` held
  /// alone.
  static func readAll(_ folders: ImageFolders) throws -> (needs: ImageNeeds, count: Int) {
    var all = ImageNeeds()
    var count = 0
    for name in try namesInFolder(folders.leases) {
      let path = folders.leases.appending(name)
      if try HeldLock(attempting: path) != nil {
        try removeFile(path)
        continue
      }
      count += 1
      let text = String(
        decoding: try readFile(path, limit: byteLimit) ?? [], as: UTF8.self)
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        guard words.count == 2, let digest = Digest(hex: String(words[1])) else { continue }
        if words[0] == "layer" { all.chains.insert(digest) } else { all.blobs.insert(digest) }
      }
    }
    return (all, count)
  }
}

extension ImageStore {
  /// A lease that holds nothing yet. Blocks.
  package func lease() throws -> ImageLease { try ImageLease(folders) }

  /// The image that a reference stands for, kept by `lease` from now on; nil when it is not whole.
  package func resolve(_ reference: ImageReference, keepingBy lease: ImageLease) throws
    -> LocalImage?
  {
    try lease.hold {
      let image = try resolve(reference)
      return (image, try image.map { try needs(of: $0) } ?? ImageNeeds())
    }
  }

  /// All that an image stands on: manifest, config, layers, and the blobs that these came from.
  func needs(of image: LocalImage) throws -> ImageNeeds {
    var needs = ImageNeeds(
      chains: Set(image.config.chainIDs), blobs: [image.manifestDigest, image.id])
    needs.blobs.formUnion(try manifest(image.manifestDigest)?.layers.map(\.digest) ?? [])
    return needs
  }
}
