// `start`: containers that exist, as they are.

import Blueprint
import Compose
import Diagnostics
import Linux
package import Planning
import Store

extension Session {
  /// Starts containers that exist, with those that they depend on; makes none.
  package func start(services: [String], wait: UpOptions.Wait?, isDryRun: Bool = false)
    async throws -> Plan
  {
    try checkNames(services)
    let lock = try await lockProject("start", dryRun: isDryRun)
    defer { lock.release() }
    let (records, observed) = try await blocking {
      if !isDryRun { try self.sweep() }
      return try self.observe()
    }
    let wanted = try startable(services, records)
    let plan = planStart(observed, services: wanted, dependencies: startDependencies(records))
    if isDryRun { return plan }
    var options = UpOptions()
    options.wait = wait
    let runner = runner(for: plan, of: records, options)
    try await blocking { try runner.reservePorts(plan) }
    try await apply(plan) { step in try await runner.perform(step) }
    if wait != nil { try await waitForAll(wanted, limit: runner.limit) }
    return plan
  }

  /// The services that are meant: each must have a container, unless it is to have none.
  private func startable(_ services: [String], _ records: [ContainerRecord]) throws -> Set<String> {
    let present = Set(records.filter { !$0.isOneOff }.map(\.service))
    var wanted = services.isEmpty ? present : Set(services)
    var needed = services
    if let project = loaded?.project {
      let selected = try select(services, from: project, includingDependencies: true)
        .filter { $0.replicas > 0 }.map(\.name)
      wanted.formUnion(selected)
      needed += selected
    } else {
      // By labels what is there comes along.
      var queue = Array(wanted)
      while let name = queue.popLast() {
        for dependency in records.filter({ $0.service == name }).flatMap(\.dependencies)
        where present.contains(dependency) && wanted.insert(dependency).inserted {
          queue.append(dependency)
        }
      }
    }
    if let name = needed.first(where: { !present.contains($0) }) {
      throw Faults([
        Diagnostic(
          "service \"\(name)\" has no container to start", hint: "make one with `berth up`")
      ])
    }
    return wanted
  }

  private func startDependencies(_ records: [ContainerRecord]) -> [String: [Planning.Dependency]] {
    var result: [String: [Planning.Dependency]] = [:]
    for record in records { result[record.service] = record.labelledDependencies }
    for service in loaded?.project.services ?? [] {
      result[service.name] = service.dependsOn.map(Planning.Dependency.init)
    }
    return result
  }
}
