// Attached `run`: output on the terminal, signals to the container.

import Journal
import CLinux
import Console
import Engine
import Glibc
import Linux

/// Runs a one-off container in front of the user; its exit code.
func runAttached(_ session: Session, _ prepared: PreparedRun) async throws -> Int32 {
  var started = try await session.runStart(prepared)
  defer { RawTerminal.restoreIfChanged() }
  let master = connectInput(&started)
  let run = started
  Signals.handle { signal in
    if signal == SIGWINCH {
      if let master { RawTerminal.copySize(to: master.raw) }
      return
    }
    // It may have ended in the same moment; then there is nobody to signal.
    try? session.runSignal(run, signal)
  }
  defer { Signals.handle(nil) }
  try await session.runOutput(run) { event in
    guard case .lines(let batches) = event else { return }
    for batch in batches {
      (batch.lines.stream == .error ? Output.error : Output.standard).write(batch.lines.bytes)
    }
  }
  return try await session.runFinish(run)
}

/// Passes our input on to the container; its terminal, where it has one. Nobody else may keep the
/// pipe of a container without terminal: the pump closes it, and that is the end of the input inside.
private func connectInput(_ run: inout AttachedRun) -> SharedDescriptor? {
  guard let input = run.takeInput() else { return nil }
  if run.hasTerminal {
    RawTerminal.copySize(to: input.raw)
    if run.isTypedTo { RawTerminal.enter() }
  }
  if run.isTypedTo { pumpInput(to: input.raw) { withExtendedLifetime(input) {} } }
  return run.hasTerminal ? input : nil
}
