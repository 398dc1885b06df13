// What happens around a command: its terminal, its reader, the flags before the verb.

import Glibc
import TestSupport
import Testing

@Suite("commands behave on terminals and in pipes", .enabled(if: isRoot))
struct TerminalTests {
  private static let web = """
    services:
      web:
        image: ${IMAGE}
        command: sh -c "trap 'exit 0' TERM; echo ready; while true; do sleep 0.1; done"
    """

  @Test("containers outlive the terminal that they were started from")
  func terminalCloses() async throws {
    try await scenario(Self.web) { berth in
      // The terminal of script(1) is gone, with a SIGHUP to its session, when berth has ended.
      let up = try await berth.tool("script", "-qec", "\(Berth.program) up -d", "/dev/null")
      berth.remember()
      #expect(up.exitCode == 0, "\(up)")
      #expect(try await berth.states() == ["shop-web-1": "running"])
      #expect(try await berth.inside("web", "readlink /proc/1/fd/0") == "/dev/null")
    }
  }

  @Test("SIGTERM ends an attached up as SIGINT does")
  func terminated() async throws {
    try await scenario(Self.web) { berth in
      let up = try berth.start(["up"])
      try await eventually("the first line") { up.outputSoFar.contains("web-1  | ready") }
      up.signal(SIGTERM)
      let result = try await up.wait()
      berth.remember()
      #expect([130, 143].contains(result.exitCode), "\(result)")
      #expect(try await berth.states() == ["shop-web-1": "exited"])
    }
  }

  @Test("names are coloured when asked for, each container in its own, and not in a pipe")
  func colours() async throws {
    let compose = """
      services:
        a: {image: "${IMAGE}", command: echo one}
        b: {image: "${IMAGE}", command: echo two}
      """
    try await scenario(compose) { berth in
      let plain = try await berth.succeeds("up")
      #expect(!plain.output.contains("\u{1B}["))
      let coloured = try await berth.succeeds("--ansi", "always", "logs").lines
      try #require(coloured.count >= 2)
      let prefixes = Set(coloured.map { $0.prefix { $0 != "m" } })
      #expect(prefixes.count == 2 && prefixes.allSatisfy { $0.hasPrefix("\u{1B}[") }, "\(coloured)")
    }
  }

  @Test("a reader that goes away is no failure")
  func brokenPipe() async throws {
    let compose = #"services: {web: {image: "${IMAGE}", command: "seq 1 100000"}}"#
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.waitForState("exited", of: "shop-web-1")
      let result = try await berth.tool(
        "bash", "-c", "set -o pipefail; '\(Berth.program)' logs | head -n 1")
      #expect(result.exitCode == 0, "\(result)")
      #expect(result.output == "web-1  | 1\n")
      let all = try await berth.succeeds("logs", "--no-log-prefix").lines
      #expect(all == (1...100_000).map(String.init))
    }
  }

  @Test("-f several, -p, --env-file and --project-directory work together")
  func globalFlags() async throws {
    let files = [
      "files/base.yaml": """
      services:
        web: {image: "${IMAGE}", command: sleep 1000, environment: {WHO: "${WHO}", A: base}}
      """,
      "files/more.yaml": """
      services:
        web: {environment: {A: more}, volumes: ["./here:/here:ro"]}
      """,
      "vars": "WHO=me\n", "place/here/file": "found",
    ]
    try await scenario(files: files) { berth in
      let flags = [
        "-f", "files/base.yaml", "-f", "files/more.yaml", "-p", "named", "--env-file", "vars",
        "--project-directory", "place",
      ]
      let up = try await berth.start(flags + ["up", "-d"]).wait()
      berth.remember()
      #expect(up.exitCode == 0, "\(up)")
      let seen = try await berth.succeeds(
        "-p", "named", "exec", "web", "sh", "-c", "echo $WHO $A; cat /here/file")
      #expect(seen.output == "me more\nfound")
      try await berth.succeeds("-p", "named", "down", "-t", "0")
    }
  }
}
