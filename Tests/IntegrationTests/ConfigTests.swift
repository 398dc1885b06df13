// `config`, `check` and `explain` from the outside: the flags, the streams and the exit codes.

import JSON
import TestSupport
import Testing

@Suite("config, check and explain show what the files say", .enabled(if: isRoot))
struct ConfigTests {
  private static let shop = """
    services:
      web:
        image: ${IMAGE}
        ports: ["${PORT:-8080}:80"]
        depends_on: [db]
        command: ["echo", "$$HOME", "${GREETING}"]
      db: {image: "${IMAGE}", profiles: [full]}
      tool: {build: ./tool}
    networks: {default: {}}
    models: {m: {model: "ai/small"}}
    """

  private static let settings = "GREETING=hi\nCOMPOSE_PROFILES=full\n"

  @Test(
    "lists: services by dependency, images, networks, models, variables as table, json and yaml")
  func lists() async throws {
    try await scenario(Self.shop, files: [".env": Self.settings]) { berth in
      func lines(_ arguments: String...) async throws -> [String] {
        try await berth.start(["config"] + arguments).wait(within: .seconds(30)).lines
      }
      #expect(try await lines("--services") == ["db", "web", "tool"])
      #expect(try await lines("--images").last == "shop-tool")
      #expect(try await lines("--networks") == ["default"])
      #expect(try await lines("--profiles") == ["full"])
      #expect(try await lines("--models") == [])
      #expect(
        try await berth.succeeds("--all-resources", "config", "--models").lines == ["ai/small"])
      #expect(
        try await lines("--variables").map { $0.split(separator: " ").map(String.init) } == [
          ["NAME", "REQUIRED", "DEFAULT", "VALUE", "ALTERNATE", "VALUE"], ["IMAGE", "false"],
          ["PORT", "false", "8080"], ["GREETING", "false"],
        ])
      let text = try await lines("--variables", "--format", "json").joined()
      let variables = try JSONValue(parsing: Array(text.utf8))
      #expect(
        variables["PORT"] == [
          "name": "PORT", "required": false, "defaultvalue": "8080", "presencevalue": "",
        ])
    }
  }

  @Test(
    "--no-interpolate prints the merged files with their variables, and what it prints loads again")
  func raw() async throws {
    try await scenario(
      Self.shop, files: [".env": Self.settings, "over.yaml": "services: {web: {user: \"${U}\"}}\n"]
    ) {
      berth in
      let raw = try await berth.succeeds(
        "-f", "compose.yaml", "-f", "over.yaml", "config", "--no-interpolate", "--format", "json")
      #expect(!raw.errorOutput.contains("warning"))
      let web = try JSONValue(parsing: Array(raw.output.utf8))["services"]?["web"]
      #expect(web?["user"] == "${U}")
      #expect(web?["command"]?.array?.last == "${GREETING}")
      #expect(web?["entrypoint"] == nil)
      let chosen = try await berth("config", "--no-interpolate", "--hash", "*")
      #expect(chosen.exitCode == 1)
      #expect(chosen.errorOutput.contains("--no-interpolate"))
      let text = try await berth.succeeds(
        "-f", "compose.yaml", "-f", "over.yaml", "config", "--no-interpolate")
      try berth.write(text.output, to: "raw.yaml")
      try await berth.succeeds("-f", "raw.yaml", "config", "-q")
      #expect(try await berth.succeeds("config").output.contains("$$HOME"))
    }
  }

  @Test("digests are those that the registry has, and a lock file pins the next pull")
  func digests() async throws {
    try await scenario("services: {web: {image: \"${IMAGE}\"}, own: {build: .}}\n") { berth in
      let image = try #require(berth.environment["IMAGE"])
      let expected = try await berth.tool(
        "skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://\(image)")
      let digest = try #require(expected.lines.first)
      try #require(digest.hasPrefix("sha256:"))
      let json = try await berth.succeeds(
        "config", "--resolve-image-digests", "--format", "json")
      let services = try JSONValue(parsing: Array(json.output.utf8))["services"]
      #expect(services?["web"]?["image"] == .string("\(image)@\(digest)"))
      #expect(services?["own"]?["build"] != nil)
      try await berth.succeeds("config", "--lock-image-digests", "-o", "lock.yaml")
      #expect(
        berth.text(of: "shop/lock.yaml")
          == "services:\n  web:\n    image: \(image)@\(digest)\n")
      try await berth.succeeds("-f", "compose.yaml", "-f", "lock.yaml", "pull", "web")
    }
  }

  @Test("an image that the registry lacks is named")
  func missingDigest() async throws {
    try await scenario("services: {web: {image: \"${IMAGE}-none\"}}\n") { berth in
      let result = try await berth("config", "--resolve-image-digests")
      #expect(result.exitCode == 1)
      #expect(result.errorOutput.contains("resolving the digest of image"))
      #expect(result.output.isEmpty)
    }
  }

  @Test("--explain names file, line and variables")
  func explain() async throws {
    let files = [
      ".env": "PORT=9\n" + Self.settings,
      "compose.override.yaml": "services: {web: {ports: [\"1:1\"]}}\n",
    ]
    try await scenario(Self.shop, files: files) { berth in
      let told = try await berth.succeeds("config", "--explain", "services.web.ports")
      #expect(told.output.contains("appended to by  compose.override.yaml:1:25"))
      #expect(told.output.contains("PORT = \"9\" from .env:1"))
      let json = try await berth.succeeds(
        "config", "--explain", "services.web.ports", "--format", "json")
      let first = try JSONValue(parsing: Array(json.output.utf8)).array?.first
      #expect(first?["path"] == "services.web.ports")
      #expect(first?["steps"]?.array?.last?["line"] == 1)
      let absent = try await berth("config", "--explain", "services.web.prots")
      #expect(absent.exitCode == 1)
      #expect(absent.errorOutput.contains("did you mean `ports`?"))
    }
  }

  @Test("check speaks the Language Server Protocol: files, places from 0, UTF-16")
  func check() async throws {
    let bad =
      "services:\n  web:\n    image: \"𝄞${X:?no}\"\n    build: {context: ., provenance: true}\n    prots: []\n"
    try await scenario(bad, files: [".env": "A=1\n"]) { berth in
      let result = try await berth("check", "--format", "json")
      #expect(result.exitCode == 1)
      let files = try JSONValue(parsing: Array(result.output.utf8)).array ?? []
      #expect(
        files.compactMap { $0["uri"]?.string } == [
          "file://\(berth.project)/.env", "file://\(berth.project)/compose.yaml",
        ])
      let found = files.last?["diagnostics"]?.array ?? []
      #expect(found.compactMap { $0["code"]?.string } == ["B0121", "B0160", "B0110"])
      #expect(
        found.first?["range"] == [
          "start": ["line": 2, "character": 14], "end": ["line": 2, "character": 22],
        ])
      #expect(found.first?["severity"] == 1)
      #expect(found.first?["source"] == "berth")
      let text = try await berth("check")
      #expect(text.exitCode == 1)
      #expect(text.output == ".env, compose.yaml: 3 errors\n")
      try berth.write("services: {}\n", to: "compose.yaml")
    }
  }

  @Test("check tells what up would refuse; a good project has nothing wrong")
  func refusals() async throws {
    try await scenario("services: {web: {image: i, userns_mode: remap, deploy: {mode: global}}}\n")
    {
      berth in
      let result = try await berth("check")
      #expect(result.exitCode == 1)
      #expect(result.output == "compose.yaml: 1 error, 1 warning\n")
      try berth.write("services: {web: {image: i}}\n", to: "compose.yaml")
      let good = try await berth.succeeds("check")
      #expect(good.output == "compose.yaml: nothing wrong\n")
    }
  }

  @Test("explain tells of a code, and lists them all")
  func codes() async throws {
    try await scenario("services: {}\n") { berth in
      let one = try await berth.succeeds("explain", "b110").output
      #expect(one.hasPrefix("B0110: a key is not known\n"))
      #expect(one.contains("    ports: [\"80:80\"]\n"))
      #expect(try await berth.succeeds("explain").lines.count >= 40)
      let none = try await berth("explain", "B0111x")
      #expect(none.exitCode == 1)
      #expect(none.errorOutput.contains("did you mean `B0111`?"))
    }
  }

  @Test("variables of .env that are for the command itself are heeded")
  func settings() async throws {
    try await scenario("services: {}\n", files: [".env": "COMPOSE_PARALLEL_LIMIT=many\n"]) {
      berth in
      let result = try await berth("config")
      #expect(result.exitCode == 1)
      #expect(result.errorOutput.contains("COMPOSE_PARALLEL_LIMIT is no number: `many`"))
      try berth.write("", to: ".env")
    }
  }
}
