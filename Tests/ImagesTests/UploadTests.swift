// Blobs on their way to a registry that breaks off, forgets, waits or refuses: they arrive whole and
// once, or the fault is told.

import Archive
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

/// The uploads of a repository `app`, at an address with a query, as registries have it.
private final class UploadDesk: Sendable {
  struct State {
    var uploads = 0
    var received: [UInt8] = []
    var stored: [Digest: [UInt8]] = [:]
    /// What is answered in place of the next answers, by method.
    var faults: [(method: String, reply: FakeReply)] = []
  }

  let state = Mutex(State())
  /// Whether a GET tells how much has arrived.
  let knowsOffsets: Bool

  init(knowsOffsets: Bool = true) { self.knowsOffsets = knowsOffsets }

  func answer(_ request: FakeRequest) -> FakeReply? {
    state.withLock { answer(request, &$0) }
  }

  private func answer(_ request: FakeRequest, _ state: inout State) -> FakeReply? {
    if let index = state.faults.firstIndex(where: { $0.method == request.method }) {
      return state.faults.remove(at: index).reply
    }
    let parts = request.path.split(separator: "?", maxSplits: 1).map(String.init)
    let path = parts.first ?? ""
    switch (request.method, path) {
    case ("HEAD", _):
      let digest = path.split(separator: "/").last.flatMap { Digest(String($0)) }
      return FakeReply(status: digest.map { state.stored[$0] != nil } == true ? 200 : 404)
    case ("POST", "/v2/app/blobs/uploads/"):
      state.uploads += 1
      state.received = []
      // Relative, which RFC 9110 allows.
      return FakeReply(status: 202, headers: [("Location", "session?state=\(state.uploads)")])
    case (_, "/v2/app/blobs/uploads/session"):
      guard parts.last?.hasPrefix("state=\(state.uploads)") == true else {
        return FakeReply(status: 404)
      }
      return session(request, &state)
    default: return FakeReply(status: 404)
    }
  }

  private func session(_ request: FakeRequest, _ state: inout State) -> FakeReply {
    let here = "/v2/app/blobs/uploads/session?state=\(state.uploads)"
    func reply(_ status: Int) -> FakeReply {
      FakeReply(
        status: status,
        headers: [("Location", here), ("Range", "0-\(max(0, state.received.count - 1))")])
    }
    switch request.method {
    case "PATCH":
      let start = request.headers["content-range"]?.split(separator: "-").first.flatMap { Int($0) }
      guard start == state.received.count else { return FakeReply(status: 416) }
      state.received += request.body
      return reply(202)
    case "GET": return knowsOffsets ? reply(204) : FakeReply(status: 404)
    case "PUT":
      state.received += request.body
      let name = String(request.path.split(separator: "=").last ?? "").replacing("%3A", with: ":")
      guard let digest = Digest(name), Digest(of: state.received) == digest else {
        return FakeReply(
          status: 400, body: Array(#"{"errors":[{"message":"digest invalid"}]}"#.utf8))
      }
      state.stored[digest] = state.received
      return FakeReply(status: 201)
    default: return FakeReply(status: 405)
    }
  }
}

@Suite("A blob on its way to a registry", .timeLimit(.minutes(1)))
struct UploadTests {
  private static let large = content(6_000_000)
  private static let small = content(1000)

  private static func content(_ count: Int) -> [UInt8] {
    var state: UInt32 = 7
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 24)
    }
  }

