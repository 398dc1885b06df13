// A real registry behind TLS, passwords and tokens: who gets in, who is told what, and how often
// anybody is asked.

import Diagnostics
import JSON
import Linux
import OCI
import SystemPackage
import TestSupport
import Testing

@testable import Registry

/// A folder with keys, and a place for certificates as docker has it.
struct SecureBench {
  let folder: ConfigFolder
  let keys: RegistryKeys
  var certificates: FilePath { folder.path.appending("certs.d") }
  var settings = RegistrySettings()

  static func using(_ body: (SecureBench) async throws -> Void) async throws {
    try await ConfigFolder.using(nil) { folder in
      let keys = try await RegistryKeys.make(in: folder.path.appending("keys").string)
      var bench = SecureBench(folder: folder, keys: keys)
      bench.settings.certificates = bench.certificates
      try await body(bench)
    }
  }

  /// A registry that holds busybox; ended after `body`.
  func registry(
    tls: Bool = true, needsClient: Bool = false, door: RegistryDoor = .open,
    _ body: (TestSupport.Registry) async throws -> Void
  ) async throws {
    let registry = try await TestSupport.Registry.start(
      in: folder.path.appending("registry").string, keys: tls ? keys : nil,
      needsClient: needsClient, door: door)
    do {
      try await body(registry)
    } catch {
      try await registry.stop()
      throw error
    }
    try await registry.stop()
  }

  /// Lays files into the folder of certificates of a host.
  func lay(_ files: [(String, as: String)], for host: String) throws {
    try makeFolders(certificates.appending(host))
    for (source, name) in files {
      let text = try Linux.Descriptor.open(FilePath(source), 0).readAll(limit: 1 << 20)
      try folder.write(
        String(decoding: text, as: UTF8.self), to: "certs.d/\(host)/\(name)")
    }
  }

  func client(_ credentials: [String: Credential] = [:]) -> RegistryClient {
    RegistryClient(
      credentials: Credentials(credentials), settings: settings, retry: RetryPolicy(attempts: 2))
  }

  /// What a client is told when it asks for an image that is not there; nil when it got that far.
  func refusal(_ client: RegistryClient, _ address: String) async throws -> Diagnostic? {
    do {
      _ = try await client.currentDigest(try ImageReference(parsing: "\(address)/none"))
      return nil
    } catch RegistryFault.notFound {
      return nil
    } catch let fault as any Diagnosable {
      return fault.diagnostics.first
    }
  }
}

private let right = Credential(username: RegistryDoor.user, password: RegistryDoor.secret)
private let wrong = Credential(username: RegistryDoor.user, password: "wr0ng-secret")

@Suite("A registry behind TLS", .timeLimit(.minutes(2)))
struct TLSTests {
  @Test("on loopback is spoken to whatever its certificate")
  func loopback() async throws {
    try await SecureBench.using { bench in
      try await bench.registry { registry in
        let said = try await bench.refusal(bench.client(), registry.address)
        #expect(said == nil)
      }
    }
  }

