// Brings images from registries into the store: all layers of all images in flight within a limit,
// each blob once, nothing published before it is whole, verified and on the disk.

package import Diagnostics
import Linux
package import OCI
package import Registry
import Store
package import SystemPackage

package final class ImagePuller: Sendable {
  package typealias Events = @Sendable (PullEvent) -> Void

  /// Faster than this nobody can read how far a layer has come.
  private static let betweenEvents = Duration.milliseconds(100)

  private let store: ImageStore
  private let client: RegistryClient
  private let unpacker: FilePath
  private let machine: Platform
  private let slots: Slots
  private let flights = Flights<Digest>()

  /// - Parameters:
  ///   - unpacker: the program `berth-unpack`.
  ///   - machine: what is taken where no platform is asked for.
  ///   - parallelLayers: how many layers are fetched and unpacked at once.
  package init(
    _ store: ImageStore, client: RegistryClient, unpacker: FilePath, machine: Platform = .host,
    parallelLayers: Int = 4
  ) {
    self.store = store
    self.client = client
    self.unpacker = unpacker
    self.machine = machine
    slots = Slots(parallelLayers)
  }

  /// Pulls all, and reports all that failed together.
  package func pull(
    _ requests: [PullRequest], keepingBy lease: ImageLease? = nil, events: @escaping Events
  ) async throws {
    let results = try await results(of: requests, keepingBy: lease, events: events)
    var faults: [Diagnostic] = []
    for request in requests {
      if case .failure(let failure) = results[request] { faults += failure.diagnostics }
    }
    if !faults.isEmpty { throw Faults(faults) }
  }

  /// Pulls all; what each request brought or why it did not. One name for several platforms stands
  /// for the last of them afterwards. `events` is called from several threads.
  /// - Parameter lease: keeps what was pulled after the end of the call, too.
  package func results(
    of requests: [PullRequest], keepingBy lease: ImageLease? = nil, events: @escaping Events
  ) async throws -> [PullRequest: Result<LocalImage, Failure>] {
    let session = try await blocking { [store] in
      try IngestSession(store.folders, lease: try lease ?? store.lease())
    }
    // Ends, cancelled, with this function.
    async let _: Void = session.flusher.flushEarly()
    // A name stands for one image at a time: requests for the same one go one after the other.
    let queues = Dictionary(grouping: requests, by: \.reference).values
    let results = await withTaskGroup(of: [PullRequest: Result<LocalImage, Failure>].self) {
      group in
      for queue in queues {
        group.addTask {
          var results: [PullRequest: Result<LocalImage, Failure>] = [:]
          for request in queue where results[request] == nil {
            results[request] = await self.result(of: request, session, events)
          }
          return results
        }
      }
      return await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
    }
    try await blocking { try session.close() }
    if lease == nil { session.needs.end() }
    try Task.checkCancellation()
    return results
  }

  private func result(
    of request: PullRequest, _ session: IngestSession, _ events: @escaping Events
  ) async -> Result<LocalImage, Failure> {
    do {
      return .success(try await pull(request, session, events))
    } catch {
      events(.failed(request.reference))
      return .failure(Failure("image `\(request.reference.familiar)` cannot be pulled", error))
    }
  }

  private func pull(_ request: PullRequest, _ session: IngestSession, _ events: @escaping Events)
    async throws -> LocalImage
  {
    let reference = request.reference
    let wanted = request.platform ?? machine
    events(.resolving(reference))
    let known = try await blocking { [store] in
      try store.known(reference, keepingBy: session.needs)
    }
    if let known, wanted.accepts(known.image.platform),
      try await currentDigest(reference) == known.digest
    {
      try await blocking { [store] in try store.noteCheck(of: reference) }
      for layer in known.layers { events(.layer(reference, layer, .alreadyExists)) }
      events(.finished(reference, .upToDate, known.digest))
      return known.image
    }
    let top = try await client.manifest(reference)
    let (fetched, manifest) = try await image(top, wanted, reference)
    // Before anything is found to be there already: then it stays.
    let blobs = Set([fetched.digest, manifest.config.digest] + manifest.layers.map(\.digest))
    try await blocking { try session.needs.hold(ImageNeeds(blobs: blobs)) }
    let config = try await config(manifest, request, session)
    let layers = try plan(manifest, config)
    let chains = Set(layers.map(\.chain))
    try await blocking { try session.needs.hold(ImageNeeds(chains: chains)) }
    for layer in layers {
      events(.layer(reference, layer.blob.digest, .waiting(size: layer.blob.size)))
    }
    let sizes = try await withThrowingTaskGroup(of: Int64.self) { group in
      for layer in layers {
        group.addTask { try await self.bring(layer, reference, session, events) }
      }
      return try await group.reduce(into: [Int64]()) { $0.append($1) }
    }
    let size: Int64 = sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue }
    let record = NameRecord(
      reference: reference.description, digest: top.digest, manifest: fetched.digest, size: size)
    try await session.settle(layers.map(\.chain))
    let image = try await blocking { [store] in
      try session.publish(fetched.bytes, as: fetched.digest)
      try session.publish(record, reference)
      return try store.load(record)
    }
    guard let image else { throw LayerFault.lost }
    let outcome: PullOutcome =
      known?.digest == top.digest && known?.image.manifestDigest == fetched.digest
      ? .upToDate : .changed
    events(.finished(reference, outcome, top.digest))
    return image
  }

  private func currentDigest(_ reference: ImageReference) async throws -> Digest? {
    if let digest = reference.digest { return digest }
    return try await client.currentDigest(reference)
  }

  /// The manifest of the one image that is wanted, out of an index if need be.
  private func image(
    _ top: FetchedManifest, _ wanted: Platform, _ reference: ImageReference
  ) async throws -> (FetchedManifest, Manifest) {
    switch top.document {
    case .manifest(let manifest): return (top, manifest)
    case .index(let index):
      let entry = try index.choose(wanted)
      let fetched = try await client.manifest(reference, digest: entry.digest)
      guard case .manifest(let manifest) = fetched.document else { throw LayerFault.notAnImage }
      guard Int64(fetched.bytes.count) == entry.size else {
        throw RegistryFault.wrongSize(
          registry: reference.registry, digest: entry.digest, expected: entry.size,
          received: Int64(fetched.bytes.count))
      }
      return (fetched, manifest)
    }
  }

  private func config(_ manifest: Manifest, _ request: PullRequest, _ session: IngestSession)
    async throws -> ImageConfig
  {
    let config = try await flights.alone(manifest.config.digest) {
      try await self.bringConfig(manifest.config, request.reference, session)
    }
    let wanted = request.platform ?? machine
    guard wanted.accepts(config.platform) else {
      throw LayerFault.wrongPlatform(
        request.reference, wanted: wanted, found: config.platform, asked: request.platform != nil)
    }
    return config
  }

  /// As with layers: who wants the same one waits, and then finds it there.
  private func bringConfig(
    _ blob: ContentDescriptor, _ reference: ImageReference, _ session: IngestSession
  ) async throws -> ImageConfig {
    let store = store
    if let stored = try await blocking({ try store.config(blob.digest) }) { return stored }
    let lock = try await store.lockBlob(blob.digest)
    if let stored = try await blocking({ try store.config(blob.digest) }) { return stored }
    let bytes = try await client.blob(blob, of: reference, limit: ImageLimits.configBytes)
    let config = try ImageConfig(parsing: bytes)
    try await blocking { try session.publish(bytes, as: blob.digest) }
    withExtendedLifetime(lock) {}
    return config
  }

  /// One layer to have: its blob, what it unpacks to and where that goes.
  private struct Layer {
    var blob: ContentDescriptor
    var diffID: Digest
    var chain: Digest
  }

  private func plan(_ manifest: Manifest, _ config: ImageConfig) throws -> [Layer] {
    guard manifest.layers.count == config.diffIDs.count else {
      throw LayerFault.layerCount(manifest: manifest.layers.count, config: config.diffIDs.count)
    }
    return zip(manifest.layers, zip(config.diffIDs, config.chainIDs)).map {
      Layer(blob: $0, diffID: $1.0, chain: $1.1)
    }
  }
}

