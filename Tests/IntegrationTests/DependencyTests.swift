import Glibc
import TestSupport
import Testing

@Suite("depends_on, healthchecks and restart policies are kept", .enabled(if: isRoot))
struct DependencyTests {
  @Test("service_started: the dependency has started before")
  func started() async throws {
    let compose = """
      x-all: &all {image: "${IMAGE}", command: sh -c "date +%s%N; exec sleep 1000"}
      services:
        first: {<<: *all}
        second: {<<: *all, depends_on: [first]}
        third: {<<: *all, depends_on: [second]}
      """
    try await scenario(compose) { berth in
      let up = try await berth.succeeds("--progress", "plain", "up", "-d").errorOutput
      let order = [
        "shop-first-1 Started", "shop-second-1 Starting", "shop-second-1 Started",
        "shop-third-1 Starting",
      ]
      var rest = Substring(up)
      for text in order {
        guard let found = rest.firstRange(of: text) else {
          throw TestFailure("`\(text)` does not follow in:\n\(up)")
        }
        rest = rest[found.upperBound...]
      }
    }
  }

  @Test("service_healthy: waits for health, which goes from starting to healthy")
  func healthy() async throws {
    let compose = """
      x-all: &all {image: "${IMAGE}", stop_grace_period: 0s}
      services:
        db:
          <<: *all
          command: sh -c "sleep 0.7; touch /tmp/ready; exec sleep 1000"
          healthcheck: {test: test -e /tmp/ready, interval: 200ms, retries: 50}
          volumes: ["shared:/shared"]
        web:
          <<: *all
          command: sh -c "echo started; exec sleep 1000"
          depends_on: {db: {condition: service_healthy}}
      volumes: {shared: }
      """
    try await scenario(compose) { berth in
      let up = try berth.start(["up", "-d"])
      try await eventually("db to be starting") {
        try await berth.rows()["shop-db-1"]?.health == "starting"
      }
      #expect(try await berth.rows()["shop-web-1"]?.state != "running")
      #expect(try await up.wait().exitCode == 0)
      let db = try await berth.row("shop-db-1")
      #expect(db.health == "healthy")
      #expect(db.status.hasSuffix("(healthy)"))
      #expect(try await berth.row("shop-web-1").state == "running")
    }
  }

  @Test("service_healthy that never comes: up fails and the dependent is not started")
  func unhealthy() async throws {
    let compose = """
      x-all: &all {image: "${IMAGE}", command: sleep 1000}
      services:
        db: {<<: *all, healthcheck: {test: exit 1, interval: 100ms, retries: 2}}
        web: {<<: *all, depends_on: {db: {condition: service_healthy}}}
      """
    try await scenario(compose) { berth in
      let up = try await berth("up", "-d")
      #expect(up.exitCode == 1)
      #expect(up.errorOutput.contains("shop-db-1") && up.errorOutput.contains("unhealthy"))
      #expect(try await berth.states() == ["shop-db-1": "running", "shop-web-1": "created"])
      #expect(try await berth.row("shop-db-1").health == "unhealthy")
    }
  }

