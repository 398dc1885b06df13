// `down`, `stop` and `start`.

import Blueprint
import Compose
import Diagnostics
import Images
import Linux
import OCI
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
    let scope = try await blocking { try self.scope(options, records) }
    let plan = planDown(observed, dependencies: dependencies(records), scope: scope)
    if options.isDryRun { return plan }
    tell(of: plan)
    var up = UpOptions()
    up.timeout = options.timeout
    let runner = runner(for: plan, of: records, up, removesVolumes: options.removesVolumes)
    try await apply(plan) { step in try await runner.perform(step) }
    if options.services.isEmpty { try removeReplaced(withVolumes: options.removesVolumes) }
    try removeProjectFolder(if: options.services.isEmpty)
    return plan
  }

  private func scope(_ options: DownOptions, _ records: [ContainerRecord]) throws -> DownScope {
    var scope = DownScope()
    scope.services = Set(options.services)
    // Without a file nobody can say what else is meant, so what depends on them goes as well.
    if loaded == nil { addDependents(to: &scope.services, dependencies(records)) }
    scope.removesVolumes = options.removesVolumes
    scope.removesOrphans = options.removesOrphans
    scope.known = loaded.map { loaded in
      Set((loaded.project.services + loaded.project.disabledServices).map(\.name))
    }
    if let images = options.removesImages {
      scope.images = try imageNames(images, scope, records)
    }
    return scope
  }

  private func addDependents(to services: inout Set<String>, _ dependencies: [String: [String]]) {
    var isGrowing = !services.isEmpty
    while isGrowing {
      let more = dependencies.filter { name, needs in
        !services.contains(name) && needs.contains(where: services.contains)
      }
      services.formUnion(more.keys)
      isGrowing = !more.isEmpty
    }
  }

  /// Names of the services' images that are here. Those that the file names are not `local`.
  private func imageNames(
    _ images: ImageScope, _ scope: DownScope, _ records: [ContainerRecord]
  ) throws -> [String] {
    func isMeant(_ service: String) -> Bool {
      scope.services.isEmpty || scope.services.contains(service)
    }
    var names: [String] = []
    if let project = loaded?.project {
      for service in project.services where isMeant(service.name) {
        if service.image != nil, images == .local { continue }
        names.append(imageName(of: service))
      }
    } else {
      names = records.filter { record in
        isMeant(record.service)
          && (images == .all
            || record.blueprint.image.reference == joined(projectName, record.service))
      }.map(\.blueprint.image.reference)
    }
    var seen: Set<String> = []
    return try names.filter { name in
      // What is no reference names no image.
      guard seen.insert(name).inserted, let reference = try? ImageReference(parsing: name) else {
        return false
      }
      return try self.images.resolve(reference) != nil
    }
  }

  private func tell(of plan: Plan) {
    if plan.isEmpty, plan.usedResources.isEmpty {
      tell(
        .warning(
          Diagnostic(
            "no resource found to remove for project \"\(projectName)\"", severity: .warning)))
    }
    for resource in plan.usedResources {
      let id =
        switch resource {
        case .network(let name): "Network \(name)"
        case .volume(let name): "Volume \(name)"
        }
      tell(.progress(ProgressEvent(id, "Resource is still in use", .warning)))
    }
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

  @discardableResult
  package func stop(services: [String], timeout: Int?, isDryRun: Bool = false) async throws
    -> Plan
  {
    try checkNames(services)
    let lock = try await lockProject("stop", dryRun: isDryRun)
    defer { lock.release() }
    return try await stopHoldingLock(services: services, timeout: timeout, isDryRun: isDryRun)
  }

  @discardableResult
  func stopHoldingLock(services: [String], timeout: Int?, isDryRun: Bool = false) async throws
    -> Plan
  {
    let (records, observed) = try await blocking { try self.observe() }
    var scope = DownScope()
    scope.services = Set(services)
    scope.removesContainers = false
    let plan = planDown(observed, dependencies: dependencies(records), scope: scope)
    if isDryRun { return plan }
    var options = UpOptions()
    options.timeout = timeout
    let runner = runner(for: plan, of: records, options)
    try await apply(plan) { step in try await runner.perform(step) }
    return plan
  }
}
