// Tokens and passwords: given to the registry that they are for, and to nobody else.

import Archive
import Diagnostics
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

  @Test(
    "and tokens stay out of messages, also when a registry repeats them",
    arguments: [400, 403, 429, 500])
  func repeated(_ status: Int) async throws {
    let realm = Mutex("")
    let registry = try FakeRegistry { request in
      if request.path.hasPrefix("/token?") {
        return FakeReply(body: Array(#"{"token":"t0ken-of-many-digits"}"#.utf8))
      }
      guard let header = request.headers["authorization"] else {
        let challenge = #"Bearer realm="\#(realm.withLock { $0 })",service="s""#
        return FakeReply(status: 401, headers: [("WWW-Authenticate", challenge)])
      }
      let text = "you said \(header) and dXNlcjpzM2NyZXQ= and s3cret"
      return FakeReply(
        status: status, body: Array(#"{"errors":[{"message":"\#(text)"}]}"#.utf8))
    }
    defer { registry.stop() }
    realm.withLock { $0 = "http://\(registry.address)/token" }
    try await Workshop.using { workshop in
      let faults = await #expect(throws: Faults.self) { try await pull(workshop, registry) }
      let said = try #require(faults?.diagnostics.first)
      let text = "\(said.summary) \(said.causes) \(said.hint ?? "")"
      #expect(text.contains("you said Bearer *** and *** and ***"), "\(text)")
      for secret in ["s3cret", "t0ken", "dXNlcjpzM2NyZXQ"] { #expect(!text.contains(secret)) }
    }
  }

  @Test("that are refused midway are renewed once")
  func renewed() async throws {
    let realm = Mutex("")
    let given = Mutex(0)
    let registry = try FakeRegistry { request in
      if request.path.hasPrefix("/token?") {
        let number = given.withLock { given in
          given += 1
          return given
        }
        return FakeReply(body: Array(#"{"token":"token-\#(number)"}"#.utf8))
      }
      // The second token opens what the first one has not.
      let isBlob = request.path.contains("/blobs/")
      if request.headers["authorization"] == (isBlob ? "Bearer token-2" : "Bearer token-1") {
        return nil
      }
      let challenge = #"Bearer realm="\#(realm.withLock { $0 })",service="s""#
      return FakeReply(status: 401, headers: [("WWW-Authenticate", challenge)])
    }
    defer { registry.stop() }
    realm.withLock { $0 = "http://\(registry.address)/token" }
    registry.put(try image(), as: "web")
    try await Workshop.using { workshop in
      try await pull(workshop, registry)
      #expect(given.withLock { $0 } == 2)
    }
  }
}
