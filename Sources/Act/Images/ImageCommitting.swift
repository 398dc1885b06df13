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
          let staged = try StagedLayer(changes, as: "committed", in: session)
          try checking()
          return try plan(of: staged.isEmpty ? nil : staged, on: base, settings)
        }
      ]
    } told: { _ in
    }
    return images[0].id
  }

  private func plan(of staged: StagedLayer?, on base: ImageDetails, _ settings: CommitSettings)
    throws
    -> ArchivePlan
  {
    var layers = try store.stack(of: base).map { layer in
      ArchivePlan.Layer(
        blob: layer.blob, diffID: layer.diffID, chain: layer.chain,
        file: store.folders.blob(layer.blob.digest))
    }
    if let staged {
      let chain = chainIDsOf(layers.map(\.diffID) + [staged.diffID])
      layers.append(
        ArchivePlan.Layer(
          blob: staged.blob, diffID: staged.diffID, chain: chain[chain.count - 1],
          file: staged.file))
    }
    let config = config(base, settings, layers.map(\.diffID), isEmpty: staged == nil)
    let manifest = Manifest(of: config, layers: layers.map(\.blob))
    return ArchivePlan(
      manifest: manifest.json.bytes(), config: config, platform: base.image.platform,
      layers: layers, tags: settings.tag.map { [$0] } ?? [])
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