// MARK: - Layers

extension ImagePuller {
  /// Makes sure of one layer. Threads of this process and other processes that want the same blob
  /// wait and then find it there.
  /// - Returns: bytes of the unpacked layer.
  private func bring(
    _ layer: Layer, _ reference: ImageReference, _ session: IngestSession,
    _ events: @escaping Events
  ) async throws -> Int64 {
    try await flights.alone(layer.blob.digest) {
      if let size = try await self.store.sizeOfLayer(layer.chain) {
        events(.layer(reference, layer.blob.digest, .alreadyExists))
        return size
      }
      return try await self.slots.taking {
        let lock = try await self.store.lockBlob(layer.blob.digest)
        if let size = try await self.store.sizeOfLayer(layer.chain) {
          events(.layer(reference, layer.blob.digest, .alreadyExists))
          return size
        }
        let size = try await self.fetchOrMistrust(layer, reference, session, events)
        withExtendedLifetime(lock) {}
        events(.layer(reference, layer.blob.digest, .done))
        return size
      }
    }
  }

  /// Where a mirror may have sent something else, the registry itself is asked once more.
  private func fetchOrMistrust(
    _ layer: Layer, _ reference: ImageReference, _ session: IngestSession,
    _ events: @escaping Events
  ) async throws -> Int64 {
    do {
      return try await fetch(layer, reference, session, events)
    } catch let fault as RegistryFault {
      guard fault.isWrongContent, try await client.leaveMirrors(of: reference) else { throw fault }
      try await blocking { try removeTree(session.layerFolder(layer.chain)) }
      return try await fetch(layer, reference, session, events)
    }
  }

