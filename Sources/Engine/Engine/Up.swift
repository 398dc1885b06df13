// `up`: images, then the plan, then its steps.

import Compose
import Diagnostics
import Images
import Linux
import Networking
package import Planning
import Store

package struct UpResult: Sendable {
  package var plan: Plan
  /// The services that this call was about, dependencies included.
  package var services: Set<String>
  /// Of these, those whose output is shown: `attach: false` is left out.
  package var attachable: [String]
}

extension Session {
  /// Brings the project to what its file says. Holds the project's lock but for transfers.
  ///
  /// - Parameter whenMade: called when all containers are there and none was started yet.
  package func up(
    _ options: UpOptions, whenMade: @escaping @Sendable (UpResult) async -> Void = { _ in }
  ) async throws -> UpResult {
    let project = try project()
    let selected = try select(
      options.services, from: project, includingDependencies: options.includesDependencies)
    guard !selected.isEmpty || request.keepsUnusedResources else { throw NoService() }
    try refuseUnsupported(in: project)
    // What cannot be made stops it while nothing has changed.
    for network in project.networks where !network.isExternal { _ = try specification(network) }
    try checkScale(options.scale, project)
    try checkSources(of: selected, in: project)
    let bases = try await ensureImages(selected, pull: options.pull, dryRun: options.isDryRun)
    defer { bases.first?.lease?.end() }
    try await blocking { try self.checkSandboxes(selected, in: project) }
    let lock = try await lockProject("up", dryRun: options.isDryRun)
    defer { lock.release() }
    let (records, observed) = try await blocking { try sweepAndObserve(options) }
    let desired = desired(bases, of: project, options: options)
    try checkExternals(desired, observed)
    try checkNamedNetworks(selected)
    let plan = planUp(
      desired, observed: observed,
      allServices: Set((project.services + project.disabledServices).map(\.name)),
      policy: options.policy)
    try checkGivenFiles(plan, of: selected, in: project)
    tellOrphans(plan.orphans)
    tellVolumes(desired, plan.changedVolumes, observed)
    let result = UpResult(
      plan: plan, services: Set(selected.map(\.name)),
      attachable: selected.filter(\.attaches).map(\.name))
    if options.isDryRun { return result }
    tellUnchanged(records, plan, desired)
    let runner = StepRunner(
      session: self, project: project, bases: bases, records: records, options: options,
      plan: plan)
    try await blocking { try runner.reservePorts(plan) }
    if !plan.hasBarrier { await whenMade(result) }
    try await apply(plan) { step in
      try await runner.perform(step)
      if case .everythingCreated = step.operation { await whenMade(result) }
    }
    if options.wait != nil { try await waitForAll(result.services, limit: runner.limit) }
    return result
  }

  /// Throws for names that are no service of the project.
  package func checkServices(_ names: [String]) throws { try checkNames(names) }

  /// Of the services whose containers the plan makes or starts.
  private func checkGivenFiles(_ plan: Plan, of services: [Service], in project: Project) throws {
    var (made, started): (Set<String>, Set<String>) = ([], [])
    for step in plan.steps {
      switch step.operation {
      case .createContainer(let service, _, _): made.insert(service)
      case .startContainer(let service, _): started.insert(service)
      default: break
      }
    }
    try checkGivenFiles(
      of: services.filter { made.contains($0.name) || started.contains($0.name) }, made: made,
      in: project)
  }

  /// A dry run changes nothing, so it sweeps nothing either.
  private func sweepAndObserve(_ options: UpOptions) throws
    -> (records: [ContainerRecord], observed: Observed)
  {
    if !options.isDryRun { try sweep() }
    return try observe()
  }

  func refuseUnsupported(in project: Project) throws {
    let found = project.unsupportedByUp()
    if found.contains(where: { $0.severity == .error }) { throw Faults(found) }
    for warning in found { tell(.warning(warning)) }
  }

  /// What this machine does not have for a service is told before anything is made.
  private func checkSandboxes(_ services: [Service], in project: Project) throws {
    for service in services {
      _ = try resources(of: service)
      _ = try security(of: service, in: project)
      _ = try devices(of: service)
    }
  }

  private func checkScale(_ scale: [String: Int], _ project: Project) throws {
    for (name, count) in scale.sorted(by: { $0.key < $1.key }) {
      guard let service = project.service(name) else {
        throw NoSuchService(name: name, known: project.services.map(\.name))
      }
      if count > 1, let container = service.containerName {
        throw Faults([
          Diagnostic(
            "service `\(name)` cannot have \(count) containers: all would be named `\(container)`",
            span: service.span, hint: "remove container_name from the service")
        ])
      }
    }
  }

