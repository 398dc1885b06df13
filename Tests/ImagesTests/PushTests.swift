// Pushing to a real registry on loopback, and to one that breaks off: what arrives there is what was
// here.

import Archive
import Diagnostics
import Glibc
import JSON
import Linux
import OCI
import Registry
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Images

/// Keeps what a push tells.
private final class PushLog: Sendable {
  private let kept = Mutex<[PushEvent]>([])
  var events: [PushEvent] { kept.withLock { $0 } }
  func note(_ event: PushEvent) { kept.withLock { $0.append(event) } }

  /// The last word about each blob.
  var outcomes: [PushProgress] {
    var last: [Digest: PushProgress] = [:]
    for case .blob(_, let digest, let progress) in events { last[digest] = progress }
    return Array(last.values)
  }
}

@Suite("Pushing to a registry", .enabled(if: isRoot), .timeLimit(.minutes(2)))
struct PushTests {
  private func push(
    _ workshop: Workshop, _ name: String, _ log: PushLog = PushLog(), client: RegistryClient? = nil
  ) async throws -> PushedImage {
    let reference = try ImageReference(parsing: name)
    let client = client ?? RegistryClient(retry: .quick)
    let results = try await ImagePusher(workshop.store, client: client).push(
      [reference], events: log.note)
    return try #require(results.first).get()
  }

  private func pulled(_ workshop: Workshop, _ name: String) async throws -> LocalImage {
    let reference = try ImageReference(parsing: name)
    try await workshop.puller().pull([PullRequest(reference)]) { _ in }
    return try #require(try workshop.store.resolve(reference))
  }

  /// Gives an image of the store another name, as `berth tag` does.
  private func tag(_ workshop: Workshop, _ image: String, as name: String) throws {
    let (source, target) = (
      try ImageReference(parsing: image), try ImageReference(parsing: name)
    )
    let session = try IngestSession(workshop.store.folders, lease: try workshop.store.lease())
    try session.publishTag(try #require(try workshop.store.record(source)), target)
    try session.close()
  }

  /// What skopeo says of an image in a registry.
  private func inspected(_ name: String, _ workshop: Workshop) async throws -> JSONValue {
    let result = try await Command(
      ["skopeo", "inspect", "--tls-verify=false", "docker://\(name)"], folder: "/",
      environment: ["PATH": "/usr/bin:/bin", "HOME": "/"]
    ).wait()
    #expect(result.exitCode == 0, "\(result)")
    return try JSONValue(parsing: result.outputBytes)
  }

  @Test("sends what the registry lacks, mounts what it has elsewhere, and nothing twice")
  func pushes() async throws {
    try await Workshop.using { workshop in
      let registry = try await workshop.registry()
      let source = try await registry.push(.busybox)
      let image = try await pulled(workshop, source)
      let target = "\(registry.address)/copies/busybox:one"
      try tag(workshop, source, as: target)
      let log = PushLog()
      let pushed = try await push(workshop, target, log)
      #expect(pushed.digest == image.manifestDigest)
      let mounted = log.outcomes.filter { $0 == .mounted(from: "busybox") }
      #expect(mounted.count == image.layers.count)
      #expect(log.events.last == .finished(try ImageReference(parsing: target)))
      let seen = try await inspected(target, workshop)
      #expect(seen["Digest"]?.string == "\(image.manifestDigest)")
      let digests = try #require(try workshop.store.resolve(id: "\(image.id)")).repoDigests
      #expect(digests.map(\.familiarName).sorted().contains("\(registry.address)/copies/busybox"))
      let again = PushLog()
      _ = try await push(workshop, target, again)
      #expect(again.outcomes.allSatisfy { $0 == .alreadyExists })
      #expect(try workshop.leftovers() == [])
    }
  }

  @Test("to another registry sends all, and skopeo finds there what was here")
  func elsewhere() async throws {
    try await Workshop.using { workshop in
      let registry = try await workshop.registry()
      let source = try await registry.push(.busybox)
      _ = try await pulled(workshop, source)
      let other = try await workshop.registry()
      let target = "\(other.address)/team/busybox:two"
      try tag(workshop, source, as: target)
      let log = PushLog()
      _ = try await push(workshop, target, log)
      #expect(log.outcomes.allSatisfy { $0 == .done })
      let here = try await inspected(source, workshop)
      let there = try await inspected(target, workshop)
      #expect(here["Layers"] == there["Layers"] && here["Digest"] == there["Digest"])
    }
  }

  @Test("needs an image that is here, and a tag")
  func refuses() async throws {
    try await Workshop.using { workshop in
      await #expect(throws: PushFault.self) { try await push(workshop, "127.0.0.1:1/none") }
      let digest = Digest(of: [1])
      await #expect(throws: PushFault.self) {
        try await push(workshop, "127.0.0.1:1/none@\(digest)")
      }
    }
  }
}