  @Test("elsewhere must show a certificate that is trusted, and the way to trust it is told")
  func authority() async throws {
    try await SecureBench.using { bench in
      try await bench.registry { registry in
        let host = registry.namedAddress
        let said = try #require(try await bench.refusal(bench.client(), host))
        #expect(
          said.summary.hasPrefix("no secure connection to registry `\(host)`: its certificate"))
        #expect(said.hint?.contains("`\(bench.certificates)/\(host)/ca.crt`") == true)
        try bench.lay([(bench.keys.authority, as: "any.crt")], for: host)
        #expect(try await bench.refusal(bench.client(), host) == nil)
      }
    }
  }

  @Test("whose certificate is for another name is refused also by who knows its authority")
  func otherName() async throws {
    try await SecureBench.using { bench in
      try await bench.registry { registry in
        let port = registry.address.split(separator: ":").last ?? ""
        let host = "other.localhost:\(port)"
        try bench.lay([(bench.keys.authority, as: "ca.crt")], for: host)
        let said = try #require(try await bench.refusal(bench.client(), host))
        #expect(said.summary.hasSuffix("its certificate is for another host"))
      }
    }
  }

  @Test("is taken as it is where the user says so", arguments: [true, false])
  func insecure(_ tls: Bool) async throws {
    try await SecureBench.using { bench in
      try await bench.registry(tls: tls) { registry in
        var bench = bench
        bench.settings.insecure = [.host(registry.namedAddress)]
        let said = try await bench.refusal(bench.client(), registry.namedAddress)
        #expect(said == nil)
      }
    }
  }

  @Test("or not: one that speaks http is told apart, with what to write where")
  func plain() async throws {
    try await SecureBench.using { bench in
      try await bench.registry(tls: false) { registry in
        let said = try #require(try await bench.refusal(bench.client(), registry.namedAddress))
        #expect(said.summary == "registry `\(registry.namedAddress)` speaks http without TLS")
        #expect(said.hint?.contains("`insecure-registries`") == true)
      }
    }
  }

  @Test("may want a client's certificate, which is shown where it lies, also on loopback")
  func clients() async throws {
    try await SecureBench.using { bench in
      try await bench.registry(needsClient: true) { registry in
        for host in [registry.address, registry.namedAddress] {
          try bench.lay([(bench.keys.authority, as: "ca.crt")], for: host)
          let said = try #require(try await bench.refusal(bench.client(), host))
          // Servers differ in what they call it.
          let start = "no secure connection to registry `\(host)`: the server ends it with `"
          #expect(said.summary.hasPrefix(start), "\(said.summary)")
          #expect(said.hint?.contains("`client.cert`") == true)
          try bench.lay(
            [
              (bench.keys.clientCertificate, as: "me.cert"), (bench.keys.clientKey, as: "me.key"),
            ], for: host)
          #expect(try await bench.refusal(bench.client(), host) == nil, "\(host)")
        }
      }
    }
  }

  @Test("a client's certificate without its key is told", arguments: ["a.cert", "a.key"])
  func halfPair(_ name: String) async throws {
    try await ConfigFolder.using(nil) { folder in
      try makeFolders(folder.path.appending("h:1"))
      try folder.write("x", to: "h:1/\(name)")
      let fault = #expect(throws: CertificateFault.self) {
        try CertificateFolders(root: folder.path).trust(for: "h:1")
      }
      #expect(fault?.reason.hasSuffix("is missing") == true)
    }
  }
}

