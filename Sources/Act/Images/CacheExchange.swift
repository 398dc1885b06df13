// The build cache to and from elsewhere. A cache is an image whose config says, beside what every config
// says, which steps its layers are: `berth.buildcache.v1`. So any registry keeps one, an image may carry
// its own, and only what is of use is fetched (docs/decisions/020).

import CLinux
import Glibc
import JSON
import Linux
package import OCI
package import Registry
import Store
import Synchronization
package import SystemPackage

/// A place that caches are read from and written to.
package enum CachePoint: Sendable {
  case folder(CacheFolder)
  case registry(ImageReference, RegistryClient)
}

/// One image of an OCI image layout.
package struct CacheFolder: Sendable, Hashable {
  package var path: FilePath
  /// What it is called there; nil is `latest`.
  package var tag: String?
  /// That of the image to read, whatever it is called.
  package var digest: Digest?

  package init(_ path: FilePath, tag: String? = nil, digest: Digest? = nil) {
    self.path = path
    self.tag = tag
    self.digest = digest
  }

  /// The annotation that an entry of the index is called by.
  fileprivate static let nameKey = "org.opencontainers.image.ref.name"
  fileprivate var name: String { tag ?? "latest" }

  /// The image to read.
  fileprivate func manifest() throws -> Digest {
    if let digest { return digest }
    let text = try readFile(path.appending("index.json"), limit: ImageLimits.manifestBytes)
    guard let text, case .index(let index) = try ManifestDocument(parsing: text) else {
      throw CacheFault.noCache
    }
    if let entry = index.manifests.first(where: { $0.annotations[Self.nameKey] == name }) {
      return entry.digest
    }
    if let tag { throw CacheFault.noTag(tag) }
    // Perhaps it was copied there by something that gives no names.
    guard let entry = index.manifests.first else { throw CacheFault.noCache }
    return entry.digest
  }
}

package enum CacheFault: Error, Hashable, CustomStringConvertible {
  case noCache
  case noTag(String)
  case broken(String)

  package var description: String {
    switch self {
    case .noCache: "there is no cache of builds in it"
    case .noTag(let tag): "there is no cache called `\(printable(tag))` in it"
    case .broken(let what): "its \(what) is not what its name says"
    }
  }
}

// MARK: - From elsewhere

extension CachePoint {
  /// The steps that are known there; no layer is fetched.
  package func steps() async throws -> [Digest: ForeignStep] {
    let (manifest, config) = try await image()
    return try foreignSteps(manifest, config, of: self)
  }

  private func image() async throws -> (Manifest, [UInt8]) {
    switch self {
    case .folder(let folder):
      return try await blocking {
        let text = try blob(
          try folder.manifest(), in: folder.path, limit: ImageLimits.manifestBytes)
        guard case .manifest(let manifest) = try ManifestDocument(parsing: text) else {
          throw CacheFault.noCache
        }
        let config = manifest.config.digest
        return (manifest, try blob(config, in: folder.path, limit: ImageLimits.configBytes))
      }
    case .registry(let reference, let client):
      var document = try await client.manifest(reference).document
      if case .index(let index) = document {
        let entry = try index.choose(.host)
        document = try await client.manifest(reference, digest: entry.digest).document
      }
      guard case .manifest(let manifest) = document else { throw CacheFault.noCache }
      let config = try await client.blob(
        manifest.config, of: reference, limit: ImageLimits.configBytes)
      return (manifest, config)
    }
  }
}

private func blobFile(_ digest: Digest, in folder: FilePath) -> FilePath {
  folder.appending("blobs").appending("sha256").appending(digest.hex)
}

private func blob(_ digest: Digest, in folder: FilePath, limit: Int) throws -> [UInt8] {
  guard let text = try readFile(blobFile(digest, in: folder), limit: limit) else {
    throw CacheFault.noCache
  }
  guard Digest(of: text) == digest else { throw CacheFault.broken(digest.short) }
  return text
}

