// Images from archives into the store: checked as strictly as those from a registry, and by the same way.

import Diagnostics
import JSON
import Linux
package import OCI
import Store
package import SystemPackage

package struct LoadedImage: Sendable, Hashable {
  package var id: Digest
  /// Its names in the archive; none for an image that has its id alone.
  package var tags: [ImageReference]
}

package struct ImageLoader: Sendable {
  let store: ImageStore
  let unpacker: FilePath

  /// - Parameter unpacker: the program `berth-unpack`.
  package init(_ store: ImageStore, unpacker: FilePath) {
    self.store = store
    self.unpacker = unpacker
  }

  /// Brings in all images of an archive, or none. A failure leaves nothing behind.
  /// - Parameters:
  ///   - platform: out of images for several; nil is this machine's.
  ///   - users: read only after a failure.
  ///   - told: hears of each layer that is there.
  package func load(
    _ source: ArchiveSource, platform: Platform?,
    usedBy users: @escaping @Sendable () throws -> [ImageUser],
    told: @escaping @Sendable (Digest) -> Void
  ) async throws -> [LoadedImage] {
    let planning = { (session: IngestSession) in
      let plans = try await blocking { try self.plans(source, platform, session) }
      for plan in plans { try check(plan, platform) }
      return plans
    }
    return try await ingesting(usedBy: users, planning, told: told)
  }

  /// Stores what `planning` has staged, names it last, and takes away what was stored when that fails.
  func ingesting(
    usedBy users: @escaping @Sendable () throws -> [ImageUser],
    _ planning: (IngestSession) async throws -> [ArchivePlan],
    told: @escaping @Sendable (Digest) -> Void
  ) async throws -> [LoadedImage] {
    var brought = ImageNeeds()
    do {
      let session = try await blocking { [store] in
        try IngestSession(store.folders, lease: try store.lease())
      }
      do {
        let plans = try await planning(session)
        brought = plans.reduce(into: brought) { $0.formUnion($1.needs) }
        let needs = brought
        try await blocking { try session.needs.hold(needs) }
        let images = try await store(plans, session, told)
        try await blocking { try session.close() }
        session.needs.end()
        return images
      } catch {
        // The first failure is the one to tell; the next session sweeps the folder.
        try? await blocking { try session.close() }
        session.needs.end()
        throw error
      }
    } catch {
      // Only now, as the lease is gone. What cannot be taken away here is, by the next `prune`.
      let needs = brought
      if !needs.isEmpty {
        _ = try? await blocking { [store] in
          try store.collecting(usedBy: users) { try $0.sweep(among: needs) }
        }
      }
      throw error
    }
  }

  private func store(
    _ plans: [ArchivePlan], _ session: IngestSession, _ told: @Sendable (Digest) -> Void
  ) async throws -> [LoadedImage] {
    var sizes: [Int64] = []
    for plan in plans {
      var size: Int64 = 0
      for layer in plan.layers {
        size = size.addingReportingOverflow(try await bring(layer, session)).partialValue
        told(layer.blob.digest)
      }
      sizes.append(size)
    }
    for (plan, size) in zip(plans, sizes) {
      try await session.settle(plan.layers.map(\.chain))
      try await blocking { try self.publish(plan, size, session) }
    }
    return plans.map { LoadedImage(id: $0.id, tags: $0.tags) }
  }

  private func publish(_ plan: ArchivePlan, _ size: Int64, _ session: IngestSession) throws {
    let digest = Digest(of: plan.manifest)
    try session.publish(plan.config, as: plan.id)
    try session.publish(plan.manifest, as: digest)
    let record = NameRecord(reference: "", digest: digest, manifest: digest, size: size)
    for tag in plan.tags { try session.publishTag(record, tag) }
    if plan.tags.isEmpty { try session.publishUntagged(record, id: plan.id) }
  }

  private func plans(
    _ source: ArchiveSource, _ platform: Platform?, _ session: IngestSession
  ) throws -> [ArchivePlan] {
    let limit = try usableSpace(session.folder)
    switch source {
    case .folder(let path):
      let members = try FolderMembers(path, into: session.folder, limit: limit)
      var layout = LayoutReader(members: members, platform: platform)
      guard let plans = try layout.plans() else { throw ImageArchiveFault.notAnArchive }
      return plans
    case .stream(let stream):
      let members = try TarMembers(reading: stream, into: session.folder, limit: limit)
      var layout = LayoutReader(members: members, platform: platform)
      if let plans = try layout.plans() { return plans }
      var docker = DockerArchiveReader(members: members)
      guard let plans = try docker.plans() else { throw ImageArchiveFault.notAnArchive }
      return plans
    }
  }

  private func check(_ plan: ArchivePlan, _ platform: Platform?) throws {
    let wanted = platform ?? .host
    guard wanted.accepts(plan.platform) else {
      throw ImageArchiveFault.wrongPlatform(
        plan.tags.first?.familiar ?? plan.id.short, wanted: wanted, found: plan.platform)
    }
  }
}

// MARK: - Layers

extension ImageLoader {
  /// Makes sure of one layer that lies in a file of the session.
  /// - Returns: bytes of the unpacked layer.
  func bring(_ layer: ArchivePlan.Layer, _ session: IngestSession) async throws -> Int64 {
    if let size = try await store.sizeOfLayer(layer.chain) { return size }
    let lock = try await store.lockBlob(layer.blob.digest)
    if let size = try await store.sizeOfLayer(layer.chain) { return size }
    let size = try await unpack(layer, session)
    withExtendedLifetime(lock) {}
    return size
  }

  private func unpack(_ layer: ArchivePlan.Layer, _ session: IngestSession) async throws -> Int64 {
    let digest = layer.blob.digest
    let stored = try await blocking { [store] in
      try session.makeLayerFolder(layer.chain)
      return store.hasBlob(digest)
    }
    let source = stored ? store.folders.blob(digest) : layer.file
    let target = try session.target(layer.chain, blobFile: nil, unpacker: unpacker)
    let pipeline = LayerPipeline(layer.blob, diffID: layer.diffID) {}
    async let ingested = blocking { try pipeline.ingest(target) { _ in } }
    await pipeline.take { try await blocking { try pipeline.feed(source) } }
    let size: Int64
    do {
      size = try await ingested
    } catch let wrong as LayerPipeline.WrongContent {
      throw ImageArchiveFault.wrongDigest(
        source.string, expected: digest, found: wrong.digest)
    }
    if !stored { try await blocking { try session.take(layer.file, asBlob: digest) } }
    try await session.publish(
      LayerRecord(blob: digest, diffID: layer.diffID, size: size), chain: layer.chain,
      fetchedBlob: !stored)
    return size
  }
}
