// docker's config.json and helper programs: which credential belongs to which registry.

import Diagnostics
import JSON
import TestSupport
import Testing

@testable import Registry

@Suite("Credentials in docker's config.json")
struct DockerConfigTests {
  @Test("are bound to the registry that they are for")
  func reads() async throws {
    let text = """
      {"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpwYTpzcw=="},
      "localhost:5000":{"username":"u","password":"p"},
      "https://gcr.example/v2/":{"identitytoken":"t"},"v1.example/v1/":{"auth":"YTpi"},
      "token.example":{"registrytoken":"r"},"empty.example":{}}}
      """
    try await ConfigFolder.using(text) { folder in
      let credentials = try folder.credentials()
      #expect(
        try await credentials.find("docker.io") == Credential(username: "user", password: "pa:ss"))
      #expect(
        try await credentials.find("localhost:5000") == Credential(username: "u", password: "p"))
      #expect(try await credentials.find("gcr.example")?.identityToken == "t")
      #expect(try await credentials.find("v1.example")?.password == "b")
      #expect(try await credentials.find("token.example")?.registryToken == "r")
      for other in ["empty.example", "localhost", "localhost:5001", "example"] {
        #expect(try await credentials.find(other) == nil)
      }
    }
  }

  @Test(
    "of Docker Hub have many names",
    arguments: ["docker.io", "index.docker.io", "https://docker.io/v1/"])
  func hub(_ name: String) async throws {
    try await ConfigFolder.using(#"{"auths":{"\#(name)":{"auth":"YTpi"}}}"#) { folder in
      let found = try await folder.credentials().find("docker.io")
      #expect(found?.username == "a")
    }
  }

  @Test("a file that is not there, or empty, holds none", arguments: [nil, "", " \n"])
  func none(_ text: String?) async throws {
    try await ConfigFolder.using(text) { folder in
      let found = try await folder.credentials().find("docker.io")
      #expect(found == nil)
    }
  }

  @Test("a broken file is named", arguments: ["{", "[]", "\"x\"", #"{"auths":{},"auths":{}}"#])
  func broken(_ text: String) async throws {
    try await ConfigFolder.using(text) { folder in
      let fault = #expect(throws: CredentialFault.self) { try folder.credentials() }
      let said = try #require(fault?.diagnostics.first?.summary)
      #expect(said.contains("`\(folder.path)/config.json` cannot be used"))
    }
  }

  @Test("an `auth` that says nothing is told when it is needed, without its text")
  func badEntry() async throws {
    let text = #"{"auths":{"a.example":{"auth":"c2VjcmV0"},"b.example":{"auth":"***"}}}"#
    try await ConfigFolder.using(text) { folder in
      let credentials = try folder.credentials()
      for registry in ["a.example", "b.example"] {
        let fault = await #expect(throws: CredentialFault.self) {
          try await credentials.find(registry)
        }
        let said = try #require(fault?.diagnostics.first?.summary)
        #expect(said.contains("`auth` of `\(registry)`"))
        #expect(!said.contains("secret") && !said.contains("c2VjcmV0"))
      }
    }
  }

  @Test("only headers that docker's engine hands on go to registries")
  func headers() async throws {
    let text = """
      {"HttpHeaders":{"X-Meta-Team":"a","User-Agent":"evil","Authorization":"Basic x",
      "x-meta-b":"c","X-Meta-Bad":"a\\r\\nHost: b","X-Meta-Number":1}}
      """
    try await ConfigFolder.using(text) { folder in
      let headers = try folder.credentials().headers
      #expect(headers.map { "\($0.name)=\($0.value)" } == ["X-Meta-Team=a", "x-meta-b=c"])
    }
  }
}

@Suite("A helper program", .timeLimit(.minutes(1)))
struct CredentialHelperTests {
  private let answer =
    #"echo "{\"ServerURL\":\"$asked\",\"Username\":\"u\",\"Secret\":\"of $asked\"}""#

