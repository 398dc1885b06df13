// Attached `up` and `run`: output on the terminal, signals to the containers.

import Journal
import Blueprint
import CLinux
import Console
import Diagnostics
import Engine
import Glibc
import Linux
import Synchronization

/// Follows the project until its containers have ended, or the user has ended them.
func attachToProject(
  _ session: Session, _ options: AttachOptions, since: Timestamp, form: LogForm
) async throws -> Int32 {
  let attachment = Attachment(session, options)
  let printer = LogPrinter(form)
  let sources = try await attachment.sources()
  printer.announce(sources)
  Output.standard.line("Attaching to \(sources.joined(separator: ", "))")
  let interruptions = Mutex(0)
  let (asked, asking) = AsyncStream.makeStream(of: Int.self)
  Signals.handle { signal in
    guard [SIGINT, SIGTERM, SIGHUP].contains(signal) else { return }
    let count = interruptions.withLock { count in
      count += 1
      return count
    }
    asking.yield(count)
  }
  defer { Signals.handle(nil) }
  return try await withThrowingTaskGroup(of: Int32?.self) { group in
    group.addTask { try await attachment.run(since: since) { printer.show($0) } }
    group.addTask {
      try await end(attachment, asked)
      return nil
    }
    var status: Int32 = 0
    while let result = try await group.next() {
      guard let result else { continue }
      status = result
      asking.finish()
    }
    return interruptions.withLock { $0 } > 0 ? 130 : status
  }
}

/// The first interruption stops with grace, the second kills; the second need not wait for the first.
private func end(_ attachment: Attachment, _ asked: AsyncStream<Int>) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for await count in asked {
      if count == 1 {
        Output.error.line("Gracefully Stopping... press Ctrl+C again to force")
        group.addTask { try await attachment.stop() }
      } else {
        group.addTask { try await attachment.kill() }
      }
    }
    try await group.waitForAll()
  }
}

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