  @Test("health follows the program: healthy, unhealthy, healthy again")
  func transitions() async throws {
    let compose = """
      services:
        web:
          image: ${IMAGE}
          command: sleep 1000
          healthcheck: {test: ["CMD", "test", "!", "-e", "/tmp/ill"], interval: 100ms, retries: 2}
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d", "--wait")
      #expect(try await berth.row("shop-web-1").health == "healthy")
      try await berth.succeeds("exec", "web", "touch", "/tmp/ill")
      try await eventually("illness") {
        try await berth.row("shop-web-1").health == "unhealthy"
      }
      try await berth.succeeds("exec", "web", "rm", "/tmp/ill")
      try await eventually("recovery") { try await berth.row("shop-web-1").health == "healthy" }
    }
  }

  private static func job(_ code: Int) -> String {
    """
    x-all: &all {image: "${IMAGE}", stop_grace_period: 0s}
    services:
      job: {<<: *all, command: sh -c "sleep 0.2; exit \(code)"}
      web:
        <<: *all
        command: sleep 1000
        depends_on: {job: {condition: service_completed_successfully}}
    """
  }

  @Test("service_completed_successfully: the dependent starts once the job has ended well")
  func completed() async throws {
    try await scenario(Self.job(0)) { berth in
      try await berth.succeeds("up", "-d")
      #expect(try await berth.states() == ["shop-job-1": "exited", "shop-web-1": "running"])
    }
  }

  @Test("a job that fails keeps its dependents from starting, and up says so")
  func failed() async throws {
    try await scenario(Self.job(3)) { berth in
      let up = try await berth("up", "-d")
      #expect(up.exitCode == 1)
      #expect(up.errorOutput.contains("job") && up.errorOutput.contains("3"))
      #expect(try await berth.states() == ["shop-job-1": "exited", "shop-web-1": "created"])
    }
  }

  @Test("restart: always brings an ended service back, each time after a longer wait")
  func always() async throws {
    let compose = """
      services:
        web: {image: "${IMAGE}", command: echo start, restart: always}
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      var times: [Int64] = []
      try await eventually("five starts", within: .seconds(20)) {
        times = try await berth.succeeds("logs", "-t", "--no-log-prefix").lines.compactMap {
          milliseconds($0)
        }
        return times.count >= 5
      }
      let gaps = zip(times, times.dropFirst()).map { $1 - $0 }.prefix(4)
      // 100, 200, 400 and 800 ms, and what the start takes.
      for (gap, least) in zip(gaps, [95, 195, 395, 795] as [Int64]) { #expect(gap >= least) }
      #expect(["running", "restarting"].contains(try await berth.row("shop-web-1").state))
    }
  }

  @Test("restart: on-failure:2 tries twice more, and leaves a success alone")
  func onFailure() async throws {
    let compose = """
      x-all: &all {image: "${IMAGE}", restart: "on-failure:2"}
      services:
        bad: {<<: *all, command: sh -c "echo tried; exit 9"}
        good: {<<: *all, command: echo tried}
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.waitForState("exited", of: "shop-bad-1")
      try await berth.waitForState("exited", of: "shop-good-1")
      let bad = try await berth.succeeds("logs", "--no-log-prefix", "bad").lines
      #expect(bad == ["tried", "tried", "tried"])
      #expect(try await berth.row("shop-bad-1").exitCode == 9)
      #expect(try await berth.succeeds("logs", "--no-log-prefix", "good").lines == ["tried"])
      #expect(berth.shims().isEmpty)
    }
  }

  @Test("a service with restart: unless-stopped that is stopped stays so")
  func unlessStopped() async throws {
    let compose = """
      services:
        web: {image: "${IMAGE}", command: sleep 1000, restart: unless-stopped}
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      // From outside: a kill -9 of PID 1 from inside is not heard.
      let pid = try await berth.pidOfFirstProcess("shop-web-1")
      kill(pid, SIGKILL)
      try await eventually("another process") {
        // Between two processes there is none.
        let now = try? await berth.pidOfFirstProcess("shop-web-1")
        return try await berth.row("shop-web-1").state == "running" && now != nil && now != pid
      }
      try await berth.succeeds("stop", "-t", "0")
      #expect(try await berth.states() == ["shop-web-1": "exited"])
      #expect(berth.shims().isEmpty)
    }
  }
}

/// The time at the start of a line, in milliseconds of its day.
private func milliseconds(_ line: String) -> Int64? {
  // 2026-01-01T10:20:30.123456789Z
  let bytes = Array(line.utf8)
  guard bytes.count > 23, bytes[10] == UInt8(ascii: "T") else { return nil }
  func number(_ range: Range<Int>) -> Int64 {
    bytes[range].reduce(0) { $0 * 10 + Int64($1) - 48 }
  }
  return ((number(11..<13) * 60 + number(14..<16)) * 60 + number(17..<19)) * 1000 + number(20..<23)
}
