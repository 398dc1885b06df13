// Pulling from a real registry on loopback into a store of the test's own.

import Archive
import CLinux
import Diagnostics
import Glibc
import Linux
import OCI
import Registry
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Images

@Suite("Pulling from a registry", .enabled(if: isRoot), .timeLimit(.minutes(2)))
struct PullTests {
  @Test("brings an image whose layers are lower folders; a second pull brings nothing")
  func pulls() async throws {
    try await Workshop.using { workshop in
      let registry = try await workshop.registry()
      let name = try await registry.push(.busybox)
      let reference = try ImageReference(parsing: name)
      let log = EventLog()
      try await workshop.puller().pull([PullRequest(reference)], events: log.note)
      let image = try #require(try workshop.store.resolve(reference))
      #expect(image.references == [reference])
      #expect(image.layers.count == image.config.diffIDs.count)
      var status = stat()
      let shell = image.layers.contains { lstat($0.appending("bin/sh").string, &status) == 0 }
      #expect(shell)
      #expect(log.events.last == .finished(reference, .changed, try digest(log)))
      let again = EventLog()
      try await workshop.puller().pull([PullRequest(reference)], events: again.note)
      #expect(again.events.last == .finished(reference, .upToDate, try digest(log)))
      #expect(try workshop.leftovers() == [])
    }
  }

  @Test("by digest gives that image, also when the tag has moved on")
  func byDigest() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    let (old, new) = (try FakeImage(tars: [tar("old")]), try FakeImage(tars: [tar("new")]))
    registry.put(old, as: "web")
    try await Workshop.using { workshop in
      let tag = try ImageReference(parsing: "\(registry.address)/web:latest")
      let pinned = tag.pinned(to: Digest(of: old.manifest))
      try await workshop.puller().pull([PullRequest(tag)]) { _ in }
      registry.put(new, as: "web")
      let log = EventLog()
      try await workshop.puller().pull([PullRequest(tag)], events: log.note)
      #expect(log.events.last == .finished(tag, .changed, Digest(of: new.manifest)))
      // The old image keeps its repository digest, as an image without a tag.
      #expect(try workshop.store.resolve(tag)?.id == Digest(of: new.config))
      #expect(try workshop.store.resolve(pinned)?.id == Digest(of: old.config))
      let both = try ImageReference(parsing: "\(tag)@\(Digest(of: old.manifest))")
      #expect(try workshop.store.resolve(both)?.id == Digest(of: old.config))
      let images = try workshop.store.list()
      #expect(images.map(\.references.count).sorted() == [0, 1])
      #expect(images.map(\.repoDigests.count) == [1, 1])
      let id = Digest(of: old.config)
      #expect(try workshop.store.resolve(id: id.short)?.manifestDigest == pinned.digest)
      let asked = registry.requests.count
      try await workshop.puller().pull([PullRequest(pinned)]) { _ in }
      #expect(registry.requests.count == asked, "a digest that is here needs no registry")
    }
  }

  @Test("fetches a second time nothing but the tag's digest")
  func secondPull() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(try FakeImage(tars: [tar("a"), tar("b")]), as: "web")
    try await Workshop.using { workshop in
      let reference = try ImageReference(parsing: "\(registry.address)/web")
      try await workshop.puller().pull([PullRequest(reference)]) { _ in }
      let before = registry.requests.count
      try await workshop.puller().pull([PullRequest(reference)]) { _ in }
      #expect(registry.requests.dropFirst(before).map(\.method) == ["HEAD"])
    }
  }

  @Test("takes this machine's image out of an index and passes attestations over")
  func index() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    var (mine, other) = (try FakeImage(tars: [tar("mine")]), try FakeImage(tars: [tar("other")]))
    mine.architecture = Platform.host.architecture
    other.architecture = "s390x"
    for image in [mine, other] {
      registry.put(image, as: "web", tag: "part")
    }
    func entry(_ image: FakeImage, _ os: String, _ architecture: String) -> ContentDescriptor {
      ContentDescriptor(
        mediaType: MediaType.ociManifest, digest: Digest(of: image.manifest),
        size: Int64(image.manifest.count),
        platform: Platform(os: os, architecture: architecture))
    }
    registry.put(
      ImageIndex(manifests: [
        entry(other, "unknown", "unknown"), entry(other, "linux", "s390x"),
        entry(mine, "linux", Platform.host.architecture),
      ]), as: "web")
    try await Workshop.using { workshop in
      let reference = try ImageReference(parsing: "\(registry.address)/web")
      try await workshop.puller().pull([PullRequest(reference)]) { _ in }
      #expect(try workshop.store.resolve(reference)?.id == Digest(of: mine.config))
      let foreign = PullRequest(reference, platform: try Platform(parsing: "linux/s390x"))
      try await workshop.puller().pull([foreign]) { _ in }
      #expect(try workshop.store.resolve(reference)?.id == Digest(of: other.config))
    }
  }

  @Test("shares layers between images, and eight pulls at once fetch each blob once")
  func shares() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(try FakeImage(tars: [tar("base"), tar("one")]), as: "one")
    registry.put(try FakeImage(tars: [tar("base"), tar("two")]), as: "two")
    try await Workshop.using { workshop in
      let requests = try ["one", "two"].map {
        PullRequest(try ImageReference(parsing: "\(registry.address)/\($0)"))
      }
      // Each puller is as a process of its own: they meet in the store's locks alone.
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          let puller = workshop.puller()
          group.addTask { try await puller.pull(requests) { _ in } }
        }
        try await group.waitForAll()
      }
      let layers = registry.requests.map(\.path).filter { $0.contains("/blobs/") }
      let counts = Dictionary(grouping: layers.map { $0.suffix(64) }) { $0 }.mapValues(\.count)
      let (one, two) = (
        try #require(try workshop.store.resolve(requests[0].reference)),
        try #require(try workshop.store.resolve(requests[1].reference))
      )
      #expect(one.layers[0] == two.layers[0])
      #expect(one.layers[1] != two.layers[1])
      for blob in try FakeImage(tars: [tar("base"), tar("one"), tar("two")]).layers {
        #expect(counts[Digest(of: blob).hex.suffix(64)] == 1)
      }
      #expect(try workshop.leftovers() == [])
    }
  }

  @Test("reads zstd layers, and plain ones")
  func formats() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    var image = try FakeImage(tars: [tar("z"), tar("p")])
    image.layers = [try Compressor.zstd(tar("z")), tar("p")]
    registry.put(image, as: "web")
    try await Workshop.using { workshop in
      let reference = try ImageReference(parsing: "\(registry.address)/web")
      try await workshop.puller().pull([PullRequest(reference)]) { _ in }
      let local = try #require(try workshop.store.resolve(reference))
      for (layer, name) in zip(local.layers, ["z", "p"]) {
        #expect(try namesInFolder(layer).map(\.string) == [name])
      }
    }
  }

  @Test("removes what a dead pull left, and leaves a living one alone")
  func sweeps() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(try FakeImage(tars: [tar("a")]), as: "web")
    try await Workshop.using { workshop in
      let folders = workshop.store.folders
      try makeFolders(folders.ingest.appending("session-dead").appending("layer-x").appending("fs"))
      let living = try IngestSession(folders, lease: try workshop.store.lease())
      let reference = try ImageReference(parsing: "\(registry.address)/web")
      try await workshop.puller().pull([PullRequest(reference)]) { _ in }
      #expect(try workshop.leftovers() == [living.folder.lastComponent?.string])
      try living.close()
    }
  }

  @Test("ends its session while others look for those of dead ones")
  func endsBesideSweeps() async throws {
    try await Workshop.using { workshop in
      let folders = workshop.store.folders
      let sweeper = Task {
        while !Task.isCancelled { try await blocking { try IngestSession.sweep(folders) } }
      }
      for _ in 0..<20 {
        let session = try IngestSession(folders, lease: try workshop.store.lease())
        for number in 0..<100 { try makeFolders(session.folder.appending("layer-\(number)")) }
        try session.close()
        session.needs.end()
      }
      sweeper.cancel()
      try await sweeper.value
      #expect(try workshop.leftovers() == [])
    }
  }

  @Test("reports all images that failed, and keeps the ones that did not")
  func several() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(try FakeImage(tars: [tar("a")]), as: "web")
    try await Workshop.using { workshop in
      let requests = try ["web", "x", "y"].map {
        PullRequest(try ImageReference(parsing: "\(registry.address)/\($0)"))
      }
      let faults = await #expect(throws: Faults.self) {
        try await workshop.puller().pull(requests) { _ in }
      }
      #expect(
        faults?.diagnostics.map(\.summary) == [
          "image `\(registry.address)/x:latest` cannot be pulled",
          "image `\(registry.address)/y:latest` cannot be pulled",
        ])
      #expect(try workshop.store.list().count == 1)
    }
  }

  private func tar(_ name: String) -> [UInt8] {
    var writer = TarWriter()
    writer.add(TarEntry(.file, path: Array(name.utf8)), content: Array("content of \(name)".utf8))
    writer.finish()
    return writer.output
  }

  private func digest(_ log: EventLog) throws -> Digest {
    guard case .finished(_, _, let digest) = log.events.last else { throw TestFailure("no end") }
    return digest
  }
}

