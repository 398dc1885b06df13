// What a running shim does when it is asked over its control socket.

import Blueprint
import Cgroups
import Control
import Glibc
import Linux
import SystemPackage

extension Supervisor {
  func answer(_ request: ControlRequest, _ connection: ControlConnection) {
    do {
      switch request {
      case .stop(let signal, let grace, let cleanup):
        if !cleanup { releasesNetwork = false }
        connection.isWaiting = true
        stop(signal: signal, grace: grace)
      case .wait:
        connection.isWaiting = true
      case .kill(let signal):
        try kill(signal)
        connection.reply(.done)
      case .pause:
        try pause()
        connection.reply(.done)
      case .unpause:
        try unpause()
        connection.reply(.done)
      case .join, .view:
        let run = try runningRun()
        if request == .join, state.status == .paused { throw Refusal.paused }
        connection.reply(.joined(pid: run.pid), [run.pidfd.raw])
      case .namespace:
        guard let namespace = network.namespace else { throw Refusal.noNetwork }
        connection.reply(.done, [namespace.raw])
      case .renetwork:
        try takeNetworks()
        connection.reply(.done)
      case .input:
        let run = try runningRun()
        guard let input = run.giveInput(blueprint.process.input) else { throw Refusal.noInput }
        connection.reply(.done, [input.raw])
      }
    } catch Refusal.notRunning {
      connection.reply(.notRunning)
    } catch let refusal as Refusal {
      connection.reply(.failed(refusal.failure))
    } catch {
      connection.reply(.failed(ShimFailure(stage: "\(request)", error)))
    }
  }

  enum Refusal: Error {
    case notRunning
    case paused
    case notPaused
    case noInput
    case noNetwork

    var failure: ShimFailure {
      let message =
        switch self {
        case .notRunning: "the container is not running"
        case .paused: "the container is paused"
        case .notPaused: "the container is not paused"
        case .noInput: "the container's input is not open"
        case .noNetwork: "the container has the host's network"
        }
      return ShimFailure(stage: "asking the container", message: message)
    }
  }

  /// Ends the container by the user's will.
  private func stop(signal: Int32, grace: Int64) {
    state.stoppedByUser = true
    end(signal: signal, grace: grace)
  }

  /// Ends the container for good: `signal` first, all that is left after `grace` nanoseconds;
  /// a negative grace never ends.
  func end(signal: Int32, grace: Int64) {
    restart.stopByUser()
    switch phase {
    case .running(let run):
      isStopping = true
      if grace != 0 { send(signal, to: run) }
      if grace >= 0 {
        let (deadline, overflow) = monotonicNow().addingReportingOverflow(grace)
        killAt = min(killAt ?? .max, overflow ? .max : deadline)
      }
      // Frozen processes take no signal before they are thawed.
      if state.status == .paused { try? unpause() }
      if grace == 0 {
        killAt = nil
        records.tell(.kill(SIGKILL))
        killAll()
      }
    case .restarting:
      phase = .ended
    case .starting, .ended:
      break
    }
  }

  private func kill(_ signal: Int32) throws {
    if case .restarting = phase, signal == SIGKILL {
      stop(signal: signal, grace: 0)
      return
    }
    let run = try runningRun()
    guard (1..<65).contains(signal) else {
      throw SystemCallError("kill", "signal \(signal)", .invalidArgument)
    }
    if signal == SIGKILL || signal == blueprint.stop.signal || signal == SIGTERM {
      restart.stopByUser()
      state.stoppedByUser = true
      save()
      if state.status == .paused { try unpause() }
    }
    if signal == SIGKILL {
      records.tell(.kill(SIGKILL))
      killAll()
    } else {
      send(signal, to: run)
    }
  }

  private func send(_ signal: Int32, to run: ContainerRun) {
    records.tell(.kill(signal))
    run.signal(signal)
  }

  private func pause() throws {
    _ = try runningRun()
    if state.status == .paused { throw Refusal.paused }
    try cgroup.freeze()
    health?.pause()
    state.status = .paused
    save()
    records.tell(.pause)
  }

  private func unpause() throws {
    _ = try runningRun()
    guard state.status == .paused else { throw Refusal.notPaused }
    try cgroup.thaw()
    health?.unpause()
    state.status = .running
    save()
    records.tell(.unpause)
  }

  private func runningRun() throws(Refusal) -> ContainerRun {
    guard case .running(let run) = phase else { throw .notRunning }
    return run
  }
}
