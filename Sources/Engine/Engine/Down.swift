// `down`, `stop` and `start`.

import Compose
import Diagnostics
import Linux
package import Planning
import Store

extension Session {
  /// Stops and removes what the project has made; without a file by the labels of its containers.
  package func down(_ options: DownOptions) async throws -> Plan {
    try checkNames(options.services)
    let lock = try await lockProject(
      "down", dryRun: options.isDryRun, ending: true)
    defer { lock.release() }
    let (records, observed) = try await blocking {
      if !options.isDryRun { try self.sweep() }
      return try self.observe()
    }
    var scope = DownScope()
    scope.services = Set(options.services)
    scope.removesVolumes = options.removesVolumes
    scope.removesOrphans = options.removesOrphans
    scope.known = loaded.map { loaded in
      Set((loaded.project.services + loaded.project.disabledServices).map(\.name))
    }
    let plan = planDown(observed, dependencies: dependencies(records), scope: scope)
    if options.isDryRun { return plan }
    if plan.isEmpty {
      tell(
        .warning(
          Diagnostic(
            "no resource found to remove for project \"\(projectName)\"", severity: .warning)))
    }
    var up = UpOptions()
    up.timeout = options.timeout
    let runner = StepRunner(
      session: self, project: loaded?.project, bases: [], records: records, options: up,
      plan: plan)
    try await apply(plan) { step in
      if case .removeContainer(_, let name) = step.operation, options.removesVolumes {
        try await runner.tell(
          "Container \(name)", "Removing", "Removed", doing: "removing `\(name)`"
        ) { try runner.removeContainer(name, withVolumes: true) }
      } else {
        try await runner.perform(step)
      }
    }
    if options.services.isEmpty { try removeReplaced(withVolumes: options.removesVolumes) }
    try removeProjectFolder(if: options.services.isEmpty)
    return plan
  }

  /// What each service depends on, by the file where there is one, else by labels.
  func dependencies(_ records: [ContainerRecord]) -> [String: [String]] {
    var result: [String: [String]] = [:]
    for record in records { result[record.service] = record.dependencies }
    for service in loaded?.project.services ?? [] {
      result[service.name] = service.dependsOn.map(\.service)
    }
    return result
  }

  /// With a file, names must be its services.
  func checkNames(_ names: [String]) throws {
    guard let project = loaded?.project else { return }
    let known = (project.services + project.disabledServices).map(\.name)
    for name in names where !known.contains(name) { throw NoSuchService(name: name, known: known) }
  }

  package func stop(services: [String], timeout: Int?) async throws {
    try checkNames(services)
    let lock = try await lockProject("stop")
    defer { lock.release() }
    try await stopHoldingLock(services: services, timeout: timeout)
  }

  func stopHoldingLock(services: [String], timeout: Int?) async throws {
    let (records, observed) = try await blocking { try self.observe() }
    var scope = DownScope()
    scope.services = Set(services)
    scope.removesContainers = false
    let plan = planDown(observed, dependencies: dependencies(records), scope: scope)
    var options = UpOptions()
    options.timeout = timeout
    let runner = StepRunner(
      session: self, project: loaded?.project, bases: [], records: records, options: options,
      plan: plan)
    try await apply(plan) { step in try await runner.perform(step) }
  }
}