/// What a pull told, in order.
final class EventLog: Sendable {
  private let list = Mutex<[PullEvent]>([])
  var events: [PullEvent] { list.withLock { $0 } }
  var note: @Sendable (PullEvent) -> Void { { event in self.list.withLock { $0.append(event) } } }
}

/// A folder of one test with a store in it and a registry beside it; gone at the end.
final class Workshop: Sendable {
  let folder: FilePath
  let store: ImageStore
  private let registries = Mutex<[TestSupport.Registry]>([])

  private init() {
    folder = FilePath("/tmp/berth-images-\(UInt64.random(in: 0...UInt64.max))")
    store = ImageStore(root: folder.appending("images"))
  }

  static func using(_ body: (Workshop) async throws -> Void) async throws {
    let workshop = Workshop()
    try makeFolders(workshop.folder)
    do {
      try await body(workshop)
    } catch {
      try await workshop.close()
      throw error
    }
    try await workshop.close()
  }

  private func close() async throws {
    for registry in registries.withLock({ $0 }) { try await registry.stop() }
    try removeTree(folder)
  }

  func registry() async throws -> TestSupport.Registry {
    let number = registries.withLock { $0.count }
    let registry = try await TestSupport.Registry.start(
      in: folder.appending("registry\(number)").string)
    registries.withLock { $0.append(registry) }
    return registry
  }

  func puller(_ client: RegistryClient = RegistryClient(retry: .quick)) -> ImagePuller {
    ImagePuller(store, client: client, unpacker: FilePath(builtProgram("berth-unpack")))
  }

  var loader: ImageLoader { ImageLoader(store, unpacker: FilePath(builtProgram("berth-unpack"))) }

  /// What a pull left in the place for unfinished things.
  func leftovers() throws -> [String] {
    try namesInFolder(store.folders.ingest).map(\.string).filter { !$0.hasSuffix(".lock") }
  }
}

extension RetryPolicy {
  static let quick = RetryPolicy(waits: [.milliseconds(5)])
}
