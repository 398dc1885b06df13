// What an archive says is in it: read whole and checked against its members before anything is stored.

import Glibc
import JSON
import Linux
import OCI
import SystemPackage

/// One image to bring in: documents, and each layer with the file that holds it.
struct ArchivePlan: Sendable {
  struct Layer: Sendable {
    var blob: ContentDescriptor
    var diffID: Digest
    var chain: Digest
    var file: FilePath
  }

  var manifest: [UInt8]
  var config: [UInt8]
  var platform: Platform
  var layers: [Layer]
  var tags: [ImageReference]

  var id: Digest { Digest(of: config) }

  var needs: ImageNeeds {
    ImageNeeds(
      chains: Set(layers.map(\.chain)),
      blobs: Set(layers.map(\.blob.digest) + [id, Digest(of: manifest)]))
  }
}

/// How many images one archive may hold.
private let imageLimit = 1024

// MARK: - OCI layout

struct LayoutReader<Members: StagedMembers> {
  var members: Members
  /// Nil: this machine's.
  var platform: Platform?
  /// The file of a layer's blob that is here already, and need not be read from the layout.
  var kept: (ContentDescriptor) throws -> FilePath? = { _ in nil }

  /// What the layout holds; nil when it is no layout.
  mutating func index() throws -> ImageIndex? {
    guard try members.document("oci-layout", limit: ImageLimits.manifestBytes) != nil else {
      return nil
    }
    guard let text = try members.document("index.json", limit: ImageLimits.manifestBytes) else {
      throw ImageArchiveFault.missing("index.json")
    }
    guard case .index(let index) = try ManifestDocument(parsing: text),
      index.manifests.count <= imageLimit
    else { throw ImageArchiveFault.refused("index.json", reason: "it is no list of images") }
    return index
  }

  /// Nil when it is no layout.
  mutating func plans() throws -> [ArchivePlan]? {
    guard let index = try index() else { return nil }
    var plans: [ArchivePlan] = []
    for entry in try chosen(index.manifests) {
      let plan = try plan(entry)
      if let place = plans.firstIndex(where: { $0.id == plan.id }) {
        plans[place].tags += plan.tags.filter { !plans[place].tags.contains($0) }
      } else {
        plans.append(plan)
      }
    }
    return plans
  }

  /// Entries of the same name that differ in their platform are one image for several machines.
  func chosen(_ entries: [ContentDescriptor]) throws -> [ContentDescriptor] {
    var groups: [(name: String, entries: [ContentDescriptor])] = []
    for entry in entries {
      let name = entry.annotations[nameKey] ?? entry.annotations[refKey] ?? ""
      if let place = groups.firstIndex(where: { $0.name == name }) {
        groups[place].entries.append(entry)
      } else {
        groups.append((name, [entry]))
      }
    }
    return try groups.flatMap { group in
      let platforms = group.entries.compactMap(\.platform)
      guard group.entries.count > 1, platforms.count == group.entries.count,
        Set(platforms).count == platforms.count
      else { return group.entries }
      return [try ImageIndex(manifests: group.entries).choose(platform ?? .host)]
    }
  }

  private var nameKey: String { "io.containerd.image.name" }
  private var refKey: String { "org.opencontainers.image.ref.name" }

  mutating func plan(_ entry: ContentDescriptor) throws -> ArchivePlan {
    var text = try blob(entry, limit: ImageLimits.manifestBytes)
    var document = try ManifestDocument(parsing: text)
    if case .index(let index) = document {
      text = try blob(try index.choose(platform ?? .host), limit: ImageLimits.manifestBytes)
      document = try ManifestDocument(parsing: text)
    }
    guard case .manifest(let manifest) = document else { throw LayerFault.notAnImage }
    let configText = try blob(manifest.config, limit: ImageLimits.configBytes)
    let config = try ImageConfig(parsing: configText)
    guard manifest.layers.count == config.diffIDs.count else {
      throw LayerFault.layerCount(manifest: manifest.layers.count, config: config.diffIDs.count)
    }
    var layers: [ArchivePlan.Layer] = []
    for (blob, (diffID, chain)) in zip(manifest.layers, zip(config.diffIDs, config.chainIDs)) {
      let file = try kept(blob) ?? checked(blob).file
      layers.append(ArchivePlan.Layer(blob: blob, diffID: diffID, chain: chain, file: file))
    }
    return ArchivePlan(
      manifest: text, config: configText, platform: config.platform, layers: layers,
      tags: try tag(of: entry).map { [$0] } ?? [])
  }

  private mutating func blob(_ descriptor: ContentDescriptor, limit: Int) throws -> [UInt8] {
    _ = try checked(descriptor)
    guard let bytes = try members.document(path(descriptor), limit: limit) else {
      throw ImageArchiveFault.missing(path(descriptor))
    }
    return bytes
  }

