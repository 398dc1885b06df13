// `kill`, `restart`, `rm` and `wait`: containers that exist, as they are.

import Compose
import Diagnostics
import Linux
package import Planning
import Blueprint
import Store

extension Session {
  /// Sends a signal to all containers of the services that run, one-offs among them. The plan is empty
  /// when there is none.
  package func kill(
    services: [String], signal: String, removesOrphans: Bool, isDryRun: Bool = false
  ) async throws -> Plan {
    guard let number = signalNumber(signal) else {
      throw Faults([
        Diagnostic("unknown signal `\(signal)`", hint: "write a name such as HUP, or a number")
      ])
    }
    let records = try await blocking { try self.containers.list(project: self.projectName) }
    try checkExistence(of: services, records)
    let project = loaded?.project
    let meant = records.filter { record in
      let isKnown = project.map { $0.service(record.service) != nil } ?? true
      let isWanted =
        services.isEmpty ? isKnown || removesOrphans : services.contains(record.service)
      return record.isSupervised && isWanted
    }
    return try await perform(.kill(signal: number), meant, isDryRun: isDryRun)
  }

  /// One thing done to all of these at once.
  func perform(_ verb: EachVerb, _ records: [ContainerRecord], isDryRun: Bool) async throws -> Plan
  {
    let plan = planEach(verb, records.map { ObservedContainer($0) })
    if isDryRun { return plan }
    let runner = runner(for: plan, of: records)
    try await apply(plan) { step in try await runner.perform(step) }
    return plan
  }

  /// Ends and starts the containers of the services, and of those that depend on them with
  /// `restart: true` unless told otherwise. Nothing is made anew.
  @discardableResult
  package func restart(
    services: [String], timeout: Int?, includesDependents: Bool, isDryRun: Bool = false
  ) async throws -> Plan {
    let lock = try await lockProject("restart", dryRun: isDryRun)
    defer { lock.release() }
    let (records, observed) = try await blocking {
      if !isDryRun { try self.sweep() }
      return try self.observe()
    }
    try checkExistence(of: services, records)
    var wanted = Set(services.isEmpty ? records.map(\.service) : services)
    while includesDependents {
      let more = (loaded?.project.services ?? []).filter { service in
        !wanted.contains(service.name)
          && service.dependsOn.contains { $0.restarts && wanted.contains($0.service) }
      }
      if more.isEmpty { break }
      wanted.formUnion(more.map(\.name))
    }
    let plan = planRestart(observed, services: wanted, dependencies: dependencies(records))
    if isDryRun { return plan }
    var options = UpOptions()
    options.timeout = timeout
    options.hooks = .inContainers
    let runner = runner(for: plan, of: records, options)
    try await blocking { try runner.reservePorts(plan) }
    try await apply(plan) { step in
      try await runner.perform(step)
      guard case .startContainer(_, let name) = step.operation else { return }
      self.note("restart", try runner.blueprint(name))
    }
    return plan
  }

  /// The plan of `rm` for these names.
  package func removalPlan(_ names: [String]) async throws -> Plan {
    let records = try await blocking { try self.containers.list(project: self.projectName) }
    return planEach(
      .remove, records.filter { names.contains($0.name) }.map { ObservedContainer($0) })
  }

  /// The names of containers that `rm` would remove: those that do not run, or all once they are stopped.
  package func removable(services: [String], stops: Bool) async throws -> [String] {
    let records = try await blocking { try self.containers.list(project: self.projectName) }
    try checkExistence(of: services, records)
    return records.filter { record in
      !record.isOneOff && (stops || !record.isSupervised)
        && (services.isEmpty || services.contains(record.service))
    }.map(\.name)
  }

  /// Removes these containers if they do not run, after having stopped them where that was asked for.
  package func removeContainers(
    _ names: [String], services: [String], stops: Bool, withVolumes: Bool
  ) async throws {
    let lock = try await lockProject("rm")
    defer { lock.release() }
    try await blocking { try self.sweep() }
    if stops { try await stopHoldingLock(services: services, timeout: nil) }
    let records = try await blocking { try self.containers.list(project: self.projectName) }
      .filter { names.contains($0.name) && !$0.isSupervised }
    try await each(records, "Removing", "Removed") { record in
      try self.remove(record.blueprint, withVolumes: withVolumes)
    }
  }

  /// Does it to all of them at once, tells of each, and throws all failures together.
  private func each(
    _ records: [ContainerRecord], _ beginning: String, _ end: String,
    _ body: @escaping @Sendable (ContainerRecord) throws -> Void
  ) async throws {
    var failures: [any Error] = []
    await withTaskGroup { group in
      for record in records {
        group.addTask { await self.told(record, beginning, end) { try body(record) } }
      }
      for await failure in group { failures += failure.map { [$0] } ?? [] }
    }
    if !failures.isEmpty { throw ApplyFailure(failures: failures) }
  }

  private func told(
    _ record: ContainerRecord, _ beginning: String, _ end: String,
    _ body: @escaping @Sendable () throws -> Void
  ) async -> (any Error)? {
    let id = "Container \(record.name)"
    tell(.progress(ProgressEvent(id, beginning, .working)))
    do {
      try await blocking(body)
      tell(.progress(ProgressEvent(id, end, .done)))
      return nil
    } catch {
      tell(.progress(ProgressEvent(id, "Error", .error)))
      return Failure("\(beginning.lowercased()) `\(record.name)`", error)
    }
  }
}

/// A container that has ended while it was waited for.
package struct EndedContainer: Sendable {
  package var id: String
  package var code: Int32
}

extension Session {
  /// Waits for all running containers of the services; `told` hears of each as it ends. The status of the
  /// last one to end.
  package func waitForEnd(
    services: [String], told: @escaping @Sendable (EndedContainer) -> Void
  ) async throws -> Int32 {
    let records = try await blocking { try self.containers.list(project: self.projectName) }
    try checkExistence(of: services, records)
    let running = records.filter { $0.isSupervised && services.contains($0.service) }
    guard !running.isEmpty else {
      throw Faults([Diagnostic("no containers for project \"\(projectName)\"")])
    }
    var last: Int32 = 0
    try await withThrowingTaskGroup(of: EndedContainer.self) { group in
      for record in running { group.addTask { try await self.end(of: record) } }
      for try await ended in group {
        told(ended)
        last = ended.code
      }
    }
    return last
  }

  private func end(of record: ContainerRecord) async throws -> EndedContainer {
    try await blocking { EndedContainer(id: record.id, code: try self.waitForEnd(of: record.id)) }
  }
}
