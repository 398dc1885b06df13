// `up`: what lies between what there is and what the project wants.

import Blueprint

/// The plan for `up`. `desired` holds the selected services and all that they depend on;
/// `allServices` every service of the project, so that the rest is no orphan.
package func planUp(
  _ desired: DesiredProject, observed: Observed, allServices: Set<String>, policy: UpPolicy
) -> Plan {
  var planner = UpPlanner(desired: desired, observed: observed, policy: policy)
  planner.clearNetworks()
  planner.makeVolumes()
  planner.handleOrphans(allServices)
  for service in planner.order { planner.settle(service) }
  planner.replace()
  planner.start()
  return planner.plan
}

/// A container whose successor has been made beside it.
private struct Replacement {
  var old: ObservedContainer
  var service: String
  var name: String
  var cause: String
}

private struct UpPlanner {
  let desired: DesiredProject
  let observed: Observed
  let policy: UpPolicy
  var plan = Plan()

  /// Steps that containers on a network or volume must wait for.
  var networkSteps: [String: Int] = [:]
  var volumeSteps: [String: Int] = [:]
  /// Networks to be made anew, with the steps that take their containers away.
  var staleNetworks: Set<String> = []
  var removals: [String: Int] = [:]
  /// Those of orphans. A service under a new name wants the ports and addresses of the old one.
  var orphanRemovals: [Int] = []
  var creations: [Int] = []
  var creationsByService: [String: [Int]] = [:]
  /// What is to be started: container name, the step that made it, why.
  var starts: [String: [(name: String, after: [Int], cause: String)]] = [:]
  var remade: Set<String> = []
  var replacements: [Replacement] = []
  /// The steps behind which replacements stand under their names.
  var renames: [Int] = []
  /// Services that had no container and get one.
  var first: Set<String> = []

  init(desired: DesiredProject, observed: Observed, policy: UpPolicy) {
    self.desired = desired
    self.observed = observed
    self.policy = policy
  }

  var order: [DesiredService] {
    let services = desired.services
    let names = dependencyOrder(services.map { ($0.name, $0.dependencies.map(\.service)) })
    return names.compactMap { name in services.first { $0.name == name } }
  }

  /// Finds networks that must be made or made anew; the latter only after their containers went.
  mutating func clearNetworks() {
    for network in desired.networks where !network.isExternal {
      guard let present = observed.networks.first(where: { $0.name == network.name }) else {
        networkSteps[network.name] = plan.add(
          .createNetwork(network.name), because: "it does not exist")
        continue
      }
      if present.isOwn, present.configHash != network.configHash, policy.recreate != .never {
        remakeNetwork(network.name)
      }
    }
  }

  private mutating func remakeNetwork(_ name: String) {
    staleNetworks.insert(name)
    var gone: [Int] = []
    for container in observed.containers where container.networks.contains(name) {
      gone.append(remove(container, because: "network \(name) changed"))
    }
    let removed = plan.add(.removeNetwork(name), because: "its configuration changed", after: gone)
    networkSteps[name] = plan.add(
      .createNetwork(name), because: "its configuration changed", after: [removed])
  }

  mutating func makeVolumes() {
    for volume in desired.volumes where !volume.isExternal {
      guard let present = observed.volumes.first(where: { $0.name == volume.name }) else {
        volumeSteps[volume.name] = plan.add(
          .createVolume(volume.name), because: "it does not exist")
        continue
      }
      guard present.isOwn, present.configHash != volume.configHash else { continue }
      policy.recreatesVolumes || policy.recreatedVolumes.contains(volume.name)
        ? remakeVolume(volume.name) : plan.changedVolumes.append(volume.name)
    }
  }

  /// With all that is in it.
  private mutating func remakeVolume(_ name: String) {
    var gone: [Int] = []
    for container in observed.containers where container.volumes.contains(name) {
      gone.append(remove(container, because: "volume \(name) changed"))
    }
    let removed = plan.add(.removeVolume(name), because: "its configuration changed", after: gone)
    volumeSteps[name] = plan.add(
      .createVolume(name), because: "its configuration changed", after: [removed])
  }

