// Containers that join and leave networks while they are there: `berth network connect` and
// `disconnect`.

import Addressing
import Blueprint
import Control
import Diagnostics
import Linux
import Networking
import Store
import SystemPackage

/// What a container asks for on a network that it joins.
package struct ConnectionWish: Sendable {
  package var aliases: [String] = []
  package var address: String?
  package var address6: String?
  package var linkLocalAddresses: [String] = []
  /// `CONTAINER[:ALIAS]`.
  package var links: [String] = []
  package var interface: String?
  package var hardwareAddress: String?

  package init() {}
}

extension Stock {
  /// Joins a container to a network, now if it runs and from its next start on.
  package func connect(_ network: String, _ container: String, _ wish: ConnectionWish) throws {
    let target = try self.network(network)
    try change(container, "network connect") { record in
      let old = record.blueprint
      try checkJoins(target, record)
      let joined =
        target.name == PredefinedNetwork.bridge
        ? try networks.ensure(NetworkSpecification(name: target.name), now: Session.now())
        : try networks.repair(target.name)
      let lease = try networks.lease(
        joined, container: record.id,
        wanted: try wish.address.map { try read($0, IPv4Address.init) },
        wanted6: try wish.address6.map { try read($0, IPv6Address.init) })
      do {
        var blueprint = old
        let endpoint = try endpoint(of: record, joined, lease, wish)
        blueprint.network.endpoints.append(endpoint)
        blueprint.network.links += wish.links.map { text in
          let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
          return LinkBlueprint(target: parts.first ?? text, alias: parts.last ?? text)
        }
        blueprint.network.choosePrimary()
        try apply(blueprint, instead: old, record) { namespace in
          try networks.connect(
            namespace: namespace, endpoints: [endpoint],
            addsDefaultRoute: !old.network.endpoints.contains { !$0.isInternal })
        }
      } catch {
        // The first failure is the one to tell; a lease that stays goes with the container.
        try? release(lease, on: joined, record.id)
        throw error
      }
    }
  }

  /// Takes a container off a network, now if it runs and from its next start on.
  package func disconnect(_ network: String, _ container: String) throws {
    let target = try self.network(network)
    try change(container, "network disconnect") { record in
      var blueprint = record.blueprint
      guard let endpoint = blueprint.network.endpoints.first(where: { $0.network == target.name })
      else {
        throw Faults([
          Diagnostic("container `\(record.name)` is not connected to network `\(target.name)`")
        ])
      }
      blueprint.network.endpoints.removeAll { $0.network == target.name }
      blueprint.network.choosePrimary()
      let rest = blueprint.network.endpoints
      try apply(blueprint, instead: record.blueprint, record) { namespace in
        try networks.disconnect([endpoint])
        if endpoint.isPrimary, !rest.isEmpty {
          try networks.addDefaultRoute(namespace: namespace, endpoints: rest)
        }
      }
      try networks.release([endpoint], container: record.id)
    }
  }

  /// Finds the container and keeps other commands off its project meanwhile.
  private func change(
    _ name: String, _ verb: String, _ body: (ContainerRecord) throws -> Void
  ) throws {
    let place = try containers.names().filter { $0.name == name || $0.id.hasPrefix(name) }
    guard let found = place.first(where: { $0.name == name }) ?? place.first, !name.isEmpty else {
      throw Faults([Diagnostic("no such container: `\(name)`", hint: "`berth ps -a` lists them")])
    }
    let lock = try ProjectLock(folder: layout.project(found.project), verb: verb).wait()
    defer { withExtendedLifetime(lock) {} }
    guard let record = try containers.record(id: found.id, project: found.project) else {
      throw Faults([Diagnostic("the record of container `\(name)` is damaged")])
    }
    try body(record)
  }

  private func checkJoins(_ network: NetworkView, _ container: ContainerRecord) throws {
    let reason: String
    switch container.blueprint.network.mode {
    case .host: reason = "it has the host's network"
    case .none: reason = "its network_mode is `none`"
    case .container: reason = "it has another container's network"
    case .bridge:
      let isOn = container.blueprint.network.endpoints.contains { $0.network == network.name }
      if !isOn { return }
      reason = "it is connected to it already"
    }
    throw Faults([
      Diagnostic(
        "container `\(container.name)` cannot join network `\(network.name)`", causes: [reason])
    ])
  }

  private func endpoint(
    of container: ContainerRecord, _ network: NetworkRecord, _ lease: Lease, _ wish: ConnectionWish
  ) throws -> EndpointBlueprint {
    let blueprint = container.blueprint
    let taken = Set(blueprint.network.endpoints.map(\.interface))
    let free = (0...taken.count).lazy.map { network.interfacePrefix + "\($0)" }
      .first { !taken.contains($0) }
    let interface = wish.interface ?? free ?? network.interfacePrefix
    guard !taken.contains(interface), NetworkStore.isInterface(interface) else {
      throw Faults([Diagnostic("`\(interface)` cannot be the name of one more interface")])
    }
    var names = [container.name, String(container.id.prefix(12))]
    if network.name != PredefinedNetwork.bridge { names += wish.aliases }
    // Its service answers as on the other networks, unless it is a one-off.
    if network.name != PredefinedNetwork.bridge,
      blueprint.labels[Label.oneOff] != "True", let service = blueprint.labels[Label.service]
    {
      names.append(service)
    }
    let hardware = try wish.hardwareAddress.map { try read($0, MACAddress.init) }
    var endpoint = try EndpointBlueprint(
      on: network, lease, interface: interface, hardwareAddress: hardware, names: names)
    endpoint.linkLocalAddresses = try wish.linkLocalAddresses.map {
      "\(try read($0, IPAddress.init))"
    }
    return endpoint
  }

  /// Writes the new record and does `inside` to a container that runs, or leaves all as it was.
  private func apply(
    _ new: ContainerBlueprint, instead old: ContainerBlueprint, _ record: ContainerRecord,
    inside: (CInt) throws -> Void
  ) throws {
    guard record.isSupervised else { return try containers.write(new) }
    let client = ShimClient(runFolder: layout.running(record.id))
    let namespace = try client.namespace()
    try inside(namespace.raw)
    do {
      try containers.write(new)
      try client.renetwork()
    } catch {
      // As it was, as far as that goes: the first failure is the one to tell.
      try? containers.write(old)
      let added = new.network.endpoints.filter { !old.network.endpoints.contains($0) }
      try? networks.disconnect(added)
      throw error
    }
    guard new.network.primary != old.network.primary, !new.network.ports.isEmpty else { return }
    try networks.unpublish([record.id])
    if let publication = Publication(new) { try networks.publish([publication]) }
  }

  private func release(_ lease: Lease, on network: NetworkRecord, _ id: String) throws {
    for address in [lease.address?.any, lease.address6?.any].compactMap({ $0 }) {
      try networks.release(address, network: network.name, container: id)
    }
  }

  private func read<Value>(_ text: String, _ reader: (String) -> Value?) throws -> Value {
    guard let value = reader(text) else {
      throw Faults([Diagnostic("`\(text)` is no address of that kind")])
    }
    return value
  }
}

extension Publication {
  /// The open ports of a container; nil for one on no network.
  init?(_ blueprint: ContainerBlueprint) {
    guard let primary = blueprint.network.primary else { return nil }
    self.init(
      container: blueprint.id, name: blueprint.name, network: primary.network,
      address: primary.address.flatMap { IPv4Address($0) },
      address6: primary.address6.flatMap { IPv6Address($0) }, ports: blueprint.network.ports)
  }
}
