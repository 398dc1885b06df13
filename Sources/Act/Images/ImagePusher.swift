// Sends images of the store to registries: what a repository lacks, all blobs of all images in flight
// within a limit, the manifest last.

import CLinux
import Archive
package import Diagnostics
import Glibc
import JSON
import Linux
package import OCI
package import Registry
import Store
import Synchronization
import SystemPackage

package enum PushEvent: Hashable, Sendable {
  /// Looking at what the image consists of.
  case preparing(ImageReference)
  /// A blob that the image needs, by its digest.
  case blob(ImageReference, Digest, PushProgress)
  case finished(ImageReference)
}

package enum PushProgress: Hashable, Sendable {
  case waiting
  case pushing(sent: Int64, size: Int64)
  case alreadyExists
  case mounted(from: String)
  case done
}

/// What a tag stands for in its registry after a push.
package struct PushedImage: Hashable, Sendable {
  package var reference: ImageReference
  package var digest: Digest
  /// Bytes of the manifest.
  package var size: Int
}

package enum PushFault: Diagnosable, Hashable {
  case digestReference(ImageReference)
  case notHere(ImageReference)
  case blobMissing(ImageReference, Digest)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .digestReference(let reference):
      [
        Diagnostic(
          "`\(reference.familiar)` is a digest: only tags can be pushed",
          hint: "give the image a name with `berth tag` and push that")
      ]
    case .notHere(let reference):
      [
        Diagnostic(
          "no such image: `\(reference.familiar)`",
          hint: "`berth images --all` lists what is here; `berth tag` names an image anew")
      ]
    case .blobMissing(let reference, let digest):
      [
        Diagnostic(
          "the content of layer `\(digest.short)` is not in the store",
          hint: "pull `\(reference.familiar)` again")
      ]
    }
  }
}

package final class ImagePusher: Sendable {
  package typealias Events = @Sendable (PushEvent) -> Void

  private let store: ImageStore
  private let client: RegistryClient
  private let slots: Slots
  private let flights = Flights<String>()
  /// Nobody reads faster.
  private static let betweenEvents = Duration.milliseconds(50)

  /// - Parameter parallelBlobs: how many blobs are sent at once.
  package init(_ store: ImageStore, client: RegistryClient, parallelBlobs: Int = 4) {
    self.store = store
    self.client = client
    slots = Slots(parallelBlobs)
  }

  /// Pushes all. `events` is called from several threads.
  /// - Returns: for each reference in turn what became of it.
  package func push(_ references: [ImageReference], events: @escaping Events) async throws
    -> [Result<PushedImage, any Error>]
  {
    let session = try await blocking { [store] in
      try IngestSession(store.folders, lease: try store.lease())
    }
    let sources = try await blocking { [store] in try store.mountSources() }
    let results = await withTaskGroup(of: Outcome.self) { group in
      for reference in Set(references) {
        group.addTask { await self.outcome(reference, sources, session, events) }
      }
      return await group.reduce(into: [ImageReference: Result<PushedImage, any Error>]()) {
        $0[$1.reference] = $1.result
      }
    }
    try await blocking { try session.close() }
    try Task.checkCancellation()
    return references.map { results[$0] ?? .failure(PushFault.notHere($0)) }
  }

  /// What became of one reference. (A tuple in its place is taken apart wrongly by the optimizer of
  /// Swift 6.3: the program then dies of an index that nobody made.)
  private struct Outcome: Sendable {
    var reference: ImageReference
    var result: Result<PushedImage, any Error>
  }

  private func outcome(
    _ reference: ImageReference, _ sources: MountSources, _ session: IngestSession,
    _ events: @escaping Events
  ) async -> Outcome {
    do {
      let pushed = try await push(reference, sources, session, events)
      return Outcome(reference: reference, result: .success(pushed))
    } catch {
      return Outcome(reference: reference, result: .failure(error))
    }
  }

  private func push(
    _ reference: ImageReference, _ sources: MountSources, _ session: IngestSession,
    _ events: @escaping Events
  ) async throws -> PushedImage {
    guard reference.digest == nil else { throw PushFault.digestReference(reference) }
    events(.preparing(reference))
    let parcel = try await blocking { [store] in try Parcel(reference, store, session) }
    for blob in parcel.blobs { events(.blob(reference, blob.descriptor.digest, .waiting)) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for blob in parcel.blobs {
        group.addTask { try await self.bring(blob, reference, sources, events) }
      }
      try await group.waitForAll()
    }
    try await client.put(
      manifest: parcel.manifest, mediaType: parcel.mediaType, as: reference)
    let digest = Digest(of: parcel.manifest)
    var record = parcel.record
    record.digest = digest
    try await blocking { [record] in try session.publish(record, reference) }
    events(.finished(reference))
    return PushedImage(reference: reference, digest: digest, size: parcel.manifest.count)
  }

  /// Images that are pushed together to one repository share their blobs.
  private func bring(
    _ blob: BlobFile, _ reference: ImageReference, _ sources: MountSources,
    _ events: @escaping Events
  ) async throws {
    let digest = blob.descriptor.digest
    let size = blob.descriptor.size
    try await flights.alone("\(reference.pinned(to: digest))") {
      try await self.slots.taking {
        let told = Mutex<ContinuousClock.Instant?>(nil)
        let arrival = try await self.client.bring(
          blob, to: reference, from: sources.repositories(with: digest, for: reference)
        ) { sent in
          let isTooSoon = told.withLock { told in
            if let last = told, last.duration(to: .now) < Self.betweenEvents { return true }
            told = .now
            return false
          }
          if !isTooSoon { events(.blob(reference, digest, .pushing(sent: sent, size: size))) }
        }
        switch arrival {
        case .wasThere: events(.blob(reference, digest, .alreadyExists))
        case .mounted(let source): events(.blob(reference, digest, .mounted(from: source)))
        case .uploaded: events(.blob(reference, digest, .done))
        }
      }
    }
  }
}

