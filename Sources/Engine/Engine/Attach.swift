// What attached `up` does while and after everything starts: follow, and stop when it is time.

package import Blueprint
import Diagnostics
import Linux
import Store
import Synchronization

package struct AttachOptions: Sendable {
  package enum StopsOn: Sendable {
    /// When all have ended by themselves.
    case lastExit
    /// When the first has ended: the others are stopped.
    case exit
    /// When the first has failed.
    case failure
  }

  /// Whose output is shown.
  package var shown: Set<String> = []
  /// Whose ends matter.
  package var watched: Set<String> = []
  /// The services of this call: these are stopped.
  package var involved: Set<String> = []
  package var stopsOn = StopsOn.lastExit
  package var exitCodeFrom: String?
  package var timeout: Int?
  package var choice = LogChoice()

  package init() {}
}

/// One attachment: the first exits as they matter for the command's own exit status.
package final class Attachment: Sendable {
  private struct Exits {
    var first: (service: String, code: Int32)?
    var firstFailure: Int32?
    var byService: [String: Int32] = [:]
    var isAborting = false
  }

  /// What a container's exit code is taken for when it was stopped because another had ended.
  private static let stoppedCode: Int32 = 143

  private let session: Session
  private let options: AttachOptions
  private let exits = Mutex(Exits())
  private let follower = LogStop()
  private let wakes: AsyncStream<Void>.Continuation
  private let waking: AsyncStream<Void>

  package init(_ session: Session, _ options: AttachOptions) {
    self.session = session
    self.options = options
    (waking, wakes) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    follower.hold(true)
  }

  /// The names of what is shown, in order.
  package func sources() async throws -> [String] {
    let session = session
    let services = options.shown
    return try await blocking {
      try session.containers.list(project: session.projectName)
        .filter { services.contains($0.service) && !$0.isOneOff }.map(\.displayName)
    }
  }

  /// Everything has been started, or nothing more will be: from now on the follower may end.
  package func startIsOver() { follower.hold(false) }

  /// Ends the follower, whatever still runs.
  package func leave() { follower.stop() }

  /// Whether the options have it that everything is stopped by now.
  package var isAborting: Bool { exits.withLock(\.isAborting) }

  /// Follows until all have ended. Answers the exit status that the options ask for.
  ///
  /// - Parameter beforeStop: awaited before everything is stopped because a container has ended.
  package func run(
    since: Timestamp, beforeStop: @escaping @Sendable () async -> Void, sink: @escaping LogSink
  ) async throws -> Int32 {
    var query = LogQuery()
    query.services = options.shown.union(options.watched).sorted()
    query.muted = options.watched.subtracting(options.shown)
    query.follows = true
    query.since = since
    query.isAttached = true
    query.choice = options.choice
    let watcher = Task { try await self.stopWhenDue(beforeStop) }
    defer { watcher.cancel() }
    try await session.logs(query, stop: follower) { event in
      if case .exited(let source, let code, false) = event {
        self.note(source.service, code ?? 137)
        if !self.options.shown.contains(source.service) { return }
      }
      sink(event)
    }
    wakes.finish()
    try await watcher.value
    return status
  }

  private func note(_ service: String, _ code: Int32) {
    guard options.watched.contains(service) else { return }
    exits.withLock { exits in
      if exits.byService[service] == nil {
        exits.byService[service] = exits.isAborting ? Self.stoppedCode : code
      }
      if exits.first == nil { exits.first = (service, code) }
      if code != 0, exits.firstFailure == nil { exits.firstFailure = code }
      if isDue(exits) { exits.isAborting = true }
    }
    wakes.yield()
  }

  private func isDue(_ exits: Exits) -> Bool {
    switch options.stopsOn {
    case .lastExit: false
    case .exit: exits.first != nil
    case .failure: exits.firstFailure != nil
    }
  }

  private func stopWhenDue(_ beforeStop: @Sendable () async -> Void) async throws {
    for await _ in waking where isAborting {
      session.tell(.note("Aborting on container exit..."))
      await beforeStop()
      return try await stop()
    }
  }

  /// Stops the services of this call; the follower ends by itself.
  package func stop() async throws {
    try await session.stop(services: options.involved.sorted(), timeout: options.timeout)
  }

  /// Kills what the services of this call still run.
  package func kill() async throws {
    let session = session
    let involved = options.involved
    try await blocking {
      for record in try session.containers.list(project: session.projectName)
      where involved.contains(record.service) && record.isSupervised {
        try session.kill(record.blueprint, signal: 9)
      }
    }
  }

  private var status: Int32 {
    exits.withLock { exits in
      if let service = options.exitCodeFrom {
        return exits.byService[service] ?? Self.stoppedCode
      }
      switch options.stopsOn {
      case .lastExit: return 0
      case .exit: return exits.first?.code ?? 0
      case .failure: return exits.firstFailure ?? 0
      }
    }
  }
}