  private func path(_ descriptor: ContentDescriptor) -> String {
    "blobs/sha256/\(descriptor.digest.hex)"
  }

  private mutating func checked(_ descriptor: ContentDescriptor) throws -> StagedMember {
    let path = path(descriptor)
    guard let member = try members.member(path) else { throw ImageArchiveFault.missing(path) }
    guard member.digest == descriptor.digest else {
      throw ImageArchiveFault.wrongDigest(
        path, expected: descriptor.digest, found: member.digest)
    }
    guard member.size == descriptor.size else {
      throw ImageArchiveFault.wrongSize(path, expected: descriptor.size, found: member.size)
    }
    return member
  }

  /// A full name stands in one of two annotations. In the second there may also be a tag alone, which
  /// names nothing. A name by digest is no tag: its image has its id.
  private func tag(of entry: ContentDescriptor) throws -> ImageReference? {
    let short = entry.annotations[refKey].flatMap {
      $0.contains(where: { ":/".contains($0) }) ? $0 : nil
    }
    guard let name = entry.annotations[nameKey] ?? short else { return nil }
    let tag = try ImageReference(parsing: name)
    return tag.digest == nil ? tag : nil
  }
}

// MARK: - The reference's format

/// `manifest.json`: the layers of each image as paths of tar files, mostly not compressed.
struct DockerArchiveReader {
  var members: TarMembers

  /// Nil when it is no such archive.
  mutating func plans() throws -> [ArchivePlan]? {
    let name = "manifest.json"
    guard let text = try members.document(name, limit: ImageLimits.manifestBytes) else {
      return nil
    }
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONValue(
        parsing: text,
        limits: JSONLimits(bytes: ImageLimits.manifestBytes, depth: ImageLimits.jsonDepth))
    } catch {
      throw ImageArchiveFault.refused(name, reason: error.description)
    }
    guard let items = value.array, !items.isEmpty, items.count <= imageLimit else {
      throw ImageArchiveFault.refused(name, reason: "it is no list of images")
    }
    return try items.map { try plan($0) }
  }

  private mutating func plan(_ item: JSONValue) throws -> ArchivePlan {
    func refusal(_ reason: String) -> ImageArchiveFault {
      .refused("manifest.json", reason: reason)
    }
    guard let configPath = item["Config"]?.string, let paths = item["Layers"]?.array else {
      throw refusal("an image in it has no `Config` or no `Layers`")
    }
    let configText = try document(configPath)
    let config = try ImageConfig(parsing: configText)
    guard paths.count == config.diffIDs.count else {
      throw LayerFault.layerCount(manifest: paths.count, config: config.diffIDs.count)
    }
    var layers: [ArchivePlan.Layer] = []
    for (path, (diffID, chain)) in zip(paths, zip(config.diffIDs, config.chainIDs)) {
      guard let path = path.string else { throw refusal("a layer in it is no path") }
      let member = try member(path)
      let head = try Descriptor.open(member.file, O_RDONLY | O_NOFOLLOW).read(upTo: 4)
      let blob = ContentDescriptor(
        mediaType: layerType(of: head), digest: member.digest, size: member.size)
      if blob.mediaType == MediaType.ociLayer, blob.digest != diffID {
        throw ImageArchiveFault.wrongDigest(path, expected: diffID, found: blob.digest)
      }
      layers.append(
        ArchivePlan.Layer(blob: blob, diffID: diffID, chain: chain, file: member.file))
    }
    let manifest = Manifest(
      config: ContentDescriptor(
        mediaType: MediaType.ociConfig, digest: Digest(of: configText),
        size: Int64(configText.count)), layers: layers.map(\.blob))
    let tags = try (item["RepoTags"]?.array ?? []).map { tag in
      guard let text = tag.string else { throw refusal("a tag in it is no text") }
      let tag = try ImageReference(parsing: text)
      guard tag.digest == nil else { throw refusal("a tag in it has a digest") }
      return tag
    }
    return ArchivePlan(
      manifest: manifest.json.bytes(), config: configText, platform: config.platform,
      layers: layers, tags: tags)
  }

  private mutating func document(_ path: String) throws -> [UInt8] {
    _ = try member(path)
    guard let text = try members.document(path, limit: ImageLimits.configBytes) else {
      throw ImageArchiveFault.missing(path)
    }
    return text
  }

  /// A member whose name is a digest must have that content.
  private mutating func member(_ path: String) throws -> StagedMember {
    guard let member = try members.legacyMember(path) else {
      throw ImageArchiveFault.missing(path)
    }
    let file = path.split(separator: "/").last.map(String.init) ?? path
    if path.hasPrefix("blobs/sha256/") || file.hasSuffix(".json"),
      let named = Digest(hex: file.hasSuffix(".json") ? String(file.dropLast(5)) : file),
      named != member.digest
    {
      throw ImageArchiveFault.wrongDigest(path, expected: named, found: member.digest)
    }
    return member
  }
}
