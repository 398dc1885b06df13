import TestSupport
import Testing

@Suite("exec and run execute commands and tell how they ended", .enabled(if: isRoot))
struct ExecTests {
  private static let web = """
    services:
      web:
        image: ${IMAGE}
        command: sleep 1000
        environment: {FROM_FILE: one}
        working_dir: /var
    """

  @Test("exec gives the command's output, errors and exit code")
  func codes() async throws {
    try await scenario(Self.web) { berth in
      try await berth.succeeds("up", "-d")
      let result = try await berth("exec", "web", "sh", "-c", "echo out; echo err >&2; exit 7")
      #expect(result.exitCode == 7)
      #expect(result.output == "out\n")
      #expect(result.errorOutput == "err\n")
      #expect(try await berth("exec", "web", "sh", "-c", "kill -9 $$").exitCode == 137)
    }
  }

  @Test("exec of what is not there is 127, of what is no program 126")
  func notThere() async throws {
    try await scenario(Self.web) { berth in
      try await berth.succeeds("up", "-d")
      let missing = try await berth("exec", "web", "nosuch")
      #expect(missing.exitCode == 127)
      #expect(missing.errorOutput.contains("nosuch"))
      #expect(try await berth("exec", "web", "/etc/passwd").exitCode == 126)
    }
  }

  @Test("exec sets environment, user and working folder, beside those of the service")
  func settings() async throws {
    try await scenario(Self.web) { berth in
      try await berth.succeeds("up", "-d")
      let script = "echo $FROM_FILE $MORE $(id -un):$(id -gn) $(pwd)"
      #expect(
        try await berth.succeeds("exec", "web", "sh", "-c", script).output == "one root:root /var\n"
      )
      let result = try await berth.succeeds(
        "exec", "-e", "MORE=two", "-u", "www-data", "-w", "/tmp", "web", "sh", "-c", script)
      #expect(result.output == "one two www-data:www-data /tmp\n")
    }
  }

  @Test("exec passes its input on, to its end")
  func input() async throws {
    try await scenario(Self.web) { berth in
      try await berth.succeeds("up", "-d")
      let big = [UInt8](repeating: UInt8(ascii: "x"), count: 300_000)
      let result = try await berth.succeeds("exec", "-T", "web", "wc", "-c", input: big)
      #expect(trimmed(result.output) == "300000")
    }
  }

  @Test("exec on a terminal gives the command one of its own")
  func terminal() async throws {
    try await scenario(Self.web) { berth in
      try await berth.succeeds("up", "-d")
      #expect(try await berth("exec", "-T", "web", "tty").exitCode == 1)
      // script(1) gives berth a terminal, and passes its exit code on.
      let command = "\(Berth.program) exec web sh -c \"tty; exit 9\""
      let result = try await berth.tool("script", "-qec", command, "/dev/null")
      #expect(result.output.contains("/dev/pts/0"))
      #expect(result.exitCode == 9)
    }
  }

  @Test("exec into a service that does not run says how to start it")
  func notRunning() async throws {
    try await scenario(Self.web) { berth in
      let result = try await berth("exec", "web", "true")
      #expect(result.exitCode == 1)
      #expect(result.errorOutput.contains(#"service "web" is not running"#))
      #expect(result.errorOutput.contains("up -d web"))
    }
  }

  @Test("run --rm gives exit code and output of a one-off, which is gone afterwards")
  func run() async throws {
    try await scenario(Self.web) { berth in
      let result = try await berth("run", "--rm", "web", "sh", "-c", "echo $FROM_FILE; exit 5")
      #expect(result.exitCode == 5, "\(result.errorOutput)")
      #expect(result.output == "one\n")
      #expect(try await berth.rows().isEmpty)
      #expect(berth.shims().isEmpty)
    }
  }

  @Test("run passes what is piped in, to its end", .timeLimit(.minutes(5)))
  func runInput() async throws {
    try await scenario(Self.web) { berth in
      let text = Array("one\ntwo\nthree".utf8)
      let result = try await berth("run", "--rm", "-T", "web", "cat", input: text)
      #expect(result.outputBytes == text)
      #expect(result.exitCode == 0)
    }
  }

  @Test("run starts what the service depends on, and reaches it by name")
  func runDependencies() async throws {
    let compose = """
      x-all: &all {image: "${IMAGE}", stop_grace_period: 0s}
      services:
        page:
          <<: *all
          command: httpd -f -p 80 -h /etc
          healthcheck: {test: wget -q -O /dev/null http://127.0.0.1/group, interval: 200ms}
        client: {<<: *all, depends_on: {page: {condition: service_healthy}}}
      """
    try await scenario(compose) { berth in
      let result = try await berth(
        "run", "--rm", "client", "wget", "-q", "-O", "-", "http://page/group")
      #expect(result.output.hasPrefix("root:x:0:"), "\(result)")
      #expect(try await berth.states() == ["shop-page-1": "running"])
    }
  }
}