  /// Stops (where needed) and removes a container; answers the step that removes it.
  mutating func remove(
    _ container: ObservedContainer, because cause: String, after earlier: [Int] = []
  ) -> Int {
    if let step = removals[container.name] { return step }
    var after = earlier
    if container.isActive {
      after = [
        plan.add(
          .stopContainer(service: container.service, name: container.name), because: cause,
          after: earlier)
      ]
    }
    let step = plan.add(
      .removeContainer(service: container.service, name: container.name), because: cause,
      after: after)
    removals[container.name] = step
    return step
  }

  /// Why a container no longer fits, nil when it does.
  func divergence(_ container: ObservedContainer, _ service: DesiredService) -> String? {
    switch policy.recreate(of: service.name) {
    case .never: return nil
    case .always: return "recreation was asked for"
    case .whenChanged: break
    }
    if container.configHash != service.configHash { return "its configuration changed" }
    if let image = service.imageID, container.imageID != image { return "its image changed" }
    if container.mountedImages != service.mountedImages { return "an image that it mounts changed" }
    if let network = service.networks.first(where: { staleNetworks.contains($0) }) {
      return "network \(network) changed"
    }
    if container.isActive,
      let network = service.networks.first(where: { !container.networks.contains($0) })
    {
      return "it is not on network \(network) any more"
    }
    if let volume = service.volumes.first(where: { volumeSteps[$0] != nil }) {
      return "volume \(volume) was missing"
    }
    if let volume = service.volumes.first(where: { !container.volumes.contains($0) }) {
      return "it is without volume \(volume)"
    }
    // Its namespaces and volumes are those of a container that goes.
    if let partner = service.partners.first(where: { remade.contains($0) || first.contains($0) }) {
      return "\(partner) was recreated"
    }
    if container.hasLostPartner { return "a container that it shares with is gone" }
    return nil
  }

  mutating func settle(_ service: DesiredService) {
    var present = observed.containers.filter { $0.service == service.name && !$0.isOneOff }
    present.sort { $0.number < $1.number }
    for surplus in surplus(of: service, among: present) {
      _ = remove(surplus, because: "the service has \(service.replicas) replicas")
      present.removeAll { $0.id == surplus.id }
    }
    for container in present {
      if let cause = divergence(container, service) {
        if mayStay(container, beside: service) {
          replace(container, by: service, because: cause)
          continue
        }
        let gone = remove(container, because: cause, after: removeJoined(to: service.name))
        create(service, container.number, because: cause, after: [gone])
        remade.insert(service.name)
      } else if !container.isActive {
        starts[service.name, default: []].append(
          (container.name, [], container.status == .created ? "it was created" : "it had exited"))
      }
    }
    if present.isEmpty, service.replicas > 0 { first.insert(service.name) }
    var number = present.last?.number ?? 0
    for _ in 0..<max(0, service.replicas - present.count) {
      number += 1
      create(service, number, because: "it does not exist", after: [])
    }
  }

  /// Whether a container may stand until its replacement is made. Not when what it needs is made anew
  /// under it, and not when others find its namespaces or volumes by its service: they would find two.
  private func mayStay(_ container: ObservedContainer, beside service: DesiredService) -> Bool {
    removals[container.name] == nil
      && !desired.services.contains { $0.partners.contains(service.name) }
      && !service.partners.contains { remade.contains($0) || first.contains($0) }
  }

  private mutating func replace(
    _ old: ObservedContainer, by service: DesiredService, because cause: String
  ) {
    let name = self.name(of: service, old.number)
    create(
      service,
      .createReplacement(service: service.name, number: old.number, name: name, of: old.name),
      name: name, because: cause, after: [])
    replacements.append(
      Replacement(old: old, service: service.name, name: name, cause: cause))
    remade.insert(service.name)
  }

  /// Old containers go when everything has been made, so that a failure before leaves them running.
  mutating func replace() {
    for one in replacements {
      let gone = remove(one.old, because: one.cause, after: creations)
      renames.append(
        plan.add(
          .renameReplacement(service: one.service, name: one.name, of: one.old.name),
          because: one.cause, after: [gone]))
    }
  }

