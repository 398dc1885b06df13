// Real shims with real containers: exits, restarts, stops, and what stays after.

import Blueprint
import CLinux
import Control
import Glibc
import Linux
import Runtime
import Store
import SystemPackage
import Testing

@Suite("A shim runs a container", .serialized, .enabled(if: TestContainer.needsRoot))
struct ShimTests {
  @Test("the exit code is the program's", arguments: [0, 7, 255])
  func exitCode(_ code: Int32) throws {
    let container = try TestContainer(["sh", "-c", "exit \(code)"])
    try container.start()
    #expect(try container.finalCode() == code)
    #expect(try container.isGone())
    let record = try container.exitRecord()
    #expect(record.status == .exited)
    #expect(record.exitCode == code)
    #expect(!record.stoppedByUser && !record.oomKilled)
    #expect(record.restartCount == 0)
    #expect(access(container.client.folder.string, F_OK) != 0, "the run folder is gone")
  }

  @Test("both streams reach the journal whole, and the last line without its newline")
  func logs() throws {
    let container = try TestContainer([
      "sh", "-c", "seq 1 20000; echo wrong >&2; echo -n last",
    ])
    try container.start()
    _ = try container.finalCode()
    let lines = try container.log()
    #expect(lines.filter { Int($0) != nil } == (1...20000).map { "\($0)" })
    #expect(lines.contains("wrong"))
    #expect(lines.last == "last" || lines.last == "wrong")
    #expect(lines.count == 20002)
  }

  @Test("a terminal's output is one stream with returns")
  func terminal() throws {
    let container = try TestContainer(["sh", "-c", "test -t 0 && test -t 2 && echo yes"]) {
      $0.process.terminal = true
    }
    try container.start()
    #expect(try container.finalCode() == 0)
    #expect(try container.log() == ["yes\r"])
  }

  @Test("what is true is written down while it runs")
  func state() throws {
    let container = try TestContainer(["sleep", "100"])
    let pid = try container.start()
    let state = try container.state()
    #expect(state.status == .running)
    #expect(state.pid == pid)
    #expect(state.startedAt != nil && state.finishedAt == nil && state.exitCode == nil)
    #expect(container.client.isAlive)
    let shim = try #require(state.shimPid)
    #expect(getsid(shim) == shim, "it survives the terminal")
  }

  @Test(
    "a program that cannot be started is told, and nothing stays",
    arguments: [
      ("nothing-like-it", 127 as Int32), ("/tmp", 126 as Int32),
    ])
  func notFound(_ program: String, _ code: Int32) throws {
    let container = try TestContainer([program])
    let failure = #expect(throws: ShimFailure.self) { try container.start() }
    #expect(failure?.exitCode == code)
    #expect(try container.isGone())
    #expect(access(container.client.folder.string, F_OK) != 0)
    #expect(try container.leftCgroups().isEmpty)
  }

  @Test("when berth goes before `go`, all is undone", arguments: 0...2)
  func givenUp(_ step: Int) throws {
    let container = try TestContainer(["sleep", "100"])
    do {
      let shim = try container.spawn()
      _ = try shim.born()
      if step > 0 { try shim.networkReady(ports: []) }
      if step > 1 { try shim.ready() }
      container.letGo()
    }
    #expect(try container.isGone())
    #expect(access(container.client.folder.string, F_OK) != 0)
    #expect(try container.leftCgroups().isEmpty)
  }

  @Test("the network namespace is its own, with `lo` up, and comes with `born`")
  func network() throws {
    let container = try TestContainer(["cat", "/sys/class/net/lo/operstate", "/proc/net/dev"])
    let shim = try container.spawn()
    let namespace = try #require(try shim.born())
    var (own, other) = (stat(), stat())
    #expect(stat("/proc/self/ns/net", &own) == 0 && fstat(namespace.raw, &other) == 0)
    #expect(own.st_ino != other.st_ino)
    try shim.networkReady(ports: [])
    try shim.ready()
    try shim.go()
    _ = try shim.started()
    _ = try container.finalCode()
    #expect(try container.log().contains { $0.contains("lo:") })
  }

  @Test("sockets that reserve ports are held for the container's life")
  func ports() throws {
    let container = try TestContainer(["sleep", "100"])
    let listener = Descriptor(owning: socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener.raw, address, size) == 0 && getsockname(listener.raw, address, &size) == 0
      }
    }
    try #require(port)
    let shim = try container.spawn()
    _ = try shim.born()
    try shim.networkReady(ports: [listener.raw])
    try shim.ready()
    try shim.go()
    _ = try shim.started()
    close(listener.release())
    #expect(try bindAgain(address) == EADDRINUSE)
    _ = try container.client.stop(signal: 9, graceNanoseconds: 0, cleanup: false)
    #expect(try bindAgain(address) == 0)
  }

  private func bindAgain(_ address: sockaddr_in) throws -> CInt {
    let other = Descriptor(owning: socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0))
    var address = address
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(other.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    return result == 0 ? 0 : errno
  }
}

@Suite(
  "A container ends when and as it is told", .serialized, .enabled(if: TestContainer.needsRoot))
