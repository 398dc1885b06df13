// The steps of a plan that are about networks and ports.

import Store
import Synchronization
import Addressing
import Blueprint
import Compose
import Diagnostics
import Networking
import OCI
import Planning

extension Session {
  func networkHash(_ network: Compose.Network) -> String {
    Digest(of: network.configHashInput).hex
  }

  /// Makes it, or what lacks of it, and keeps the words that it was made of.
  func makeNetwork(_ network: Compose.Network) throws {
    let made = try networks.ensure(try specification(network), now: Self.now())
    guard made.labels[Label.configHash] == networkHash(network) else { return }
    try writeFile(
      network.configHashInput, to: layout.definition(ofNetwork: network.name), .volatile)
  }

  /// What stands in the way of networks that were made or repaired.
  func tellOfNetworks() {
    for warning in networks.takeWarnings() { tell(.warning(warning)) }
  }

  /// Links, addresses, routes and open ports of a container that is about to run.
  func connect(_ blueprint: ContainerBlueprint, namespace: CInt?) throws {
    guard let namespace, !blueprint.network.endpoints.isEmpty else { return }
    try networks.connect(namespace: namespace, endpoints: blueprint.network.endpoints)
    guard !blueprint.network.ports.isEmpty, let publication = Publication(blueprint) else { return }
    try networks.publish([publication])
  }

  /// Closes the ports of a container that does not run any more.
  func unpublish(_ blueprint: ContainerBlueprint) throws {
    guard !blueprint.network.ports.isEmpty else { return }
    try networks.unpublish([blueprint.id])
  }

  func releaseLeases(of id: String, _ project: Project) throws {
    for network in project.networks {
      for lease in try networks.leases(network.name) where lease.container == id {
        try networks.release(lease.address, network: network.name, container: id)
      }
    }
  }

  /// Reserves every wish, or throws for the first that cannot be had.
  func reserve(_ wishes: [PortWish]) throws -> PortReservation {
    var result = try networks.reserve([])
    for wish in wishes {
      let one = try reserveOne(wish)
      result.ports += one.ports
      result.sockets += one.sockets
    }
    return result
  }

  private func reserveOne(_ wish: PortWish) throws -> PortReservation {
    guard wish.isOfHost else {
      var opened = try networks.reserve([])
      opened.ports = [wish.port(wish.candidates?.lowerBound ?? wish.containerPort)]
      return opened
    }
    guard let candidates = wish.candidates else { return try networks.reserve([wish.port(0)]) }
    for number in candidates.dropLast() {
      do {
        return try networks.reserve([wish.port(number)])
      } catch is PortConflict {
        continue
      }
    }
    return try networks.reserve([wish.port(candidates.upperBound)])
  }
}

extension StepRunner {
  func createNetwork(_ name: String) throws {
    guard let network = project?.networks.first(where: { $0.name == name }) else {
      throw NetworkError.missing(name: name)
    }
    try session.makeNetwork(network)
    session.tellOfNetworks()
    _ = repaired.withLock { $0.insert(name) }
  }

  /// A network that somebody else's containers are on stays, with a warning.
  func removeNetwork(_ name: String) async throws {
    let users = try session.networks.leases(name).filter { session.containers.exists($0.container) }
    guard users.isEmpty else {
      session.tell(
        .progress(
          ProgressEvent("Network \(name)", "Resource is still in use", .warning)))
      return
    }
    try await tell("Network \(name)", "Removing", "Removed", doing: "removing network `\(name)`") {
      try self.session.networks.remove(name)
    }
  }

  /// After a reboot records are there and bridges are not.
  func repairNetworks(of blueprint: ContainerBlueprint) throws {
    for endpoint in blueprint.network.endpoints {
      let isKnown = repaired.withLock { !$0.insert(endpoint.network).inserted }
      if !isKnown { _ = try session.networks.repair(endpoint.network) }
    }
    session.tellOfNetworks()
  }

  /// Reserves the host ports of everything that the plan starts, before anything is made, so that a
  /// conflict leaves no trace. Ports of containers that the plan itself stops come later.
  func reservePorts(_ plan: Plan) throws {
    let ending = Set(
      plan.steps.compactMap { step -> String? in
        if case .stopContainer(_, let name) = step.operation { name } else { nil }
      })
    let freed = try ending.flatMap { try blueprint($0).network.ports }
    for step in plan.steps {
      guard case .startContainer(_, let name) = step.operation else { continue }
      let wishes = try wishes(of: name)
      if wishes.isEmpty || wishes.contains(where: { wish in freed.contains { wish.meets($0) } }) {
        continue
      }
      do {
        let reservation = try session.reserve(wishes)
        reserved.withLock { $0[name] = reservation }
      } catch let conflict as PortConflict {
        throw naming(conflict)
      }
    }
  }

  /// Who has the port may be a container that this very plan starts.
  private func naming(_ conflict: PortConflict) -> PortConflict {
    let holders = reserved.withLock { reserved in
      reserved.filter { $0.value.ports.contains { $0.isSame(as: conflict.port) } }.keys
    }
    guard let holder = holders.min() else { return conflict }
    var named = conflict
    named.holder = "container `\(holder)`"
    return named
  }

  /// What the service asks for, for a container that this plan makes; else what it had.
  private func wishes(of name: String) throws -> [PortWish] {
    let made = plannedServices.withLock { $0[name] }
    if let made, let base = bases[made] {
      let isOwn = base.service.networkMode == nil || base.service.namedNetwork != nil
      guard isOwn, let project else { return [] }
      return try session.portWishes(of: base.service, in: project)
    }
    return try session.portWishes(of: blueprint(name).network)
  }

  func ports(for blueprint: ContainerBlueprint) throws -> PortReservation {
    if let held = reserved.withLock({ $0.removeValue(forKey: blueprint.name) }) { return held }
    return try session.reserve(try wishes(of: blueprint.name))
  }
}

extension PortWish {
  /// Whether it could be met by this very port of the host.
  fileprivate func meets(_ port: Blueprint.PublishedPort) -> Bool {
    isOfHost && candidates?.contains(port.hostPort) ?? false
      && self.port(port.hostPort).isSame(as: port)
  }
}
