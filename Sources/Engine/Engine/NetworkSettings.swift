// A service's networks as endpoints with leased addresses, and its ports as wishes.

import Addressing
import Blueprint
import Compose
import Diagnostics
import Networking
import Store

/// A port that a container wants: any of `candidates`, or any free one when nil.
struct PortWish: Hashable, Sendable {
  var transport: Blueprint.PublishedPort.Transport
  var hostAddress: String
  var candidates: ClosedRange<UInt16>?
  var containerPort: UInt16

  func port(_ number: UInt16) -> Blueprint.PublishedPort {
    Blueprint.PublishedPort(
      transport: transport, hostAddress: hostAddress, hostPort: number,
      containerPort: containerPort)
  }
}

extension PortWish {
  init(_ port: Blueprint.PublishedPort) {
    self.init(
      transport: port.transport, hostAddress: port.hostAddress,
      candidates: port.hostPort == 0 ? nil : port.hostPort...port.hostPort,
      containerPort: port.containerPort)
  }
}

extension Session {
  func portWishes(of service: Service) throws -> [PortWish] {
    try service.ports.map { port in
      let transport: Blueprint.PublishedPort.Transport
      switch port.transport {
      case .tcp: transport = .tcp
      case .udp: transport = .udp
      case .sctp:
        throw UnsupportedSetting(
          service: service, setting: "a port of sctp", hint: "berth publishes tcp and udp")
      }
      return PortWish(
        transport: transport,
        hostAddress: port.hostIP.flatMap { $0.isEmpty ? nil : $0 } ?? "0.0.0.0",
        candidates: port.published, containerPort: port.target)
    }
  }

  /// Leases an address on each network of the service.
  func lease(_ base: ServiceBase, _ identity: ContainerIdentity, project: Project) throws
    -> NetworkBlueprint
  {
    let service = base.service
    var network = NetworkBlueprint(mode: try mode(of: service, number: identity.number))
    network.nameServers = service.dns
    network.searchDomains = service.dnsSearch
    network.resolverOptions = service.dnsOptions
    if network.mode == .bridge {
      network.endpoints = try endpoints(base, identity, project)
      network.ports = try portWishes(of: service).map { $0.port($0.candidates?.lowerBound ?? 0) }
    }
    let gateway = network.endpoints.first(where: \.isPrimary)?.gateway
    for host in service.extraHosts {
      guard host.value == "host-gateway" else {
        network.extraHosts.append(HostEntry(name: host.key, address: host.value))
        continue
      }
      guard let gateway else {
        throw UnsupportedSetting(
          service: service, setting: "extra_hosts `\(host.key):host-gateway`",
          hint: "join a network that is not internal")
      }
      network.extraHosts.append(HostEntry(name: host.key, address: gateway))
    }
    return network
  }

  private func mode(of service: Service, number: Int) throws -> NetworkBlueprint.Mode {
    switch service.networkMode {
    case nil, "": return .bridge
    case "none": return .none
    case "host": return .host
    case .some(let mode):
      if let choice = ContainerChoice(mode) {
        return .container(try networkPartner(choice, of: service, number: number).id)
      }
      throw UnsupportedSetting(
        service: service, setting: "network_mode `\(mode)`",
        hint: "berth knows host, none, service:NAME and container:NAME")
    }
  }

  private func endpoints(
    _ base: ServiceBase, _ identity: ContainerIdentity, _ project: Project
  ) throws -> [EndpointBlueprint] {
    let attachments = base.service.networks.sorted {
      $0.priority == $1.priority
        ? $0.network.utf8.lexicographicallyPrecedes($1.network.utf8) : $0.priority > $1.priority
    }
    var endpoints: [EndpointBlueprint] = []
    for (index, attachment) in attachments.enumerated() {
      let name = project.network(attachment.network)?.name ?? attachment.network
      guard let record = try networks.record(name) else {
        throw NetworkError.missing(name: name)
      }
      let wanted = try attachment.ipv4Address.map { try parse($0, base.service) }
      let address: IPv4Address = try networks.lease(record, container: identity.id, wanted: wanted)
      let hardware =
        attachment.macAddress ?? (index == 0 ? base.service.macAddress : nil)
        ?? "\(MACAddress(for: address))"
      endpoints.append(
        EndpointBlueprint(
          network: name, bridge: record.bridge,
          hostInterface: try NetworkStore.newInterfaceName(), interface: "eth\(index)",
          address: "\(address)", prefixLength: record.subnet.prefixLength,
          gateway: record.isInternal ? nil : "\(record.gateway)", hardwareAddress: hardware,
          names: names(base.service, identity, attachment), isInternal: record.isInternal,
          isPrimary: false))
    }
    markPrimary(&endpoints, attachments)
    return endpoints
  }

