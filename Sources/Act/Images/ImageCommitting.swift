// A container's changes as one more layer on the image that it was made from.

import Archive
import Glibc
package import JSON
package import Linux
package import OCI
import SystemPackage

/// What a committed image is besides its files.
package struct CommitSettings: Sendable {
  /// RFC 3339.
  package var created: String
  package var author: String
  package var comment: String
  /// What the container ran, for the history.
  package var createdBy: String
  /// The `config` object: Cmd, Env and so on.
  package var config: JSONValue
  package var tag: ImageReference?

  package init(
    created: String, author: String, comment: String, createdBy: String, config: JSONValue,
    tag: ImageReference?
  ) {
    self.created = created
    self.author = author
    self.comment = comment
    self.createdBy = createdBy
    self.config = config
    self.tag = tag
  }
}

/// An empty tar stream: its end alone.
private let emptyTar = 1024

extension ImageLoader {
  /// The id of the new image.
  /// - Parameters:
  ///   - base: kept by a lease of the caller.
  ///   - changes: a plain tar stream, as a layer.
  ///   - checking: called at the end of the stream; throws where that is not the end of the changes.
  package func commit(
    _ changes: SharedDescriptor, on base: ImageDetails, _ settings: CommitSettings,
    usedBy users: @escaping @Sendable () throws -> [ImageUser],
    checking: @escaping @Sendable () throws -> Void
  ) async throws -> Digest {
    let images = try await ingesting(usedBy: users) { session in
      [
        try await blocking {
          let staged = try stage(changes, session)
          try checking()
          return try plan(of: staged, on: base, settings)
        }
      ]
    } told: { _ in
    }
    return images[0].id
  }

  private func plan(of staged: Staged?, on base: ImageDetails, _ settings: CommitSettings) throws
    -> ArchivePlan
  {
    var layers: [ArchivePlan.Layer] = []
    let old = base.image.config
    for (blob, (diffID, chain)) in zip(base.manifest.layers, zip(old.diffIDs, old.chainIDs)) {
      guard store.hasBlob(blob.digest) else {
        throw ImageArchiveFault.blobMissing(base.image.id.short, blob.digest)
      }
      var blob = blob
      blob.mediaType = ociType(blob.mediaType)
      layers.append(
        ArchivePlan.Layer(
          blob: blob, diffID: diffID, chain: chain, file: store.folders.blob(blob.digest)))
    }
    if let staged {
      let chain = chainIDsOf(layers.map(\.diffID) + [staged.diffID])
      layers.append(
        ArchivePlan.Layer(
          blob: staged.blob, diffID: staged.diffID, chain: chain[chain.count - 1],
          file: staged.file))
    }
    let config = config(base, settings, layers.map(\.diffID), isEmpty: staged == nil)
    let manifest = Manifest(
      config: ContentDescriptor(
        mediaType: MediaType.ociConfig, digest: Digest(of: config), size: Int64(config.count)),
      layers: layers.map(\.blob))
    return ArchivePlan(
      manifest: manifest.json.bytes(), config: config, platform: base.image.platform,
      layers: layers, tags: settings.tag.map { [$0] } ?? [])
  }

  /// The changes as a blob of the session.
  private struct Staged: Sendable {
    var blob: ContentDescriptor
    var diffID: Digest
    var file: FilePath
  }

  /// Compresses the changes into a file of the session; nil where there are none.
  private func stage(_ changes: SharedDescriptor, _ session: IngestSession) throws -> Staged? {
    let limit = try usableSpace(session.folder)
    let file = try StagingFile(session.folder.appending("committed"))
    // Written once, and mostly never sent anywhere.
    let stream = try GzipStream(level: 1)
    var plain = SHA256()
    var size = 0
    try forEachChunk(of: changes) { chunk in
      plain.update(chunk)
      size += chunk.count
      try stream.feed(chunk) { try file.write($0) }
      guard UInt64(file.size) <= limit else { throw ImageArchiveFault.tooLarge(limit: limit) }
    }
    try stream.finish { try file.write($0) }
    guard size > emptyTar else { return nil }
    let member = file.finish()
    return Staged(
      blob: ContentDescriptor(
        mediaType: MediaType.ociGzipLayer, digest: member.digest, size: member.size),
      diffID: plain.finish(), file: member.file)
  }

  /// The manifest of the new image is one of OCI, whatever that of the old one is.
  private func ociType(_ type: String) -> String {
    switch type {
    case MediaType.dockerGzipLayer: MediaType.ociGzipLayer
    case "application/vnd.docker.image.rootfs.diff.tar": MediaType.ociLayer
    case "application/vnd.docker.image.rootfs.diff.tar.zstd": MediaType.ociLayer + "+zstd"
    default: type
    }
  }

  private func config(
    _ base: ImageDetails, _ settings: CommitSettings, _ diffIDs: [Digest], isEmpty: Bool
  ) -> [UInt8] {
    var object = base.config.object ?? JSONObject()
    // What an older docker wrote of the container that an image was made from.
    for stale in ["container", "container_config", "id", "parent"] { object[stale] = nil }
    object["created"] = .string(settings.created)
    object["author"] = settings.author.isEmpty ? nil : .string(settings.author)
    object["config"] = settings.config
    object["rootfs"] = [
      "type": "layers", "diff_ids": .array(diffIDs.map { .string("\($0)") }),
    ]
    let step = ImageHistoryEntry(
      created: settings.created, createdBy: settings.createdBy, author: settings.author,
      comment: settings.comment, isEmpty: isEmpty)
    object["history"] = .array((base.config["history"]?.array ?? []) + [step.json])
    return JSONValue.object(object).bytes()
  }
}

extension ImageStore {
  /// All about an image, which `lease` keeps from now on.
  package func details(of image: LocalImage, keepingBy lease: ImageLease) throws -> ImageDetails {
    try lease.hold { (try details(of: image), try needs(of: image)) }
  }
}