  /// Sends `content` to the desk's registry; how it came there, and the registry's requests.
  private func send(
    _ content: [UInt8], _ desk: UploadDesk, from sources: [String] = [],
    patience: @escaping FakeRegistry.Patience = { _ in nil }
  ) async throws -> (arrival: BlobArrival, requests: [FakeRequest]) {
    let registry = try FakeRegistry(special: { desk.answer($0) }, patience: patience)
    defer { registry.stop() }
    let path = FilePath("/tmp/berth-blob-\(UInt64.random(in: 0...UInt64.max))")
    let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL)
    unlink(path.string)
    try file.writeAll(content)
    let digest = Digest(of: content)
    let blob = BlobFile(
      ContentDescriptor(
        mediaType: MediaType.ociGzipLayer, digest: digest, size: Int64(content.count)),
      SharedDescriptor(file))
    let reference = try ImageReference(parsing: "\(registry.address)/app")
    let client = RegistryClient(retry: .quick)
    let sent = Atomic<Int64>(0)
    let arrival = try await client.bring(blob, to: reference, from: sources) {
      sent.store($0, ordering: .relaxed)
    }
    if arrival == .uploaded {
      #expect(sent.load(ordering: .relaxed) == Int64(content.count))
      #expect(desk.state.withLock { $0.stored[digest] } == content)
    }
    return (arrival, registry.requests)
  }

  @Test("goes in one request when it is small, in one that can be gone on with when it is large")
  func sizes() async throws {
    let small = try await send(Self.small, UploadDesk())
    #expect(small.requests.map(\.method) == ["HEAD", "POST", "PUT"])
    let large = try await send(Self.large, UploadDesk())
    #expect(large.requests.map(\.method) == ["HEAD", "POST", "PATCH", "PUT"])
    #expect(large.requests[2].headers["content-range"] == "0-5999999")
    let empty = try await send([], UploadDesk())
    #expect(empty.arrival == .uploaded)
  }

  @Test("goes on where it broke off")
  func resumes() async throws {
    let desk = UploadDesk()
    let breaks = Atomic<Int>(0)
    let result = try await send(Self.large, desk) { request in
      guard request.method == "PATCH", breaks.load(ordering: .relaxed) < 2 else { return nil }
      breaks.add(1, ordering: .relaxed)
      return 2_000_000
    }
    let starts = result.requests.filter { $0.method == "PATCH" }.map { $0.headers["content-range"] }
    #expect(starts == ["0-5999999", "2000000-5999999", "4000000-5999999"])
    #expect(desk.state.withLock { $0.uploads } == 1)
  }

  @Test("begins anew where the registry has forgotten what arrived")
  func forgotten() async throws {
    let desk = UploadDesk(knowsOffsets: false)
    let isFirst = Atomic<Bool>(true)
    _ = try await send(Self.large, desk) { request in
      request.method == "PATCH" && isFirst.exchange(false, ordering: .relaxed) ? 1_500_000 : nil
    }
    #expect(desk.state.withLock { $0.uploads } == 2)
  }

  @Test(
    "survives a registry that is busy", arguments: ["HEAD", "POST", "PATCH", "PUT"], [503, 429])
  func busy(_ method: String, _ status: Int) async throws {
    let desk = UploadDesk()
    let reply = FakeReply(status: status, headers: [("Retry-After", "0")])
    desk.state.withLock { $0.faults = [(method, reply), (method, reply)] }
    let result = try await send(Self.large, desk)
    #expect(result.arrival == .uploaded)
    #expect(result.requests.filter { $0.method == method }.count >= 3)
  }

  @Test("whose last answer was lost is not sent again")
  func lostAnswer() async throws {
    let desk = UploadDesk()
    // The first PUT is heard and not answered.
    let isFirst = Atomic<Bool>(true)
    let registry = try FakeRegistry { request in
      let reply = desk.answer(request)
      if request.method == "PUT", isFirst.exchange(false, ordering: .relaxed) {
        return FakeReply(body: [1, 2, 3], cutAfter: 1)
      }
      return reply
    }
    defer { registry.stop() }
    let path = FilePath("/tmp/berth-blob-\(UInt64.random(in: 0...UInt64.max))")
    let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL)
    unlink(path.string)
    try file.writeAll(Self.small)
    let blob = BlobFile(
      ContentDescriptor(
        mediaType: MediaType.ociGzipLayer, digest: Digest(of: Self.small), size: 1000),
      SharedDescriptor(file))
    let reference = try ImageReference(parsing: "\(registry.address)/app")
    _ = try await RegistryClient(retry: .quick).bring(blob, to: reference) { _ in }
    #expect(registry.requests.map(\.method) == ["HEAD", "POST", "PUT", "HEAD"])
  }

  @Test("that another repository has is mounted, and uploaded where that is refused")
  func mounts() async throws {
    let desk = UploadDesk()
    desk.state.withLock { $0.faults = [("POST", FakeReply(status: 201))] }
    let mounted = try await send(Self.small, desk, from: ["other/base"])
    #expect(mounted.arrival == .mounted(from: "other/base"))
    let query = "?mount=\(Digest(of: Self.small))&from=other%2Fbase"
    #expect(mounted.requests.last?.path == "/v2/app/blobs/uploads/" + query)
    for status in [202, 401, 403, 404] {
      let desk = UploadDesk()
      desk.state.withLock { $0.faults = [("POST", FakeReply(status: status))] }
      #expect(try await send(Self.small, desk, from: ["other/base"]).arrival == .uploaded)
    }
  }

  @Test("that is there is not sent")
  func isThere() async throws {
    for status in [200, 307] {
      let desk = UploadDesk()
      let reply = FakeReply(status: status, headers: [("Location", "http://127.0.0.1:1/gone")])
      desk.state.withLock { $0.faults = [("HEAD", reply)] }
      let result = try await send(Self.small, desk)
      #expect(result.arrival == .wasThere)
      #expect(result.requests.count == 1)
    }
  }

  static let refusals: [(method: String, reply: FakeReply, said: String)] = [
    ("HEAD", FakeReply(status: 403), "refuses access"),
    ("POST", FakeReply(status: 401), "refuses access"),
    ("POST", FakeReply(status: 202), "does not say where the upload goes on"),
    (
      "POST", FakeReply(status: 202, headers: [("Location", "file:///etc/passwd")]),
      "does not say where the upload goes on"
    ),
    ("PATCH", FakeReply(status: 413), "answers 413"),
    ("PUT", FakeReply(status: 403), "refuses access"),
    (
      "POST", FakeReply(status: 429, headers: [("Retry-After", "3600")]), "limits the rate"
    ),
  ]

  @Test("that is refused is told, and not tried again", arguments: refusals.indices)
  func refused(_ index: Int) async throws {
    let (method, reply, said) = Self.refusals[index]
    let desk = UploadDesk()
    desk.state.withLock { $0.faults = [(method, reply)] }
    let fault = await #expect(throws: RegistryFault.self) { try await send(Self.large, desk) }
    #expect(
      fault?.diagnostics.first?.summary.contains(said) == true, "\(String(describing: fault))")
    #expect(desk.state.withLock { $0.stored.isEmpty })
  }
}