extension BuildStore {
  /// Fetches the layer of a step and lays it on top of others, as if it was made here.
  package func bring(_ step: ForeignStep, on below: [StackedLayer]) async throws -> StackedLayer {
    let chains = chainIDsOf(below.map(\.diffID) + [step.diffID])
    let chain = chains[chains.count - 1]
    let digest = step.blob.digest
    let lock = try await store.lockBlob(digest)
    let (session, store) = (session, store)
    let known = try await blocking {
      try session.needs.hold(ImageNeeds(chains: [chain], blobs: [digest]))
      return try store.size(of: chain, unpackedFrom: step.blob)
    }
    if let known {
      try await session.settle(chains)
      return try await stacked(step, chain, size: known)
    }
    let isStored = try await blocking {
      try removeTree(session.layerFolder(chain))
      try session.makeLayerFolder(chain)
      return store.hasBlob(digest)
    }
    let target = try session.target(
      chain, blobFile: isStored ? nil : session.blobFile(digest), unpacker: unpacker)
    let pipeline = LayerPipeline(step.blob, diffID: step.diffID) {
      if case .registry(_, let client) = step.point { client.wake() }
    }
    async let ingested = blocking { try pipeline.ingest(target) { _ in } }
    await pipeline.take {
      switch step.point {
      case _ where isStored:
        try await blocking { try pipeline.feed(store.folders.blob(digest)) }
      case .folder(let folder):
        try await blocking { try pipeline.feed(blobFile(digest, in: folder.path)) }
      case .registry(let reference, let client):
        try await client.stream(step.blob, of: reference, received: { pipeline.received }) {
          pipeline.offer($0)
        }
      }
    }
    let size: Int64
    do {
      size = try await ingested
    } catch {
      // The step is made here then, and may be the same layer.
      try await blocking { try removeTree(session.layerFolder(chain)) }
      throw error is LayerPipeline.WrongContent ? CacheFault.broken(digest.short) : error
    }
    try await session.publish(
      LayerRecord(blob: digest, diffID: step.diffID, size: size), chain: chain,
      fetchedBlob: !isStored)
    try await session.settle(chains)
    withExtendedLifetime(lock) {}
    return try await stacked(step, chain, size: size)
  }

  private func stacked(_ step: ForeignStep, _ chain: Digest, size: Int64) async throws
    -> StackedLayer
  {
    let blob = try await blocking { [store] in try store.described(step.blob) }
    return StackedLayer(blob: blob, diffID: step.diffID, chain: chain, size: size)
  }
}

extension ImageStore {
  /// Bytes of the layer that lies here, where it was unpacked from this very blob, which is here too: then the
  /// blob is what it is said to be.
  fileprivate func size(of chain: Digest, unpackedFrom blob: ContentDescriptor) throws -> Int64? {
    guard let record = try readRecord(LayerRecord.self, at: folders.layerRecord(chain)),
      record.blob == blob.digest, size(ofBlob: blob.digest) == blob.size
    else { return nil }
    return record.size
  }

  /// Bytes of a blob that is here.
  func size(ofBlob digest: Digest) -> Int64? {
    var status = stat()
    let result = folders.blob(digest).withPlatformString { stat($0, &status) }
    return result == 0 ? Int64(status.st_size) : nil
  }

  /// A blob that is here, with what its bytes say of how it is compressed: what somebody said of it would go
  /// into manifests.
  fileprivate func described(_ blob: ContentDescriptor) throws -> ContentDescriptor {
    let file = try Descriptor.open(folders.blob(blob.digest), O_RDONLY | O_NOFOLLOW)
    return ContentDescriptor(
      mediaType: layerType(of: try file.read(upTo: 4)), digest: blob.digest, size: blob.size)
  }
}

// MARK: - To elsewhere

