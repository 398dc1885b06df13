// Health probes of one run: starts them when they are due, ends those that take too long.

import Blueprint
import CLinux
import Cgroups
import ContainerInit
import Glibc
import Linux
import SystemPackage

final class HealthMonitor {
  private let blueprint: ContainerBlueprint
  private let health: HealthBlueprint
  private let cgroup: Cgroup
  private let pidfd: SharedDescriptor
  private let loop: EventLoop
  private let onChange: () -> Void
  private var machine: HealthMachine
  private var probe: Probe?
  /// When the container was frozen; nil while it is not.
  private var pausedAt: Int64?

  var state: HealthState { machine.state }

  init(
    _ blueprint: ContainerBlueprint, _ health: HealthBlueprint, cgroup: Cgroup,
    pidfd: SharedDescriptor, loop: EventLoop, onChange: @escaping () -> Void
  ) {
    self.blueprint = blueprint
    self.health = health
    self.cgroup = cgroup
    self.pidfd = pidfd
    self.loop = loop
    self.onChange = onChange
    machine = HealthMachine(health, startedAt: monotonicNow())
  }

  /// While the container is frozen no probe can come to its end: its time stands still, and nobody
  /// waits for the next step of its start.
  func pause() {
    pausedAt = pausedAt ?? monotonicNow()
    if let probe { loop.forget(probe.progress) }
  }

  func unpause() {
    guard let begun = pausedAt else { return }
    pausedAt = nil
    guard let probe else { return }
    probe.wait(monotonicNow() - begun)
    // What cannot be watched runs out of time.
    if probe.isStarting { try? loop.watch(probe.progress) { [unowned self] _ in advance() } }
  }

  /// When `expire` is to be called.
  var deadline: Int64? {
    if pausedAt != nil { return nil }
    if let probe { return probe.isTimedOut ? nil : probe.deadline }
    return machine.nextProbe
  }

  func expire(_ now: Int64) {
    if pausedAt != nil { return }
    if let probe {
      if now >= probe.deadline, !probe.isTimedOut { probe.timeOut() }
    } else if now >= machine.nextProbe {
      start(now)
    }
  }

  /// Takes the exit of a probe; false when `pid` is none of its own.
  func reaped(_ pid: pid_t, status: CInt) -> Bool {
    guard let probe, probe.pid == pid else { return false }
    finish(probe, exitCode(ofStatus: status))
    return true
  }

  /// The container has ended: a probe that runs ended with it.
  func stop() {
    if let probe { forget(probe) }
  }

  private func start(_ now: Int64) {
    let timeout = max(health.timeout.count, 1_000_000)
    do {
      let probe = try Probe(request, began: now, timeout: timeout)
      self.probe = probe
      try loop.watch(probe.progress) { [unowned self] _ in advance() }
      try loop.watch(probe.output.raw) { [unowned self] _ in read() }
    } catch {
      if let probe {
        probe.timeOut()
        forget(probe)
      }
      record(exitCode: 1, output: Array("\(error)".utf8), began: now, wall: wallNow())
    }
  }

  private func request(_ output: SharedDescriptor, _ input: SharedDescriptor) -> JoinRequest {
    let arguments: [Bytes] =
      switch health.probe {
      case .exec(let arguments): arguments
      case .shell(let text, let shell): shell + [text]
      }
    return JoinRequest(
      pidfd: pidfd.raw, blueprint: blueprint, cgroup: cgroup, arguments: arguments,
      environment: blueprint.process.environment,
      streams: .inherited(input: input.raw, output: output.raw, error: output.raw))
  }

  private func advance() {
    guard let probe else { return }
    if !probe.advance() { loop.forget(probe.progress) }
  }

  private func read() {
    guard let probe else { return }
    if !probe.read() { loop.forget(probe.output.raw) }
  }

  private func finish(_ probe: Probe, _ code: Int32) {
    _ = probe.advance()
    _ = probe.read()
    forget(probe)
    if probe.isTimedOut {
      let text = "Health check exceeded timeout (\(duration(health.timeout)))"
      let tail = probe.collected.isEmpty ? [] : Array(": ".utf8) + probe.collected
      record(
        exitCode: -1, output: Array(text.utf8) + tail, began: probe.began, wall: probe.beganWall)
    } else {
      record(
        exitCode: probe.failure?.exitCode ?? code,
        output: probe.failure.map { Array("\($0.stage): \($0.message)".utf8) } ?? probe.collected,
        began: probe.began, wall: probe.beganWall)
    }
  }