  /// Containers that live in the namespaces of a service's go before they go: they would lose the
  /// ground that they stand on.
  private mutating func removeJoined(to name: String) -> [Int] {
    var gone: [Int] = []
    for service in desired.services where service.joins.contains(name) {
      for container in observed.containers
      where container.service == service.name && !container.isOneOff {
        let before = removeJoined(to: service.name)
        gone.append(remove(container, because: "\(name) was recreated", after: before))
      }
    }
    return gone
  }

  /// Too many containers: those that no longer fit go first, then the highest numbers.
  private func surplus(of service: DesiredService, among present: [ObservedContainer])
    -> [ObservedContainer]
  {
    let count = max(0, present.count - service.replicas)
    let ranked = present.sorted { left, right in
      let leftFits = divergence(left, service) == nil
      let rightFits = divergence(right, service) == nil
      return leftFits == rightFits ? left.number > right.number : !leftFits
    }
    return Array(ranked.prefix(count))
  }

  private func name(of service: DesiredService, _ number: Int) -> String {
    service.containerName
      ?? [desired.name, service.name, "\(number)"].joined(separator: desired.separator)
  }

  private mutating func create(
    _ service: DesiredService, _ number: Int, because cause: String, after: [Int]
  ) {
    let name = self.name(of: service, number)
    create(
      service, .createContainer(service: service.name, number: number, name: name), name: name,
      because: cause, after: after)
  }

  private mutating func create(
    _ service: DesiredService, _ operation: Operation, name: String, because cause: String,
    after: [Int]
  ) {
    let needs =
      after + orphanRemovals + service.networks.compactMap { networkSteps[$0] }
      + service.volumes.compactMap { volumeSteps[$0] }
      + service.partners.flatMap { creationsByService[$0] ?? [] }
    let step = plan.add(operation, because: cause, after: needs)
    creations.append(step)
    creationsByService[service.name, default: []].append(step)
    starts[service.name, default: []].append((name, [step], cause))
  }

  mutating func handleOrphans(_ allServices: Set<String>) {
    for container in observed.containers
    where container.isOrphan(among: allServices) {
      if policy.removesOrphans {
        orphanRemovals.append(
          remove(
            container,
            because: container.isOneOff
              ? "it was made by run and has ended" : "its service is no longer in the project"))
      } else {
        plan.orphans.append(container.name)
      }
    }
  }

  /// Starts in the order of dependencies, each wait once for each pair of services.
  mutating func start() {
    guard policy.startsContainers else { return }
    restartDependents()
    let barrier =
      creations.isEmpty
      ? []
      : [plan.add(.everythingCreated, because: "all were made", after: creations + renames)]
    var started: [String: [Int]] = [:]
    for service in order {
      guard let ones = starts[service.name] else { continue }
      let waits = service.dependencies.map { dependency in
        plan.add(
          .wait(service: service.name, dependency: dependency), because: "depends_on",
          after: barrier + (started[dependency.service] ?? []))
      }
      for one in ones {
        let step = plan.add(
          .startContainer(service: service.name, name: one.name), because: one.cause,
          after: one.after + orphanRemovals + waits
            + barrier)
        started[service.name, default: []].append(step)
      }
    }
  }

  /// `depends_on.X.restart: true`: dependents that run go round when X was made anew, and those that
  /// share namespaces with X also when X was started again: it has new ones.
  private mutating func restartDependents() {
    for service in order where !remade.contains(service.name) {
      guard let cause = whyRestart(service) else { continue }
      for container in observed.containers
      where container.service == service.name && container.isActive && !container.isOneOff
        && removals[container.name] == nil
      {
        // Not before it is sure that everything can be made.
        let stopped = plan.add(
          .stopContainer(service: service.name, name: container.name), because: cause,
          after: creations)
        starts[service.name, default: []].append((container.name, [stopped], cause))
      }
      remade.insert(service.name)
    }
  }

  private func whyRestart(_ service: DesiredService) -> String? {
    if let cause = service.dependencies.first(where: { $0.restarts && remade.contains($0.service) })
    {
      return "\(cause.service) was recreated"
    }
    // What was made comes after the step that made it; what was there is only started.
    let started = service.joins.first { starts[$0]?.contains(where: { $0.after.isEmpty }) ?? false }
    return started.map { "\($0) is started again" }
  }
}
