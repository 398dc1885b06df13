// Which networks a service's containers are on: those under `networks`, or the one that its
// `network_mode` names.

import Compose
import Networking

/// Which of several networks with a way out the default route goes by: the highest `gw_priority`, ties
/// by the order of interfaces. Nil for none.
func placeOfDefaultRoute(_ open: [Compose.Attachment]) -> Int? {
  open.indices.max {
    let (left, right) = (open[$0].gatewayPriority, open[$1].gatewayPriority)
    return left == right ? $0 > $1 : left < right
  }
}

/// A network that a service is on.
struct Attached {
  /// On this machine: `shop_default`.
  var name: String
  /// As the project defines it; nil for one that `network_mode` names.
  var network: Compose.Network?
  var wish: Compose.Attachment
}

extension Session {
  /// In the order of the interfaces: the highest `priority` first, ties by name.
  func attachments(of service: Service, in project: Project) -> [Attached] {
    if let name = service.namedNetwork {
      return [Attached(name: name, network: nil, wish: Compose.Attachment(network: name))]
    }
    let ordered = service.networks.sorted {
      $0.priority == $1.priority
        ? $0.network.utf8.lexicographicallyPrecedes($1.network.utf8) : $0.priority > $1.priority
    }
    return ordered.map { wish in
      let network = project.network(wish.network)
      return Attached(
        name: network.map(nameHere) ?? wish.network, network: network, wish: wish)
    }
  }

  /// An external network may be called by its id.
  private func nameHere(_ network: Compose.Network) -> String {
    // What cannot be read is missed, and told, where the network is needed.
    guard network.isExternal, (try? networks.record(network.name)) == nil else {
      return network.name
    }
    let all = (try? networks.list()) ?? []
    return all.first { $0.id == network.name || $0.shortID == network.name }?.name ?? network.name
  }

  /// What the network says of ports by which the service's default route goes; nil for none.
  func wayOut(of service: Service, in project: Project) throws -> WayOut? {
    let open = try attachments(of: service, in: project).filter { attached in
      if let record = try networks.record(attached.name) { return !record.isInternal }
      return !(attached.network?.isInternal ?? false)
    }
    guard let best = placeOfDefaultRoute(open.map(\.wish)).map({ open[$0] }) else { return nil }
    if let record = try networks.record(best.name) {
      return WayOut(
        publishes: record.publishes, translates: record.translates,
        binding: record.hostBinding.map { "\($0)" })
    }
    guard let network = best.network, !network.isExternal else {
      return WayOut(publishes: true, translates: true)
    }
    let wanted = try specification(network)
    return WayOut(
      publishes: wanted.attachment == nil, translates: wanted.translates,
      binding: wanted.policy.hostBinding.map { "\($0)" })
  }

  struct WayOut {
    /// Whether this host can publish ports by it.
    var publishes: Bool
    /// Whether a port of the host stands for one of a container.
    var translates: Bool
    /// Where ports are published that name no address of the host.
    var binding: String?
  }

  /// What must be there although no project makes it, made for a container that joins it. Its leases keep
  /// it from then on.
  func joinable(_ name: String) throws -> NetworkRecord {
    if name == PredefinedNetwork.bridge {
      defer { tellOfNetworks() }
      return try networks.ensure(NetworkSpecification(name: name), now: Self.now())
    }
    guard let record = try networks.record(name) else { throw NetworkError.missing(name: name) }
    return record
  }
}
