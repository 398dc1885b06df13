// Registries that break off, lie or send elsewhere: the pull goes on, or says which registry did what,
// and nothing half is in the store.

import Archive
import Diagnostics
import Linux
import OCI
import Registry
import SystemPackage
import TestSupport
import Testing

@testable import Images

private func sampleTar(_ name: String = "a", count: Int = 3_000_000) -> [UInt8] {
  var writer = TarWriter()
  var state: UInt32 = 12345
  let noise = (0..<count).map { _ -> UInt8 in
    state = state &* 1_664_525 &+ 1_013_904_223
    return UInt8(truncatingIfNeeded: state >> 24)
  }
  var folder = TarEntry(.directory, path: Array("d".utf8))
  folder.mode = 0o755
  writer.add(folder)
  writer.add(TarEntry(.file, path: Array("d/\(name)".utf8)), content: noise)
  writer.finish()
  return writer.output
}

@Suite("A faulty registry", .enabled(if: isRoot), .timeLimit(.minutes(2)))
struct FaultyRegistryTests {
  /// Pulls `web` from the registry; gives what is said to the user, nil when the pull succeeded.
  private func pull(_ workshop: Workshop, _ registry: FakeRegistry, _ name: String = "web")
    async throws -> [Diagnostic]?
  {
    let reference = try ImageReference(parsing: "\(registry.address)/\(name)")
    do {
      try await workshop.puller().pull([PullRequest(reference)]) { _ in }
      return nil
    } catch let faults as Faults {
      return faults.diagnostics
    }
  }

  private func isEmpty(_ workshop: Workshop) throws -> Bool {
    let folders = workshop.store.folders
    return try namesInFolder(folders.layers).isEmpty && namesInFolder(folders.names).isEmpty
      && workshop.leftovers().isEmpty
  }

  private func isWhole(_ workshop: Workshop, _ registry: FakeRegistry) throws -> Bool {
    let reference = try ImageReference(parsing: "\(registry.address)/web")
    return try workshop.store.resolve(reference) != nil && workshop.leftovers().isEmpty
  }

  @Test("that breaks off is asked for the rest by Range")
  func resumes() async throws {
    let image = try FakeImage(tars: [sampleTar()])
    let path = "/v2/web/blobs/\(Digest(of: image.layers[0]))"
    let body = image.layers[0]
    let registry = try FakeRegistry { request in
      guard request.path == path else { return nil }
      guard let range = request.headers["range"], let start = Int(range.dropFirst(6).dropLast())
      else { return FakeReply(body: body, cutAfter: 100_000) }
      return FakeReply(
        status: 206,
        headers: [("Content-Range", "bytes \(start)-\(body.count - 1)/\(body.count)")],
        body: Array(body[start...]), cutAfter: start < 500_000 ? 300_000 : nil)
    }
    defer { registry.stop() }
    registry.put(image, as: "web")
    try await Workshop.using { workshop in
      let said = try await pull(workshop, registry)
      #expect(said == nil)
      #expect(try isWhole(workshop, registry))
      let ranges = registry.requests.filter { $0.path == path }.map { $0.headers["range"] }
      #expect(ranges == [nil, "bytes=100000-", "bytes=400000-", "bytes=700000-"])
    }
  }

  @Test("that breaks off and ignores Range sends all again, and each byte is used once")
  func resumesWithoutRange() async throws {
    let image = try FakeImage(tars: [sampleTar()])
    let path = "/v2/web/blobs/\(Digest(of: image.layers[0]))"
    let body = image.layers[0]
    let registry = try FakeRegistry { request in
      guard request.path == path else { return nil }
      return FakeReply(body: body, cutAfter: request.headers["range"] == nil ? 100_000 : nil)
    }
    defer { registry.stop() }
    registry.put(image, as: "web")
    try await Workshop.using { workshop in
      let said = try await pull(workshop, registry)
      #expect(said == nil)
      #expect(try isWhole(workshop, registry))
    }
  }

  @Test("that always breaks off is given up, and nothing half is kept")
  func givesUp() async throws {
    let image = try FakeImage(tars: [sampleTar()])
    let path = "/v2/web/blobs/\(Digest(of: image.layers[0]))"
    let body = image.layers[0]
    let registry = try FakeRegistry { request in
      request.path == path ? FakeReply(status: 200, body: body, cutAfter: 1000) : nil
    }
    defer { registry.stop() }
    registry.put(image, as: "web")
    try await Workshop.using { workshop in
      let said = try #require(try await pull(workshop, registry)?.first)
      #expect(said.summary == "image `\(registry.address)/web:latest` cannot be pulled")
      let cause = try #require(said.causes.first)
      #expect(cause.hasPrefix("registry `\(registry.address)` broke off"))
      #expect(cause.contains("after 1000 of \(body.count) bytes"))
      #expect(try isEmpty(workshop))
      // Five tries; one may end on a kept connection that was closed before it was seen here.
      let tries = registry.requests.filter { $0.path == path }.count
      #expect((2...5).contains(tries))
    }
  }

