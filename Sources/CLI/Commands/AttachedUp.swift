// Attached `up`: everything is started in front of the user, who sees what it says and ends it.

import Blueprint
import Console
import Diagnostics
import Engine
import Glibc
import Synchronization

/// One attached `up`. Signals are heard from its beginning: the first stops with grace what this call is
/// about, the second kills it.
final class AttachedUp: Sendable {
  private let work: Work
  private let options: UpOptions
  private let form: LogForm
  private let hasKeys: Bool
  /// What to attach to, once it is known what there is.
  private let attaching: @Sendable (UpResult) -> AttachOptions
  private let attachment = Mutex<Attachment?>(nil)
  private let interruptions = Mutex(0)
  private let isDetached = Mutex(false)
  private let lastResort = Mutex<Task<Void, any Error>?>(nil)

  /// How long a step that does not heed its cancellation may take before the program ends all the same.
  private static let patience = Duration.seconds(3)

  init(
    _ work: Work, _ options: UpOptions, form: LogForm, hasKeys: Bool,
    attaching: @escaping @Sendable (UpResult) -> AttachOptions
  ) {
    self.work = work
    self.options = options
    self.form = form
    self.hasKeys = hasKeys
    self.attaching = attaching
  }

  /// Ends when all that is watched has ended, or the user has ended it; the exit status.
  func run() async throws -> Int32 {
    let since = Session.now()
    let (made, making) = AsyncStream.makeStream(of: UpResult.self)
    let start = Task {
      defer { making.finish() }
      _ = try await work.session.up(options) { result in
        self.attachment.withLock { $0 = Attachment(self.work.session, self.attaching(result)) }
        making.yield(result)
      }
    }
    let asked = hearSignals()
    defer { Signals.handle(nil) }
    return try await withThrowingTaskGroup(of: Int32?.self) { group in
      group.addTask { try await self.follow(made, start, since: since) }
      group.addTask {
        try await self.end(start, asked.stream)
        return nil
      }
      var status: Int32 = 0
      while let result = try await group.next() {
        guard let result else { continue }
        status = result
        asked.continuation.finish()
      }
      lastResort.withLock { $0?.cancel() }
      return isInterrupted ? 130 : status
    }
  }

  private var isInterrupted: Bool { interruptions.withLock { $0 > 0 } }
  private var current: Attachment? { attachment.withLock { $0 } }

  private func hearSignals() -> (
    stream: AsyncStream<Int>, continuation: AsyncStream<Int>.Continuation
  ) {
    let asked = AsyncStream.makeStream(of: Int.self)
    Signals.handle { signal in
      if signal == SIGQUIT {
        RawTerminal.restoreIfChanged()
        _exit(128 + SIGQUIT)
      }
      guard [SIGINT, SIGTERM, SIGHUP].contains(signal) else { return }
      let count = self.interruptions.withLock { count -> Int? in
        // A terminal that closes may say so more than once; nobody is there who could ask twice.
        if signal == SIGHUP, count > 0 { return nil }
        count += 1
        return count
      }
      if let count { asked.continuation.yield(count) }
    }
    return asked
  }

  // MARK: - Output

  private func follow(
    _ made: AsyncStream<UpResult>, _ start: Task<Void, any Error>, since: Timestamp
  ) async throws -> Int32 {
    async let _: Void = work.progress.keepDrawing()
    defer { work.progress.finish() }
    for await _ in made {
      work.progress.giveWay()
      guard let attachment = current else { break }
      return try await show(attachment, start, since: since)
    }
    try await start.value
    return 0
  }

  private func show(
    _ attachment: Attachment, _ start: Task<Void, any Error>, since: Timestamp
  ) async throws -> Int32 {
    let printer = LogPrinter(form)
    let sources = try await attachment.sources()
    printer.announce(sources)
    if !sources.isEmpty {
      Output.standard.line("Attaching to \(sources.joined(separator: ", "))")
    }
    if hasKeys { listen(attachment, start) }
    defer { RawTerminal.restoreIfChanged() }
    async let following = attachment.run(since: since) {
      start.cancel()
      _ = await start.result
    } sink: {
      printer.show($0)
    }
    let started = await start.result
    attachment.startIsOver()
    if case .failure(let error) = started, !isInterrupted, !attachment.isAborting {
      attachment.leave()
      // What went wrong with the start is what is told.
      _ = try? await following
      throw error
    }
    let status = try await following
    return isDetached.withLock { $0 } ? 0 : status
  }

  // MARK: - The end

  private func end(_ start: Task<Void, any Error>, _ asked: AsyncStream<Int>) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for await count in asked {
        if count == 1 {
          group.addTask { try await self.stop(start) }
          Output.error.line("Gracefully Stopping... press Ctrl+C again to force")
        } else {
          group.addTask { try await self.kill(start) }
        }
      }
      try await group.waitForAll()
    }
  }

  private func stop(_ start: Task<Void, any Error>) async throws {
    start.cancel()
    let impatience = Task {
      try await Task.sleep(for: Self.patience)
      if current == nil { leave() }
    }
    _ = await start.result
    impatience.cancel()
    do {
      try await current?.stop()
    } catch {
      // What does not stop is not followed any more: its message must not wait for another signal.
      current?.leave()
      throw error
    }
  }

  /// Once more after the start has ended: what it was about to start ran a moment later.
  private func kill(_ start: Task<Void, any Error>) async throws {
    guard let current else { leave() }
    try await current.kill()
    lastResort.withLock { resort in
      resort?.cancel()
      // A terminal that takes no more output must not keep us.
      resort = Task {
        try await Task.sleep(for: Self.patience)
        self.leave()
      }
    }
    _ = await start.result
    try await current.kill()
  }

  private func leave() -> Never {
    RawTerminal.restoreIfChanged()
    exit(130)
  }

  // MARK: - Keys

  private func listen(_ attachment: Attachment, _ start: Task<Void, any Error>) {
    let (typed, typing) = AsyncStream.makeStream(of: UInt8.self)
    guard readKeys({ typing.yield($0) }, atEnd: { typing.finish() }) else { return }
    Output.error.line("press d to detach and leave everything running, Ctrl+C to stop")
    Task {
      for await key in typed where key == UInt8(ascii: "d") {
        isDetached.withLock { $0 = true }
        // What is still to be started must not be left to nobody.
        _ = await start.result
        attachment.leave()
        return
      }
    }
  }
}