struct StopTests {
  @Test("a program that takes the signal ends with its own code")
  func graceful() throws {
    let container = try TestContainer([
      "sh", "-c", "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done",
    ])
    try container.start()
    try container.wait { try container.log() == ["up"] }
    #expect(
      try container.client.stop(signal: 15, graceNanoseconds: 5_000_000_000, cleanup: true) == 3)
    #expect(try container.log() == ["up", "bye"])
    #expect(try container.exitRecord().stoppedByUser)
    #expect(try container.isGone())
  }

  @Test("a program that does not is killed after the grace: 137", arguments: [0, 200_000_000])
  func grace(_ nanoseconds: Int64) throws {
    // PID 1 of a namespace ignores what it has no handler for.
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    #expect(
      try container.client.stop(signal: 15, graceNanoseconds: nanoseconds, cleanup: true) == 137)
    #expect(try container.isGone())
    #expect(try container.leftCgroups().isEmpty)
  }

  @Test("a stop holds against `restart: always`, also between two runs")
  func stopRestarting() throws {
    let container = try TestContainer(["sh", "-c", "exit 5"]) { $0.restart = .always }
    try container.start()
    _ = try container.state { $0.restartCount >= 2 && $0.status == .restarting }
    #expect(
      try container.client.stop(signal: 15, graceNanoseconds: 1_000_000_000, cleanup: true) == 5)
    #expect(try container.isGone())
  }

  @Test("SIGTERM to the shim stops its container and then ends it")
  func terminateShim() throws {
    let container = try TestContainer(["sleep", "100"]) { $0.stop.grace = .milliseconds(50) }
    try container.start()
    Glibc.kill(try container.shimPid(), SIGTERM)
    #expect(try container.isGone())
    #expect(try container.exitRecord().exitCode == 137)
    #expect(try container.exitRecord().stoppedByUser == false, "the machine goes down")
  }

  @Test("SIGHUP and SIGINT do not end a shim")
  func ignored() throws {
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    let pid = try container.shimPid()
    for signal in [SIGHUP, SIGINT, SIGPIPE] { Glibc.kill(pid, signal) }
    try container.client.kill(signal: 0 + SIGCONT)
    #expect(try container.state().status == .running)
  }

  @Test("kill -9 of the shim leaves no process of the container")
  func killShim() throws {
    let container = try TestContainer([
      "sh", "-c", "sleep 100 & busybox setsid sleep 100 & sleep 100; true",
    ])
    try container.start()
    try container.wait { try container.processes().count >= 6 }
    Glibc.kill(try container.shimPid(), SIGKILL)
    #expect(try container.isGone())
    #expect(!container.client.isAlive)
    container.sweepCgroups()
  }

  @Test("a guard that was killed is replaced; the next one ends what is frozen")
  func killGuard() throws {
    let container = try TestContainer(["sleep", "100"])
    try container.start()
    let shim = try container.shimPid()
    let first = try #require(try parent(of: shim))
    Glibc.kill(first, SIGKILL)
    try container.wait {
      try container.processes().contains {
        try $0 != first && parent(of: $0) == shim && isGuard($0)
      }
    }
    try container.client.pause()
    Glibc.kill(shim, SIGKILL)
    #expect(try container.isGone())
    #expect(try container.leftCgroups().isEmpty)
  }

  private func parent(of pid: Int32) throws -> Int32? {
    let status = try Descriptor.open(FilePath("/proc/\(pid)/status"), O_RDONLY).readAll(limit: 4096)
    let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
    return lines.first { $0.hasPrefix("PPid:") }.flatMap { Int32($0.dropFirst(6)) }
  }

  private func isGuard(_ pid: Int32) throws -> Bool {
    try Descriptor.open(FilePath("/proc/\(pid)/comm"), O_RDONLY).readAll(limit: 64)
      == Array("berth-guard\n".utf8)
  }

  @Test("a process killed for want of memory is marked")
  func outOfMemory() throws {
    let container = try TestContainer(["sh", "-c", "x=$(yes)"]) {
      $0.resources.memory = 16 << 20
      $0.resources.memorySwap = 16 << 20
    }
    try container.start()
    #expect(try container.finalCode() != 0)
    #expect(try container.exitRecord().oomKilled)
    #expect(try container.isGone())
  }
}

@Suite(
  "A container starts again as its policy says", .serialized, .enabled(if: TestContainer.needsRoot))
struct RestartTests {
  @Test("on failure, so many times, with growing delays, in one journal")
  func onFailure() throws {
    let container = try TestContainer(["sh", "-c", "echo run; exit 9"]) {
      $0.restart = .onFailure(attempts: 2)
    }
    let began = monotonic()
    try container.start()
    #expect(try container.finalCode() == 9)
    #expect(monotonic() - began >= 300_000_000)
    #expect(try container.log() == ["run", "run", "run"])
    #expect(try container.exitRecord().restartCount == 2)
    #expect(try container.isGone())
  }

  @Test("what it wrote and its network stay over a restart")
  func keeps() throws {
    let container = try TestContainer([
      "sh", "-c", "cat /mark 2>/dev/null && exit 0; echo kept > /mark; exit 1",
    ]) { $0.restart = .onFailure(attempts: nil) }
    try container.start()
    #expect(try container.finalCode() == 0)
    #expect(try container.log() == ["kept"])
  }

  @Test("`always` starts again after a kill from outside, not after one by hand")
  func always() throws {
    let container = try TestContainer(["sleep", "100"]) { $0.restart = .always }
    let first = try container.start()
    Glibc.kill(first, SIGKILL)
    let state = try container.state { $0.restartCount == 1 && $0.status == .running }
    #expect(state.pid != first && state.pid != nil)
    try container.client.kill(signal: SIGKILL)
    #expect(try container.finalCode() == 137)
    #expect(try container.isGone())
    #expect(try container.exitRecord().stoppedByUser)
  }
}

func monotonic() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
