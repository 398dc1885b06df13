// What a running shim is asked: pausing, joining, input, and health over time; exec in a container.

import Blueprint
import CLinux
import Control
import Glibc
import Linux
import Runtime
import SystemPackage
import Testing

@Suite("A running shim answers", .serialized, .enabled(if: TestContainer.needsRoot))
struct RequestTests {
  @Test("pause holds every process, unpause lets them go on")
  func pause() throws {
    let container = try TestContainer([
      "sh", "-c", "while :; do echo tick; sleep 0.01; done",
    ])
    try container.start()
    try container.wait { try container.log().count > 2 }
    try container.client.pause()
    #expect(try container.state().status == .paused)
    usleep(50_000)
    let count = try container.log().count
    usleep(100_000)
    #expect(try container.log().count == count)
    #expect(throws: ShimFailure.self) { try container.client.pause() }
    #expect(throws: ShimFailure.self) { try container.client.join() }
    try container.client.unpause()
    #expect(try container.state().status == .running)
    try container.wait { try container.log().count > count }
    #expect(throws: ShimFailure.self) { try container.client.unpause() }
  }

  @Test("a paused container is stopped all the same")
  func stopPaused() throws {
    let container = try TestContainer([
      "sh", "-c", "trap 'exit 4' TERM; while :; do sleep 0.01; done",
    ])
    try container.start()
    usleep(50_000)
    try container.client.pause()
    #expect(
      try container.client.stop(signal: 15, graceNanoseconds: 5_000_000_000, cleanup: true) == 4)
    #expect(try container.isGone())
  }

  @Test("join gives the first process by its pidfd")
  func join() throws {
    let container = try TestContainer(["sleep", "100"])
    let pid = try container.start()
    let (joined, pidfd) = try container.client.join()
    #expect(joined == pid)
    #expect(berth_pidfd_send_signal(pidfd.raw, 0) == 0)
  }

  @Test("input reaches the program and ends with the first who attached")
  func input() throws {
    let container = try TestContainer(["sh", "-c", "cat; echo end"]) {
      $0.process.input = .openOnce
    }
    try container.start()
    do {
      let input = try container.client.input()
      #expect(write(input.raw, "hello\n", 6) == 6)
    }
    #expect(try container.finalCode() == 0)
    #expect(try container.log() == ["hello", "end"])
  }

  @Test("a container without input says so")
  func noInput() throws {
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    #expect(throws: ShimFailure.self) { try container.client.input() }
  }

  @Test("many ask at once, and who goes away harms nobody")
  func crowd() throws {
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    var waiting = try (0..<20).map { _ in try container.client.startWait() }
    waiting.removeFirst(10)
    #expect(try container.client.stop(signal: 9, graceNanoseconds: 0, cleanup: false) == 137)
    for reply in waiting { #expect(try reply.exitCode() == 137) }
  }
}

@Suite("Probes are run in the container", .serialized, .enabled(if: TestContainer.needsRoot))
struct HealthTests {
  private func health(_ script: String) -> HealthBlueprint {
    var health = HealthBlueprint(probe: .shell(Bytes(script), shell: ["/bin/sh", "-c"]))
    health.interval = .milliseconds(50)
    health.retries = 2
    health.timeout = .milliseconds(500)
    return health
  }

  @Test("healthy at once, unhealthy after so many failures, healthy again")
  func transitions() throws {
    let container = try TestContainer(["sleep", "100"]) {
      $0.health = health("echo probing; test ! -e /tmp/sick")
    }
    try container.start()
    let healthy = try container.state { $0.health?.status == .healthy }
    #expect(healthy.health?.results.last?.output == "probing\n")
    #expect(try container.exec(["sh", "-c", "echo x > /tmp/sick"]).code == 0)
    let sick = try container.state { $0.health?.status == .unhealthy }
    #expect(sick.health?.failingStreak ?? 0 >= 2)
    #expect(sick.status == .running, "nothing is done about it")
    #expect(try container.exec(["busybox", "rm", "/tmp/sick"]).code == 0)
    let well = try container.state { $0.health?.status == .healthy }
    #expect(well.health?.failingStreak == 0)
    #expect(well.health?.results.count ?? 0 <= 5)
  }

  @Test("a probe that takes too long is ended with what it has started")
  func timeout() throws {
    var slow = health("echo slow; sleep 77 & sleep 77")
    slow.timeout = .milliseconds(100)
    slow.retries = 1
    let container = try TestContainer(["sleep", "100"]) { $0.health = slow }
    try container.start()
    let state = try container.state { $0.health?.status == .unhealthy }
    let result = try #require(state.health?.results.last)
    #expect(result.exitCode == -1)
    #expect(result.output.text.hasPrefix("Health check exceeded timeout (100ms)"))
    _ = try container.client.stop(signal: 9, graceNanoseconds: 0, cleanup: false)
    #expect(try container.isGone())
  }

