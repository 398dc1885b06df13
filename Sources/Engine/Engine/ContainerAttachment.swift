// `attach`: a running container's own streams in front of the user, until it ends or the user goes.

import Blueprint
import Control
import Diagnostics
package import Linux
import Registry
import Store
import Synchronization

/// One container with somebody in front of it, who came later and may go before it ends.
package final class ContainerAttachment: Sendable {
  private let session: Session
  private let blueprint: ContainerBlueprint
  /// Answered at the container's final end, also when its record is gone by then.
  private let end: PendingReply
  private let follower = LogStop()
  private let outcome = Mutex<(code: Int32?, isDetached: Bool)>((nil, false))
  /// Its input: a pipe, or the master of its terminal; nil where it has none or none was asked for.
  package let input: SharedDescriptor?

  package var hasTerminal: Bool { blueprint.process.terminal }

  fileprivate init(
    _ session: Session, _ blueprint: ContainerBlueprint, end: PendingReply,
    input: SharedDescriptor?
  ) {
    self.session = session
    self.blueprint = blueprint
    self.end = end
    self.input = input
  }

  /// Shows what it says from now on. Answers its exit code, or nil when the user went before.
  ///
  /// - Parameter ready: called when no word of it can be missed any more: time to say something.
  package func run(ready: @escaping @Sendable () -> Void, sink: @escaping LogSink) async throws
    -> Int32?
  {
    var query = LogQuery()
    query.container = blueprint.id
    query.follows = true
    query.tail = 0
    query.isAttached = true
    let asked = query
    try await blocking {
      try self.session.read(asked, stop: self.follower, ready: ready) { event in
        if case .exited(_, let code, _) = event {
          self.outcome.withLock { $0.code = $0.code ?? code }
          self.follower.stop()
        }
        sink(event)
      }
    }
    let (code, isDetached) = outcome.withLock { $0 }
    if isDetached { return nil }
    if let code { return code }
    return try await blocking { try self.end.exitCode() }
  }

  /// Leaves the container to itself.
  package func detach() {
    session.note("detach", blueprint)
    outcome.withLock { $0.isDetached = true }
    follower.stop()
  }

  package func signal(_ number: Int32) throws { try session.kill(blueprint, signal: number) }
}

extension Session {
  /// - Parameters:
  ///   - index: the container's number; 0 is the lowest that runs.
  ///   - takesInput: whether the user's input goes to the program, where that listens.
  package func attach(service: String, index: Int, takesInput: Bool) async throws
    -> ContainerAttachment
  {
    try await blocking {
      let record = try self.runningContainer(of: service, index: index)
      let client = ShimClient(runFolder: self.layout.running(record.id))
      let end = try client.startWait()
      let isOpen = record.blueprint.process.terminal || record.blueprint.process.input != .none
      let input = takesInput && isOpen ? try client.input() : nil
      self.note("attach", record.blueprint)
      return ContainerAttachment(self, record.blueprint, end: end, input: input)
    }
  }
}

/// How docker's own configuration wants `ps` to look; nil when it does not say.
package func configuredPsFormat(_ environment: [String: String]) async throws -> String? {
  try await blocking { try DockerConfig(environment: environment).psFormat }
}

/// The keys that docker's own configuration names for leaving a container; nil when it names none.
package func configuredDetachKeys(_ environment: [String: String]) async throws -> String? {
  try await blocking { try DockerConfig(environment: environment).detachKeys }
}
