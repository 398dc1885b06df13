// Mirrors in the place of Docker Hub, and the hub itself behind a proxy: a real registry behind TLS
// that shows a certificate of the hub's name.

import Archive
import Diagnostics
import Glibc
import Linux
import OCI
import Registry
import SystemPackage
import TestSupport
import Testing

@testable import Images

/// A hub that has one image, `web`, and the way to it.
private struct Hub {
  let workshop: Workshop
  let image: FakeImage
  let proxy: ConnectProxy

  static func using(_ body: (Hub) async throws -> Void) async throws {
    try await Workshop.using { workshop in
      let keys = try await RegistryKeys.make(in: workshop.folder.appending("keys").string)
      let host = workshop.folder.appending("certs.d/registry-1.docker.io")
      try makeFolders(host)
      symlink(keys.authority, host.appending("ca.crt").string)
      let registry = try await TestSupport.Registry.start(
        in: workshop.folder.appending("hub").string, keys: keys)
      let proxy = try await ConnectProxy.start(to: registry.address)
      do {
        let hub = Hub(
          workshop: workshop, image: try FakeImage(tars: [tar("one"), tar("two")]), proxy: proxy)
        try await hub.fill(registry)
        try await body(hub)
      } catch {
        try await proxy.stop()
        try await registry.stop()
        throw error
      }
      try await proxy.stop()
      try await registry.stop()
    }
  }

  private static func tar(_ name: String) -> [UInt8] {
    var writer = TarWriter()
    writer.add(TarEntry(.file, path: Array(name.utf8)), content: Array(name.utf8))
    writer.finish()
    return writer.output
  }

  private func fill(_ registry: TestSupport.Registry) async throws {
    let source = try FakeRegistry()
    defer { source.stop() }
    source.put(image, as: "web")
    try await Workshop.using { other in
      let reference = try ImageReference(parsing: "\(source.address)/web")
      try await other.puller().pull([PullRequest(reference)]) { _ in }
      let target = try ImageReference(parsing: "\(registry.address)/library/web")
      let session = try IngestSession(other.store.folders, lease: try other.store.lease())
      try session.publishTag(try #require(try other.store.record(reference)), target)
      try session.close()
      let pusher = ImagePusher(other.store, client: RegistryClient(retry: .quick))
      let results = try await pusher.push([target]) { _ in }
      #expect(try #require(results.first).get().digest == Digest(of: image.manifest))
    }
  }

  func client(mirrors: [String], credentials: [String: Credential] = [:], proxy: String? = nil)
    throws -> RegistryClient
  {
    let path = workshop.folder.appending("config-\(UInt64.random(in: 0...UInt64.max))")
    let file = try Descriptor.open(path, O_WRONLY | O_CREAT)
    let list = mirrors.map { "\"\($0)\"" }.joined(separator: ",")
    let text = #"{"registry-mirrors":[\#(list)],"certs-dir":"\#(workshop.folder)/certs.d"}"#
    try file.writeAll(Array(text.utf8))
    return RegistryClient(
      credentials: Credentials(credentials),
      settings: try RegistrySettings(environment: ["BERTH_CONFIG": path.string]),
      proxies: Proxies(environment: ["https_proxy": proxy ?? self.proxy.url]), retry: .quick)
  }

  func pull(_ client: RegistryClient) async throws {
    let reference = try ImageReference(parsing: "web")
    try await workshop.puller(client).pull([PullRequest(reference)]) { _ in }
    let pulled = try #require(try workshop.store.resolve(reference))
    #expect(pulled.id == Digest(of: image.config))
    #expect(try workshop.leftovers() == [])
  }
}

@Suite("Docker Hub", .enabled(if: isRoot), .timeLimit(.minutes(2)))
struct MirrorTests {
  @Test("is reached through a proxy, by the name in its certificate")
  func proxied() async throws {
    try await Hub.using { hub in
      try await hub.pull(try hub.client(mirrors: []))
      #expect(Set(hub.proxy.asked) == ["registry-1.docker.io:443"])
    }
  }

