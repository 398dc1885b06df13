// Tokens and passwords: given to the registry that they are for, and to nobody else.

import Archive
import Linux
import OCI
import Registry
import SystemPackage
import Synchronization
import TestSupport
import Testing

@testable import Images

@Suite("Credentials", .enabled(if: isRoot), .timeLimit(.minutes(1)))
struct CredentialTests {
  private let secret = "Basic dXNlcjpzM2NyZXQ="  // user:s3cret

  private func image() throws -> FakeImage {
    var writer = TarWriter()
    writer.add(TarEntry(.file, path: Array("a".utf8)), content: [1])
    writer.finish()
    return try FakeImage(tars: [writer.output])
  }

  private func pull(_ workshop: Workshop, _ registry: FakeRegistry) async throws {
    let credentials = Credentials([
      registry.address: Credential(username: "user", password: "s3cret")
    ])
    let client = RegistryClient(credentials: credentials, retry: .quick)
    let reference = try ImageReference(parsing: "\(registry.address)/web")
    try await workshop.puller(client).pull([PullRequest(reference)]) { _ in }
  }

  @Test("answer a Basic challenge once and are used from then on")
  func basic() async throws {
    let secret = secret
    let registry = try FakeRegistry { request in
      if request.headers["authorization"] == secret { return nil }
      return FakeReply(status: 401, headers: [("WWW-Authenticate", #"Basic realm="x""#)])
    }
    defer { registry.stop() }
    registry.put(try image(), as: "web")
    try await Workshop.using { workshop in
      try await pull(workshop, registry)
      #expect(registry.requests.filter { $0.headers["authorization"] == nil }.count == 1)
    }
  }

  @Test("are traded for a token at the registry's own token server")
  func bearer() async throws {
    let secret = secret
    let realm = Mutex("")
    let registry = try FakeRegistry { request in
      if request.path.hasPrefix("/token?") {
        let isRight =
          request.headers["authorization"] == secret
          && request.path.contains("scope=repository%3Aweb%3Apull")
          && request.path.contains("service=s")
        return isRight ? FakeReply(body: Array(#"{"token":"t0ken"}"#.utf8)) : FakeReply(status: 403)
      }
      if request.headers["authorization"] == "Bearer t0ken" { return nil }
      let challenge =
        #"Bearer realm="\#(realm.withLock { $0 })",service="s",scope="repository:web:pull""#
      return FakeReply(status: 401, headers: [("WWW-Authenticate", challenge)])
    }
    defer { registry.stop() }
    realm.withLock { $0 = "http://\(registry.address)/token" }
    registry.put(try image(), as: "web")
    try await Workshop.using { workshop in
      try await pull(workshop, registry)
      #expect(registry.requests.filter { $0.path.hasPrefix("/token?") }.count == 1)
    }
  }

  @Test("do not go to a foreign token server in clear text, nor along a redirect")
  func foreign() async throws {
    let secret = secret
    let stranger = try FakeRegistry { request in
      request.path.hasPrefix("/token?") ? FakeReply(body: Array(#"{"token":"t"}"#.utf8)) : nil
    }
    defer { stranger.stop() }
    let image = try image()
    let blob = "/v2/web/blobs/\(Digest(of: image.layers[0]))"
    stranger.put(image, as: "web")
    let strangerAddress = stranger.address
    let registry = try FakeRegistry { request in
      if request.path == blob {
        return FakeReply(status: 307, headers: [("Location", "http://\(strangerAddress)\(blob)")])
      }
      if request.headers["authorization"] == "Bearer t" { return nil }
      let challenge = #"Bearer realm="http://\#(strangerAddress)/token",service="s""#
      return FakeReply(status: 401, headers: [("WWW-Authenticate", challenge)])
    }
    defer { registry.stop() }
    registry.put(image, as: "web")
    try await Workshop.using { workshop in
      try await pull(workshop, registry)
      #expect(stranger.requests.map { String($0.path.prefix(7)) } == ["/token?", "/v2/web"])
      #expect(stranger.requests.allSatisfy { $0.headers["authorization"] == nil })
      #expect(registry.requests.allSatisfy { $0.headers["authorization"] != secret })
    }
  }
}