// MARK: - Where layers may be mounted from

/// The repositories that blobs of this store are known to be in.
private struct MountSources: Sendable {
  /// More attempts cost more than an upload.
  static let limit = 2

  var places: [Digest: Set<ImageReference>] = [:]

  func repositories(with blob: Digest, for reference: ImageReference) -> [String] {
    let found = (places[blob] ?? []).filter {
      $0.registry == reference.registry && $0.repository != reference.repository
    }
    return Array(Set(found.map(\.repository)).sorted().prefix(Self.limit))
  }
}

extension ImageStore {
  /// A repository digest says that the image has been in that repository. Blocks on the disk.
  fileprivate func mountSources() throws -> MountSources {
    var sources = MountSources()
    for image in try list() {
      for reference in image.repoDigests {
        for layer in try manifest(image.manifestDigest)?.layers ?? [] {
          sources.places[layer.digest, default: []].insert(reference)
        }
      }
    }
    return sources
  }
}

// MARK: - What is sent

/// An image as it goes to a registry: layers that lie here uncompressed are compressed for it.
private struct Parcel: Sendable {
  var record: NameRecord
  var manifest: [UInt8]
  var mediaType: String
  /// Layers, each once, and the config.
  var blobs: [BlobFile] = []

  /// Blocks, as long as compressing takes.
  init(_ reference: ImageReference, _ store: ImageStore, _ session: IngestSession) throws {
    let found = try session.needs.hold {
      let record = try store.record(reference)
      let image = try record.flatMap { try store.load($0) }
      return (record, try image.map { try store.needs(of: $0) } ?? ImageNeeds())
    }
    guard let found,
      let text = try readFile(
        store.folders.blob(found.manifest), limit: ImageLimits.manifestBytes),
      let parsed = try store.manifest(found.manifest),
      let config = try store.config(parsed.config.digest)
    else { throw PushFault.notHere(reference) }
    record = found
    mediaType = parsed.mediaType
    var layers: [ContentDescriptor] = []
    for (index, layer) in parsed.layers.enumerated() {
      let chain = index < config.chainIDs.count ? config.chainIDs[index] : nil
      guard let blob = try Self.blob(layer, chain, store, session) else {
        throw PushFault.blobMissing(reference, layer.digest)
      }
      layers.append(blob.descriptor)
      if !blobs.contains(where: { $0.descriptor.digest == blob.descriptor.digest }) {
        blobs.append(blob)
      }
    }
    let configFile = try Descriptor.open(
      store.folders.blob(parsed.config.digest), O_RDONLY | O_NOFOLLOW)
    blobs.append(BlobFile(parsed.config, SharedDescriptor(configFile)))
    manifest = layers == parsed.layers ? text : try Self.adapted(text, layers)
  }