  private func checkExternals(_ desired: DesiredProject, _ observed: Observed) throws {
    var faults: [Diagnostic] = []
    for network in desired.networks where network.isExternal {
      let isThere = observed.networks.contains { $0.name == network.name }
      if isThere || network.name == PredefinedNetwork.bridge { continue }
      faults.append(
        Diagnostic(
          "network \(network.name) declared as external, but could not be found",
          hint: PredefinedNetwork.modes.contains(network.name)
            ? "write `network_mode: \(network.name)` in the service instead"
            : "make it with `berth network create \(network.name)`, or remove `external: true`"))
    }
    for volume in desired.volumes where volume.isExternal {
      guard !observed.volumes.contains(where: { $0.name == volume.name }) else { continue }
      faults.append(
        Diagnostic(
          "external volume \"\(volume.name)\" not found",
          hint: "bring up the project that makes it, or remove `external: true`"))
    }
    if !faults.isEmpty { throw Faults(faults) }
  }

  /// Networks that `network_mode` names must be there: no project makes them.
  private func checkNamedNetworks(_ services: [Service]) throws {
    let faults = try services.compactMap { service -> Diagnostic? in
      guard let name = service.namedNetwork, name != PredefinedNetwork.bridge else { return nil }
      if NetworkStore.isName(name), try networks.record(name) != nil { return nil }
      let words = PredefinedNetwork.modes + [PredefinedNetwork.bridge]
      return Diagnostic(
        "service `\(service.name)` joins network `\(name)` by its network_mode, and there is none",
        span: service.span,
        hint: nearest(to: name, among: words).map { "did you mean `\($0)`?" }
          ?? "make it with `berth network create \(name)`")
    }
    if !faults.isEmpty { throw Faults(faults) }
  }

  private func tellVolumes(
    _ desired: DesiredProject, _ changed: [String], _ observed: Observed
  ) {
    for name in changed {
      tell(
        .warning(
          Diagnostic(
            "volume `\(name)` exists but doesn't match its configuration in the compose file",
            severity: .warning,
            hint: "it is used as it is; `up --yes` makes it anew, and what is in it is lost")))
    }
    for volume in desired.volumes where !volume.isExternal {
      let isForeign = observed.volumes.contains { $0.name == volume.name && !$0.isOwn }
      guard isForeign else { continue }
      tell(
        .warning(
          Diagnostic(
            "volume `\(volume.name)` already exists but was not made by this project",
            severity: .warning, hint: "say `external: true` to use an existing volume")))
    }
  }

  private func tellOrphans(_ orphans: [String]) {
    guard !orphans.isEmpty, !flag("COMPOSE_IGNORE_ORPHANS") else { return }
    tell(
      .warning(
        Diagnostic(
          "found orphan containers (\(orphans.joined(separator: " "))) for this project",
          severity: .warning,
          hint: "if you removed or renamed their service, run with --remove-orphans to clean up")))
  }

  /// Containers that are as they should be say so, as the reference does.
  private func tellUnchanged(_ records: [ContainerRecord], _ plan: Plan, _ desired: DesiredProject)
  {
    let touched = Set(plan.steps.compactMap(\.operation.containerName))
    let services = Set(desired.services.map(\.name))
    for record in records
    where services.contains(record.service) && !record.isOneOff && !touched.contains(record.name) {
      tell(.progress(ProgressEvent("Container \(record.name)", "Running", .done)))
    }
  }

  /// A variable of the project's environment that says yes.
  func flag(_ name: String) -> Bool {
    let value = (loaded?.environment[name] ?? request.environment[name] ?? "").lowercased()
    return ["1", "t", "true", "y", "yes", "on"].contains(value)
  }
}

extension Plan {
  /// Whether there is a moment at which all containers are there and none was started yet.
  fileprivate var hasBarrier: Bool {
    steps.contains { step in
      if case .everythingCreated = step.operation { return true }
      return false
    }
  }
}

struct NoService: Diagnosable {
  var diagnostics: [Diagnostic] {
    [Diagnostic("no service selected", hint: "enable a profile with --profile, or name a service")]
  }
}

extension Planning.Operation {
  /// The container that a step is about.
  var containerName: String? {
    switch self {
    case .createContainer(_, _, let name), .startContainer(_, let name),
      .stopContainer(_, let name), .removeContainer(_, let name):
      name
    case .createNetwork, .removeNetwork, .createVolume, .removeVolume, .everythingCreated, .wait:
      nil
    }
  }
}
