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

  init(_ decision: UpDecision) {
    plan = decision.plan
    services = Set(decision.selected.map(\.name))
    attachable = decision.selected.filter(\.attaches).map(\.name)
  }
}

/// What `up` is about to do, and what it decided that from.
struct UpDecision: Sendable {
  var plan: Plan
  var selected: [Service]
  var records: [ContainerRecord]
  var observed: Observed
  var desired: DesiredProject
}

extension Session {
  /// Brings the project to what its file says. Holds the project's lock but for transfers.
  ///
  /// - Parameter whenMade: called when all containers are there and none was started yet.
  package func up(
    _ options: UpOptions, whenMade: @escaping @Sendable (UpResult) async -> Void = { _ in }
  ) async throws -> UpResult {
    let project = try project()
    let selected = try check(options, project)
    if options.isDryRun {
      return try await UpResult(blocking { try decideDry(options, selected, project) })
    }
    let bases = try await ensureImages(selected, pull: options.pull, build: options.build)
    defer { bases.first?.lease?.end() }
    try await blocking { try self.checkSandboxes(selected, in: project) }
    let lock = try await lockProject("up")
    defer { lock.release() }
    let decision = try await blocking {
      try self.sweep()
      return try self.decide(options, bases.map { ServiceOutline($0) }, project)
    }
    let (plan, records) = (decision.plan, decision.records)
    tellUnchanged(records, plan, decision.desired)
    let runner = StepRunner(
      session: self, project: project, bases: bases, records: records, options: options,
      plan: plan)
    try await blocking { try runner.reservePorts(plan) }
    let result = UpResult(decision)
    if !plan.hasBarrier { await whenMade(result) }
    try await apply(plan) { step in
      try await runner.perform(step)
      if case .everythingCreated = step.operation { await whenMade(result) }
    }
    if options.wait != nil { try await waitForAll(result.services, limit: runner.limit) }
    return result
  }

  /// The services that are meant. What cannot be made stops it while nothing has changed.
  func check(_ options: UpOptions, _ project: Project) throws -> [Service] {
    let selected = try select(
      options.services, from: project, includingDependencies: options.includesDependencies)
    guard !selected.isEmpty || request.keepsUnusedResources else { throw NoService() }
    try refuseUnsupported(in: project)
    for network in project.networks where !network.isExternal { _ = try specification(network) }
    try checkScale(options.scale, project)
    try checkSources(of: selected, in: project)
    return selected
  }

  /// The same without changing anything: images that lack are named, not fetched.
  func decideDry(_ options: UpOptions, _ selected: [Service], _ project: Project) throws
    -> UpDecision
  {
    try checkSandboxes(selected, in: project)
    return try decide(
      options, lookForImages(selected, pull: options.pull, build: options.build), project)
  }

  /// What there is, what is wanted, and what lies between. Blocks.
  private func decide(_ options: UpOptions, _ outlines: [ServiceOutline], _ project: Project) throws
    -> UpDecision
  {
    let selected = outlines.map(\.service)
    let (records, observed) = try observe()
    let desired = desired(outlines, of: project, options: options)
    try checkExternals(desired, observed)
    try checkNamedNetworks(selected)
    let known = Set((project.services + project.disabledServices).map(\.name))
    var policy = options.policy
    var plan = planUp(desired, observed: observed, allServices: known, policy: policy)
    if let agrees = options.agrees, !plan.changedVolumes.isEmpty {
      policy.recreatedVolumes = Set(plan.changedVolumes.filter(agrees))
      plan = planUp(desired, observed: observed, allServices: known, policy: policy)
    }
    for name in outlines.flatMap(\.pulls) where !plan.pulls.contains(name) {
      plan.pulls.append(name)
    }
    for build in outlines.flatMap(\.builds) where !plan.builds.contains(build) {
      plan.builds.append(build)
    }
    try checkGivenFiles(plan, of: selected, in: project)
    try checkRemadeNetworks(plan, records)
    tellOrphans(plan.orphans)
    tellForeigners(desired, observed)
    if options.agrees == nil { tellVolumes(plan.changedVolumes) }
    return UpDecision(
      plan: plan, selected: selected, records: records, observed: observed, desired: desired)
  }

