import Glibc
import TestSupport
import Testing

@Suite("attached `up` shows the containers' output and ends with them", .enabled(if: isRoot))
struct AttachedTests {
  @Test("lines carry the name of their container, and up exits when all have ended")
  func lines() async throws {
    let compose = """
      services:
        a: {image: "${IMAGE}", command: echo one}
        long: {image: "${IMAGE}", command: sh -c "echo two; exit 4"}
      """
    try await scenario(compose) { berth in
      let result = try await berth.succeeds("up")
      #expect(result.lines.contains("a-1     | one"), "\(result)")
      #expect(result.lines.contains("long-1  | two"))
      #expect(result.output.contains("long-1 exited with code 4"))
      #expect(try await berth.row("shop-long-1").exitCode == 4)
    }
  }

  @Test("output of several containers comes in the order of its times")
  func order() async throws {
    let script = "for i in 1 2 3 4 5 6 7 8; do date +%s%N; sleep 0.0$$i; done"
    let compose = """
      services:
        a: {image: "${IMAGE}", command: "sh -c '\(script)'"}
        b: {image: "${IMAGE}", command: "sh -c '\(script)'"}
      """
    try await scenario(compose) { berth in
      let lines = try await berth.succeeds("up", "-t", "0", "--timestamps").lines
      let stamps = lines.filter { $0.contains("  | 20") }.compactMap {
        $0.split(separator: " ").dropFirst(2).first.map(String.init)
      }
      #expect(stamps.count == 16)
      let times = try await berth.succeeds("logs", "-t").lines.compactMap {
        $0.split(separator: " ").dropFirst(2).first.map(String.init)
      }
      #expect(times == times.sorted())
    }
  }

  private static let polite = """
    services:
      web:
        image: ${IMAGE}
        command: sh -c "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.1; done"
    """
  private static let deaf = """
    services:
      web:
        image: ${IMAGE}
        command: sh -c "trap 'echo no' TERM; echo up; while true; do sleep 0.1; done"
        stop_grace_period: 60s
    """

  @Test("one SIGINT stops gracefully: containers get their signal, the exit code is 130")
  func interrupt() async throws {
    try await scenario(Self.polite) { berth in
      let up = try berth.start(["up"])
      try await eventually("the first line") { up.outputSoFar.contains("web-1  | up") }
      up.signal(SIGINT)
      let result = try await up.wait()
      berth.remember()
      #expect(result.exitCode == 130)
      #expect(result.output.contains("web-1  | bye"), "\(result)")
      #expect(try await berth.states() == ["shop-web-1": "exited"])
      #expect(try await berth.row("shop-web-1").exitCode == 0)
    }
  }

  @Test("a second SIGINT kills what does not listen")
  func interruptTwice() async throws {
    try await scenario(Self.deaf) { berth in
      let up = try berth.start(["up"])
      try await eventually("the first line") { up.outputSoFar.contains("web-1  | up") }
      up.signal(SIGINT)
      try await eventually("the first signal inside") { up.outputSoFar.contains("web-1  | no") }
      #expect(up.isRunning)
      up.signal(SIGINT)
      let result = try await up.wait()
      berth.remember()
      #expect(result.exitCode == 130)
      #expect(result.duration < .seconds(30))
      #expect(try await berth.row("shop-web-1").exitCode == 137)
    }
  }

  @Test("containers go on when only the reader of an attached up is killed")
  func readerKilled() async throws {
    try await scenario(Self.polite) { berth in
      let up = try berth.start(["up"])
      try await eventually("the first line") { up.outputSoFar.contains("web-1  | up") }
      up.signal(SIGKILL)
      _ = try await up.wait()
      #expect(try await berth.states() == ["shop-web-1": "running"])
    }
  }

  @Test("--abort-on-container-exit stops the others; --exit-code-from gives a service's code")
  func abort() async throws {
    let compose = """
      x-all: &all {image: "${IMAGE}", stop_grace_period: 0s}
      services:
        job: {<<: *all, command: sh -c "sleep 0.2; exit 6"}
        rest: {<<: *all, command: sleep 1000}
      """
    try await scenario(compose) { berth in
      let aborted = try await berth("up", "--abort-on-container-exit")
      #expect(aborted.exitCode == 6)
      #expect(try await berth.states()["shop-rest-1"] == "exited")
      let coded = try await berth("up", "--exit-code-from", "job")
      #expect(coded.exitCode == 6)
    }
  }
}
