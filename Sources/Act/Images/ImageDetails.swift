// What `history`, `inspect` and `du` want to know of an image beyond what a container needs.

import CLinux
import Glibc
package import JSON
package import Linux
package import OCI
import Store
import SystemPackage

package struct ImageDetails: Sendable {
  package var image: LocalImage
  package var manifest: Manifest
  /// The config as it was written.
  package var config: JSONValue
  /// Bytes of content in each layer, lowest first.
  package var layerSizes: [Int64]
  /// When the latest of its tags was set, in nanoseconds since 1970; nil when it has none.
  package var taggedAt: Int64?
}

extension ImageStore {
  package func details(of image: LocalImage) throws -> ImageDetails {
    guard let manifest = try manifest(image.manifestDigest),
      let text = try readFile(folders.blob(image.id), limit: ImageLimits.configBytes)
    else { throw ImageNameFault.unknown("\(image.id)", nearest: nil) }
    let config = try JSONValue(
      parsing: text,
      limits: JSONLimits(bytes: ImageLimits.configBytes, depth: ImageLimits.jsonDepth))
    let sizes = try image.config.chainIDs.map { chain in
      try readRecord(LayerRecord.self, at: folders.layerRecord(chain))?.size ?? 0
    }
    return ImageDetails(
      image: image, manifest: manifest, config: config, layerSizes: sizes,
      taggedAt: taggedAt(image))
  }

  /// When the latest of its tags was set, in nanoseconds since 1970; nil when it has none.
  package func taggedAt(_ image: LocalImage) -> Int64? {
    image.references.compactMap { modified(folders.name($0)) }.max()
  }

  private func modified(_ path: FilePath) -> Int64? {
    var status = stat()
    guard path.withPlatformString({ lstat($0, &status) }) == 0 else { return nil }
    return Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
  }

  /// Lets `tag` stand for the image too. Blocks until that is on the disk.
  package func tag(_ argument: String, as tag: ImageReference) throws {
    let session = try IngestSession(folders, lease: try lease())
    do {
      let found = try session.needs.hold {
        let found = try findImage(argument, among: try list())
        return (found, try needs(of: found.image))
      }
      let record = NameRecord(
        reference: tag.description, digest: found.image.manifestDigest,
        manifest: found.image.manifestDigest, size: found.image.size)
      try session.publishTag(record, tag)
    } catch {
      // The first failure is the one to tell; the next session sweeps the folder.
      try? session.close()
      session.needs.end()
      throw error
    }
    try session.close()
    session.needs.end()
  }
}

/// What the store takes of the disk, in bytes.
package struct ImageUsage: Sendable {
  package var layers: [Digest: UInt64] = [:]
  package var blobs: [Digest: UInt64] = [:]
  /// Names, folders, what is on its way in or out.
  package var rest: UInt64 = 0

  package var total: UInt64 {
    layers.values.reduce(0, &+) &+ blobs.values.reduce(0, &+) &+ rest
  }

  /// Of these images together.
  package func size(of needs: [ImageParts]) -> UInt64 {
    let layers = needs.reduce(into: Set<Digest>()) { $0.formUnion($1.layers) }
    let blobs = needs.reduce(into: Set<Digest>()) { $0.formUnion($1.blobs) }
    return layers.reduce(0) { $0 &+ (self.layers[$1] ?? 0) }
      &+ blobs.reduce(0) { $0 &+ (self.blobs[$1] ?? 0) }
  }
}

/// What one image stands on: chain ids and blobs.
package struct ImageParts: Sendable, Hashable {
  package var layers: Set<Digest>
  package var blobs: Set<Digest>

  package init(layers: Set<Digest>, blobs: Set<Digest>) {
    self.layers = layers
    self.blobs = blobs
  }
}

extension ImageStore {
  package func parts(of image: LocalImage) throws -> ImageParts {
    let needs = try needs(of: image)
    var blobs = needs.blobs
    for chain in needs.chains {
      if let record = try readRecord(LayerRecord.self, at: folders.layerRecord(chain)) {
        blobs.insert(record.blob)
      }
    }
    return ImageParts(layers: needs.chains, blobs: blobs)
  }

  package func usage(counting disk: inout DiskUsage) throws -> ImageUsage {
    var usage = ImageUsage()
    for name in try namesInFolder(folders.layers) {
      let bytes = try disk.add(folders.layers.appending(name))
      if let chain = Digest(hex: name.string) {
        usage.layers[chain] = bytes
      } else {
        usage.rest &+= bytes
      }
    }
    for name in try namesInFolder(folders.blobs) {
      let bytes = try disk.add(folders.blobs.appending(name))
      if let blob = Digest(hex: name.string) {
        usage.blobs[blob] = bytes
      } else {
        usage.rest &+= bytes
      }
    }
    let counted = [folders.layers, folders.blobs, folders.blobs.removingLastComponent()]
    for folder in counted { usage.rest &+= try disk.addAlone(folder) }
    for name in try namesInFolder(folders.root) where name != "layers" && name != "blobs" {
      usage.rest &+= try disk.add(folders.root.appending(name))
    }
    usage.rest &+= try disk.addAlone(folders.root)
    return usage
  }
}
