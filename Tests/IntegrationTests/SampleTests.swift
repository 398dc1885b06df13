import TestSupport
import Testing

@Suite("the samples run", .serialized, .enabled(if: isRoot), .timeLimit(.minutes(10)))
struct SampleTests {
  @Test("hello: a page by its port, a service by its name, a volume that stays")
  func hello() async throws {
    let port = try freePort()
    try await scenario(sample: "hello") { berth in
      let settings = ["HELLO_IMAGE": berth.environment["IMAGE"] ?? "", "HELLO_PORT": "\(port)"]
      try await berth.succeeds("up", "-d", environment: settings)
      let page = try await berth.tool("curl", "-fsS", "http://127.0.0.1:\(port)/")
      #expect(page.output == "Hello from berth\n", "\(page)")
      try await log(of: "client", says: "web says: Hello from berth", berth, settings)
      try await log(of: "keeper", says: "started 1 times", berth, settings)

      try await berth.succeeds("down", environment: settings)
      #expect(berth.leftovers().isEmpty)
      try await berth.succeeds("up", "-d", environment: settings)
      try await log(of: "keeper", says: "started 2 times", berth, settings)
    }
  }

  @Test(
    "web-cache: nginx passes on to redis, which keeps its data through `down`",
    .enabled(if: TestImage.nginx.isAtHand && TestImage.redis.isAtHand))
  func webCache() async throws {
    let front = try freePort()
    let cache = try freePort()
    try await scenario(sample: "web-cache", images: [.nginx, .redis]) { berth in
      let settings = ["FRONT_PORT": "\(front)", "CACHE_PORT": "\(cache)"]
      try await berth.succeeds("up", "-d", environment: settings, within: .seconds(60))
      try await eventually("the page") {
        try await berth.tool("curl", "-fsS", "http://127.0.0.1:\(front)/").output
          == "A page in front of a cache\n"
      }
      #expect(try await ask("SET word kept", at: cache, berth) == "+OK")

      try await berth.succeeds("down", environment: settings)
      #expect(berth.leftovers().isEmpty)
      try await berth.succeeds("up", "-d", environment: settings, within: .seconds(60))
      #expect(try await ask("GET word", at: cache, berth).contains("kept"))
    }
  }

  @Test(
    "build: a page in Python with words of a static program, both built here",
    .enabled(if: TestImage.python.isAtHand && TestImage.c.isAtHand))
  func build() async throws {
    let port = try freePort()
    try await scenario(sample: "build", images: [.python, .c]) { berth in
      var settings = ["API_PORT": "\(port)"]
      try await berth.succeeds(
        "up", "-d", "--build", environment: settings, within: .seconds(120))
      try await page("Hello from a static program\n", at: port, berth)
      let unchanged = try await berth("up", "-d", "--build", environment: settings)
      #expect(
        unchanged.errorOutput.contains("CACHED") && !unchanged.errorOutput.contains("Recreate"))

      settings["GREETING"] = "Other words"
      try await berth.succeeds(
        "up", "-d", "--build", environment: settings, within: .seconds(120))
      try await page("Other words\n", at: port, berth)
    }
  }

  private func page(_ words: String, at port: UInt16, _ berth: Berth) async throws {
    try await eventually("the page with `\(words)`") {
      try await berth.tool("curl", "-fsS", "http://127.0.0.1:\(port)/").output == words
    }
  }

  private func log(
    of service: String, says text: String, _ berth: Berth, _ settings: [String: String]
  ) async throws {
    try await eventually("`\(text)` in the log of `\(service)`") {
      try await berth("logs", service, environment: settings).output.contains(text)
    }
  }

  /// One command of redis, sent through nginx's port.
  private func ask(_ command: String, at port: UInt16, _ berth: Berth) async throws -> String {
    var answer = ""
    try await eventually("an answer to `\(command)`") {
      answer = try await berth.tool(
        "bash", "-c",
        "exec 3<>/dev/tcp/127.0.0.1/\(port); printf '\(command)\\r\\nQUIT\\r\\n' >&3; cat <&3"
      ).output
      return !answer.isEmpty
    }
    return answer.split(whereSeparator: \.isNewline).dropLast().joined(separator: " ")
  }
}