@Suite("An uncompressed layer", .enabled(if: isRoot), .timeLimit(.minutes(1)))
struct PlainLayerTests {
  @Test("is compressed for the way; who pulls it gets the same image")
  func compresses() async throws {
    try await Workshop.using { workshop in
      var tars: [[UInt8]] = []
      for name in ["a", "b"] {
        tars.append(
          TarFile.with(name, content: Array("content of \(name)".utf8)))
      }
      var image = try FakeImage(tars: tars)
      image.layers = tars
      image.layerType = MediaType.ociLayer
      let source = try FakeRegistry()
      defer { source.stop() }
      source.put(image, as: "plain")
      let reference = try ImageReference(parsing: "\(source.address)/plain")
      try await workshop.puller().pull([PullRequest(reference)]) { _ in }
      let registry = try await workshop.registry()
      let target = try ImageReference(parsing: "\(registry.address)/plain")
      let session = try IngestSession(workshop.store.folders, lease: try workshop.store.lease())
      try session.publishTag(try #require(try workshop.store.record(reference)), target)
      try session.close()
      let client = RegistryClient(retry: .quick)
      let results = try await ImagePusher(workshop.store, client: client).push([target]) { _ in }
      let pushed = try #require(results.first).get()
      #expect(pushed.digest != Digest(of: image.manifest))
      let there = try await client.manifest(target)
      #expect(there.digest == pushed.digest)
      guard case .manifest(let manifest) = there.document else {
        throw TestFailure("it is no manifest")
      }
      #expect(manifest.layers.allSatisfy { $0.mediaType == MediaType.ociGzipLayer })
      #expect(manifest.config.digest == Digest(of: image.config))
      try await Workshop.using { other in
        try await other.puller().pull([PullRequest(target)]) { _ in }
        let pulled = try #require(try other.store.resolve(target))
        #expect(pulled.id == Digest(of: image.config))
        #expect(pulled.config.diffIDs == image.diffIDs)
      }
      // The name's digest is the registry's now: a pull has nothing to do.
      #expect(try workshop.store.record(target)?.digest == pushed.digest)
    }
  }
}

private enum TarFile {
  static func with(_ name: String, content: [UInt8]) -> [UInt8] {
    var writer = TarWriter()
    writer.add(TarEntry(.file, path: Array(name.utf8)), content: content)
    writer.finish()
    return writer.output
  }
}
