// What `ps` and `images` show, as values.

import Compose
package import Blueprint
import Diagnostics
import Linux
package import Store

package struct ContainerQuery: Sendable {
  package var services: [String] = []
  package var includesStopped = false
  package var includesOrphans = true
  /// State words as the user types them; empty is any.
  package var statuses: Set<String> = []

  package init() {}
}

extension Session {
  /// The project's containers, by name.
  package func containers(_ query: ContainerQuery) async throws -> [ContainerRecord] {
    let known = Self.stateWords
    for word in query.statuses where !known.contains(word) {
      throw Faults([
        Diagnostic(
          "unknown status `\(word)`", hint: "choose \(known.sorted().joined(separator: ", "))")
      ])
    }
    let records = try await blocking { try self.containers.list(project: self.projectName) }
    for name in query.services where !isKnown(name, records) {
      throw NoSuchService(name: name, known: loaded?.project.services.map(\.name) ?? [])
    }
    return records.filter { matches($0, query) }
  }

  private static let stateWords: Set<String> = [
    "paused", "restarting", "removing", "running", "dead", "created", "exited",
  ]

  private func isKnown(_ service: String, _ records: [ContainerRecord]) -> Bool {
    if records.contains(where: { $0.service == service }) { return true }
    guard let project = loaded?.project else { return false }
    return (project.services + project.disabledServices).contains { $0.name == service }
  }

  private func matches(_ record: ContainerRecord, _ query: ContainerQuery) -> Bool {
    if !query.services.isEmpty, !query.services.contains(record.service) { return false }
    if !query.statuses.isEmpty, !query.statuses.contains(record.state.status.rawValue) {
      return false
    }
    if !query.includesOrphans, let project = loaded?.project,
      project.service(record.service) == nil
    {
      return false
    }
    if query.includesStopped { return true }
    if record.isOneOff { return false }
    switch record.state.status {
    case .running, .paused, .restarting: return true
    case .created, .exited, .dead: return false
    }
  }
}

/// One row of `images`: the image that a container was made from.
package struct ContainerImage: Sendable, Hashable {
  package var container: String
  package var repository: String
  package var tag: String
  package var platform: String
  /// `sha256:…`.
  package var id: String
  /// Bytes of the unpacked layers; 0 when the image is gone.
  package var size: UInt64
  package var created: String?
  /// When it was given the name that it has; nil when it has none or is gone.
  package var taggedAt: Timestamp?
}