@Suite("A registry that wants to know who comes", .timeLimit(.minutes(2)))
struct DoorTests {
  @Test("takes a right password and refuses a wrong one")
  func password() async throws {
    try await SecureBench.using { bench in
      try await bench.registry(door: .password) { registry in
        let key = CredentialKey(registry: registry.address)
        #expect(try await bench.client().verify(right, at: key) == right)
        let fault = await #expect(throws: RegistryFault.self) {
          try await bench.client().verify(wrong, at: key)
        }
        let said = try #require(fault?.diagnostics.first)
        #expect(said.summary.hasPrefix("registry `\(registry.address)` refuses the login: "))
        #expect(!said.summary.contains(wrong.password))
        let anonymous = try #require(try await bench.refusal(bench.client(), registry.address))
        #expect(anonymous.hint?.contains("`berth login \(registry.address)`") == true)
        let known = bench.client([registry.address: right])
        #expect(try await bench.refusal(known, registry.address) == nil)
      }
    }
  }

  private func tokens(
    lifetime: Duration = .seconds(300), givesIdentity: Bool = false,
    _ body: (SecureBench, TokenServer, TestSupport.Registry) async throws -> Void
  ) async throws {
    try await SecureBench.using { bench in
      let server = try await TokenServer.start(
        bench.keys, lifetime: lifetime, givesIdentity: givesIdentity)
      do {
        try await bench.registry(door: .token(server)) { try await body(bench, server, $0) }
      } catch {
        try await server.stop()
        throw error
      }
      try await server.stop()
    }
  }

  @Test("by tokens takes a right password and refuses a wrong one in the token server's words")
  func token() async throws {
    try await tokens { bench, server, registry in
      let key = CredentialKey(registry: registry.address)
      let taken = try await bench.client().verify(right, at: key)
      #expect(taken == right)
      await #expect(
        throws: RegistryFault.loginRefused(
          registry: registry.address, reason: "incorrect username or password")
      ) { try await bench.client().verify(wrong, at: key) }
    }
  }

  @Test("by tokens may give one in place of the password, which then opens the door")
  func identity() async throws {
    try await tokens(givesIdentity: true) { bench, server, registry in
      let key = CredentialKey(registry: registry.address)
      let stored = try await bench.client().verify(right, at: key)
      #expect(stored.password.isEmpty)
      #expect(stored.identityToken == "identity-of-\(RegistryDoor.user)")
      let client = bench.client([registry.address: stored])
      #expect(try await bench.refusal(client, registry.address) == nil)
      #expect(server.given.last == "POST \(RegistryDoor.user) repository:none:pull")
      var old = stored
      old.identityToken = "0ld-token"
      let said = try await bench.refusal(bench.client([registry.address: old]), registry.address)
      #expect(said?.summary.contains("invalid refresh token") == true)
      #expect(said?.hint?.contains("with `berth login \(registry.address)`") == true)
    }
  }

  @Test("is asked for one token by many at once, and for a new one before it ends")
  func oneToken() async throws {
    try await tokens(lifetime: .seconds(2)) { bench, server, registry in
      let client = bench.client([registry.address: right])
      try await withThrowingTaskGroup(of: Diagnostic?.self) { group in
        for _ in 0..<16 { group.addTask { try await bench.refusal(client, registry.address) } }
        for try await said in group { #expect(said == nil) }
      }
      #expect(server.given == ["GET \(RegistryDoor.user) repository:none:pull"])
      try await eventually("a second token", within: .seconds(10)) {
        _ = try await bench.refusal(client, registry.address)
        return server.given.count > 1
      }
    }
  }

  @Test("says who we are when that is not enough")
  func notAllowed() async throws {
    try await tokens { bench, server, registry in
      let said = try #require(try await bench.refusal(bench.client(), registry.address))
      #expect(said.hint?.contains("log in with `berth login \(registry.address)`") == true)
      #expect(try await bench.refusal(bench.client(), registry.address + "/public") == nil)
    }
  }

  /// A blob of these bytes.
  private func blob(_ text: String, _ bench: SecureBench) throws -> BlobFile {
    let name = "blob-\(text.utf8.count)"
    try bench.folder.write(text, to: name)
    let file = try Linux.Descriptor.open(bench.folder.path.appending(name), 0)
    return BlobFile(
      ContentDescriptor(
        mediaType: MediaType.ociConfig, digest: Digest(of: Array(text.utf8)),
        size: Int64(text.utf8.count)), SharedDescriptor(file))
  }

  @Test("by tokens asks for all that a push needs at once, and for the source of a mount")
  func pushScopes() async throws {
    try await tokens { bench, server, registry in
      let client = bench.client([registry.address: right])
      let target = try ImageReference(parsing: "\(registry.address)/team/app:1")
      let config = try blob(#"{"os":"linux","architecture":"amd64"}"#, bench)
      #expect(try await client.bring(config, to: target) { _ in } == .uploaded)
      let manifest = Manifest(config: config.descriptor, layers: [])
      try await client.put(
        manifest: manifest.json.bytes(), mediaType: manifest.mediaType, as: target)
      #expect(try await client.currentDigest(target) == Digest(of: manifest.json.bytes()))
      let other = try ImageReference(parsing: "\(registry.address)/team/other:1")
      let arrival = try await client.bring(config, to: other, from: ["team/app"]) { _ in }
      #expect(arrival == .mounted(from: "team/app"))
      let user = RegistryDoor.user
      #expect(
        server.given == [
          "GET \(user) repository:team/app:pull,push", "GET \(user) repository:team/app:pull",
          "GET \(user) repository:team/other:pull,push",
          "GET \(user) repository:team/other:pull,push repository:team/app:pull",
        ])
    }
  }

  @Test("does not let anybody push who may only pull, and says where to log in")
  func pullOnly() async throws {
    try await tokens { bench, server, registry in
      let target = try ImageReference(parsing: "\(registry.address)/public/app:1")
      let config = try blob("{}", bench)
      let fault = await #expect(throws: RegistryFault.self) {
        try await bench.client().bring(config, to: target) { _ in }
      }
      let said = try #require(fault?.diagnostics.first)
      #expect(said.summary.contains("refuses access"))
      #expect(said.hint?.contains("`berth login \(registry.address)`") == true)
    }
  }
}

@Suite("A name")
struct LocalNameTests {
  @Test("that stands for a local address is refused where that matters")
  func local() async throws {
    try await SecureBench.using { bench in
      try await bench.registry(tls: false) { registry in
        let client = HTTPClient()
        var request = HTTPRequest(.get, "http://\(registry.namedAddress)/v2/")
        let answer = try await client.perform(request)
        #expect(answer.status == 200)
        #expect(answer.peer.map(isLocalAddress) == true)
        request.mayBeLocal = false
        let asked = request
        await #expect(throws: HTTPFault.local) { try await client.perform(asked) }
      }
    }
  }
}
