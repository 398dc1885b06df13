// Registries that do one wrong thing after another, at random: what comes out is the image, or a
// message and nothing.

import Archive
import Diagnostics
import Linux
import OCI
import Registry
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Images

/// The same sequence for the same seed.
private struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let mixed = (state >> 33) ^ state
    return mixed &* 0x9E37_79B9_7F4A_7C15
  }
}

@Suite("A registry that fails at random", .enabled(if: isRoot), .timeLimit(.minutes(3)))
struct RandomFaultTests {
  private static let tars = ["a", "bb", "ccc"].map(tar)

  private static func tar(_ name: String) -> [UInt8] {
    var dice = Dice(state: UInt64(name.utf8.count))
    var writer = TarWriter()
    let content = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &dice) }
    writer.add(TarEntry(.file, path: Array(name.utf8)), content: content)
    writer.finish()
    return writer.output
  }

  /// What happens to an answer; nil leaves it as it is.
  private static func fault(_ body: [UInt8], _ dice: inout Dice) -> FakeReply? {
    switch Int.random(in: 0..<16, using: &dice) {
    case 0: return FakeReply(status: [500, 502, 503, 408].randomElement(using: &dice) ?? 500)
    case 1: return FakeReply(status: 429, headers: [("Retry-After", "0")])
    case 2, 3:
      return FakeReply(
        body: body, cutAfter: Int.random(in: 0...max(0, body.count - 1), using: &dice))
    case 4:
      var wrong = body
      if !wrong.isEmpty { wrong[Int.random(in: 0..<wrong.count, using: &dice)] ^= 0x10 }
      return FakeReply(body: wrong)
    case 5: return FakeReply(body: body + [0])
    case 6: return FakeReply(status: 307, headers: [("Location", "?again")])
    case 7: return FakeReply(body: body, isUnsized: true)
    default: return nil
    }
  }

  @Test("gives the image or a message, and never half of it", arguments: 0..<40)
  func mixes(_ seed: Int) async throws {
    let image = try FakeImage(tars: Self.tars)
    var bodies: [String: [UInt8]] = [:]
    for blob in image.layers + [image.config] { bodies["/v2/web/blobs/\(Digest(of: blob))"] = blob }
    let contents = bodies
    let dice = Mutex(Dice(state: UInt64(seed) &* 7919 &+ 1))
    let registry = try FakeRegistry { request in
      let path = String(request.path.prefix { $0 != "?" })
      guard let body = contents[path] else { return nil }
      return dice.withLock { Self.fault(body, &$0) }
        ?? (path == request.path ? nil : FakeReply(body: body))
    }
    defer { registry.stop() }
    registry.put(image, as: "web")
    try await Workshop.using { workshop in
      let reference = try ImageReference(parsing: "\(registry.address)/web")
      do {
        try await workshop.puller().pull([PullRequest(reference)]) { _ in }
        let pulled = try #require(try workshop.store.resolve(reference))
        #expect(pulled.id == Digest(of: image.config))
        for (folder, name) in zip(pulled.layers, ["a", "bb", "ccc"]) {
          let file = try Descriptor.open(folder.appending(name), 0)
          #expect(try file.readAll(limit: 1 << 20).count == 100_000)
        }
      } catch let faults as Faults {
        #expect(faults.diagnostics.allSatisfy { !$0.causes.isEmpty })
        #expect(try workshop.store.resolve(reference) == nil)
        #expect(try namesInFolder(workshop.store.folders.names).isEmpty)
      }
      #expect(try workshop.leftovers() == [])
    }
  }
}
