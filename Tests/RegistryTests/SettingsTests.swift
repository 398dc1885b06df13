// The settings of registries: whose file counts, and what in it is refused.

import Addressing
import Diagnostics
import SystemPackage
import TestSupport
import Testing

@testable import Registry

@Suite("Settings of registries")
struct SettingsTests {
  /// From these texts of berth's own files and of daemon.json; nil is no file.
  private func settings(_ own: [String?], daemon: String? = nil) async throws -> RegistrySettings {
    var result = RegistrySettings()
    try await ConfigFolder.using(nil) { folder in
      var files: [(path: FilePath, isNeeded: Bool)] = []
      for (index, text) in own.enumerated() {
        if let text { try folder.write(text, to: "own\(index)") }
        files.append((folder.path.appending("own\(index)"), false))
      }
      if let daemon { try folder.write(daemon, to: "daemon") }
      result = try RegistrySettings(own: files, daemon: folder.path.appending("daemon"))
    }
    return result
  }

  @Test("come from berth's own files, the later before the earlier")
  func own() async throws {
    let settings = try await settings([
      #"{"registry-mirrors":["https://a.example"],"insecure-registries":["R.example:5000"]}"#,
      #"{"registry-mirrors":["https://b.example:1/","http://c.example"],"certs-dir":"/certs"}"#,
    ])
    #expect(settings.mirrors == ["https://b.example:1", "http://c.example"])
    #expect(settings.insecure == [.host("r.example:5000")])
    #expect(settings.certificates == "/certs")
  }

  @Test("that no own file has come from docker's, whose other keys are nobody's business")
  func daemon() async throws {
    let text = """
      {"debug":true,"registry-mirrors":["https://m.example"],"insecure-registries":["i.example"]}
      """
    var read = try await settings([nil], daemon: text)
    #expect(read.mirrors == ["https://m.example"])
    #expect(read.insecure == [.host("i.example")])
    read = try await settings([#"{"registry-mirrors":[]}"#], daemon: text)
    #expect(read.mirrors == [])
    #expect(read.insecure == [.host("i.example")])
    #expect(try await settings([nil]) == RegistrySettings())
  }

  static let broken: [(text: String, said: String)] = [
    ("{", "cannot be used"), ("[]", "not a JSON object"),
    (#"{"registry-mirrors":"https://a"}"#, "`registry-mirrors` is not a list of texts"),
    (#"{"registry-mirrors":["a.example"]}"#, "`a.example`, which is not `https://HOST[:PORT]`"),
    (#"{"registry-mirrors":["https://u:p@a.example"]}"#, "which is not `https://HOST[:PORT]`"),
    (#"{"registry-mirrors":["https://a.example/path"]}"#, "which is not `https://HOST[:PORT]`"),
    (#"{"registry-mirrors":["ftp://a.example"]}"#, "which is not `https://HOST[:PORT]`"),
    (#"{"insecure-registries":[1]}"#, "`insecure-registries` is not a list of texts"),
    (#"{"insecure-registries":["a/b"]}"#, "neither `HOST[:PORT]` nor a block of addresses"),
    (#"{"insecure-registries":["10.0.0.0/33"]}"#, "neither `HOST[:PORT]` nor"),
    (#"{"certs-dir":"certs"}"#, "`certs-dir` is not an absolute folder"),
    (#"{"registry-mirror":[]}"#, "unknown key `registry-mirror`"),
  ]

  @Test("that cannot be meant are refused with the file's name", arguments: broken.indices)
  func refused(_ index: Int) async throws {
    let (text, said) = Self.broken[index]
    let fault = await #expect(throws: SettingsFault.self) { try await settings([text]) }
    let summary = try #require(fault?.diagnostics.first?.summary)
    #expect(summary.contains("/own0`") && summary.contains(said), "\(summary)")
  }

  @Test("a mistyped key is told the nearest one")
  func mistyped() {
    let fault = SettingsFault.unknownKey("f", "registry-mirrros")
    #expect(fault.diagnostics.first?.hint == "did you mean `registry-mirrors`?")
  }

  @Test("in a file that BERTH_CONFIG names must be there, and are the only ones")
  func chosen() async throws {
    try await ConfigFolder.using(nil) { folder in
      let path = folder.path.appending("mine").string
      #expect(throws: SettingsFault.missing(path)) {
        try RegistrySettings(environment: ["BERTH_CONFIG": path])
      }
      try folder.write(#"{"insecure-registries":["10.0.0.0/8","fd00::/8"]}"#, to: "mine")
      let settings = try RegistrySettings(environment: ["BERTH_CONFIG": path])
      #expect(settings.insecure.count == 2)
    }
  }

  @Test(
    "a block holds its addresses",
    arguments: [
      ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.0.0.1", false),
      ("fd00::/9", "fd7f::1", true), ("fd00::/9", "fd80::1", false), ("::/0", "::1", true),
      ("::/0", "10.0.0.1", false),
    ])
  func blocks(_ block: String, _ address: String, _ isInside: Bool) throws {
    let rule = try #require(InsecureRegistry(block))
    #expect(rule.contains(try #require(IPAddress(address))) == isInside)
  }
}

@Suite("Proxies")
struct ProxyTests {
  @Test("are taken from both spellings, by the scheme of what is asked")
  func spellings() {
    let upper = Proxies(environment: ["HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://p:2"])
    #expect(upper.proxy(for: "http://r.example/") == "http://p:1")
    #expect(upper.proxy(for: "https://r.example/") == "http://p:2")
    let lower = Proxies(environment: ["https_proxy": "p:3", "no_proxy": "a,b", "http_proxy": ""])
    #expect(lower.proxy(for: "https://r.example/") == "p:3")
    #expect(lower.proxy(for: "http://r.example/") == nil)
    #expect(lower.exceptions == "a,b")
    #expect(Proxies(environment: ["all_proxy": "p"]).proxy(for: "https://r.example/") == "p")
  }

  @Test(
    "are never asked for what is on this machine",
    arguments: ["localhost:1", "127.9.9.9", "[::1]:2"])
  func loopback(_ host: String) {
    #expect(Proxies(environment: ["HTTP_PROXY": "p"]).proxy(for: "http://\(host)/") == nil)
  }

  @Test(
    "are named without their passwords",
    arguments: [
      ("http://user:s3cret@p.example:3128/", "p.example:3128"), ("p.example", "p.example"),
      ("user:s3@cret@p:1", "p:1"), ("socks5://p:2", "p:2"),
    ])
  func names(_ proxy: String, _ name: String) {
    #expect(Proxies.name(proxy) == name)
  }
}
