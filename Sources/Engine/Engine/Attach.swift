// What attached `up` does once everything runs: follow, and stop when it is time.

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
  package var services: Set<String> = []
  /// The services of this call: these are stopped.
  package var involved: Set<String> = []
  package var stopsOn = StopsOn.lastExit
  package var exitCodeFrom: String?
  package var timeout: Int?

  package init() {}
}

/// One attachment: the first exits as they matter for the command's own exit status.
package final class Attachment: Sendable {
  private struct Exits {
    var first: (service: String, code: Int32)?
    var firstFailure: Int32?
    var byService: [String: Int32] = [:]
  }

  private let session: Session
  private let options: AttachOptions
  private let exits = Mutex(Exits())
  private let wakes: AsyncStream<Void>.Continuation
  private let waking: AsyncStream<Void>

  package init(_ session: Session, _ options: AttachOptions) {
    self.session = session
    self.options = options
    (waking, wakes) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// The names of what is shown, in order.
  package func sources() async throws -> [String] {
    let session = session
    let services = options.services
    return try await blocking {
      try session.containers.list(project: session.projectName)
        .filter { services.contains($0.service) && !$0.isOneOff }.map(\.displayName)
    }
  }

  /// Follows until all have ended. Answers the exit status that the options ask for.
  package func run(since: Timestamp, sink: @escaping LogSink) async throws -> Int32 {
    var query = LogQuery()
    query.services = Array(options.services)
    query.follows = true
    query.since = since
    let watcher = Task { try await self.stopWhenDue(sink) }
    defer { watcher.cancel() }
    try await session.logs(query) { event in
      if case .exited(let source, let code, false) = event {
        self.note(source.service, code ?? 137)
      }
      sink(event)
    }
    wakes.finish()
    try await watcher.value
    return status
  }

  private func note(_ service: String, _ code: Int32) {
    exits.withLock { exits in
      if exits.first == nil { exits.first = (service, code) }
      if code != 0, exits.firstFailure == nil { exits.firstFailure = code }
      if exits.byService[service] == nil { exits.byService[service] = code }
    }
    wakes.yield()
  }

  private func stopWhenDue(_ sink: LogSink) async throws {
    guard options.stopsOn != .lastExit else { return }
    for await _ in waking {
      let due = exits.withLock { exits in
        options.stopsOn == .failure ? exits.firstFailure != nil : exits.first != nil
      }
      guard due else { continue }
      session.tell(.note("Aborting on container exit..."))
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
      if let service = options.exitCodeFrom { return exits.byService[service] ?? 143 }
      switch options.stopsOn {
      case .lastExit: return 0
      case .exit: return exits.first?.code ?? 0
      case .failure: return exits.firstFailure ?? 0
      }
    }
  }
}