  @Test("for one registry counts more than the one for all, and that more than the file")
  func order() async throws {
    let text = """
      {"auths":{"a.example":{"auth":"YTpi"},"c.example":{"auth":"Yzpk"}},
      "credHelpers":{"a.example":"own","c.example":""},"credsStore":"all"}
      """
    try await ConfigFolder.using(text) { folder in
      try folder.helper("own", answer)
      try folder.helper("all", #"echo '{"Username":"all","Secret":"s"}'"#)
      let credentials = try folder.credentials()
      #expect(try await credentials.find("a.example")?.password == "of a.example")
      #expect(try await credentials.find("b.example")?.username == "all")
      #expect(try await credentials.find("c.example")?.username == "c")
      #expect(try folder.calls() == ["get a.example", "get b.example"])
    }
  }

  @Test("is asked for Docker Hub by its old address, and once for each registry")
  func once() async throws {
    try await ConfigFolder.using(#"{"credsStore":"all"}"#) { folder in
      try folder.helper("all", answer)
      let credentials = try folder.credentials()
      #expect(try folder.calls() == [])
      try await withThrowingTaskGroup(of: Credential?.self) { group in
        for _ in 0..<8 { group.addTask { try await credentials.find("docker.io") } }
        for try await found in group {
          #expect(found?.password == "of https://index.docker.io/v1/")
        }
      }
      #expect(try folder.calls() == ["get https://index.docker.io/v1/"])
    }
  }

  @Test("gives an identity token under the name `<token>`")
  func identity() async throws {
    try await ConfigFolder.using(#"{"credHelpers":{"r.example":"t"}}"#) { folder in
      try folder.helper("t", #"echo '{"Username":"<token>","Secret":"id"}'"#)
      let found = try await folder.credentials().find("r.example")
      #expect(found == Credential(username: "", password: "", identityToken: "id"))
    }
  }

  @Test("that has nothing leaves it to the file, then to nobody")
  func nothing() async throws {
    let text = #"{"credsStore":"all","auths":{"a.example":{"auth":"YTpi"}}}"#
    try await ConfigFolder.using(text) { folder in
      try folder.helper("all", "echo 'credentials not found in native keychain'; exit 1")
      let credentials = try folder.credentials()
      #expect(try await credentials.find("a.example")?.username == "a")
      #expect(try await credentials.find("b.example") == nil)
    }
  }

  static let failures: [(label: String, script: String, said: String)] = [
    ("that fails is heard", "echo 'keychain is locked'; exit 3", "keychain is locked"),
    ("that complains on the other stream", "echo 'no bus' >&2; exit 1", "no bus"),
    ("that fails silently", "exit 7", "exit status 7"),
    ("that answers no JSON", "echo s3cret", "does not answer with a user name"),
    ("that answers without a secret", #"echo '{"Username":"s3cret"}'"#, "does not answer"),
  ]

  @Test("that fails is named with its reason, never with a secret", arguments: failures.indices)
  func fails(_ index: Int) async throws {
    let failure = Self.failures[index]
    try await ConfigFolder.using(#"{"credsStore":"bad"}"#) { folder in
      try folder.helper("bad", failure.script)
      let fault = await #expect(throws: CredentialFault.self) {
        try await folder.credentials().find("r.example")
      }
      let said = try #require(fault?.diagnostics.first?.summary, "\(failure.label)")
      #expect(said.hasPrefix("`docker-credential-bad get` failed for `r.example`: "))
      #expect(said.contains(failure.said), "\(failure.label)")
      #expect(!said.contains("s3cret"), "\(failure.label)")
    }
  }

  @Test("that is not installed is named; one with a slash is not run", arguments: ["gone", "../x"])
  func missing(_ name: String) async throws {
    try await ConfigFolder.using(#"{"credsStore":"\#(name)"}"#) { folder in
      try folder.write("#!/bin/sh\necho ran", to: "x", mode: 0o755)
      await #expect(throws: CredentialFault.helperMissing(helper: name, registry: "r.example")) {
        try await folder.credentials().find("r.example")
      }
    }
  }

  @Test("that hangs is ended in time with all that it started")
  func hangs() async throws {
    try await ConfigFolder.using(nil) { folder in
      try folder.helper("slow", #"sleep 600 & echo $! > "$LOG.pid"; sleep 600"#)
      let helper = CredentialHelper(
        name: "slow", environment: folder.environment, patience: .seconds(1))
      #expect(throws: CredentialFault.helperSlow(helper: "slow", registry: "r.example", seconds: 1))
      { try helper.get(CredentialKey(registry: "r.example")) }
      let child = try #require(Int32(folder.text("log.pid").filter(\.isNumber)))
      try await eventually("the end of what it started") { !isAlive(child) }
    }
  }

  @Test("that leaves a process behind, which holds its output, is not waited for")
  func leavesBehind() async throws {
    try await ConfigFolder.using(#"{"credsStore":"agent"}"#) { folder in
      try folder.helper("agent", "sleep 600 & " + #"echo $! > "$LOG.pid";"# + answer)
      #expect(try await folder.credentials().find("r.example")?.username == "u")
      let child = try #require(Int32(folder.text("log.pid").filter(\.isNumber)))
      #expect(isAlive(child))
      endProcess(child)
    }
  }
}