  /// The layer's own blob, or another one that it was made from here: images share layers whose blobs
  /// differ.
  private static func blob(
    _ layer: ContentDescriptor, _ chain: Digest?, _ store: ImageStore, _ session: IngestSession
  ) throws -> BlobFile? {
    var layer = layer
    if !store.hasBlob(layer.digest) {
      guard let chain,
        let record = try readRecord(LayerRecord.self, at: store.folders.layerRecord(chain)),
        store.hasBlob(record.blob)
      else { return nil }
      layer.digest = record.blob
    }
    let file = try Descriptor.open(store.folders.blob(layer.digest), O_RDONLY | O_NOFOLLOW)
    var status = stat()
    try checking("fstat", layer.digest.hex) { fstat(file.raw, &status) }
    layer.size = Int64(status.st_size)
    var head = [UInt8](repeating: 0, count: 4)
    let count = try retrying("pread", layer.digest.hex) { pread(file.raw, &head, head.count, 0) }
    head = Array(head.prefix(count))
    if head.starts(with: [0x1F, 0x8B]) || head == [0x28, 0xB5, 0x2F, 0xFD] {
      return BlobFile(layer, SharedDescriptor(file))
    }
    return try compressed(layer, file, session)
  }

  private static func compressed(
    _ layer: ContentDescriptor, _ file: borrowing Descriptor, _ session: IngestSession
  ) throws -> BlobFile {
    let flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW
    let output = try Descriptor.open(session.blobFile(layer.digest), flags)
    // Only its descriptor is needed.
    try removeFile(session.blobFile(layer.digest))
    let gzip = try GzipStream()
    var hasher = SHA256()
    var size: Int64 = 0
    func write(_ chunk: [UInt8]) throws {
      hasher.update(chunk)
      size += Int64(chunk.count)
      try output.writeAll(chunk)
    }
    while true {
      let chunk = try file.read(upTo: 256 << 10)
      if chunk.isEmpty { break }
      try gzip.feed(chunk, write)
    }
    try gzip.finish(write)
    var descriptor = layer
    descriptor.digest = hasher.finish()
    descriptor.size = size
    descriptor.mediaType =
      layer.mediaType.hasPrefix("application/vnd.docker.")
      ? MediaType.dockerGzipLayer : MediaType.ociGzipLayer
    return BlobFile(descriptor, SharedDescriptor(try output.duplicate()))
  }

  /// The manifest with other layers, and all else in it as it was.
  private static func adapted(_ text: [UInt8], _ layers: [ContentDescriptor]) throws -> [UInt8] {
    guard var document = try JSONValue(parsing: text).object,
      let entries = document["layers"]?.array
    else { return text }
    let changed = zip(entries, layers).map { entry, layer -> JSONValue in
      var object = entry.object ?? JSONObject()
      object["mediaType"] = .string(layer.mediaType)
      object["digest"] = .string(layer.digest.description)
      object["size"] = JSONValue(layer.size)
      return .object(object)
    }
    document["layers"] = .array(changed)
    return JSONValue.object(document).bytes()
  }
}