  @Test("is out of reach through a proxy that refuses, which is named without its password")
  func refused() async throws {
    try await Hub.using { hub in
      let url = hub.proxy.url.replacing(ConnectProxy.secret, with: "wr0ng-word")
      let faults = await #expect(throws: Faults.self) {
        try await hub.pull(try hub.client(mirrors: [], proxy: url))
      }
      let said = try #require(faults?.diagnostics.first)
      let text = ([said.summary] + said.causes).joined(separator: ": ")
      #expect(text.contains("through the proxy `127.0.0.1:"), "\(text)")
      #expect(!text.contains("wr0ng-word") && !text.contains("porter"))
    }
  }

  @Test("is not asked when a mirror has the image")
  func mirrored() async throws {
    try await Hub.using { hub in
      let mirror = try FakeRegistry()
      defer { mirror.stop() }
      mirror.put(hub.image, as: "library/web")
      try await hub.pull(try hub.client(mirrors: ["http://\(mirror.address)"]))
      #expect(hub.proxy.asked.isEmpty)
    }
  }

  static let failures: [(label: String, answer: @Sendable (FakeRequest) -> FakeReply?)] = [
    ("has nothing", { _ in .missing }), ("is busy", { _ in FakeReply(status: 503) }),
    ("asks to wait", { _ in FakeReply(status: 429, headers: [("Retry-After", "3600")]) }),
    ("lets nobody in", { _ in FakeReply(status: 401, headers: [("WWW-Authenticate", "Basic")]) }),
    ("talks nonsense", { _ in FakeReply(headers: [], body: Array("<html>".utf8)) }),
    ("breaks off", { _ in FakeReply(body: [1, 2, 3], cutAfter: 1) }),
    ("redirects in a circle", { _ in FakeReply(status: 307, headers: [("Location", "?")]) }),
    (
      "lies about layers",
      { request in
        request.path.contains("/blobs/") ? FakeReply(body: Array(repeating: 7, count: 99)) : nil
      }
    ),
    (
      "breaks off within layers",
      { request in
        request.path.contains("/blobs/") ? FakeReply(status: 200, body: [0x1F], cutAfter: 1) : nil
      }
    ),
  ]

  @Test("is asked when a mirror fails, however it does", arguments: failures.indices)
  func falls(_ index: Int) async throws {
    let (label, answer) = Self.failures[index]
    try await Hub.using { hub in
      let gone = try FakeRegistry()
      gone.stop()
      let mirror = try FakeRegistry { answer($0) }
      defer { mirror.stop() }
      mirror.put(hub.image, as: "library/web")
      let mirrors = ["http://\(gone.address)", "http://\(mirror.address)"]
      try await hub.pull(try hub.client(mirrors: mirrors))
      #expect(!mirror.requests.isEmpty, "\(label)")
      #expect(hub.proxy.asked.isEmpty == false, "\(label)")
    }
  }

  @Test("has credentials that no mirror gets; a mirror gets its own")
  func credentials() async throws {
    try await Hub.using { hub in
      let mirror = try FakeRegistry { request in
        if request.headers["authorization"] != nil { return nil }
        return FakeReply(status: 401, headers: [("WWW-Authenticate", "Basic realm=\"m\"")])
      }
      defer { mirror.stop() }
      mirror.put(hub.image, as: "library/web")
      let hubs = Credential(username: "hub", password: "hub-s3cret")
      var known = ["docker.io": hubs]
      let mirrors = ["http://\(mirror.address)"]
      try await hub.pull(try hub.client(mirrors: mirrors, credentials: known))
      #expect(mirror.requests.allSatisfy { $0.headers["authorization"] == nil })
      let before = hub.proxy.asked.count
      known[mirror.address] = Credential(username: "m", password: "own")
      let client = try hub.client(mirrors: mirrors, credentials: known)
      _ = try await client.manifest(try ImageReference(parsing: "web"))
      let shown = Set(mirror.requests.compactMap { $0.headers["authorization"] })
      #expect(shown == ["Basic bTpvd24="])
      #expect(hub.proxy.asked.count == before)
    }
  }
}
