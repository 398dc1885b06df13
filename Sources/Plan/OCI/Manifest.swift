// Manifests and indexes of OCI and Docker schema 2: text to values, with the limits of hostile input.

package import JSON

/// The media types that mean something here.
package enum MediaType {
  package static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
  package static let ociIndex = "application/vnd.oci.image.index.v1+json"
  package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
  package static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
  package static let dockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json"
  package static let dockerSignedSchema1 =
    "application/vnd.docker.distribution.manifest.v1+prettyjws"
  package static let ociConfig = "application/vnd.oci.image.config.v1+json"
  package static let dockerConfig = "application/vnd.docker.container.image.v1+json"
  package static let ociLayer = "application/vnd.oci.image.layer.v1.tar"
  package static let dockerGzipLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
  package static let ociGzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip"

  /// What a client that reads both kinds says it accepts.
  package static let accepted = [ociIndex, ociManifest, dockerList, dockerManifest]

  static let manifests: Set<String> = [ociManifest, dockerManifest]
  static let indexes: Set<String> = [ociIndex, dockerList]
}

/// Limits on documents from a registry (see docs/glossary.md, "limits").
package enum ImageLimits {
  package static let manifestBytes = 4 << 20
  package static let configBytes = 8 << 20
  package static let jsonDepth = 64
  /// Ten times what the largest index and the longest history hold.
  package static let jsonValues = 100_000
  /// As many lower folders as overlayfs takes.
  package static let layers = 500
  package static let indexEntries = 4096
}

/// Points at content: its type, its name and how long it is.
package struct ContentDescriptor: Hashable, Sendable {
  package var mediaType: String
  package var digest: Digest
  package var size: Int64
  package var platform: Platform?
  package var annotations: [String: String]

  package init(
    mediaType: String, digest: Digest, size: Int64, platform: Platform? = nil,
    annotations: [String: String] = [:]
  ) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.platform = platform
    self.annotations = annotations
  }

  init(_ value: JSONValue?, in document: String) throws(ImageFault) {
    func fault(_ reason: String) -> ImageFault { .invalidDocument(document, reason: reason) }
    guard let value, value.object != nil else { throw fault("a descriptor is not an object") }
    guard let mediaType = value["mediaType"]?.string, mediaType.utf8.count <= 255 else {
      throw fault("a descriptor has no media type")
    }
    guard let text = value["digest"]?.string else { throw fault("a descriptor has no digest") }
    guard let digest = Digest(text) else { throw .invalidDigest(text) }
    guard let size = value["size"]?.number?.integer(Int64.self), size >= 0 else {
      throw fault("the size of `\(digest)` is not a whole number from 0")
    }
    self.init(mediaType: mediaType, digest: digest, size: size)
    if let platform = value["platform"] { self.platform = try Platform(platform, in: document) }
    for member in value["annotations"]?.object?.members ?? [] {
      annotations[member.name] = member.value.string
    }
  }

  package var json: JSONValue {
    var object: JSONObject = [
      "mediaType": .string(mediaType), "digest": .string(digest.description),
      "size": JSONValue(size),
    ]
    if let platform { object["platform"] = platform.json }
    if !annotations.isEmpty {
      let sorted = annotations.sorted { $0.key < $1.key }
      object["annotations"] = .object(JSONObject(sorted.map { ($0.key, .string($0.value)) }))
    }
    return .object(object)
  }
}

extension Platform {
  init(_ value: JSONValue, in document: String) throws(ImageFault) {
    guard let os = value["os"]?.string, let architecture = value["architecture"]?.string else {
      throw .invalidDocument(document, reason: "a platform lacks `os` or `architecture`")
    }
    self.init(os: os, architecture: architecture, variant: value["variant"]?.string)
  }

  var json: JSONValue {
    var object: JSONObject = ["architecture": .string(architecture), "os": .string(os)]
    object["variant"] = variant.map { .string($0) }
    return .object(object)
  }
}

/// One image: its config and its layers, lowest first.
package struct Manifest: Hashable, Sendable {
  package var mediaType: String
  package var config: ContentDescriptor
  package var layers: [ContentDescriptor]

  package init(
    mediaType: String = MediaType.ociManifest, config: ContentDescriptor,
    layers: [ContentDescriptor]
  ) {
    self.mediaType = mediaType
    self.config = config
    self.layers = layers
  }

  package var json: JSONValue {
    [
      "schemaVersion": 2, "mediaType": .string(mediaType), "config": config.json,
      "layers": .array(layers.map(\.json)),
    ]
  }
}