extension BuildStore {
  /// Writes a cache of these steps. Layers that are there already are not sent.
  package func export(_ steps: [KeyedStep], to point: CachePoint) async throws {
    var layers: [BuildStep.Layer] = []
    // No image may have more layers; what was built last is left out first.
    for entry in steps where layers.count < ImageLimits.layers {
      if !layers.contains(where: { $0.diffID == entry.step.layer.diffID }) {
        layers.append(entry.step.layer)
      }
    }
    var document: JSONObject = [
      "architecture": .string(Platform.host.architecture), "os": .string(Platform.host.os),
      "config": [:],
      "rootfs": [
        "type": "layers", "diff_ids": .array(layers.map { .string("\($0.diffID)") }),
      ],
    ]
    document[cacheRecordsName] = cacheRecords(steps, layers: layers.map(\.diffID))
    let config = JSONValue.object(document).bytes()
    let blobs = layers.map(\.descriptor)
    let manifest = Manifest(of: config, layers: blobs)
    switch point {
    case .folder(let folder):
      try await blocking { try self.write(manifest, config, to: folder) }
    case .registry(let reference, let client):
      for blob in blobs {
        let file = SharedDescriptor(
          try Descriptor.open(store.folders.blob(blob.digest), O_RDONLY | O_NOFOLLOW))
        _ = try await client.bring(BlobFile(blob, file), to: reference) { _ in }
      }
      let memory = SharedDescriptor(try Descriptor.sealedMemory("config", config))
      _ = try await client.bring(BlobFile(manifest.config, memory), to: reference) { _ in }
      try await client.put(
        manifest: manifest.json.bytes(), mediaType: manifest.mediaType, as: reference)
    }
  }

  private func write(_ manifest: Manifest, _ config: [UInt8], to cache: CacheFolder) throws {
    let folder = cache.path
    let blobs = blobFile(manifest.config.digest, in: folder).removingLastComponent()
    try makeFolders(blobs, mode: 0o755)
    for layer in manifest.layers where !exists(blobFile(layer.digest, in: folder)) {
      let source = try Descriptor.open(store.folders.blob(layer.digest), O_RDONLY | O_NOFOLLOW)
      try place(blobFile(layer.digest, in: folder)) { file in
        while true {
          let chunk = try source.read(upTo: 256 << 10)
          if chunk.isEmpty { return }
          try file.writeAll(chunk)
        }
      }
    }
    let text = manifest.json.bytes()
    let entry = ContentDescriptor(
      mediaType: manifest.mediaType, digest: Digest(of: text), size: Int64(text.count),
      annotations: [CacheFolder.nameKey: cache.name])
    for (path, content) in [
      (blobFile(manifest.config.digest, in: folder), config),
      (blobFile(entry.digest, in: folder), text),
      (folder.appending("oci-layout"), Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)),
    ] {
      try place(path) { try $0.writeAll(content) }
    }
    // Last: who reads it finds the rest.
    try list(entry, in: cache)
  }

  /// Puts an image into the index, in place of what has its name there. Others stay.
  private func list(_ entry: ContentDescriptor, in cache: CacheFolder) throws {
    let path = cache.path.appending("index.json")
    let turn = try Descriptor.open(cache.path, O_RDONLY | O_DIRECTORY)
    // Where folders cannot be locked, of two that end at once the last one stays.
    _ = try? retrying("flock", cache.path.string) { flock(turn.raw, LOCK_EX) }
    let limits = JSONLimits(bytes: ImageLimits.manifestBytes, depth: ImageLimits.jsonDepth)
    let old = try readFile(path, limit: ImageLimits.manifestBytes)
    // What is no index has nothing to keep.
    let listed = old.flatMap { try? JSONValue(parsing: $0, limits: limits) }?["manifests"]?.array
    let others = (listed ?? []).filter { other in
      let name = other["annotations"]?[CacheFolder.nameKey]?.string
      return name != cache.name && !(name == nil && other["digest"] == entry.json["digest"])
    }
    let index: JSONValue = [
      "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex),
      "manifests": .array(others + [entry.json]),
    ]
    try place(path) { try $0.writeAll(index.bytes()) }
    _ = consume turn
  }

  /// A whole file or none.
  private func place(_ path: FilePath, _ fill: (borrowing Descriptor) throws -> Void) throws {
    let number = lastFile.add(1, ordering: .relaxed).newValue
    let name = "\(session.folder.lastComponent?.string ?? "")-\(number)"
    let aside = FilePath(path.string + ".new-" + name)
    do {
      let file = try Descriptor.open(
        aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644)
      try fill(file)
      try checking("rename", path.string) {
        aside.withPlatformString { aside in path.withPlatformString { rename(aside, $0) } }
      }
    } catch {
      // The first failure is the one to tell.
      try? removeFile(aside)
      throw error
    }
  }

  private func exists(_ path: FilePath) -> Bool {
    path.withPlatformString { faccessat(AT_FDCWD, $0, F_OK, 0) } == 0
  }
}
