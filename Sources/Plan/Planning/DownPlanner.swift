// `down` and `stop`: dependents before what they depend on, everything else at once.

package struct DownScope: Hashable, Sendable {
  /// Only these services, with the networks and volumes that nobody else uses; empty is all.
  package var services: Set<String> = []
  package var removesContainers = true
  package var removesVolumes = false
  package var removesOrphans = false
  /// Services of the project; others are orphans. Nil (no file): none is an orphan.
  package var known: Set<String>?
  /// Images that go with their containers.
  package var images: [String] = []

  package init() {}

  func includes(_ container: ObservedContainer) -> Bool {
    // Somebody is in front of a one-off; it goes with the project, but is not stopped by the way.
    if !removesContainers, container.isOneOff { return false }
    if !services.isEmpty { return services.contains(container.service) }
    guard let known, !removesOrphans else { return true }
    // What `run` left of a service goes with it.
    return known.contains(container.service)
  }
}

/// - Parameter dependencies: for each service what it depends on, from the file or from labels.
package func planDown(
  _ observed: Observed, dependencies: [String: [String]], scope: DownScope
) -> Plan {
  var plan = Plan()
  var ended: [String: [Int]] = [:]
  let services = Set(observed.containers.map(\.service)).union(dependencies.keys).sorted()
  let order = dependencyOrder(services.map { ($0, dependencies[$0] ?? []) })
  for service in order.reversed() {
    // Whoever depends on this service stops first; they come earlier in this walk.
    let dependents = order.filter { dependencies[$0]?.contains(service) ?? false }
    let after = dependents.flatMap { ended[$0] ?? [] }
    var last: [Int] = []
    for container in observed.containers where container.service == service {
      guard scope.includes(container) else {
        if scope.services.isEmpty, !container.isOneOff { plan.orphans.append(container.name) }
        continue
      }
      last.append(contentsOf: end(container, in: &plan, after: after, scope: scope))
    }
    // A service without containers must not cut the chain between its neighbours.
    ended[service] = last.isEmpty ? after : last
  }
  guard scope.removesContainers else { return plan }
  removeResources(observed, from: &plan, scope: scope)
  return plan
}

private func end(
  _ container: ObservedContainer, in plan: inout Plan, after: [Int], scope: DownScope
) -> [Int] {
  var steps: [Int] = []
  if container.isActive {
    steps = [
      plan.add(
        .stopContainer(service: container.service, name: container.name), because: "asked for",
        after: after)
    ]
  }
  guard scope.removesContainers else { return steps }
  return [
    plan.add(
      .removeContainer(service: container.service, name: container.name), because: "asked for",
      after: steps.isEmpty ? after : steps)
  ]
}

private func removeResources(_ observed: Observed, from plan: inout Plan, scope: DownScope) {
  let removals = plan.steps.indices.filter { index in
    if case .removeContainer = plan.steps[index].operation { true } else { false }
  }
  let gone = observed.containers.filter { scope.includes($0) }
  let staying = observed.containers.filter { !scope.includes($0) }
  let isPart = !scope.services.isEmpty
  for network in observed.networks where network.isOwn {
    // Of some services only what was theirs.
    if isPart, !gone.contains(where: { $0.networks.contains(network.name) }) { continue }
    if staying.contains(where: { $0.networks.contains(network.name) }) {
      plan.usedResources.append(.network(network.name))
      continue
    }
    plan.add(.removeNetwork(network.name), because: "asked for", after: removals)
  }
  for image in scope.images {
    plan.add(.removeImage(image), because: "images were asked for", after: removals)
  }
  guard scope.removesVolumes else { return }
  for volume in observed.volumes where volume.isOwn {
    if isPart, !gone.contains(where: { $0.volumes.contains(volume.name) }) { continue }
    if staying.contains(where: { $0.volumes.contains(volume.name) }) {
      plan.usedResources.append(.volume(volume.name))
      continue
    }
    plan.add(.removeVolume(volume.name), because: "volumes were asked for", after: removals)
  }
}

/// The plan for `start`: containers that do not run, behind what their services depend on.
package func planStart(
  _ observed: Observed, services: Set<String>, dependencies: [String: [Dependency]]
) -> Plan {
  var plan = Plan()
  let names = Set(observed.containers.map(\.service)).sorted()
  let order = dependencyOrder(names.map { ($0, dependencies[$0]?.map(\.service) ?? []) })
  var started: [String: [Int]] = [:]
  for service in order where services.contains(service) {
    let idle = observed.containers.filter {
      $0.service == service && !$0.isOneOff && !$0.isActive
    }
    guard !idle.isEmpty else { continue }
    let waits = (dependencies[service] ?? []).filter { names.contains($0.service) }.map {
      plan.add(
        .wait(service: service, dependency: $0), because: "depends_on",
        after: started[$0.service] ?? [])
    }
    started[service] = idle.map {
      plan.add(
        .startContainer(service: service, name: $0.name), because: "asked for", after: waits)
    }
  }
  return plan
}
