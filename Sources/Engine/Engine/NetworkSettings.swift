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
  /// The port of the host itself is wanted. Where nothing is translated the container's own is opened.
  var isOfHost = true

  func port(_ number: UInt16) -> Blueprint.PublishedPort {
    Blueprint.PublishedPort(
      transport: transport, hostAddress: hostAddress, hostPort: number,
      containerPort: containerPort)
  }
}

extension Session {
  /// The ports that a container had before.
  func portWishes(of network: NetworkBlueprint) throws -> [PortWish] {
    let primary = network.primary
    let record = try primary.flatMap { try networks.record($0.network) }
    return network.ports.map { port in
      PortWish(
        transport: port.transport, hostAddress: port.hostAddress,
        candidates: port.hostPort == 0 ? nil : port.hostPort...port.hostPort,
        containerPort: port.containerPort, isOfHost: record?.translates ?? true)
    }
  }

  /// The ports that the service wants of this host: none on a network that the host is not on, or that
  /// has no way in.
  func portWishes(of service: Service, in project: Project) throws -> [PortWish] {
    if service.ports.isEmpty { return [] }
    let way = try wayOut(of: service, in: project)
    guard let way, way.publishes else {
      let reason = way == nil ? "its networks are internal" : "its network is not this host's"
      tell(
        .warning(
          Diagnostic(
            "the ports of `\(service.name)` are not published: \(reason)", severity: .warning,
            span: service.span)))
      return []
    }
    return service.ports.map { port in
      let transport: Blueprint.PublishedPort.Transport
      switch port.transport {
      case .tcp: transport = .tcp
      case .udp: transport = .udp
      case .sctp: transport = .sctp
      }
      return PortWish(
        transport: transport,
        hostAddress: port.hostIP.flatMap { $0.isEmpty ? nil : $0 } ?? way.binding ?? "",
        candidates: port.published, containerPort: port.target, isOfHost: way.translates)
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
    network.links = links(of: service, in: project)
    if network.mode == .bridge {
      network.endpoints = try endpoints(base, identity, project)
      network.ports = try portWishes(of: service, in: project).map {
        $0.port($0.candidates?.lowerBound ?? 0)
      }
    }
    let primary = network.primary
    for host in service.extraHosts {
      guard host.value == "host-gateway" else {
        network.extraHosts.append(HostEntry(name: host.key, address: host.value))
        continue
      }
      let gateways = [primary?.gateway, primary?.gateway6].compactMap { $0 }
      guard !gateways.isEmpty else {
        throw UnsupportedSetting(
          service: service, setting: "extra_hosts `\(host.key):host-gateway`",
          hint: "join a network that is not internal")
      }
      network.extraHosts += gateways.map { HostEntry(name: host.key, address: $0) }
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
      return .bridge
    }
  }

  /// On the bridge that all projects share, services answer by the names of their containers alone.
  private func links(of service: Service, in project: Project) -> [LinkBlueprint] {
    (service.links + service.externalLinks).map { link in
      var target = link.target
      if service.namedNetwork == PredefinedNetwork.bridge, let other = project.service(target) {
        target = other.containerName ?? joined(projectName, target, "1")
      }
      return LinkBlueprint(target: target, alias: link.alias)
    }
  }

  private func endpoints(
    _ base: ServiceBase, _ identity: ContainerIdentity, _ project: Project
  ) throws -> [EndpointBlueprint] {
    let attachments = attachments(of: base.service, in: project)
    var endpoints = try attachments.enumerated().map { index, attached in
      var record = try joinable(attached.name)
      var endpoint = try endpoint(base.service, identity, attached.wish, record, index: index)
      // The shared bridge may have gone with another's last container before the lease kept it.
      while try networks.record(attached.name)?.id != record.id {
        record = try joinable(attached.name)
        endpoint = try self.endpoint(base.service, identity, attached.wish, record, index: index)
      }
      return endpoint
    }
    markPrimary(&endpoints, attachments.map(\.wish))
    return endpoints
  }

  private func endpoint(
    _ service: Service, _ identity: ContainerIdentity, _ attachment: Compose.Attachment,
    _ record: NetworkRecord, index: Int
  ) throws -> EndpointBlueprint {
    let wanted = try attachment.ipv4Address.map { text in
      try parse(text, "ipv4_address", service) { IPv4Address($0) }
    }
    let wanted6 = try attachment.ipv6Address.map { text in
      try parse(text, "ipv6_address", service) { IPv6Address($0) }
    }
    let lease = try networks.lease(
      record, container: identity.id, wanted: wanted, wanted6: wanted6,
      replacing: identity.replaced?.id)
    let hardware = try (attachment.macAddress ?? (index == 0 ? service.macAddress : nil)).map {
      try parse($0, "mac_address", service) { MACAddress($0) }
    }
    var endpoint = try EndpointBlueprint(
      on: record, lease, interface: attachment.interface ?? record.interfacePrefix + "\(index)",
      hardwareAddress: hardware, names: names(service, identity, attachment))
    endpoint.linkLocalAddresses = try attachment.linkLocalAddresses.map { text in
      "\(try parse(text, "link_local_ips", service) { IPAddress($0) })"
    }
    return endpoint
  }

  /// Kernel settings of single interfaces, which `driver_opts` of a service's network may have.
  func interfaceSysctls(of service: Service, _ endpoints: [EndpointBlueprint], _ project: Project)
    throws -> [String: String]
  {
    var sysctls: [String: String] = [:]
    for attached in attachments(of: service, in: project) {
      guard let endpoint = endpoints.first(where: { $0.network == attached.name }) else { continue }
      for option in attached.wish.driverOptions where option.key == EndpointOption.sysctls {
        for setting in option.value.split(separator: ",") {
          let parts = setting.split(separator: "=", maxSplits: 1)
          guard parts.count == 2, parts[0].split(separator: ".").contains("IFNAME") else {
            throw UnsupportedSetting(
              service: service, setting: "\(option.key) `\(setting)`",
              hint: "write it as net.ipv4.conf.IFNAME.log_martians=1")
          }
          let path = parts[0].split(separator: ".").map {
            $0 == "IFNAME" ? endpoint.interface : String($0)
          }
          let separator = endpoint.interface.contains(".") ? "/" : "."
          sysctls[path.joined(separator: separator)] = String(parts[1])
        }
      }
    }
    return sysctls
  }

  /// The one with the default route. Internal networks have no way out.
  private func markPrimary(
    _ endpoints: inout [EndpointBlueprint], _ attachments: [Compose.Attachment]
  ) {
    let open = endpoints.indices.filter { !endpoints[$0].isInternal }
    let best = placeOfDefaultRoute(open.map { attachments[$0] }).map { open[$0] }
    if let index = best ?? endpoints.indices.first { endpoints[index].isPrimary = true }
  }

  private func names(
    _ service: Service, _ identity: ContainerIdentity, _ attachment: Compose.Attachment
  ) -> [String] {
    var names = [identity.name, String(identity.id.prefix(12))]
    let isShared = attachment.network == PredefinedNetwork.bridge && service.namedNetwork != nil
    if !isShared, identity.slug == nil || identity.usesAliases {
      names += [service.name] + attachment.aliases
    }
    if !isShared, let hostname = service.hostname { names.append(hostname) }
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  private func parse<Value>(
    _ text: String, _ attribute: String, _ service: Service, _ read: (String) -> Value?
  ) throws -> Value {
    guard let value = read(text) else {
      throw UnsupportedSetting(
        service: service, setting: "\(attribute) `\(text)`", hint: "it is no address of that kind")
    }
    return value
  }
}

/// Options that `driver_opts` of a service's network may have.
enum EndpointOption {
  static let interface = "com.docker.network.endpoint.ifname"
  static let sysctls = "com.docker.network.endpoint.sysctls"
}

extension Compose.Attachment {
  /// The name that the interface is to have inside.
  fileprivate var interface: String? {
    interfaceName ?? driverOptions.first { $0.key == EndpointOption.interface }?.value
  }
}
