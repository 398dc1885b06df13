// What builds make and find again: one layer for each instruction, by a key that says all that went into
// it. Records of steps keep their layers in the store until they are pruned.

import CLinux
import Glibc
import JSON
package import Linux
package import OCI
import Store
import Synchronization
package import SystemPackage

/// What an instruction made: `steps/<key>`. The file's time is when it was last of use.
package struct BuildStep: Codable, Sendable, Hashable {
  package struct Layer: Codable, Sendable, Hashable {
    var blob: Digest
    /// Bytes of the blob.
    var blobSize: Int64
    package var diffID: Digest
    package var chain: Digest
    /// Bytes of content.
    var size: Int64
    /// How the blob is compressed; nil is by gzip, as all that is made here.
    var mediaType: String?

    var descriptor: ContentDescriptor {
      ContentDescriptor(
        mediaType: mediaType ?? MediaType.ociGzipLayer, digest: blob, size: blobSize)
    }
  }

  /// As people are shown it.
  package var title: String
  /// RFC 3339.
  package var created: String
  package var layer: Layer

  package init(title: String, created: String, layer: StackedLayer) {
    self.title = title
    self.created = created
    self.layer = Layer(
      blob: layer.blob.digest, blobSize: layer.blob.size, diffID: layer.diffID,
      chain: layer.chain, size: layer.size,
      mediaType: layer.blob.mediaType == MediaType.ociGzipLayer ? nil : layer.blob.mediaType)
  }
}