  /// The default route goes by the highest `gw_priority`; ties by the order of interfaces. Internal
  /// networks have no way out.
  private func markPrimary(
    _ endpoints: inout [EndpointBlueprint], _ attachments: [Compose.Attachment]
  ) {
    let open = endpoints.indices.filter { !endpoints[$0].isInternal }
    let best = open.max {
      let left = attachments[$0].gatewayPriority
      let right = attachments[$1].gatewayPriority
      return left == right ? $0 > $1 : left < right
    }
    if let index = best ?? endpoints.indices.first { endpoints[index].isPrimary = true }
  }

  private func names(
    _ service: Service, _ identity: ContainerIdentity, _ attachment: Compose.Attachment
  ) -> [String] {
    var names = [identity.name, String(identity.id.prefix(12))]
    if identity.slug == nil || identity.usesAliases {
      names += [service.name] + attachment.aliases
    }
    if let hostname = service.hostname { names.append(hostname) }
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  private func parse(_ text: String, _ service: Service) throws -> IPv4Address {
    guard let address = IPv4Address(text) else {
      throw UnsupportedSetting(
        service: service, setting: "ipv4_address `\(text)`", hint: "write four numbers and dots")
    }
    return address
  }

  /// What the compose file says about a network, as the network store takes it.
  func specification(_ network: Compose.Network) throws -> NetworkSpecification {
    func fault(_ what: String, _ hint: String) -> Faults {
      Faults([
        Diagnostic(
          "network `\(network.key)`: \(what) cannot be acted on", span: network.span, hint: hint)
      ])
    }
    guard [nil, "", "bridge", "default"].contains(network.driver) else {
      throw fault("the driver `\(network.driver ?? "")`", "berth has the driver bridge")
    }
    if network.enablesIPv6 == true {
      throw fault("`enable_ipv6`", "networks of berth are IPv4; leave it out")
    }
    var wanted = NetworkSpecification(name: network.name)
    for label in network.labels { wanted.labels[label.key] = label.value }
    wanted.labels[Label.project] = projectName
    wanted.labels[Label.network] = network.key
    wanted.labels[Label.version] = berthVersion
    wanted.labels[Label.configHash] = networkHash(network)
    wanted.isInternal = network.isInternal
    wanted.isAttachable = network.isAttachable
    for option in network.driverOptions {
      switch option.key {
      case "com.docker.network.bridge.name": wanted.bridge = option.value
      case "com.docker.network.driver.mtu":
        guard let mtu = UInt32(option.value), (68...65535).contains(mtu) else {
          throw fault("an mtu of `\(option.value)`", "write a number from 68 to 65535")
        }
        wanted.mtu = mtu
      default: throw fault("driver_opts `\(option.key)`", "berth knows bridge.name and driver.mtu")
      }
    }
    guard let pool = network.pools.first else { return wanted }
    guard network.pools.count == 1, pool.auxAddresses.isEmpty else {
      throw fault("more than one pool, or aux_addresses", "write one subnet")
    }
    wanted.subnet = try pool.subnet.map {
      guard let subnet = IPv4Subnet($0) else {
        throw fault("the subnet `\($0)`", "write it as 10.5.0.0/24")
      }
      return subnet
    }
    wanted.range = try pool.ipRange.map {
      guard let range = IPv4Subnet($0) else {
        throw fault("the ip_range `\($0)`", "write it as 10.5.0.128/25")
      }
      return range
    }
    wanted.gateway = try pool.gateway.map {
      guard let gateway = IPv4Address($0) else {
        throw fault("the gateway `\($0)`", "write four numbers and dots")
      }
      return gateway
    }
    return wanted
  }
}
