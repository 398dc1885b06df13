// Images as one tar file that is both an OCI layout (oci-layout, index.json, blobs/sha256/…) and what the
// reference's `load` reads (manifest.json). The same images give the same bytes.

import Archive
import CLinux
import Glibc
import JSON
package import Linux
package import OCI
import Store
import SystemPackage

/// An image on its way out, with the names that go with it.
package struct SavedImage: Sendable {
  package var image: LocalImage
  /// Of its tags, those that were asked for.
  package var tags: [ImageReference]
}

extension ImageStore {
  /// The images that these arguments mean, each once, with the tags that were named; an image named by
  /// its id goes without. All are kept by `lease`.
  package func select(_ arguments: [String], keepingBy lease: ImageLease) throws -> [SavedImage] {
    try lease.hold {
      let all = try list()
      var chosen: [SavedImage] = []
      var needs = ImageNeeds()
      for argument in arguments {
        let found = try findImage(argument, among: all)
        var tags: [ImageReference] = []
        if case .name(let name) = found.way, name.digest == nil { tags = [name] }
        needs.formUnion(try parts(of: found.image).needs)
        if let place = chosen.firstIndex(where: { $0.image.id == found.image.id }) {
          chosen[place].tags += tags.filter { !chosen[place].tags.contains($0) }
        } else {
          chosen.append(SavedImage(image: found.image, tags: tags))
        }
      }
      return (chosen, needs)
    }
  }

  /// Writes the archive. Blocks.
  package func save(_ images: [SavedImage], to output: borrowing Descriptor) throws {
    let plan = try images.map { try archived($0) }
    var blobs: [Digest: BlobSource] = [:]
    for image in plan { blobs.merge(image.blobs) { first, _ in first } }
    var writer = TarWriter()
    writer.add(folderEntry("blobs/"))
    writer.add(folderEntry("blobs/sha256/"))
    for digest in blobs.keys.sorted(by: { $0.hex.utf8.lexicographicallyPrecedes($1.hex.utf8) }) {
      guard let source = blobs[digest] else { continue }
      let entry = fileEntry("blobs/sha256/\(digest.hex)")
      switch source {
      case .bytes(let bytes): writer.add(entry, content: bytes)
      case .file(let path, let size): try copy(path, size, entry, &writer, output)
      }
      try flush(&writer, output)
    }
    let index: JSONValue = [
      "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex),
      "manifests": .array(plan.flatMap(\.indexEntries)),
    ]
    writer.add(fileEntry("index.json"), content: index.bytes())
    writer.add(
      fileEntry("manifest.json"), content: JSONValue.array(plan.map(\.manifestEntry)).bytes())
    writer.add(
      fileEntry("oci-layout"), content: layoutMark.bytes())
    writer.finish()
    try flush(&writer, output)
  }

  private func flush(_ writer: inout TarWriter, _ output: borrowing Descriptor) throws {
    try output.writeAll(writer.output)
    writer.output.removeAll(keepingCapacity: true)
  }

  private func copy(
    _ path: FilePath, _ size: Int, _ entry: TarEntry, _ writer: inout TarWriter,
    _ output: borrowing Descriptor
  ) throws {
    writer.begin(entry, size: size)
    try flush(&writer, output)
    let file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW)
    var left = size
    while left > 0 {
      let chunk = try file.read(upTo: min(left, 256 << 10))
      guard !chunk.isEmpty else { throw SystemCallError("read", path.string, .ioError) }
      try output.writeAll(chunk)
      left -= chunk.count
    }
    writer.end(size: size)
  }
}

private enum BlobSource {
  case bytes([UInt8])
  case file(FilePath, size: Int)
}

/// What one image adds to an archive.
private struct ArchivedImage {
  var blobs: [Digest: BlobSource] = [:]
  var indexEntries: [JSONValue] = []
  var manifestEntry: JSONValue
}

