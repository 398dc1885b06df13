// `pause` and `unpause`: the containers of services stand still and go on.

import Compose
import Diagnostics
import Linux
package import Planning
import Store

extension Session {
  package func pause(services: [String], isDryRun: Bool = false) async throws -> Plan {
    try await set(.pause, services, isDryRun)
  }

  package func unpause(services: [String], isDryRun: Bool = false) async throws -> Plan {
    try await set(.unpause, services, isDryRun)
  }

  private func set(_ verb: EachVerb, _ services: [String], _ isDryRun: Bool) async throws -> Plan {
    let records = try await blocking { try self.containers.list(project: self.projectName) }
    try checkExistence(of: services, records)
    let meant = records.filter { record in
      record.isSupervised && !record.isOneOff
        && (services.isEmpty || services.contains(record.service))
    }
    for service in services where !meant.contains(where: { $0.service == service }) {
      throw Faults([
        Diagnostic(
          "service \"\(service)\" is not running",
          hint: "start it with `berth up -d \(service)`")
      ])
    }
    return try await perform(verb, meant, isDryRun: isDryRun)
  }

  /// A service must be of the file, or have containers.
  func checkExistence(of services: [String], _ records: [ContainerRecord]) throws {
    let project = loaded?.project
    let known = ((project?.services ?? []) + (project?.disabledServices ?? [])).map(\.name)
    for name in services
    where !known.contains(name) && !records.contains(where: { $0.service == name }) {
      throw NoSuchService(name: name, known: known)
    }
  }
}