/// A list of images for several platforms.
package struct ImageIndex: Hashable, Sendable {
  package var mediaType: String
  package var manifests: [ContentDescriptor]

  package init(mediaType: String = MediaType.ociIndex, manifests: [ContentDescriptor]) {
    self.mediaType = mediaType
    self.manifests = manifests
  }

  /// The entry for `platform` or the nearest older variant of it. Attestations
  /// (`unknown/unknown`) and nested indexes are passed over.
  package func choose(_ platform: Platform) throws(ImageFault) -> ContentDescriptor {
    let images = manifests.filter { entry in
      MediaType.manifests.contains(entry.mediaType) && entry.platform?.os != "unknown"
    }
    for candidate in platform.fallbacks {
      if let match = images.first(where: { $0.platform == candidate }) { return match }
    }
    // An index of one image that does not say what it is for: its config will say.
    if images.count == 1, let only = images.first, only.platform == nil { return only }
    throw .noPlatform(platform, available: images.compactMap(\.platform))
  }
}

/// What a registry answers to a question for a manifest.
package enum ManifestDocument: Hashable, Sendable {
  case manifest(Manifest)
  case index(ImageIndex)

  package var mediaType: String {
    switch self {
    case .manifest(let manifest): manifest.mediaType
    case .index(let index): index.mediaType
    }
  }

  /// Parses and checks that shape, `mediaType` and the transport's content type agree: one text
  /// must never be an image to one reader and an index to another.
  /// - Parameter contentType: without parameters; nil when read from disk.
  package init(parsing bytes: [UInt8], contentType: String? = nil) throws(ImageFault) {
    func fault(_ reason: String) -> ImageFault { .invalidDocument("manifest", reason: reason) }
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONValue(
        parsing: bytes,
        limits: JSONLimits(
          bytes: ImageLimits.manifestBytes, depth: ImageLimits.jsonDepth,
          values: ImageLimits.jsonValues))
    } catch { throw fault(error.description) }
    if value["schemaVersion"]?.number?.integer(Int.self) == 1 || value["fsLayers"] != nil {
      throw fault("schema 1 is no longer supported: the image must be pushed again")
    }
    guard value["schemaVersion"]?.number?.integer(Int.self) == 2 else {
      throw fault("`schemaVersion` is not 2")
    }
    if value["layers"] != nil, value["manifests"] != nil {
      throw fault("it has both `layers` and `manifests`")
    }
    let said = value["mediaType"]?.string
    let isIndex = value["manifests"] != nil
    let known = isIndex ? MediaType.indexes : MediaType.manifests
    for type in [said, contentType] {
      guard let type, type != "application/json" else { continue }
      guard known.contains(type) else {
        throw fault("its media type `\(type)` does not fit its content")
      }
    }
    if let said, let contentType, contentType != "application/json", said != contentType {
      throw fault("it says `\(said)`, the registry says `\(contentType)`")
    }
    let type =
      said ?? contentType.flatMap { known.contains($0) ? $0 : nil }
      ?? (isIndex ? MediaType.ociIndex : MediaType.ociManifest)
    self =
      isIndex
      ? .index(try ImageIndex(value, mediaType: type))
      : .manifest(try Manifest(value, mediaType: type))
  }
}

extension ImageIndex {
  fileprivate init(_ value: JSONValue, mediaType: String) throws(ImageFault) {
    guard let items = value["manifests"]?.array, items.count <= ImageLimits.indexEntries else {
      throw .invalidDocument("index", reason: "`manifests` is no list or too long")
    }
    var entries: [ContentDescriptor] = []
    for item in items { entries.append(try ContentDescriptor(item, in: "index")) }
    self.init(mediaType: mediaType, manifests: entries)
  }
}

extension Manifest {
  fileprivate init(_ value: JSONValue, mediaType: String) throws(ImageFault) {
    let config = try ContentDescriptor(value["config"], in: "manifest")
    guard [MediaType.ociConfig, MediaType.dockerConfig].contains(config.mediaType) else {
      throw .invalidDocument(
        "manifest", reason: "it is a `\(config.mediaType)`, not a container image")
    }
    guard config.size <= ImageLimits.configBytes else {
      throw .invalidDocument("manifest", reason: "the image config is larger than 8 MiB")
    }
    guard let items = value["layers"]?.array, items.count <= ImageLimits.layers else {
      throw .invalidDocument(
        "manifest", reason: "`layers` is no list or longer than \(ImageLimits.layers)")
    }
    var layers: [ContentDescriptor] = []
    for item in items { layers.append(try ContentDescriptor(item, in: "manifest")) }
    self.init(mediaType: mediaType, config: config, layers: layers)
  }
}
