// A file system in a tar stream as an image of one layer.

import Archive
import Glibc
package import JSON
package import Linux
package import OCI
import SystemPackage

/// What an imported image is besides its files.
package struct ImportSettings: Sendable {
  package var platform: Platform
  /// RFC 3339.
  package var created: String
  package var comment: String
  /// The `config` object: Cmd, Env and so on.
  package var config: JSONValue
  package var tag: ImageReference?

  package init(
    platform: Platform, created: String, comment: String, config: JSONValue, tag: ImageReference?
  ) {
    self.platform = platform
    self.created = created
    self.comment = comment
    self.config = config
    self.tag = tag
  }
}

extension ImageLoader {
  /// The id of the new image. The layer is kept as it came, compressed or not.
  package func importLayer(
    _ stream: SharedDescriptor, _ settings: ImportSettings,
    usedBy users: @escaping @Sendable () throws -> [ImageUser]
  ) async throws -> Digest {
    let images = try await ingesting(usedBy: users) { session in
      [try await blocking { try plan(of: stream, settings, session) }]
    } told: { _ in
    }
    return images[0].id
  }

  private func plan(
    of stream: SharedDescriptor, _ settings: ImportSettings, _ session: IngestSession
  ) throws -> ArchivePlan {
    let limit = try usableSpace(session.folder)
    let file = try StagingFile(session.folder.appending("imported"))
    let decompressor = Decompressor()
    var plain = SHA256()
    var head: [UInt8] = []
    try forEachChunk(of: stream) { chunk in
      guard UInt64(file.size) + UInt64(chunk.count) <= limit else {
        throw ImageArchiveFault.tooLarge(limit: limit)
      }
      if head.count < 4 { head += chunk.prefix(4) }
      try file.write(chunk)
      try decompressor.feed(chunk) { plain.update($0) }
    }
    try decompressor.finish { plain.update($0) }
    let member = file.finish()
    guard member.size > 0 else {
      throw ImageArchiveFault.refused("-", reason: "it is empty, not a tar file")
    }
    let diffID = plain.finish()
    let blob = ContentDescriptor(
      mediaType: layerType(of: head), digest: member.digest, size: member.size)
    let config = config(diffID, settings)
    let manifest = Manifest(
      config: ContentDescriptor(
        mediaType: MediaType.ociConfig, digest: Digest(of: config), size: Int64(config.count)),
      layers: [blob])
    return ArchivePlan(
      manifest: manifest.json.bytes(), config: config, platform: settings.platform,
      layers: [
        ArchivePlan.Layer(blob: blob, diffID: diffID, chain: diffID, file: member.file)
      ], tags: settings.tag.map { [$0] } ?? [])
  }

  private func config(_ diffID: Digest, _ settings: ImportSettings) -> [UInt8] {
    var object: JSONObject = [
      "created": .string(settings.created),
      "architecture": .string(settings.platform.architecture),
    ]
    object["variant"] = settings.platform.variant.map { .string($0) }
    object["os"] = .string(settings.platform.os)
    object["config"] = settings.config
    object["rootfs"] = ["type": "layers", "diff_ids": [.string("\(diffID)")]]
    let step = ImageHistoryEntry(created: settings.created, comment: settings.comment)
    object["history"] = [step.json]
    return JSONValue.object(object).bytes()
  }
}
