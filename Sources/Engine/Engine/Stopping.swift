// One container stopped: with the time that it is granted, unless that would be spent for nothing.

import Blueprint
import CLinux
import Cgroups
import Control
import Diagnostics
import Glibc
import Linux
import Planning
import Store
import SystemPackage

/// Between two looks at a process that may yet learn to take the signal.
private let lookInterval = UInt32(5_000)
/// It ends much earlier: a process that is looked at is grown after a second.
private let mostLooks = 400

extension Session {
  /// Stops and waits until nothing of it runs. One that does not run is no error.
  ///
  /// - Parameter timeout: seconds in place of the container's own; negative waits for ever.
  func stop(_ blueprint: ContainerBlueprint, timeout: Int?) throws {
    var grace = timeout.map { Nanoseconds(secondsOrForever: $0) } ?? blueprint.stop.grace
    let client = ShimClient(runFolder: layout.running(blueprint.id))
    do {
      if grace.count != 0, !hears(blueprint, client) {
        tellDeaf(blueprint, waits: grace.count < 0)
        grace = Nanoseconds(min(0, grace.count))
      }
      _ = try client.stop(
        signal: blueprint.stop.signal, graceNanoseconds: grace.count, cleanup: false)
    } catch ControlError.notRunning, ControlError.lost {
      // It ended by itself meanwhile; what it left is swept like after any loss.
    }
    try unpublish(blueprint)
  }

  /// Sends a signal to a container that runs.
  func kill(_ blueprint: ContainerBlueprint, signal: Int32) throws {
    do {
      try ShimClient(runFolder: layout.running(blueprint.id)).kill(signal: signal)
    } catch ControlError.notRunning, ControlError.lost {
      // It ended by itself meanwhile.
    }
  }

  /// Whether the stop signal reaches the first process. What cannot be told is taken for yes: then the
  /// container gets its time.
  private func hears(_ blueprint: ContainerBlueprint, _ client: ShimClient) -> Bool {
    if blueprint.sharing.pid != .own || blueprint.process.usesInit { return true }
    // One that waits for its next start has none.
    guard let (pid, pidfd) = try? client.firstProcess() else { return true }
    var reach = SignalReach(signal: blueprint.stop.signal)
    let clock = ContinuousClock()
    let begun = clock.now
    for _ in 0..<mostLooks {
      guard let masks = processStatus(pid).flatMap(SignalMasks.init), let age = processAge(pid)
      else { return true }
      // The number is the process's as long as its descriptor lives: what was read was its own.
      guard !hasEnded(pidfd) else { return true }
      switch reach.look(
        masks, at: clock.now - begun, age: age, hasChildren: processHasChildren(pid))
      {
      case .reached: return true
      case .never: return false
      case .lookAgain: usleep(lookInterval)
      }
    }
    return true
  }

  private func tellDeaf(_ blueprint: ContainerBlueprint, waits: Bool) {
    let service = blueprint.labels[Label.service] ?? blueprint.name
    tell(
      .warning(
        Diagnostic(
          "`\(service)` cannot receive \(signalName(blueprint.stop.signal)): its first process has "
            + "no handler; " + (waits ? "it is waited for all the same" : "killed at once"),
          severity: .warning,
          hint: "set `init: true`, start the program with `exec` in the entrypoint, or handle the "
            + "signal")))
  }
}

extension Nanoseconds {
  /// Negative is for ever, and what is too long to be counted is longer than anybody waits.
  init(secondsOrForever seconds: Int) {
    guard seconds >= 0 else {
      self.init(-1)
      return
    }
    let (product, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    self.init(overflow ? .max : product)
  }
}

private func hasEnded(_ pidfd: SharedDescriptor) -> Bool {
  var watched = pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0)
  return poll(&watched, 1, 0) > 0
}
