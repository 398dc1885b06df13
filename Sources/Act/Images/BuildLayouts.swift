// One image of an OCI layout on the disk as what builds stand on: checked and unpacked as when it is loaded,
// but it gets no name, and is kept as long as something is built on it.

package import Diagnostics
import JSON
import Linux
package import OCI
package import SystemPackage

/// Which image of a layout is wanted; without a digest and a tag it is the one called `latest`, or the only one.
package struct LayoutWish: Sendable, Hashable {
  package var folder: FilePath
  package var tag: String?
  package var digest: Digest?
  /// Nil: this machine's.
  package var platform: Platform?

  package init(folder: FilePath, tag: String?, digest: Digest?, platform: Platform?) {
    self.folder = folder
    self.tag = tag
    self.digest = digest
    self.platform = platform
  }
}

extension BuildStore {
  /// Brings in an image of a layout.
  package func image(of wish: LayoutWish) async throws -> (ImageDetails, [StackedLayer]) {
    let members = try await blocking { [session] in try self.newMembers(session) }
    let plan = try await blocking { [session, store] in
      let limit = try usableSpace(session.folder)
      let files = try FolderMembers(wish.folder, into: members, limit: limit)
      var layout = LayoutReader(members: files, platform: wish.platform)
      layout.kept = { blob in
        // Held before it is looked for: so nobody takes it away meanwhile.
        try session.needs.hold(ImageNeeds(chains: [], blobs: [blob.digest]))
        let isHere = store.size(ofBlob: blob.digest) == blob.size
        return isHere ? store.folders.blob(blob.digest) : nil
      }
      return try layout.plan(wish)
    }
    let wanted = wish.platform ?? .host
    guard wanted.accepts(plan.platform) else {
      throw ImageArchiveFault.wrongPlatform(
        wish.folder.string, wanted: wanted, found: plan.platform)
    }
    try await blocking { [session] in try session.needs.hold(plan.needs) }
    let loader = ImageLoader(store, unpacker: unpacker)
    var sizes: [Int64] = []
    for layer in plan.layers { sizes.append(try await loader.bring(layer, session)) }
    try await session.settle(plan.layers.map(\.chain))
    let known = sizes
    return try await blocking { [session, store] in
      // A layer that was here already may have come with another blob.
      for layer in plan.layers where !store.hasBlob(layer.blob.digest) {
        try session.publish(layer.file, asBlob: layer.blob.digest)
      }
      let details = try ImageDetails(plan, sizes: known, in: store)
      return (details, try store.stack(of: details))
    }
  }

  private func newMembers(_ session: IngestSession) throws -> FilePath {
    let folder = try newFolder().appending("layout")
    try makeFolders(folder)
    return folder
  }
}

extension ImageDetails {
  /// An image without a name.
  fileprivate init(_ plan: ArchivePlan, sizes: [Int64], in store: ImageStore) throws {
    guard case .manifest(let manifest) = try ManifestDocument(parsing: plan.manifest) else {
      throw LayerFault.notAnImage
    }
    let config = try ImageConfig(parsing: plan.config)
    let image = LocalImage(
      id: plan.id, manifestDigest: Digest(of: plan.manifest), references: [], repoDigests: [],
      config: config, size: sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue },
      layers: config.chainIDs.map { store.folders.layerFiles($0) })
    let document = try JSONValue(
      parsing: plan.config,
      limits: JSONLimits(bytes: ImageLimits.configBytes, depth: ImageLimits.jsonDepth))
    self.init(image: image, manifest: manifest, config: document, layerSizes: sizes, taggedAt: nil)
  }
}

extension LayoutReader {
  /// The image that is wanted out of a layout.
  fileprivate mutating func plan(_ wish: LayoutWish) throws -> ArchivePlan {
    guard let index = try index() else { throw LayoutFault.noLayout(wish.folder.string) }
    return try plan(try entry(wish, in: index.manifests))
  }

  private func entry(_ wish: LayoutWish, in entries: [ContentDescriptor]) throws
    -> ContentDescriptor
  {
    if let digest = wish.digest {
      guard let entry = entries.first(where: { $0.digest == digest }) else {
        throw LayoutFault.noDigest(wish.folder.string, digest)
      }
      return entry
    }
    let tag = wish.tag ?? "latest"
    let named = entries.filter { $0.layoutTag == tag }
    if let entry = try choose(named) { return entry }
    if wish.tag == nil, let entry = try choose(entries) { return entry }
    throw LayoutFault.noTag(
      wish.folder.string, tag, known: Set(entries.compactMap(\.layoutTag)).sorted())
  }

  /// The only one, or that for the platform where they differ in nothing else.
  private func choose(_ entries: [ContentDescriptor]) throws -> ContentDescriptor? {
    if entries.count < 2 { return entries.first }
    let chosen = try chosen(entries)
    return chosen.count == 1 ? chosen.first : nil
  }
}

extension ContentDescriptor {
  /// The tag that a layout gives it, alone or as the end of a name.
  fileprivate var layoutTag: String? {
    let keys = ["org.opencontainers.image.ref.name", "io.containerd.image.name"]
    guard let name = keys.lazy.compactMap({ self.annotations[$0] }).first else { return nil }
    let last = name.split(separator: "/").last ?? Substring(name)
    return last.lastIndex(of: ":").map { String(last[last.index(after: $0)...]) } ?? String(last)
  }
}

package enum LayoutFault: Diagnosable, Hashable {
  case noLayout(String)
  case noTag(String, String, known: [String])
  case noDigest(String, Digest)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .noLayout(let folder):
      [
        Diagnostic(
          "`\(folder)` is no OCI layout: it has no `oci-layout`",
          hint: "name the folder that holds `oci-layout` and `index.json`")
      ]
    case .noTag(let folder, let tag, let known):
      [
        Diagnostic(
          "the OCI layout `\(folder)` has no image `\(printable(tag))`",
          hint: nearest(to: tag, among: known).map { "did you mean `\($0)`?" }
            ?? (known.isEmpty
              ? "name its digest: `oci-layout://FOLDER@sha256:…`"
              : "it has \(known.map { "`\(printable($0))`" }.joined(separator: ", "))"))
      ]
    case .noDigest(let folder, let digest):
      [Diagnostic("the OCI layout `\(folder)` has no image `\(digest)`")]
    }
  }
}
