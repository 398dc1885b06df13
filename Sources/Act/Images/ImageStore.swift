// The images of this machine: which names stand for what, and where their layers lie.

import CLinux
import Glibc
import JSON
import Linux
package import OCI
import Store
package import SystemPackage

/// An image that is whole on this machine.
package struct LocalImage: Hashable, Sendable {
  /// The digest of the config.
  package var id: Digest
  package var manifestDigest: Digest
  /// The tags that stand for it.
  package var references: [ImageReference]
  /// The repository digests that stand for it: `name@sha256:…`.
  package var repoDigests: [ImageReference]
  package var config: ImageConfig
  /// Bytes of the unpacked layers.
  package var size: Int64
  /// Lower folders for an overlay, bottom to top.
  package var layers: [FilePath]

  package var platform: Platform { config.platform }
  /// RFC 3339, as the image says; nil when it does not.
  package var createdAt: String? { config.created }
}

package struct ImageStore: Sendable {
  let folders: ImageFolders

  /// - Parameter root: `<state>/images`; made by the first pull.
  package init(root: FilePath) { folders = ImageFolders(root: root) }

  /// The image that a reference stands for here, nil when it is not whole on this machine. Three
  /// small reads and a look at each layer's folder. Blocks on the disk.
  package func resolve(_ reference: ImageReference) throws -> LocalImage? {
    let wanted = reference.digest.map { reference.pinned(to: $0) } ?? reference
    if let record = try readRecord(NameRecord.self, at: folders.name(wanted)) {
      return try load(record)
    }
    return nil
  }

  /// When the name was given or its registry last said that it still stands for the same, in seconds of
  /// the epoch; nil when the name is not here.
  package func lastCheck(of reference: ImageReference) -> Int64? {
    var status = stat()
    let found = folders.name(reference).withPlatformString { stat($0, &status) } == 0
    return found ? Int64(status.st_mtim.tv_sec) : nil
  }

  /// The image with this id or the only one whose id begins so; 12 digits or more, with or without
  /// `sha256:`.
  package func resolve(id text: String) throws -> LocalImage? {
    let prefix = "sha256:"
    let hex = text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
    guard hex.utf8.count >= 12 else { return nil }
    let matches = try list().filter { $0.id.hex.hasPrefix(hex) }
    return matches.count == 1 ? matches.first : nil
  }

  /// All images, each once, in the order of their first name. Blocks on the disk.
  package func list() throws -> [LocalImage] {
    var images: [LocalImage] = []
    var places: [Digest: Int] = [:]
    let files = try namesInFolder(folders.names).map(\.string).sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
    for file in files {
      guard let image = try image(namedBy: folders.names.appending(file)) else { continue }
      if let place = places[image.id] {
        images[place].references += image.references
        images[place].repoDigests += image.repoDigests
      } else {
        places[image.id] = images.count
        images.append(image)
      }
    }
    return images
  }

  /// Nil when the file is no record, or the image is not whole.
  func image(namedBy file: FilePath) throws -> LocalImage? {
    do {
      return try readRecord(NameRecord.self, at: file).flatMap { try load($0) }
    } catch is JSONError {
      return nil
    }
  }

  /// Nil when a blob or a layer lacks: then it must be pulled again.
  func load(_ record: NameRecord) throws -> LocalImage? {
    guard let manifest = try manifest(record.manifest),
      let config = try config(manifest.config.digest)
    else { return nil }
    let chains = config.chainIDs
    guard chains.allSatisfy({ hasLayer($0) }) else { return nil }
    var image = LocalImage(
      id: manifest.config.digest, manifestDigest: record.manifest, references: [],
      repoDigests: [], config: config, size: record.size,
      layers: chains.map { folders.layerFiles($0) })
    // A record that only keeps an image has its id in the place of a name.
    guard Digest(record.reference) == nil else { return image }
    let reference = try ImageReference(parsing: record.reference)
    if reference.digest == nil {
      image.references = [reference]
    } else {
      image.repoDigests = [reference]
    }
    return image
  }

  /// Nil when it is not here, or not what was stored: then it is as good as lost.
  func config(_ digest: Digest) throws -> ImageConfig? {
    guard let text = try readFile(folders.blob(digest), limit: ImageLimits.configBytes) else {
      return nil
    }
    do throws(ImageFault) { return try ImageConfig(parsing: text) } catch { return nil }
  }

  /// As `config`.
  func manifest(_ digest: Digest) throws -> Manifest? {
    guard let text = try readFile(folders.blob(digest), limit: ImageLimits.manifestBytes) else {
      return nil
    }
    do throws(ImageFault) {
      guard case .manifest(let manifest) = try ManifestDocument(parsing: text) else { return nil }
      return manifest
    } catch {
      return nil
    }
  }

  func record(_ reference: ImageReference) throws -> NameRecord? {
    try readRecord(NameRecord.self, at: folders.name(reference))
  }

  func hasLayer(_ chain: Digest) -> Bool { exists(folders.layerFiles(chain)) }
  func hasBlob(_ digest: Digest) -> Bool { exists(folders.blob(digest)) }

  private func exists(_ path: FilePath) -> Bool {
    path.withPlatformString { faccessat(AT_FDCWD, $0, F_OK, 0) } == 0
  }
}

// MARK: - For those who bring layers

extension ImageStore {
  /// Bytes of an unpacked layer; nil when it is not here.
  func sizeOfLayer(_ chain: Digest) async throws -> Int64? {
    try await blocking { try readRecord(LayerRecord.self, at: folders.layerRecord(chain))?.size }
  }

  /// Waits for other processes that bring the same blob.
  func lockBlob(_ digest: Digest) async throws -> HeldLock {
    while true {
      if let lock = try HeldLock(attempting: folders.lock(digest)) { return lock }
      try await Task.sleep(for: .milliseconds(25))
    }
  }
}

// MARK: - For the puller

extension ImageStore {
  /// Keeps that the registry was asked just now. Another pull may give the name to another image at
  /// this moment: for that one it is true as well.
  func noteCheck(of reference: ImageReference) throws {
    let path = folders.name(reference)
    let result = path.withPlatformString { utimensat(AT_FDCWD, $0, nil, 0) }
    // The name was taken away meanwhile: then there is nothing to keep.
    if result != 0, errno != ENOENT {
      throw SystemCallError("utimensat", path.string, Errno(rawValue: errno))
    }
  }

  /// What a reference stands for here, with the registry's name for it.
  struct Known: Sendable {
    var image: LocalImage
    var digest: Digest
    var layers: [Digest]
  }

  /// - Parameter lease: keeps it from now on.
  func known(_ reference: ImageReference, keepingBy lease: ImageLease) throws -> Known? {
    try lease.hold {
      let known = try known(reference)
      return (known, try known.map { try needs(of: $0.image) } ?? ImageNeeds())
    }
  }

  private func known(_ reference: ImageReference) throws -> Known? {
    let wanted = reference.digest.map { reference.pinned(to: $0) } ?? reference
    guard let record = try record(wanted), let image = try load(record),
      let manifest = try manifest(record.manifest)
    else { return nil }
    return Known(image: image, digest: record.digest, layers: manifest.layers.map(\.digest))
  }
}
