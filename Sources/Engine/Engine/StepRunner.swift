// Does the steps of a plan: each is a few calls into Act, told before and after.

import Networking
import OCI
import Blueprint
import Compose
import Diagnostics
import Linux
import Planning
import Runtime
import Store
import Synchronization

/// What the steps of one plan share. Steps run side by side.
final class StepRunner: Sendable {
  let session: Session
  let project: Project?
  let bases: [String: ServiceBase]
  let options: UpOptions
  /// Containers by name: those that there were, and those made since.
  private let known: Mutex<[String: ContainerBlueprint]>
  /// Those that there were: their anonymous volumes outlive them.
  private let earlier: [String: ContainerBlueprint]
  /// Containers that were made to take the place of others, by the names of those.
  let heirs = Mutex<[String: Heir]>([:])
  /// With the anonymous volumes of containers that are removed.
  let removesVolumes: Bool
  /// Sockets that hold host ports until their container starts, by container name.
  let reserved = Mutex<[String: PortReservation]>([:])
  /// The services of containers that the plan makes, by container name.
  let plannedServices = Mutex<[String: String]>([:])
  /// Networks that were seen whole in the kernel since the plan began.
  let repaired = Mutex<Set<String>>([])
  /// The end of all waiting in this plan.
  let limit: WaitLimit?
  private let preparations = Flights<String>()
  /// Services whose `pre_start` hooks were seen to, and whether with success.
  private let prepared = Mutex<[String: Bool]>([:])

  init(
    session: Session, project: Project?, bases: [ServiceBase], records: [ContainerRecord],
    options: UpOptions, plan: Plan, removesVolumes: Bool = false
  ) {
    self.removesVolumes = removesVolumes
    self.session = session
    self.project = project
    self.bases = Dictionary(bases.map { ($0.service.name, $0) }) { first, _ in first }
    self.options = options
    limit = WaitLimit(options.wait)
    earlier = Dictionary(records.map { ($0.name, $0.blueprint) }) { first, _ in first }
    known = Mutex(earlier)
    for step in plan.steps {
      switch step.operation {
      case .createContainer(let service, _, let name),
        .createReplacement(let service, _, let name, _):
        plannedServices.withLock { $0[name] = service }
      default: break
      }
    }
  }

  func blueprint(_ name: String) throws -> ContainerBlueprint {
    guard let blueprint = known.withLock({ $0[name] }) else {
      throw Faults([Diagnostic("container `\(name)` is not there")])
    }
    return blueprint
  }

  func perform(_ step: Plan.Step) async throws {
    switch step.operation {
    case .everythingCreated: break
    case .createNetwork(let name):
      try await tell("Network \(name)", "Creating", "Created", doing: "creating network `\(name)`")
      {
        try self.createNetwork(name)
      }
    case .removeNetwork(let name):
      try await removeNetwork(name)
    case .createVolume(let name):
      try await tell("Volume \(name)", "Creating", "Created", doing: "creating volume `\(name)`") {
        try self.createVolume(name)
      }
    case .removeVolume(let name): try await removeVolume(name)
    case .createContainer(let service, let number, let name):
      try await tell("Container \(name)", "Creating", "Created", doing: "creating `\(name)`") {
        try self.createContainer(service: service, number: number, name: name)
      }
    case .startContainer(let service, let name): try await startContainer(name, of: service)
    case .stopContainer(_, let name): try await stopContainer(name)
    case .removeContainer(_, let name):
      try await tell("Container \(name)", "Removing", "Removed", doing: "removing `\(name)`") {
        try self.removeContainer(name)
      }
    case .createReplacement, .renameReplacement: try await replace(step.operation)
    case .killContainer, .pauseContainer, .unpauseContainer, .removeImage:
      try await performAlone(step.operation)
    case .wait(let service, let dependency): try await wait(service, dependency)
    }
  }

  /// Tells the beginning and the end of a blocking piece of work; wraps its failure.
  func tell(
    _ id: String, _ beginning: String, _ end: String, doing: String,
    _ body: @escaping @Sendable () throws -> Void
  ) async throws {
    session.tell(.progress(ProgressEvent(id, beginning, .working)))
    do {
      try await blocking(body)
    } catch let cancellation as CancellationError {
      throw cancellation
    } catch {
      session.tell(.progress(ProgressEvent(id, "Error", .error)))
      throw Failure(doing, error)
    }
    session.tell(.progress(ProgressEvent(id, end, .done)))
  }

  /// One that a container of whatever project has stays; it is said, as the reference does.
  private func removeVolume(_ name: String) async throws {
    let users = try await blocking {
      try self.session.containers.list().filter { $0.volumeNames.contains(name) }
    }
    guard users.isEmpty else {
      session.tell(
        .warning(
          Diagnostic(
            "volume `\(name)`: resource is still in use", severity: .warning,
            causes: ["it is mounted in \(users.map { "`\($0.name)`" }.joined(separator: ", "))"])))
      return
    }
    try await tell("Volume \(name)", "Removing", "Removed", doing: "removing volume `\(name)`") {
      try self.session.volumes.remove(name)
    }
  }