  @Test("much output does not block a probe, and 4096 bytes of it are kept")
  func output() throws {
    let container = try TestContainer(["sleep", "100"]) { $0.health = health("seq 1 100000") }
    try container.start()
    let state = try container.state { $0.health?.status == .healthy }
    #expect(state.health?.results.last?.output.raw.count == 4096)
  }

  @Test("a probe that cannot be started is a failure with its reason")
  func missing() throws {
    let container = try TestContainer(["sleep", "100"]) {
      $0.health = HealthBlueprint(probe: .exec(["no-such-probe"]))
      $0.health?.interval = .milliseconds(20)
      $0.health?.retries = 1
    }
    try container.start()
    let state = try container.state { $0.health?.status == .unhealthy }
    #expect(state.health?.results.last?.exitCode == 127)
    #expect(state.health?.results.last?.output.text.contains("no-such-probe") == true)
  }
}

@Suite("exec runs a command in a container", .serialized, .enabled(if: TestContainer.needsRoot))
struct ExecTests {
  @Test(
    "exit codes are the command's, 126 and 127 as shells have them",
    arguments: [
      (["true"], 0 as Int32), (["sh", "-c", "exit 42"], 42 as Int32),
      (["sh", "-c", "kill -9 $$"], 137 as Int32),
      (["no-such-command"], 127 as Int32), (["/tmp"], 126 as Int32),
    ])
  func codes(_ command: [String], _ code: Int32) throws {
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    #expect(try container.exec(command).code == code)
  }

  @Test("it sees the container's processes, files, name and environment")
  func inside() throws {
    let container = try TestContainer(["sleep", "100"]) { $0.process.environment.append("A=one") }
    try container.start()
    let result = try container.exec(
      [
        "sh", "-c",
        "echo $A $B; busybox hostname; busybox pwd; busybox id -u; busybox ps | busybox grep -c sleep",
      ],
      options: ["--env", "B=two", "--workdir", "/tmp", "--user", "1000"])
    #expect(
      result.output == "one two\ntest\n/tmp\n1000\n1\n"
        || result.output.hasPrefix("one two\ntest\n/tmp\n1000\n"))
    #expect(result.code == 0)
  }

  @Test("input and errors go through our own streams")
  func streams() throws {
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    let result = try container.exec(["sh", "-c", "cat; echo oops >&2"], input: "in\n")
    #expect(result.output == "in\noops\n")
  }

  @Test("a terminal is one, of its own")
  func terminal() throws {
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    let result = try container.exec(
      ["sh", "-c", "test -t 0 && test -t 1 && echo $TERM; exit 6"], options: ["--tty"])
    #expect(result.output == "xterm\r\n")
    #expect(result.code == 6)
  }

  @Test("signals go to the command")
  func signals() throws {
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    let exec = try container.startExec(
      ["sh", "-c", "trap 'exit 33' TERM; echo up; while :; do sleep 0.01; done"])
    #expect(try exec.readLine() == "up")
    Glibc.kill(exec.pid, SIGTERM)
    #expect(try exec.finish().code == 33)
  }

  @Test("a detached command goes on when exec has ended")
  func detached() throws {
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    let result = try container.exec(
      ["sh", "-c", "sleep 0.1; echo late > /tmp/late; sleep 100"], options: ["--detach"])
    #expect(result.code == 0)
    try container.wait { try container.exec(["cat", "/tmp/late"]).output == "late\n" }
    #expect(try container.exec(["no-such-command"], options: ["--detach"]).code == 127)
    _ = try container.client.stop(signal: 9, graceNanoseconds: 0, cleanup: false)
    #expect(try container.isGone())
  }

  @Test("the container ends, and so does what was executed in it")
  func containerEnds() throws {
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    let exec = try container.startExec(["sh", "-c", "echo up; sleep 100"])
    #expect(try exec.readLine() == "up")
    _ = try container.client.stop(signal: 9, graceNanoseconds: 0, cleanup: false)
    #expect(try exec.finish().code == 137)
  }

  @Test("a container that does not run is told")
  func notRunning() throws {
    let container = try TestContainer(["true"])
    let result = try container.exec(["true"])
    #expect(result.code == 1)
    #expect(result.output.hasPrefix("error: the container is not running"))
  }

  @Test(
    "mistakes in its own words are told",
    arguments: [
      ["exec"], ["fly"], ["exec", "--container", "relative"], ["run", "--fast"],
      ["exec", "--container", "/a", "--run", "/b", "--"],
    ])
  func usage(_ words: [String]) throws {
    let container = try TestContainer(["true"])
    let result = try container.shim(words)
    #expect(result.code == 125)
    #expect(result.output.hasPrefix("berth-shim: "))
  }
}