extension ImageStore {
  private func archived(_ saved: SavedImage) throws -> ArchivedImage {
    let image = saved.image
    let name = saved.tags.first?.familiar ?? image.id.short
    guard var manifest = try manifest(image.manifestDigest),
      var manifestBytes = try readFile(
        folders.blob(image.manifestDigest), limit: ImageLimits.manifestBytes)
    else { throw ImageArchiveFault.blobMissing(name, image.manifestDigest) }
    var blobs: [Digest: BlobSource] = [:]
    var isChanged = false
    for (index, chain) in image.config.chainIDs.enumerated() where index < manifest.layers.count {
      let layer = try present(manifest.layers[index], chain, name)
      isChanged = isChanged || layer != manifest.layers[index]
      manifest.layers[index] = layer
      blobs[layer.digest] = .file(folders.blob(layer.digest), size: Int(clamping: layer.size))
    }
    // The layers are the same, but other blobs hold them than those that the manifest names.
    if isChanged { manifestBytes = manifest.json.bytes() }
    let digest = Digest(of: manifestBytes)
    guard let config = try readFile(folders.blob(image.id), limit: ImageLimits.configBytes) else {
      throw ImageArchiveFault.blobMissing(name, image.id)
    }
    blobs[image.id] = .bytes(config)
    blobs[digest] = .bytes(manifestBytes)
    let descriptor = ContentDescriptor(
      mediaType: manifest.mediaType, digest: digest, size: Int64(manifestBytes.count),
      platform: image.platform)
    func path(_ digest: Digest) -> JSONValue { .string("blobs/sha256/\(digest.hex)") }
    return ArchivedImage(
      blobs: blobs, indexEntries: entries(descriptor, saved.tags),
      manifestEntry: [
        "Config": path(image.id),
        "RepoTags": saved.tags.isEmpty ? .null : .array(saved.tags.map { .string($0.familiar) }),
        "Layers": .array(manifest.layers.map { path($0.digest) }),
      ])
  }

  private func entries(_ descriptor: ContentDescriptor, _ tags: [ImageReference]) -> [JSONValue] {
    if tags.isEmpty { return [descriptor.json] }
    return tags.map { tag in
      var named = descriptor
      named.annotations = [
        "io.containerd.image.name": tag.description,
        "org.opencontainers.image.ref.name": tag.tag ?? "latest",
      ]
      return named.json
    }
  }

  /// The blob that the manifest names, or the one that the layer was made from.
  private func present(_ layer: ContentDescriptor, _ chain: Digest, _ name: String) throws
    -> ContentDescriptor
  {
    if hasBlob(layer.digest) { return layer }
    guard let record = try readRecord(LayerRecord.self, at: folders.layerRecord(chain)),
      let size = size(of: folders.blob(record.blob))
    else { throw ImageArchiveFault.blobMissing(name, layer.digest) }
    let head = try Descriptor.open(folders.blob(record.blob), O_RDONLY | O_NOFOLLOW).read(upTo: 4)
    return ContentDescriptor(mediaType: layerType(of: head), digest: record.blob, size: size)
  }

  private func size(of path: FilePath) -> Int64? {
    var status = stat()
    guard path.withPlatformString({ lstat($0, &status) }) == 0 else { return nil }
    return Int64(status.st_size)
  }
}

extension ImageParts {
  var needs: ImageNeeds { ImageNeeds(chains: layers, blobs: blobs) }
}

/// The media type of a layer that begins with these bytes.
func layerType(of head: [UInt8]) -> String {
  if head.starts(with: [0x1F, 0x8B]) { return MediaType.ociGzipLayer }
  let skipped: [UInt8] = [0x2A, 0x4D, 0x18]
  let isSkipped = head.count >= 4 && head[0] & 0xF0 == 0x50 && head[1...3].elementsEqual(skipped)
  if isSkipped || head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
    return MediaType.ociLayer + "+zstd"
  }
  return MediaType.ociLayer
}

private let layoutMark: JSONValue = ["imageLayoutVersion": "1.0.0"]

private func fileEntry(_ path: String) -> TarEntry { TarEntry(.file, path: Array(path.utf8)) }

private func folderEntry(_ path: String) -> TarEntry {
  var entry = TarEntry(.directory, path: Array(path.utf8))
  entry.mode = 0o755
  return entry
}
