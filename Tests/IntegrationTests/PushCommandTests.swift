// `berth push` by service and by name, into a registry that wants a password.

import Linux
import SystemPackage
import TestSupport
import Testing

@Suite("`berth push`", .enabled(if: isRoot), .timeLimit(.minutes(3)))
struct PushCommandTests {
  private static let compose = """
    services:
      web:
        image: ${TARGET}/web:1
        build: {context: ., tags: ["${TARGET}/web:extra"]}
      ready:
        image: ${IMAGE}
    """

  private func withRegistry(
    door: RegistryDoor = .open, _ body: (Berth, Registry) async throws -> Void
  ) async throws {
    try await scenario(Self.compose) { berth in
      let registry = try await Registry.start(in: berth.root + "/target", door: door)
      do {
        try await body(berth, registry)
      } catch {
        try await registry.stop()
        throw error
      }
      try await registry.stop()
    }
  }

  private func manifest(_ berth: Berth, _ name: String) async throws -> String {
    try await berth.tool(
      "skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://\(name)"
    ).output.filter { $0 != "\n" }
  }

  @Test("sends what is built and named, with all its tags, and leaves the rest")
  func services() async throws {
    try await withRegistry { berth, registry in
      let environment = ["TARGET": registry.address]
      try await berth.succeeds("pull", "ready", environment: environment)
      let missing = try await berth("push", environment: environment)
      #expect(missing.exitCode == 1)
      #expect(missing.errorOutput.contains("no such image: `\(registry.address)/web:1`"))
      #expect(missing.errorOutput.contains("no such image: `\(registry.address)/web:extra`"))
      let image = try #require(berth.environment["IMAGE"])
      for tag in ["1", "extra"] {
        try await berth.succeeds("tag", image, "\(registry.address)/web:\(tag)")
      }
      let push = try await berth.succeeds("push", environment: environment)
      let digest = try await manifest(berth, "\(registry.address)/web:1")
      #expect(digest.hasPrefix("sha256:"))
      let lines = push.lines
      #expect(lines.count == 2)
      #expect(lines.first?.hasPrefix("\(registry.address)/web:1: digest: \(digest) size: ") == true)
      #expect(push.errorOutput.contains("ready Skipped Image is not built here"), "\(push)")
      #expect(try await manifest(berth, "\(registry.address)/web:extra") == digest)
      let inspect = try await berth.succeeds("inspect", "\(registry.address)/web:1")
      #expect(inspect.output.contains("\(registry.address)/web@\(digest)"))
    }
  }

  @Test("of an image by name needs no compose file; what was pushed is pulled again")
  func byName() async throws {
    try await withRegistry(door: .password) { berth, registry in
      let image = try #require(berth.environment["IMAGE"])
      try await berth.succeeds("pull", "ready", environment: ["TARGET": "none.example"])
      let target = "\(registry.address)/deep/er/busybox:v1"
      try await berth.succeeds("tag", image, target)
      try removeTree(FilePath(berth.project + "/compose.yaml"))
      let refused = try await berth("push", target)
      #expect(refused.exitCode == 1)
      #expect(refused.errorOutput.contains("`berth login \(registry.address)`"))
      let passed = try await berth("push", "--ignore-push-failures", target)
      #expect(passed.exitCode == 0)
      #expect(passed.errorOutput.contains("warning: image `\(target)` cannot be pushed"))
      try await berth.succeeds(
        "login", "-u", RegistryDoor.user, "--password-stdin", registry.address,
        input: Array(RegistryDoor.secret.utf8))
      let push = try await berth.succeeds("push", "-q", target)
      #expect(push.output.hasPrefix("\(target): digest: sha256:"))
      #expect(push.errorOutput.isEmpty)
      for result in [refused, passed, push] {
        #expect(!(result.output + result.errorOutput).contains(RegistryDoor.secret))
      }
      try await berth.succeeds("rmi", target)
      try berth.write("services: {web: {image: \"\(target)\"}}", to: "compose.yaml")
      try await berth.succeeds("pull")
      let ids = try await berth.succeeds("images", "--all", "-q").lines
      #expect(Set(ids).count == 1, "the same image as before")
    }
  }
}