/// The builds of one command: what they make lies in a folder that goes with them, and in the store when it
/// is whole.
package final class BuildStore: Sendable {
  let store: ImageStore
  let session: IngestSession
  let unpacker: FilePath
  private let lastFolder = Atomic<Int>(0)
  /// Of those that are written to other folders.
  let lastFile = Atomic<Int>(0)

  /// - Parameter unpacker: the program `berth-unpack`. Blocks.
  package init(_ store: ImageStore, unpacker: FilePath) throws {
    self.store = store
    self.unpacker = unpacker
    try store.folders.make()
    try ImageLease.sweep(store.folders)
    session = try IngestSession(store.folders, lease: try store.lease())
  }

  /// Keeps what these builds need.
  package var lease: ImageLease { session.needs }

  /// Removes what was not published.
  package func close() throws {
    defer { session.needs.end() }
    try session.close()
  }

  /// Bytes that may be written beside what is there.
  package func room() throws -> UInt64 { try usableSpace(session.folder) }

  /// A new folder for a container of one step, on the file system of the layers.
  package func newFolder() throws -> FilePath {
    let number = lastFolder.add(1, ordering: .relaxed).newValue
    let folder = session.folder.appending("step-\(number)")
    for part in ["upper", "work", "rootfs"] {
      try makeFolders(folder.appending(part), mode: part == "upper" ? 0o755 : 0o700)
    }
    return folder
  }

  /// What an instruction made before; nil when it did not, or when its blob is not here any more.
  package func find(_ key: Digest) throws -> BuildStep? {
    let path = store.folders.step(key)
    guard let step = try readStep(at: path) else { return nil }
    let layer = step.layer
    try session.needs.hold(ImageNeeds(chains: [layer.chain], blobs: [layer.blob]))
    guard store.hasBlob(layer.blob) else { return nil }
    // Its age only decides what is pruned first.
    _ = path.withPlatformString { utimensat(AT_FDCWD, $0, nil, 0) }
    return step
  }

  /// Lets the next build find it. Losing it costs only time.
  package func keep(_ step: BuildStep, as key: Digest) throws {
    try writeRecord(step, to: store.folders.step(key), .volatile)
  }

  /// Runs `work` alone among all that build this step.
  package func alone<Value: Sendable>(
    _ key: Digest, _ work: @Sendable () async throws -> Value
  ) async throws -> Value {
    let lock = try await store.lockBlob(key)
    let value = try await work()
    withExtendedLifetime(lock) {}
    return value
  }

  /// The layer of an earlier step on top of others: where it lies on other ones than then, it is unpacked
  /// anew.
  package func stack(_ layer: BuildStep.Layer, on below: [StackedLayer]) async throws
    -> StackedLayer
  {
    let chains = chainIDsOf(below.map(\.diffID) + [layer.diffID])
    let chain = chains[chains.count - 1]
    let blob = layer.descriptor
    let stacked = StackedLayer(blob: blob, diffID: layer.diffID, chain: chain, size: layer.size)
    // Where it lay when it was found it is held already.
    if chain == layer.chain, store.hasLayer(chain) { return stacked }
    try await blocking { [session] in
      try session.needs.hold(ImageNeeds(chains: [chain], blobs: [layer.blob]))
    }
    guard !store.hasLayer(chain) else { return stacked }
    let loader = ImageLoader(store, unpacker: unpacker)
    let planned = ArchivePlan.Layer(
      blob: blob, diffID: layer.diffID, chain: chain, file: store.folders.blob(layer.blob))
    _ = try await loader.bring(planned, session)
    try await session.settle(chains)
    return stacked
  }

  /// Turns what lies in `folder` into a layer on top of others, and puts it into the store.
  ///
  /// - Parameters:
  ///   - changes: `folder`'s `upper` as a plain tar stream.
  ///   - checking: called at the end of the stream; throws where that is not the end of the changes.
  package func seal(
    _ changes: SharedDescriptor, of folder: FilePath, on below: [StackedLayer],
    checking: @escaping @Sendable () throws -> Void
  ) async throws -> StackedLayer {
    let name = "blob-of-" + (folder.lastComponent?.string ?? "")
    let staged = try await blocking { [session] in
      let staged = try StagedLayer(changes, as: name, in: session)
      try checking()
      return staged
    }
    let chains = chainIDsOf(below.map(\.diffID) + [staged.diffID])
    let chain = chains[chains.count - 1]
    // Stages side by side often come to the same layer: an empty one.
    let lock = try await store.lockBlob(staged.blob.digest)
    let layer = try await publish(staged, of: folder, chain)
    withExtendedLifetime(lock) {}
    return layer
  }

  private func publish(_ staged: StagedLayer, of folder: FilePath, _ chain: Digest) async throws
    -> StackedLayer
  {
    let size = try await blocking { [session, store] in
      try session.needs.hold(ImageNeeds(chains: [chain], blobs: [staged.blob.digest]))
      let size = try contentSize(folder.appending("upper"))
      if !store.hasLayer(chain) {
        try makeFolders(session.layerFolder(chain))
        try move(folder.appending("upper"), to: session.layerFolder(chain).appending("fs"))
      }
      try session.take(staged.file, asBlob: staged.blob.digest)
      return size
    }
    let layer = StackedLayer(blob: staged.blob, diffID: staged.diffID, chain: chain, size: size)
    guard !store.hasLayer(chain) else {
      // Somebody else has made the same files; their blob may be another.
      try await session.publishBlob(staged.blob.digest)
      return layer
    }
    try await session.publish(
      LayerRecord(blob: staged.blob.digest, diffID: staged.diffID, size: size), chain: chain,
      fetchedBlob: true)
    return layer
  }

  /// Names an image of these layers. Nothing is written where the names stand for it already.
  /// - Returns: its id.
  package func publish(config: [UInt8], layers: [StackedLayer], tags: [ImageReference]) throws
    -> Digest
  {
    let id = Digest(of: config)
    let manifest = Manifest(of: config, layers: layers.map(\.blob)).json.bytes()
    let digest = Digest(of: manifest)
    try session.needs.hold(
      ImageNeeds(
        chains: Set(layers.map(\.chain)), blobs: Set(layers.map(\.blob.digest) + [id, digest])))
    let isThere = store.hasBlob(id) && store.hasBlob(digest)
    if !isThere {
      try session.publish(config, as: id)
      try session.publish(manifest, as: digest)
    }
    let size = layers.reduce(Int64(0)) { $0.addingReportingOverflow($1.size).partialValue }
    let record = NameRecord(reference: "", digest: digest, manifest: digest, size: size)
    for tag in tags where try !isThere || store.record(tag)?.manifest != digest {
      try session.publishTag(record, tag)
    }
    if tags.isEmpty { try session.publishUntagged(record, id: id) }
    return id
  }

  private func readStep(at path: FilePath) throws -> BuildStep? {
    do {
      return try readRecord(BuildStep.self, at: path)
    } catch is JSONError {
      return nil
    }
  }
}

/// Bytes of the plain files below a folder of ours, each file once for each of its names.
private func contentSize(_ folder: FilePath) throws -> Int64 {
  var usage = DiskUsage(of: .contents)
  return Int64(clamping: try usage.add(folder))
}

private func move(_ source: FilePath, to target: FilePath) throws(SystemCallError) {
  try checking("rename", target.string) {
    source.withPlatformString { source in target.withPlatformString { rename(source, $0) } }
  }
}

extension ImageStore {
  /// What earlier builds would be repeated with.
  func needsOfSteps() throws -> ImageNeeds {
    var needs = ImageNeeds()
    for name in try namesInFolder(folders.steps) {
      // One that cannot be read is of no use to a build either.
      guard let step = try? readRecord(BuildStep.self, at: folders.steps.appending(name)) else {
        continue
      }
      needs.chains.insert(step.layer.chain)
      needs.blobs.insert(step.layer.blob)
    }
    return needs
  }
}