  private func createVolume(_ name: String) throws {
    try session.createVolume(name, project?.volumes.first { $0.name == name })
  }

  private func createContainer(service: String, number: Int, name: String) throws {
    guard let base = bases[service], let project else {
      throw NoSuchService(name: service, known: [])
    }
    let identity = ContainerIdentity(id: randomID(), name: name, number: number)
    // One that a killed command had removed already is as good as one that is here.
    let present =
      try earlier[name] ?? session.containers.replaced(name, project: session.projectName)
    let previous = options.renewsAnonymousVolumes ? nil : present
    remember(
      try session.makeContainer(base, identity, project: project, previous: previous))
    if present != nil {
      try session.containers.forgetReplaced(name, project: session.projectName)
    }
  }

  func remember(_ blueprint: ContainerBlueprint) {
    known.withLock { $0[blueprint.name] = blueprint }
  }

  private func startContainer(_ name: String, of service: String) async throws {
    let blueprint = try blueprint(name)
    if options.hooks == .all { try await prepare(service) }
    let runsHooks = options.hooks != .none
    try await HookStop.with { stop in
      try await tell("Container \(name)", "Starting", "Started", doing: "starting `\(name)`") {
        try self.repairNetworks(of: blueprint)
        let ports = try self.ports(for: blueprint)
        let started = try self.session.start(blueprint, ports: ports)
        self.remember(started)
        if runsHooks { try self.session.runPostStart(started, stop) }
      }
    }
  }

  /// Runs the `pre_start` hooks of a service, once for all of its containers.
  private func prepare(_ service: String) async throws {
    let replica = known.withLock { known in
      known.values.filter {
        $0.labels[Label.service] == service && $0.labels[Label.oneOff] != "True"
      }
      .min { $0.replicaNumber < $1.replicaNumber }
    }
    guard let replica else { return }
    let hooks = try session.hooks(of: replica.id).preStart
    if hooks.isEmpty { return }
    try await preparations.alone(service) {
      if let isDone = self.prepared.withLock({ $0[service] }) {
        // The failure was told by whoever met it.
        if isDone { return } else { throw CancellationError() }
      }
      self.prepared.withLock { $0[service] = false }
      try await blocking { try self.repairNetworks(of: replica) }
      try await HookStop.with { stop in
        try await self.session.runPreStart(hooks, beside: replica, stop)
      }
      self.prepared.withLock { $0[service] = true }
    }
  }

  private func stopContainer(_ name: String) async throws {
    let blueprint = try blueprint(name)
    let timeout = options.timeout
    // One that is made anew is not being stopped as far as its service goes.
    let runsHooks = options.hooks != .none && plannedServices.withLock { $0[name] == nil }
    try await HookStop.with { stop in
      try await tell("Container \(name)", "Stopping", "Stopped", doing: "stopping `\(name)`") {
        if runsHooks { try self.session.runPreStop(blueprint, stop) }
        try self.session.stop(blueprint, timeout: timeout)
      }
    }
  }

  private func removeContainer(_ name: String) throws {
    let blueprint = try blueprint(name)
    let isPlanned = plannedServices.withLock { $0[name] != nil }
    let heir = heirs.withLock { $0[name]?.blueprint }
    try session.remove(
      blueprint, withVolumes: removesVolumes,
      successor: heir.map { .made($0) } ?? (isPlanned ? .next : .none))
    // Nobody waits for it any more.
    known.withLock { $0[name] = nil }
  }

  private func wait(_ service: String, _ dependency: Planning.Dependency) async throws {
    try await session.wait(for: dependency, of: service, limit: limit) {
      self.known.withLock { known in
        known.values.filter {
          $0.labels[Label.service] == dependency.service && $0.labels[Label.oneOff] != "True"
        }
      }
    }
  }
}

extension Session {
  /// For a plan about containers that exist: it makes none.
  func runner(
    for plan: Plan, of records: [ContainerRecord], _ options: UpOptions = UpOptions(),
    removesVolumes: Bool = false
  ) -> StepRunner {
    StepRunner(
      session: self, project: loaded?.project, bases: [], records: records, options: options,
      plan: plan, removesVolumes: removesVolumes)
  }

  /// Makes a volume of the project with the labels that tie it to the file.
  func createVolume(_ name: String, _ volume: Compose.Volume?) throws {
    var labels: [String: String] = [:]
    for label in volume?.labels ?? [] { labels[label.key] = label.value }
    labels[Label.project] = projectName
    labels[Label.volume] = volume?.key
    labels[Label.version] = berthVersion
    if let volume { labels[Label.configHash] = Digest(of: volume.configHashInput).hex }
    let isNew = try volumes.record(name) == nil
    try volumes.create(
      VolumeRecord(
        name: name, labels: labels, createdAt: Self.now(),
        driverOptions: volume.map(driverOptions) ?? [:]),
      size: volume?.sizeLimit.flatMap { UInt64(exactly: $0.bytes) })
    guard isNew, let volume else { return }
    try writeFile(volume.configHashInput, to: layout.definition(ofVolume: name), .volatile)
  }
}
