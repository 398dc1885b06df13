// Layers that are made here: what lies on what, and changes turned into a blob.

import Archive
import Linux
package import OCI
package import SystemPackage

/// One layer of an image that is being made.
package struct StackedLayer: Sendable, Hashable {
  package var blob: ContentDescriptor
  package var diffID: Digest
  /// Of this layer and all below it.
  package var chain: Digest
  /// Bytes of content.
  package var size: Int64
}

extension ImageStore {
  /// The layers of an image, lowest first, as the manifest of an OCI image names them. Their blobs are here.
  package func stack(of base: ImageDetails) throws -> [StackedLayer] {
    let config = base.image.config
    let parts = zip(
      zip(base.manifest.layers, base.layerSizes), zip(config.diffIDs, config.chainIDs))
    return try parts.map { described, named in
      var blob = described.0
      guard hasBlob(blob.digest) else {
        throw ImageArchiveFault.blobMissing(base.image.id.short, blob.digest)
      }
      blob.mediaType = ociType(blob.mediaType)
      return StackedLayer(blob: blob, diffID: named.0, chain: named.1, size: described.1)
    }
  }

  /// Where a layer is unpacked: a lower folder of an overlay.
  package func folder(of layer: StackedLayer) -> FilePath { folders.layerFiles(layer.chain) }

  private func ociType(_ type: String) -> String {
    switch type {
    case MediaType.dockerGzipLayer: MediaType.ociGzipLayer
    case "application/vnd.docker.image.rootfs.diff.tar": MediaType.ociLayer
    case "application/vnd.docker.image.rootfs.diff.tar.zstd": MediaType.ociLayer + "+zstd"
    default: type
    }
  }
}

extension Manifest {
  /// Of an image whose config is this text.
  init(of config: [UInt8], layers: [ContentDescriptor]) {
    self.init(
      config: ContentDescriptor(
        mediaType: MediaType.ociConfig, digest: Digest(of: config), size: Int64(config.count)),
      layers: layers)
  }
}

/// Changes as a blob in a file of the session.
struct StagedLayer: Sendable {
  var blob: ContentDescriptor
  var diffID: Digest
  var file: FilePath

  /// An empty tar stream: its end alone.
  private static let emptyTar = 1024

  /// Whether there is nothing in it.
  var isEmpty: Bool

  /// Compresses a plain tar stream into the session's file `name`. Blocks.
  init(_ changes: SharedDescriptor, as name: String, in session: IngestSession) throws {
    let limit = try usableSpace(session.folder)
    let staging = try StagingFile(session.folder.appending(name))
    // Written once, and mostly never sent anywhere.
    let stream = try GzipStream(level: 1)
    var plain = SHA256()
    var size = 0
    try forEachChunk(of: changes) { chunk in
      plain.update(chunk)
      size += chunk.count
      try stream.feed(chunk) { try staging.write($0) }
      guard UInt64(staging.size) <= limit else { throw ImageArchiveFault.tooLarge(limit: limit) }
    }
    try stream.finish { try staging.write($0) }
    isEmpty = size <= Self.emptyTar
    let member = staging.finish()
    blob = ContentDescriptor(
      mediaType: MediaType.ociGzipLayer, digest: member.digest, size: member.size)
    diffID = plain.finish()
    file = member.file
  }
}
