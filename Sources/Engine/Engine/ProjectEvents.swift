// `events`: what happened to the containers of the project, and what happens. Also how this side tells
// what it did itself; the shims tell the rest.

package import Blueprint
import Compose
import Diagnostics
import EventLog
import JSON
import Linux
import Store

package struct EventQuery: Sendable {
  package var services: [String] = []
  package var since: Timestamp?
  package var until: Timestamp?

  package init() {}
}

package struct ContainerEvent: Sendable, Hashable {
  package var time: Timestamp
  /// `start`, `die`, `health_status: healthy`: the reference's words.
  package var action: String
  /// Of the container.
  package var id: String
  package var service: String
  /// Its labels, image and name, and what belongs to the action; by name.
  package var attributes: [(key: String, value: String)] { pairs.map { ($0.name, $0.value) } }
  fileprivate var pairs: [Pair]

  fileprivate struct Pair: Hashable {
    var name: String
    var value: String
  }
}

// MARK: - Telling

extension Session {
  var eventLog: EventLog { EventLog(run: layout.run, project: projectName) }

  /// Tells whoever follows the project's events.
  func note(
    _ action: String, _ blueprint: ContainerBlueprint, _ attributes: [(String, String)] = []
  ) {
    let object = JSONObject(attributes.map { ($0.0, .string($0.1)) })
    eventLog.append(action, of: blueprint.id, attributes: JSONValue.object(object).text())
  }

  /// The same with all that the container is known by: nobody can look it up when it is gone.
  func noteLife(_ action: String, _ blueprint: ContainerBlueprint) {
    eventLog.tellLife(action, blueprint)
  }
}

extension EventLog {
  func tellLife(_ action: String, _ blueprint: ContainerBlueprint) {
    var object = JSONObject()
    var size = 0
    for (key, value) in identity(of: blueprint) {
      size += key.utf8.count + value.utf8.count + 8
      // Labels beyond it are left out, so that the rest can be told.
      if size > Self.lineLimit * 2 / 3 { break }
      object.append(key, .string(value))
    }
    append(action, of: blueprint.id, attributes: JSONValue.object(object).text())
  }
}

/// What is said of a container with each event, the needful first.
private func identity(of blueprint: ContainerBlueprint) -> [(key: String, value: String)] {
  let own = [Label.service, Label.oneOff]
  let labels = blueprint.labels.filter { !$0.key.hasPrefix(composePrefix) || own.contains($0.key) }
  let named = [("name", blueprint.name), ("image", blueprint.image.reference)]
  return named
    + labels.sorted {
      own.contains($0.key) != own.contains($1.key)
        ? own.contains($0.key) : $0.key < $1.key
    }.map { ($0.key, $0.value) }
}

private let composePrefix = "com.docker.compose."

// MARK: - Reading

extension Session {
  /// What is asked for of what is kept, then what comes, until `until` or for ever.
  package func events(_ query: EventQuery, sink: @escaping @Sendable (ContainerEvent) -> Void)
    async throws
  {
    try await blocking {
      let records = try self.containers.list(project: self.projectName)
      try self.checkExistence(of: query.services, records)
      var teller = EventTeller(query, records)
      let reader = try EventReader(self.eventLog)
      let kept = try reader.next()
      for line in kept { teller.learn(from: line) }
      if query.since != nil || query.until != nil {
        kept.compactMap { teller.event($0) }.forEach(sink)
      }
      while true {
        let left = query.until.map { $0.nanoseconds - Self.now().nanoseconds }
        if let left, left <= 0 { return }
        // Rounded up: what happened before the end has been written when it is over.
        try reader.wait(milliseconds: left.map { Int32(clamping: $0 / 1_000_000 + 1) } ?? -1)
        let lines = try reader.next()
        for line in lines { teller.learn(from: line) }
        lines.compactMap { teller.event($0) }.forEach(sink)
      }
    }
  }
}

/// Puts together what is told of one container by several writers.
private struct EventTeller {
  let query: EventQuery
  /// So many containers are remembered that do not exist any more.
  private static let remembered = 4096
  private var known: [String: [(key: String, value: String)]] = [:]

  init(_ query: EventQuery, _ records: [ContainerRecord]) {
    self.query = query
    for record in records { known[record.id] = identity(of: record.blueprint) }
  }

  mutating func learn(from line: EventLine) {
    guard known[line.id] == nil, let object = line.object, object["name"] != nil else { return }
    if known.count >= Self.remembered { known = [:] }
    known[line.id] = object.members.map { ($0.name, $0.value.string ?? "") }
  }

  /// Nil for what was not asked for.
  func event(_ line: EventLine) -> ContainerEvent? {
    if let since = query.since, line.nanoseconds < since.nanoseconds { return nil }
    if let until = query.until, line.nanoseconds > until.nanoseconds { return nil }
    let identity = known[line.id] ?? []
    func value(_ key: String) -> String? { identity.first { $0.key == key }?.value }
    let service = value(Label.service) ?? ""
    if value(Label.oneOff) == "True" { return nil }
    if !query.services.isEmpty, !query.services.contains(service) { return nil }
    var pairs: [String: String] = [:]
    for (key, value) in identity where !key.hasPrefix(composePrefix) { pairs[key] = value }
    for member in line.object?.members ?? [] where !member.name.hasPrefix(composePrefix) {
      pairs[member.name] = member.value.string
    }
    return ContainerEvent(
      time: Timestamp(nanoseconds: line.nanoseconds), action: line.action, id: line.id,
      service: service,
      pairs: pairs.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: $0.value) })
  }
}

extension EventLine {
  /// A line that was cut or written by another version has no attributes.
  fileprivate var object: JSONObject? { (try? JSONValue(parsing: attributes))?.object }
}
