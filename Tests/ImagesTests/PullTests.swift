// Pulling from a real registry on loopback into a store of the test's own.

import CLinux
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

  func puller() -> ImagePuller { ImagePuller(store, client: RegistryClient(retry: .quick)) }

  /// What a pull left in the place for unfinished things.
  func leftovers() throws -> [String] {
    try namesInFolder(store.folders.ingest).map(\.string).filter { !$0.hasSuffix(".lock") }
  }
}

extension RetryPolicy {
  static let quick = RetryPolicy(waits: [.milliseconds(5)])
}