  private func fetch(
    _ layer: Layer, _ reference: ImageReference, _ session: IngestSession,
    _ events: @escaping Events
  ) async throws -> Int64 {
    let digest = layer.blob.digest
    let stored = try await blocking { [store] in
      try session.makeLayerFolder(layer.chain)
      return store.hasBlob(digest)
    }
    let target = try session.target(
      layer.chain, blobFile: stored ? nil : session.blobFile(digest), unpacker: unpacker)
    let client = client
    let pipeline = LayerPipeline(layer.blob, diffID: layer.diffID) { client.wake() }
    async let ingested = outcomeOf {
      var noted: Int64 = 0
      var told: ContinuousClock.Instant?
      return try pipeline.ingest(target) { received in
        session.flusher.note(received - noted)
        noted = received
        let isAll = received >= layer.blob.size
        if !isAll, let told, told.duration(to: .now) < Self.betweenEvents { return }
        told = .now
        events(
          .layer(
            reference, digest,
            isAll ? .extracting : .downloading(received: received, size: layer.blob.size)))
      }
    }
    await pipeline.take {
      if stored {
        let path = store.folders.blob(digest)
        try await blocking { try pipeline.feed(path) }
      } else {
        try await client.stream(layer.blob, of: reference, received: { pipeline.received }) {
          pipeline.offer($0)
        }
      }
    }
    let size = try outcome(layer, reference, await ingested)
    try await session.publish(
      LayerRecord(blob: digest, diffID: layer.diffID, size: size), chain: layer.chain,
      fetchedBlob: !stored)
    return size
  }

  /// Wrong content is told with the registry that sent it.
  private func outcome(
    _ layer: Layer, _ reference: ImageReference, _ ingested: Result<Int64, any Error>
  ) throws -> Int64 {
    do {
      return try ingested.get()
    } catch let wrong as LayerPipeline.WrongContent {
      guard wrong.size == layer.blob.size else {
        throw RegistryFault.wrongSize(
          registry: reference.registry, digest: layer.blob.digest, expected: layer.blob.size,
          received: wrong.size)
      }
      throw RegistryFault.wrongDigest(
        registry: reference.registry, expected: layer.blob.digest, received: wrong.digest)
    }
  }
}

/// Runs `body` on a thread of its own and keeps how it ended.
private func outcomeOf<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async
  -> Result<Value, any Error>
{
  do { return .success(try await blocking(body)) } catch { return .failure(error) }
}