  /// What is done to the layer that is served, and what the cause must say.
  static let lies: [(label: String, cause: String, change: @Sendable ([UInt8]) -> FakeReply)] = [
    (
      "one bit", "sent wrong content: expected `sha256:",
      { body in
        var body = body
        body[body.count / 2] ^= 1
        return FakeReply(body: body)
      }
    ),
    (
      "the first bit", "sent wrong content: expected `sha256:",
      { body in
        var body = body
        body[0] ^= 1
        return FakeReply(body: body)
      }
    ),
    ("one byte more", "bytes for `sha256:", { FakeReply(body: $0 + [0]) }),
    ("one byte less", "broke off", { FakeReply(body: Array($0.dropLast())) }),
    (
      "no length, too short", "broke off",
      { FakeReply(body: Array($0.dropLast(5)), isUnsized: true) }
    ),
    ("missing", "has no `sha256:", { _ in FakeReply.missing }),
    ("forbidden", "refuses access to", { _ in FakeReply(status: 403) }),
    (
      "another range", "another range",
      {
        FakeReply(status: 206, headers: [("Content-Range", "bytes 7-9/10")], body: $0, cutAfter: 10)
      }
    ),
    (
      "a redirect loop", "more than 10 times",
      { _ in FakeReply(status: 307, headers: [("Location", "?")]) }
    ),
    (
      "a redirect to a file", "not to http or https",
      { _ in FakeReply(status: 307, headers: [("Location", "file:///etc/passwd")]) }
    ),
    (
      "a long wait", "limits the rate: slow down",
      { _ in
        FakeReply(
          status: 429, headers: [("Retry-After", "3600")],
          body: Array(#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#.utf8))
      }
    ),
    ("always 503", "answers 503", { _ in FakeReply(status: 503) }),
  ]

  @Test("that serves a layer wrongly is named, and nothing half is kept", arguments: lies.indices)
  func servesWrongly(_ index: Int) async throws {
    let lie = Self.lies[index]
    let image = try FakeImage(tars: [sampleTar(count: 100_000)])
    let body = image.layers[0]
    let path = "/v2/web/blobs/\(Digest(of: body))"
    let registry = try FakeRegistry { $0.path.hasPrefix(path) ? lie.change(body) : nil }
    defer { registry.stop() }
    registry.put(image, as: "web")
    try await Workshop.using { workshop in
      let causes = try #require(try await pull(workshop, registry)?.first?.causes, "\(lie.label)")
      let text = causes.joined(separator: ": ")
      #expect(text.contains("registry `\(registry.address)`"), "\(lie.label)")
      #expect(text.contains(lie.cause), "\(lie.label)")
      #expect(try isEmpty(workshop), "\(lie.label)")
    }
  }

  @Test("without the image says so in its own words")
  func missing() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    try await Workshop.using { workshop in
      let said = try #require(try await pull(workshop, registry)?.first)
      #expect(
        said.causes == [
          "registry `\(registry.address)` has no `\(registry.address)/web:latest`: manifest unknown"
        ])
      #expect(try isEmpty(workshop))
    }
  }

  @Test("that is not there is named")
  func gone() async throws {
    let registry = try FakeRegistry()
    registry.stop()
    try await Workshop.using { workshop in
      let said = try #require(try await pull(workshop, registry)?.first)
      #expect(
        said.causes.first?.hasPrefix("registry `\(registry.address)` cannot be reached") == true)
    }
  }

  @Test("whose layer is not what the config says is refused")
  func wrongDiffID() async throws {
    var image = try FakeImage(tars: [sampleTar(count: 1000)])
    image.diffIDs = [Digest(of: [1])]
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(image, as: "web")
    try await Workshop.using { workshop in
      let said = try #require(try await pull(workshop, registry)?.first)
      #expect(said.causes.first?.contains("the image says `\(Digest(of: [1]))`") == true)
      #expect(try isEmpty(workshop))
    }
  }

  @Test("whose manifest is another than its digest is refused")
  func wrongManifest() async throws {
    let image = try FakeImage(tars: [sampleTar(count: 1000)])
    let other = Digest(of: [7])
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(image, as: "web", tag: other.description)
    try await Workshop.using { workshop in
      let said = try #require(try await pull(workshop, registry, "web@\(other)")?.first)
      #expect(said.causes.first?.contains("wrong content: expected `\(other)`") == true)
    }
  }

  @Test("with an image for another machine is refused unless that was asked for")
  func platform() async throws {
    var image = try FakeImage(tars: [sampleTar(count: 1000)])
    image.architecture = "s390x"
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(image, as: "web")
    try await Workshop.using { workshop in
      let said = try #require(try await pull(workshop, registry)?.first)
      #expect(said.hint == "set `platform: linux/s390x` to use it nevertheless")
      let reference = try ImageReference(parsing: "\(registry.address)/web")
      let request = PullRequest(reference, platform: try Platform(parsing: "linux/s390x"))
      try await workshop.puller().pull([request]) { _ in }
      #expect(try isWhole(workshop, registry))
    }
  }
}
