// Collections beside leases, pulls and containers: what is needed stays whole, what is not goes.

import Archive
import Diagnostics
import Glibc
import Linux
import OCI
import SystemPackage
import TestSupport
import Testing

@testable import Images

@Suite("A collection", .enabled(if: isRoot), .timeLimit(.minutes(3)))
struct CollectionTests {
  private func prune(
    _ workshop: Workshop, _ scope: PruneChoice.Scope = .unused, users: [ImageUser] = []
  ) throws -> Pruned {
    try workshop.store.prune(PruneChoice(scope)) { users }
  }

  private func contents(_ workshop: Workshop) throws -> [Int] {
    let folders = workshop.store.folders
    return try [folders.blobs, folders.layers, folders.names, folders.trash, folders.leases]
      .map { try namesInFolder($0).count }
  }

  private func pull(_ workshop: Workshop, _ registry: FakeRegistry, _ name: String = "web")
    async throws -> LocalImage
  {
    let reference = try ImageReference(parsing: "\(registry.address)/\(name)")
    try await workshop.puller().pull([PullRequest(reference)]) { _ in }
    return try #require(
      try workshop.store.list().first { $0.references.contains(reference) })
  }

  @Test("takes all that no image needs, and says how much that was")
  func takesAll() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(try FakeImage(tars: [sampleTar("a", 100_000)]), as: "web")
    try await Workshop.using { workshop in
      let image = try await pull(workshop, registry)
      let pruned = try prune(workshop)
      let digest = image.repoDigests
      #expect(
        pruned.steps == [.untagged(image.references[0]), .untagged(digest[0]), .deleted(image.id)]
          + image.config.chainIDs.map { .deleted($0) })
      #expect(pruned.freed >= 100_000)
      #expect(try contents(workshop) == [0, 0, 0, 0, 0])
      #expect(try namesInFolder(workshop.store.folders.ingest).isEmpty)
    }
  }

  @Test("leaves alone what a lease holds, and takes it when the lease has ended")
  func lease() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(try FakeImage(tars: [sampleTar("a"), sampleTar("b")]), as: "web")
    try await Workshop.using { workshop in
      let image = try await pull(workshop, registry)
      let reference = image.references[0]
      do {
        let lease = try workshop.store.lease()
        #expect(try workshop.store.resolve(reference, keepingBy: lease)?.id == image.id)
        #expect(try prune(workshop).steps == [])
        #expect(try workshop.store.resolve(reference) != nil, "an image in use keeps its name")
        _ = try workshop.store.remove("\(reference)", force: false) { [] }
        #expect(try workshop.store.list().isEmpty)
        #expect(try contents(workshop) == [4, 2, 0, 0, 1])
        withExtendedLifetime(lease) {}
      }
      let pruned = try prune(workshop)
      #expect(pruned.steps.count == 2, "two layers")
      #expect(try contents(workshop) == [0, 0, 0, 0, 0])
    }
  }

  @Test("heeds no lease of a dead process, and empties the trash of a dead collector")
  func dead() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(try FakeImage(tars: [sampleTar("a")]), as: "web")
    try await Workshop.using { workshop in
      let image = try await pull(workshop, registry)
      let folders = workshop.store.folders
      let text =
        image.config.chainIDs.map { "layer \($0.hex)\n" }.joined() + "blob \(image.id.hex)\n"
      try Descriptor.open(folders.leases.appending("dead"), O_WRONLY | O_CREAT, mode: 0o600)
        .writeAll(Array(text.utf8))
      try makeFolders(folders.trash.appending("x").appending("layers-y").appending("fs"))
      #expect(try prune(workshop).steps.count == 4)
      #expect(try contents(workshop) == [0, 0, 0, 0, 0])
    }
  }

  @Test("counts and takes a tree that is deeper than a process may open, as du(1) counts it")
  func deep() async throws {
    try await Workshop.using { workshop in
      let folders = workshop.store.folders
      try folders.make()
      let layer = folders.layer(Digest(of: [1]))
      try makeFolders(layer)
      var folder = try Descriptor.open(layer, O_RDONLY | O_DIRECTORY)
      for _ in 0..<3000 {
        try #require(mkdirat(folder.raw, "d", 0o700) == 0)
        folder = try folder.openChild("d", O_RDONLY | O_DIRECTORY)
      }
      try folder.openChild("file", O_WRONLY | O_CREAT).writeAll([UInt8](repeating: 1, count: 9000))
      let environment = ["PATH": "/usr/bin:/bin"]
      let du = try await Command(
        ["du", "-s", "--block-size=1", layer.string], folder: "/", environment: environment
      ).wait()
      #expect("\(try prune(workshop).freed)" == du.output.split(separator: "\t").first ?? "")
      #expect(try contents(workshop) == [0, 0, 0, 0, 0])
    }
  }

  @Test("of dangling images leaves tagged ones, and layers that both share")
  func dangling() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    let base = sampleTar("base")
    registry.put(try FakeImage(tars: [base, sampleTar("old")]), as: "web")
    try await Workshop.using { workshop in
      let old = try await pull(workshop, registry)
      registry.put(try FakeImage(tars: [base, sampleTar("new")]), as: "web")
      let new = try await pull(workshop, registry)
      #expect(Set(try workshop.store.list().map(\.id)) == [old.id, new.id])
      let pruned = try prune(workshop, .dangling)
      #expect(
        pruned.steps == [
          .untagged(old.repoDigests[0]), .deleted(old.id), .deleted(old.config.chainIDs[1]),
        ])
      #expect(try workshop.store.list().map(\.id) == [new.id])
      #expect(try contents(workshop) == [4, 2, 2, 0, 0])
    }
  }

  @Test("leaves an image in use whole, also without names")
  func inUse() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(try FakeImage(tars: [sampleTar("a")]), as: "web")
    try await Workshop.using { workshop in
      let image = try await pull(workshop, registry)
      let user = ImageUser(
        name: "shop-web-1", isRunning: false, image: image.id,
        digests: Set(image.config.chainIDs))
      #expect(try prune(workshop, users: [user]).steps == [])
      #expect(throws: RemovalFault.self) {
        try workshop.store.remove(image.references[0].description, force: false) { [user] }
      }
      let steps = try workshop.store.remove(image.references[0].description, force: true) { [user] }
      #expect(steps == [.untagged(image.references[0]), .untagged(image.repoDigests[0])])
      let kept = try #require(try workshop.store.list().first)
      #expect(kept.id == image.id && kept.references.isEmpty && kept.repoDigests.isEmpty)
      #expect(try prune(workshop, users: [user]).steps == [])
      #expect(try prune(workshop).steps.first == .deleted(image.id))
      #expect(try contents(workshop) == [0, 0, 0, 0, 0])
    }
  }

  @Test("of an image with several names: one goes by name; by id it must be forced")
  func severalNames() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    let content = try FakeImage(tars: [sampleTar("a")])
    registry.put(content, as: "web")
    registry.put(content, as: "shop")
    try await Workshop.using { workshop in
      let image = try await pull(workshop, registry, "web")
      _ = try await pull(workshop, registry, "shop")
      let running = ImageUser(name: "w", isRunning: true, image: image.id, digests: [])
      #expect(throws: RemovalFault.imageRunning(image.id, container: "w")) {
        try workshop.store.remove(image.id.short, force: true) { [running] }
      }
      let fault = #expect(throws: RemovalFault.self) {
        try workshop.store.remove(image.id.short, force: false) { [] }
      }
      #expect(fault?.diagnostics.first?.summary.contains("several names") == true)
      let steps = try workshop.store.remove(image.references[0].description, force: false) {
        [running]
      }
      #expect(steps == [.untagged(image.references[0]), .untagged(image.repoDigests[0])])
      #expect(try workshop.store.list().first?.references.map(\.repository) == ["shop"])
      let rest = try workshop.store.remove(image.id.description, force: true) { [] }
      #expect(rest.count == 4)
      #expect(rest.suffix(2) == [.deleted(image.id), .deleted(image.config.chainIDs[0])])
      #expect(try contents(workshop) == [0, 0, 0, 0, 0])
    }
  }

  @Test("beside pulls fails nobody: what a pull has answered for is whole")
  func besidePulls() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    let names = ["one", "two", "three"]
    for name in names {
      registry.put(try FakeImage(tars: [sampleTar("base"), sampleTar(name)]), as: name)
    }
    try await Workshop.using { workshop in
      let collector = Task {
        var taken = 0
        while !Task.isCancelled {
          taken += try await blocking { try prune(workshop).steps.count }
        }
        return taken
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for name in names {
          group.addTask {
            for _ in 0..<8 {
              let lease = try workshop.store.lease()
              let reference = try ImageReference(parsing: "\(registry.address)/\(name)")
              try await workshop.puller().pull([PullRequest(reference)], keepingBy: lease) { _ in }
              let image = try #require(try workshop.store.resolve(reference))
              for (layer, file) in zip(image.layers, ["base", name]) {
                #expect(try namesInFolder(layer).map(\.string) == [file])
              }
              withExtendedLifetime(lease) {}
            }
          }
        }
        try await group.waitForAll()
      }
      collector.cancel()
      #expect(try await collector.value > 0, "the collector had nothing to do")
      _ = try prune(workshop)
      #expect(try contents(workshop) == [0, 0, 0, 0, 0])
      #expect(try workshop.leftovers() == [])
    }
  }
}

/// A layer with one file of so many bytes.
func sampleTar(_ name: String, _ count: Int = 100) -> [UInt8] {
  var writer = TarWriter()
  let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ name.utf8.count) }
  writer.add(TarEntry(.file, path: Array(name.utf8)), content: content)
  writer.finish()
  return writer.output
}