  private func forget(_ probe: Probe) {
    loop.forget(probe.progress)
    loop.forget(probe.output.raw)
    self.probe = nil
  }

  private func record(exitCode: Int32, output: [UInt8], began: Int64, wall: Int64) {
    machine.probed(
      HealthState.Result(
        startedAt: Timestamp(nanoseconds: wall), endedAt: Timestamp(nanoseconds: wallNow()),
        exitCode: exitCode, output: Bytes(output.prefix(HealthMachine.outputLimit))),
      began: began, now: monotonicNow())
    onChange()
  }
}

/// As docker writes spans in this message: `30s`, `1.5s`, `250ms`.
func duration(_ span: Nanoseconds) -> String {
  let (unit, size): (String, Int64) =
    span.count >= 1_000_000_000 ? ("s", 1_000_000_000) : ("ms", 1_000_000)
  let whole = span.count / size
  let thousandths = span.count % size / (size / 1000)
  if thousandths == 0 { return "\(whole)\(unit)" }
  var digits = String(String(thousandths + 1000).dropFirst())
  while digits.hasSuffix("0") { digits.removeLast() }
  return "\(whole).\(digits)\(unit)"
}

/// One probe that runs.
private final class Probe {
  private enum Stage {
    case settingUp
    case executing
    case running
  }

  private var process: LaunchedContainer
  private var stage = Stage.settingUp
  let output: SharedDescriptor
  let began: Int64
  let beganWall = wallNow()
  private(set) var deadline: Int64
  private(set) var isTimedOut = false
  private(set) var collected: [UInt8] = []
  private(set) var failure: LaunchFailure?

  var isStarting: Bool { stage != .running }
  var pid: pid_t { process.pid }
  var progress: CInt { process.progress }

  init(
    _ request: (_ output: SharedDescriptor, _ input: SharedDescriptor) -> JoinRequest,
    began: Int64, timeout: Int64
  ) throws {
    let pipe = try pipeEnds()
    let null = SharedDescriptor(try Descriptor.open("/dev/null", O_RDONLY))
    _ = berth_fcntl(pipe.reading.raw, F_SETFL, Int(O_NONBLOCK))
    process = try joinContainer(request(pipe.writing, null))
    output = pipe.reading
    self.began = began
    let (sum, overflow) = began.addingReportingOverflow(timeout)
    deadline = overflow ? .max : sum
  }

  /// Gives it more time.
  func wait(_ span: Int64) {
    let (sum, overflow) = deadline.addingReportingOverflow(span)
    deadline = overflow ? .max : sum
  }

  /// Takes the next step of its start; false when there is none left.
  func advance() -> Bool {
    do throws(LaunchFailure) {
      switch stage {
      case .settingUp:
        try process.waitUntilReady()
        process.proceed()
        stage = .executing
        return true
      case .executing:
        try process.waitForExec()
        stage = .running
        return false
      case .running:
        return false
      }
    } catch {
      failure = error
      stage = .running
      return false
    }
  }

  /// Takes what it has written; false at the end.
  func read() -> Bool {
    withUnsafeTemporaryAllocation(byteCount: HealthMachine.outputLimit, alignment: 8) { buffer in
      while true {
        let count = Glibc.read(output.raw, buffer.baseAddress, buffer.count)
        if count == 0 { return false }
        if count < 0 { return Errno.current == .wouldBlock || Errno.current == .interrupted }
        // What is beyond the limit is read all the same: a full pipe would block the probe.
        let room = HealthMachine.outputLimit - collected.count
        collected.append(contentsOf: buffer[..<min(room, count)])
      }
    }
  }

  /// Ends it with all that it has started: it leads a session and process group of its own.
  func timeOut() {
    isTimedOut = true
    kill(-pid, SIGKILL)
    _ = berth_pidfd_send_signal(process.pidfd.raw, SIGKILL)
  }
}
