// `pause` and `unpause`: the containers of services stand still and go on.

import Compose
import Control
import Diagnostics
import Linux
import Store

private enum Standing: Sendable {
  case still
  case going
}

extension Session {
  package func pause(services: [String]) async throws { try await set(.still, services) }

  package func unpause(services: [String]) async throws { try await set(.going, services) }

  private func set(_ standing: Standing, _ services: [String]) async throws {
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
    var failures: [any Error] = []
    for record in meant {
      do {
        try await set(standing, record)
      } catch {
        failures.append(error)
      }
    }
    if !failures.isEmpty { throw ApplyFailure(failures: failures) }
  }

  private func set(_ standing: Standing, _ record: ContainerRecord) async throws {
    let id = "Container \(record.name)"
    let client = ShimClient(runFolder: layout.running(record.id))
    tell(.progress(ProgressEvent(id, standing == .still ? "Pausing" : "Unpausing", .working)))
    do {
      try await blocking { standing == .still ? try client.pause() : try client.unpause() }
    } catch {
      tell(.progress(ProgressEvent(id, "Error", .error)))
      throw Failure(
        standing == .still ? "pausing `\(record.name)`" : "unpausing `\(record.name)`", error)
    }
    tell(.progress(ProgressEvent(id, standing == .still ? "Paused" : "Unpaused", .done)))
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
