// Archives of images that lie: refused, and nothing of them is left; honest ones come through whole.

import Archive
import Diagnostics
import Glibc
import JSON
import Linux
import OCI
import SystemPackage
import TestSupport
import Testing

@testable import Images

/// An archive as a list of members, to be changed by a test before it is packed.
struct ArchiveDraft: Sendable {
  var members: [(path: String, content: [UInt8])] = []
  var links: [(path: String, target: String)] = []

  /// An OCI layout of one image.
  static func layout(_ image: FakeImage, annotations: [String: String] = [:]) -> ArchiveDraft {
    var draft = ArchiveDraft()
    for blob in image.layers + [image.config, image.manifest] { draft.add(blob: blob) }
    let entry = ContentDescriptor(
      mediaType: MediaType.ociManifest, digest: Digest(of: image.manifest),
      size: Int64(image.manifest.count), annotations: annotations)
    draft.put(index: [entry])
    draft.members.append(("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)))
    return draft
  }

  /// The reference's format, with layers that are not compressed.
  static func docker(_ tars: [[UInt8]], _ image: FakeImage, tags: String = #"["shop:1"]"#)
    -> ArchiveDraft
  {
    var draft = ArchiveDraft()
    for (index, tar) in tars.enumerated() { draft.members.append(("layer\(index)/layer.tar", tar)) }
    draft.members.append(("config.json", image.config))
    let layers = tars.indices.map { "\"layer\($0)/layer.tar\"" }.joined(separator: ",")
    draft.members.append(
      (
        "manifest.json",
        Array(#"[{"Config":"config.json","RepoTags":\#(tags),"Layers":[\#(layers)]}]"#.utf8)
      ))
    return draft
  }

  mutating func add(blob: [UInt8]) {
    members.append(("blobs/sha256/\(Digest(of: blob).hex)", blob))
  }

  mutating func put(index entries: [ContentDescriptor]) {
    members.removeAll { $0.path == "index.json" }
    let index: JSONValue = [
      "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex),
      "manifests": .array(entries.map(\.json)),
    ]
    members.append(("index.json", index.bytes()))
  }

  mutating func change(_ path: String, _ change: (inout [UInt8]) -> Void) {
    for index in members.indices where members[index].path == path {
      change(&members[index].content)
    }
  }

  var tar: [UInt8] {
    var writer = TarWriter()
    for member in members {
      writer.add(TarEntry(.file, path: Array(member.path.utf8)), content: member.content)
    }
    for link in links {
      var entry = TarEntry(.symbolicLink, path: Array(link.path.utf8))
      entry.target = Array(link.target.utf8)
      writer.add(entry)
    }
    writer.finish()
    return writer.output
  }
}

/// What is done to a good archive, and what must then be said.
struct ArchiveLie: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var cause: String
  var change: @Sendable (inout ArchiveDraft, FakeImage) -> Void

  init(
    _ label: String, _ cause: String,
    _ change: @escaping @Sendable (inout ArchiveDraft, FakeImage) -> Void
  ) {
    testDescription = label
    self.cause = cause
    self.change = change
  }
}

private func blobPath(_ bytes: [UInt8]) -> String { "blobs/sha256/\(Digest(of: bytes).hex)" }

@Suite("An archive of images", .enabled(if: isRoot), .timeLimit(.minutes(3)))
struct ArchiveTests {
  private let tars = [sampleTar("a"), sampleTar("b", 5000)]

  private func load(_ workshop: Workshop, _ bytes: [UInt8], platform: Platform? = nil) async throws
    -> [LoadedImage]
  {
    let file = workshop.folder.appending("archive-\(UInt64.random(in: 0...UInt64.max))")
    try Descriptor.open(file, O_WRONLY | O_CREAT, mode: 0o600).writeAll(bytes)
    let stream = SharedDescriptor(try Descriptor.open(file, O_RDONLY))
    return try await workshop.loader.load(.stream(stream), platform: platform, usedBy: { [] }) {
      _ in
    }
  }

  private func expectNothing(_ workshop: Workshop) throws {
    let folders = workshop.store.folders
    for folder in [folders.blobs, folders.layers, folders.names, folders.trash, folders.leases] {
      #expect(try namesInFolder(folder) == [], "\(folder)")
    }
    #expect(try workshop.leftovers() == [])
  }

  static let layoutLies = [
    ArchiveLie("one bit of a layer", "has the content") { draft, image in
      draft.change(blobPath(image.layers[1])) { $0[$0.count / 2] ^= 1 }
    },
    ArchiveLie("one bit of the config", "has the content") { draft, image in
      draft.change(blobPath(image.config)) { $0[9] ^= 1 }
    },
    ArchiveLie("no layer", "the archive lacks") { draft, image in
      draft.members.removeAll { $0.path == blobPath(image.layers[0]) }
    },
    ArchiveLie("no index", "the archive lacks `index.json`") { draft, _ in
      draft.members.removeAll { $0.path == "index.json" }
    },
    ArchiveLie("a layer that is a link", "it is a link") { draft, image in
      let path = blobPath(image.layers[0])
      draft.members.removeAll { $0.path == path }
      draft.links.append((path, "/etc/passwd"))
    },
    ArchiveLie("a path that leads out", "its path leads out") { draft, _ in
      draft.members.append(("blobs/../../x", [1]))
    },
    ArchiveLie("an absolute path", "its path leads out") { draft, _ in
      draft.members.append(("/x", [1]))
    },
    ArchiveLie("a member twice", "it is there twice") { draft, _ in
      draft.members.append(("./oci-layout", [1]))
    },
    ArchiveLie("a huge index", "it is larger than") { draft, _ in
      draft.change("index.json") { $0 += [UInt8](repeating: 0x20, count: 5 << 20) }
    },
    ArchiveLie("a size that lies", "bytes, its image says") { draft, image in
      draft.put(index: [
        ContentDescriptor(
          mediaType: MediaType.ociManifest, digest: Digest(of: image.manifest),
          size: Int64(image.manifest.count) + 1)
      ])
    },
    ArchiveLie("an index in an index in an index", "an index names another index") { draft, image in
      var inner = ContentDescriptor(
        mediaType: MediaType.ociManifest, digest: Digest(of: image.manifest),
        size: Int64(image.manifest.count), platform: .host)
      for _ in 0..<2 {
        let index: JSONValue = [
          "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex),
          "manifests": [inner.json],
        ]
        draft.add(blob: index.bytes())
        inner = ContentDescriptor(
          mediaType: MediaType.ociManifest, digest: Digest(of: index.bytes()),
          size: Int64(index.bytes().count), platform: .host)
      }
      draft.put(index: [inner])
    },
    ArchiveLie("JSON without end", "invalid") { draft, _ in
      draft.change("index.json") { $0 = [UInt8](repeating: UInt8(ascii: "["), count: 100_000) }
    },
    ArchiveLie("a diff id that lies", "the image says") { draft, image in
      var other = image
      other.diffIDs[1] = other.diffIDs[0]
      draft = .layout(other)
    },
    ArchiveLie("more layers than diff ids", "layers in its manifest") { draft, image in
      var other = image
      other.diffIDs.removeLast()
      draft = .layout(other)
    },
  ]

  @Test("that lies is refused, and nothing of it is kept", arguments: layoutLies)
  func layoutLie(_ lie: ArchiveLie) async throws {
    let image = try FakeImage(tars: tars)
    var draft = ArchiveDraft.layout(image)
    lie.change(&draft, image)
    try await expectRefusal(draft.tar, lie.cause)
  }

  static let dockerLies = [
    ArchiveLie("one bit of a layer", "has the content") { draft, _ in
      draft.change("layer1/layer.tar") { $0[600] ^= 1 }
    },
    ArchiveLie("no config", "the archive lacks `config.json`") { draft, _ in
      draft.members.removeAll { $0.path == "config.json" }
    },
    ArchiveLie("a layer that is a link out", "it is a link out of the archive") { draft, _ in
      draft.members.removeAll { $0.path == "layer0/layer.tar" }
      draft.links.append(("layer0/layer.tar", "../../../etc/passwd"))
    },
    ArchiveLie("a layer that links to nothing", "the archive lacks") { draft, _ in
      draft.members.removeAll { $0.path == "layer0/layer.tar" }
      draft.links.append(("layer0/layer.tar", "../nosuch"))
    },
    ArchiveLie("a link to itself", "it is a link") { draft, _ in
      draft.members.removeAll { $0.path == "layer0/layer.tar" }
      draft.links.append(("layer0/layer.tar", "../layer0/layer.tar"))
    },
    ArchiveLie("no list", "it is no list of images") { draft, _ in
      draft.change("manifest.json") { $0 = Array("{}".utf8) }
    },
    ArchiveLie("a layer that is no text", "a layer in it is no path") { draft, _ in
      draft.change("manifest.json") {
        $0 = Array(#"[{"Config":"config.json","Layers":[1,2]}]"#.utf8)
      }
    },
    ArchiveLie("a name with a digest", "a tag in it has a digest") { draft, image in
      draft.change("manifest.json") { text in
        let name = "shop@\(Digest(of: image.config))"
        text = Array(String(decoding: text, as: UTF8.self).replacing("shop:1", with: name).utf8)
      }
    },
    ArchiveLie("a name that is none", "invalid image reference") { draft, _ in
      draft.change("manifest.json") { text in
        text = Array(
          String(decoding: text, as: UTF8.self).replacing("shop:1", with: "SHOP:1").utf8)
      }
    },
  ]

  @Test("of the reference's format that lies is refused too", arguments: dockerLies)
  func dockerLie(_ lie: ArchiveLie) async throws {
    let image = try FakeImage(tars: tars)
    var draft = ArchiveDraft.docker(tars, image)
    lie.change(&draft, image)
    try await expectRefusal(draft.tar, lie.cause)
  }

  private func expectRefusal(_ bytes: [UInt8], _ cause: String) async throws {
    try await Workshop.using { workshop in
      var said = "nothing"
      do {
        _ = try await load(workshop, bytes)
      } catch let fault as any Diagnosable {
        said = fault.diagnostics.flatMap { [$0.summary] + $0.causes }.joined(separator: "\n")
      }
      #expect(said.contains(cause), "\(said)")
      try expectNothing(workshop)
    }
  }

  @Test("comes in whole: plain, gzip and zstd, both formats, with and without names")
  func honest() async throws {
    let image = try FakeImage(tars: tars)
    var linked = ArchiveDraft.docker([tars[0], tars[0]], try FakeImage(tars: [tars[0], tars[0]]))
    linked.members.removeAll { $0.path == "layer1/layer.tar" }
    linked.links.append(("layer1/layer.tar", "../layer0/layer.tar"))
    let named = ["io.containerd.image.name": "docker.io/library/shop:1"]
    let byDigest = "docker.io/library/shop@\(Digest(of: image.manifest))"
    let rows: [(ArchiveDraft, [String])] = [
      (.layout(image), []), (.layout(image, annotations: named), ["shop:1"]),
      (.layout(image, annotations: ["org.opencontainers.image.ref.name": "1"]), []),
      (.layout(image, annotations: ["org.opencontainers.image.ref.name": "shop:1"]), ["shop:1"]),
      (.layout(image, annotations: ["io.containerd.image.name": byDigest]), []),
      (.docker(tars, image), ["shop:1"]), (.docker(tars, image, tags: "null"), []),
      (linked, ["shop:1"]),
    ]
    for (row, (draft, names)) in rows.enumerated() {
      let forms = [draft.tar, try Compressor.gzip(draft.tar), try Compressor.zstd(draft.tar)]
      for bytes in row % 4 == 1 ? forms : [forms[0]] {
        try await Workshop.using { workshop in
          let loaded = try #require(try await load(workshop, bytes).first)
          #expect(loaded.tags.map(\.familiar) == names)
          let local = try #require(try workshop.store.list().first)
          #expect(local.id == loaded.id && local.references == loaded.tags)
          #expect(local.layers.count == 2)
          #expect(try namesInFolder(local.layers[0]).map(\.string) == ["a"])
          #expect(try workshop.leftovers() == [])
          _ = try workshop.store.prune(PruneChoice(.unused)) { [] }
          try expectNothing(workshop)
        }
      }
    }
  }

  @Test("for several platforms gives this machine's image, or the one that is asked for")
  func platforms() async throws {
    var (mine, other) = (try FakeImage(tars: [tars[0]]), try FakeImage(tars: [tars[1]]))
    mine.architecture = Platform.host.architecture
    other.architecture = "s390x"
    var draft = ArchiveDraft.layout(other)
    for blob in mine.layers + [mine.config, mine.manifest] { draft.add(blob: blob) }
    draft.put(
      index: [(other, "s390x"), (mine, mine.architecture)].map { image, architecture in
        ContentDescriptor(
          mediaType: MediaType.ociManifest, digest: Digest(of: image.manifest),
          size: Int64(image.manifest.count),
          platform: Platform(os: "linux", architecture: architecture))
      })
    let foreign = try Platform(parsing: "linux/s390x")
    try await Workshop.using { workshop in
      let own = try await load(workshop, draft.tar)
      #expect(own.map(\.id) == [Digest(of: mine.config)])
      let asked = try await load(workshop, draft.tar, platform: foreign)
      #expect(asked.map(\.id) == [Digest(of: other.config)])
    }
    try await expectRefusal(ArchiveDraft.layout(other).tar, "is made for linux/s390x")
  }

  @Test("a tag that moves to the archive's image leaves the old one without tags, and prunable")
  func movesTag() async throws {
    let named = ["io.containerd.image.name": "docker.io/library/shop:1"]
    let (old, new) = (try FakeImage(tars: [tars[0]]), try FakeImage(tars: tars))
    try await Workshop.using { workshop in
      _ = try await load(workshop, ArchiveDraft.layout(old, annotations: named).tar)
      _ = try await load(workshop, ArchiveDraft.layout(new, annotations: named).tar)
      let images = try workshop.store.list()
      #expect(Set(images.map(\.id)) == [Digest(of: old.config), Digest(of: new.config)])
      #expect(images.first { $0.id == Digest(of: old.config) }?.references == [])
      let pruned = try workshop.store.prune(PruneChoice(.dangling)) { [] }
      #expect(pruned.steps == [.deleted(Digest(of: old.config))], "its layer is shared")
      #expect(try workshop.store.list().map(\.id) == [Digest(of: new.config)])
    }
  }

  @Test("written from the store is the same each time, and comes back with the same digests")
  func roundTrip() async throws {
    let named = ["io.containerd.image.name": "docker.io/library/shop:1"]
    let (one, two) = (try FakeImage(tars: [tars[0]]), try FakeImage(tars: tars))
    try await Workshop.using { workshop in
      _ = try await load(workshop, ArchiveDraft.layout(one, annotations: named).tar)
      _ = try await load(workshop, ArchiveDraft.layout(two).tar)
      func save(_ name: String) throws -> [UInt8] {
        let lease = try workshop.store.lease()
        let chosen = try workshop.store.select(
          ["shop:1", Digest(of: two.config).short], keepingBy: lease)
        let path = workshop.folder.appending(name)
        try workshop.store.save(
          chosen, to: try Descriptor.open(path, O_WRONLY | O_CREAT, mode: 0o600))
        return try Descriptor.open(path, O_RDONLY).readAll(limit: 64 << 20)
      }
      let bytes = try save("first")
      #expect(try save("second") == bytes)
      let before = try workshop.store.list()
      _ = try workshop.store.prune(PruneChoice(.unused)) { [] }
      let again = try await load(workshop, bytes)
      #expect(again.count == 2)
      #expect(try workshop.store.list() == before)
    }
  }
}
