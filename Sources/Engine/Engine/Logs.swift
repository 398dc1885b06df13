// The output of several containers as one stream, in the order of time.

import Compose
package import Blueprint
import Diagnostics
package import Journal
import Linux
import Store
import Synchronization
import SystemPackage

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
  /// Which lines are shown.
  package var choice = LogChoice()
  /// Services of which only the ends are told.
  package var muted: Set<String> = []
  /// Somebody is in front of the containers: what is kept for nobody else is shown too.
  package var isAttached = false

  package init() {}

  /// Not of one container alone.
  var isOfProject: Bool { container == nil && oneOff == nil }
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
  /// Another container has taken the place and the name of one that was read.
  case recreated(LogSource)
}

/// Which container a line or an exit is of.
package struct LogSource: Hashable, Sendable {
  package var id: String
  package var service: String
  /// `web-1`: the container's name without the project.
  package var name: String
}

package typealias LogSink = @Sendable (LogEvent) -> Void

/// Ends a follower from another task, or keeps it from ending by itself.
package final class LogStop: Sendable {
  private let asked = Atomic(false)
  private let held = Atomic(false)

  package init() {}
  package func stop() { asked.store(true, ordering: .releasing) }
  var isAsked: Bool { asked.load(ordering: .acquiring) }
  /// While containers are still to be started, a follower goes on though none of them writes.
  func hold(_ isHeld: Bool) { held.store(isHeld, ordering: .releasing) }
  var isHeld: Bool { held.load(ordering: .acquiring) }
}

extension Session {
  /// `logs`: what there is, in order of time; with `follows` until none of the containers writes.
  package func logs(_ query: LogQuery, stop: LogStop = LogStop(), sink: @escaping LogSink)
    async throws
  {
    try checkNames(query.services)
    try query.choice.check()
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
        .filter { self.isShown($0, query) && self.isKept($0, query) }.map(\.displayName)
    }
  }

  /// Blocks. New containers of the project join as they appear.
  ///
  /// - Parameter ready: called when all that is written from now on will be read.
  func read(
    _ query: LogQuery, stop: LogStop, ready: () -> Void = {}, _ sink: @escaping LogSink
  ) throws {
    let endsSince = query.follows ? (query.since ?? Self.now()).nanoseconds : .max
    var merge = LogMerge(since: query.since, until: query.until, endsSince: endsSince)
    try join(&merge, query, tail: query.tail, nil)
    if let index = query.index, merge.sources.isEmpty {
      throw Faults([
        Diagnostic("service \"\(query.services.joined())\" has no container with index \(index)")
      ])
    }
    ready()
    merge.drain(sink)
    if query.follows { try follow(&merge, query, stop, sink) }
    if !stop.isAsked { merge.finish(sink) }
  }

  private func follow(
    _ merge: inout LogMerge, _ query: LogQuery, _ stop: LogStop, _ sink: @escaping LogSink
  ) throws {
    var nextLook = ContinuousClock.now
    while !stop.isAsked {
      if ContinuousClock.now >= nextLook {
        try join(&merge, query, tail: nil, sink)
        nextLook = .now + .milliseconds(100)
      }
      // Asked before the last look, so that nothing that was written before the end is missed.
      let isHeld = stop.isHeld || query.isOfProject && isAtWork
      let isOver = !isHeld && !merge.isBeingWritten
      if isOver { try join(&merge, query, tail: nil, sink) }
      merge.drain(sink)
      tellLostEnds(&merge, sink)
      if isOver, !merge.isBeingWritten { return }
      if let until = query.until, Self.now().nanoseconds > until.nanoseconds { return }
      merge.wait(milliseconds: 100)
    }
    merge.drain(sink)
  }

  /// Whether a command changes the project: it may be about to start what it has stopped.
  private var isAtWork: Bool { FileLock.isHeld(layout.project(projectName).appending("lock")) }

  /// Adds the containers that the query is about and that are not read yet.
  ///
  /// - Parameter told: nil when reading begins: then none takes the place of another.
  private func join(_ merge: inout LogMerge, _ query: LogQuery, tail: Int?, _ told: LogSink?)
    throws
  {
    let isBeginning = query.isAttached && query.isOfProject && told == nil
    let leaving = try isBeginning ? replacedContainers() : []
    for lease in try containers.names()
    where lease.project == projectName && !merge.hasSeen(lease.id) {
      if leaving.contains(lease.id.prefix(12)) {
        merge.note(lease.id)
        continue
      }
      // Made but not whole yet: looked at again the next time.
      guard let record = try containers.record(id: lease.id, project: projectName) else { continue }
      merge.note(lease.id)
      guard isShown(record, query) else { continue }
      guard isKept(record, query) else {
        tellUnreadable(record)
        continue
      }
      let filter = query.choice.isOpen ? nil : try LineFilter(query.choice)
      let start = filter == nil ? tail : nil
      let reader = try JournalReader(
        folder: layout.journal(record.id), from: start.map { .lastLines($0) } ?? .beginning,
        follow: query.follows)
      let source = LogSource(id: record.id, service: record.service, name: record.displayName)
      let isAnother = merge.sources.contains { $0.source.name == source.name }
      if isAnother { told?(.recreated(source)) }
      merge.add(
        LogMerge.Entry(
          source: source, reader: reader, isMuted: query.muted.contains(record.service),
          filter: filter), tail: tail)
    }
  }

  /// Containers that another one is about to take the place of: their end is no end of their service.
  private func replacedContainers() throws -> Set<Substring> {
    Set(try containers.replacements(project: projectName).map { $0.lease.prefix(12) })
  }

  private func isShown(_ record: ContainerRecord, _ query: LogQuery) -> Bool {
    if let id = query.container { return record.id == id }
    if record.isOneOff { return query.oneOff == record.id }
    if query.oneOff != nil { return false }
    if let index = query.index, record.number != index { return false }
    if !query.services.isEmpty { return query.services.contains(record.service) }
    return loaded?.project.service(record.service)?.attaches ?? true
  }

  /// The driver `none` keeps a little, for who is in front of the container, and for nobody else.
  private func isKept(_ record: ContainerRecord, _ query: LogQuery) -> Bool {
    query.isAttached || record.blueprint.log.driver == .journal
  }

  private func tellUnreadable(_ record: ContainerRecord) {
    tell(
      .warning(
        Diagnostic(
          "can't retrieve logs for \"\(record.displayName)\"",
          severity: .warning, causes: ["configured logging driver does not support reading"],
          hint: "remove `logging: driver: none` from service `\(record.service)`")))
  }

  /// Tells of containers whose writer went and left no mark of the end: a killed shim, a full disk.
  private func tellLostEnds(_ merge: inout LogMerge, _ sink: LogSink) {
    for index in merge.sources.indices {
      let entry = merge.sources[index]
      guard !entry.reader.isBeingWritten else {
        merge.sources[index].wasWritten = true
        continue
      }
      guard entry.wasWritten else { continue }
      let (state, supervised) = containers.state(of: entry.source.id)
      guard !supervised, let end = state.endUnmarked, end > entry.lastEnd, end >= merge.endsSince
      else { continue }
      merge.drain(sink)
      guard end > merge.sources[index].lastEnd else { continue }
      merge.sources[index].lastEnd = end
      sink(.exited(entry.source, code: state.exitCode, restarts: false))
    }
  }
}

extension ContainerState {
  /// When it ended, or, where nobody could write that down, when it began what has ended.
  fileprivate var endUnmarked: Int64? {
    switch status {
    case .exited: finishedAt?.nanoseconds
    case .dead: finishedAt?.nanoseconds ?? .max
    default: nil
    }
  }
}