  /// Throws for names that are no service of the project.
  package func checkServices(_ names: [String]) throws { try checkNames(names) }

  /// Of the services whose containers the plan makes or starts.
  private func checkGivenFiles(_ plan: Plan, of services: [Service], in project: Project) throws {
    var (made, started): (Set<String>, Set<String>) = ([], [])
    for step in plan.steps {
      switch step.operation {
      case .createContainer(let service, _, _), .createReplacement(let service, _, _, _):
        made.insert(service)
      case .startContainer(let service, _): started.insert(service)
      default: break
      }
    }
    try checkGivenFiles(
      of: services.filter { made.contains($0.name) || started.contains($0.name) }, made: made,
      in: project)
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

  /// A network that is made anew loses all that is on it; what is not the plan's would lose its ground.
  private func checkRemadeNetworks(_ plan: Plan, _ records: [ContainerRecord]) throws {
    let gone = plan.steps.compactMap { step -> String? in
      if case .removeContainer(_, let name) = step.operation { name } else { nil }
    }
    let leaving = Set(records.filter { gone.contains($0.name) }.map(\.id))
    for case .removeNetwork(let name) in plan.steps.map(\.operation) {
      let stranger = try networks.leases(name).first {
        !leaving.contains($0.container) && containers.exists($0.container)
      }
      guard let stranger else { continue }
      let holder = try containers.names().first { $0.id == stranger.container }
      throw Faults([
        Diagnostic(
          "network `\(name)` has changed, and cannot be made anew: it is in use by container "
            + "`\(holder?.name ?? String(stranger.container.prefix(12)))`",
          hint: holder.map { "stop and remove it: `berth -p \($0.project) down`" })
      ])
    }
  }

  private func tellVolumes(_ changed: [String]) {
    for name in changed {
      tell(
        .warning(
          Diagnostic(
            "volume `\(name)` exists but doesn't match its configuration in the compose file",
            severity: .warning,
            hint: "it is used as it is; `up --yes` makes it anew, and what is in it is lost")))
    }
  }

  /// What others have made under the names that this project wants.
  private func tellForeigners(_ desired: DesiredProject, _ observed: Observed) {
    func foreign(_ wanted: [DesiredResource], _ present: [ObservedResource]) -> [String] {
      wanted.filter { resource in
        !resource.isExternal && present.contains { $0.name == resource.name && !$0.isOwn }
      }.map(\.name)
    }
    let hint = "set `external: true` to say that it is meant"
    for name in foreign(desired.networks, observed.networks) {
      tell(
        .warning(
          Diagnostic(
            "a network with name `\(name)` exists but was not created by this project",
            severity: .warning, hint: hint)))
    }
    for name in foreign(desired.volumes, observed.volumes) {
      tell(
        .warning(
          Diagnostic(
            "volume `\(name)` already exists but was not created by this project",
            severity: .warning, hint: hint)))
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
    saysYes(loaded?.environment[name] ?? request.environment[name])
  }
}

/// Whether the value of a variable means yes.
package func saysYes(_ value: String?) -> Bool {
  ["1", "t", "true", "y", "yes", "on"].contains((value ?? "").lowercased())
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
    case .createContainer(_, _, let name), .createReplacement(_, _, let name, _),
      .renameReplacement(_, let name, _), .startContainer(_, let name),
      .stopContainer(_, let name), .removeContainer(_, let name), .killContainer(_, let name, _),
      .pauseContainer(_, let name), .unpauseContainer(_, let name):
      name
    case .createNetwork, .removeNetwork, .createVolume, .removeVolume, .removeImage,
      .everythingCreated, .wait:
      nil
    }
  }
}
