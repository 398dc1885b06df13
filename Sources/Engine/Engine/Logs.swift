// The output of several containers as one stream, in the order of time.

import Compose
package import Blueprint
import Diagnostics
package import Journal
import Linux
import Store
import Synchronization

package struct LogQuery: Sendable {
  package var services: [String] = []
  package var follows = false
  /// Lines from the end of each container; nil is all.
  package var tail: Int?
  package var index: Int?
  /// The id of a one-off container to read in place of the services' containers.
  package var oneOff: String?
  /// The id of the one container to read, whatever it was made by.
  package var container: String?
  package var since: Timestamp?
  package var until: Timestamp?

  package init() {}
}

/// Lines of one container that came at one instant.
package struct LogBatch: Sendable {
  package var source: LogSource
  package var lines: JournalBatch
}

/// What a follower is told, on the thread that reads, one call at a time.
package enum LogEvent: Sendable {
  case lines([LogBatch])
  /// A container has come to an end; `code` is nil when nobody can say.
  case exited(LogSource, code: Int32?, restarts: Bool)
}

/// Which container a line or an exit is of.
package struct LogSource: Hashable, Sendable {
  package var id: String
  package var service: String
  /// `web-1`: the container's name without the project.
  package var name: String
}

package typealias LogSink = @Sendable (LogEvent) -> Void

/// Ends a follower from another task.
package final class LogStop: Sendable {
  private let asked = Atomic(false)

  package init() {}
  package func stop() { asked.store(true, ordering: .releasing) }
  var isAsked: Bool { asked.load(ordering: .acquiring) }
}

extension Session {
  /// `logs`: what there is, in order of time; with `follows` until none of the containers writes.
  package func logs(_ query: LogQuery, sink: @escaping LogSink) async throws {
    try checkNames(query.services)
    let stop = LogStop()
    try await withTaskCancellationHandler {
      try await blocking { try self.read(query, stop: stop, sink) }
    } onCancel: {
      stop.stop()
    }
  }

  /// The names of the containers that `logs` would begin with, so that their column is wide enough
  /// from the first line on.
  package func logSources(_ query: LogQuery) async throws -> [String] {
    try checkNames(query.services)
    return try await blocking {
      try self.containers.list(project: self.projectName)
        .filter { self.isShown($0, query) }.map(\.displayName)
    }
  }

  /// Blocks. New containers of the project join as they appear.
  ///
  /// - Parameter ready: called when all that is written from now on will be read.
  func read(
    _ query: LogQuery, stop: LogStop, ready: () -> Void = {}, _ sink: LogSink
  ) throws {
    var merge = LogMerge(since: query.since, until: query.until)
    try join(&merge, query, tail: query.tail)
    if let index = query.index, merge.sources.isEmpty {
      throw Faults([
        Diagnostic("service \"\(query.services.joined())\" has no container with index \(index)")
      ])
    }
    ready()
    merge.drain(sink)
    guard query.follows else { return merge.finish(sink) }
    while !stop.isAsked {
      try join(&merge, query, tail: nil)
      merge.drain(sink)
      tellExits(&merge, sink)
      if !merge.isBeingWritten {
        merge.drain(sink)
        merge.finish(sink)
        return
      }
      merge.wait(milliseconds: 100)
    }
  }

  /// Adds the containers that the query is about and that are not read yet.
  private func join(_ merge: inout LogMerge, _ query: LogQuery, tail: Int?) throws {
    for lease in try containers.names()
    where lease.project == projectName && !merge.hasSeen(lease.id) {
      merge.note(lease.id)
      guard let record = try containers.record(id: lease.id, project: projectName),
        isShown(record, query), record.blueprint.log.driver == .journal
      else { continue }
      let reader = try JournalReader(
        folder: layout.journal(record.id), from: tail.map { .lastLines($0) } ?? .beginning,
        follow: query.follows)
      merge.add(
        LogSource(id: record.id, service: record.service, name: record.displayName), reader)
    }
  }

  private func isShown(_ record: ContainerRecord, _ query: LogQuery) -> Bool {
    if let id = query.container { return record.id == id }
    if record.isOneOff { return query.oneOff == record.id }
    if query.oneOff != nil { return false }
    if let index = query.index, record.number != index { return false }
    if !query.services.isEmpty { return query.services.contains(record.service) }
    return loaded?.project.service(record.service)?.attaches ?? true
  }

  /// Tells of containers whose writer went since the last look.
  private func tellExits(_ merge: inout LogMerge, _ sink: LogSink) {
    for index in merge.sources.indices {
      let source = merge.sources[index].source
      let (state, supervised) = containers.state(of: source.id)
      let starts = state.startedAt?.nanoseconds ?? 0
      switch state.status {
      case .exited, .dead:
        guard !supervised || state.status == .exited, merge.sources[index].hasRun,
          !merge.sources[index].isEnded, !merge.sources[index].reader.isBeingWritten
        else { continue }
        merge.drain(sink)
        merge.sources[index].isEnded = true
        sink(.exited(source, code: state.exitCode, restarts: false))
      case .restarting:
        guard merge.sources[index].lastRestart != state.restartCount else { continue }
        merge.sources[index].lastRestart = state.restartCount
        merge.drain(sink)
        sink(.exited(source, code: state.exitCode, restarts: true))
      case .running, .paused:
        merge.sources[index].hasRun = starts > 0
        merge.sources[index].isEnded = false
      case .created: break
      }
    }
  }
}
