// How one container meets its networks, as a value. Addresses are leased before this is written.

package struct NetworkBlueprint: Codable, Hashable, Sendable {
  package enum Mode: Codable, Hashable, Sendable {
    /// An own namespace, joined to the networks of `endpoints`.
    case bridge
    /// An own namespace with nothing but `lo`.
    case none
    /// The host's namespace.
    case host
    /// The namespace of another container, by its id.
    case container(String)
  }

  package var mode: Mode
  package var endpoints: [EndpointBlueprint] = []
  package var ports: [PublishedPort] = []
  /// `NAME` and address for /etc/hosts; `host-gateway` is already resolved.
  package var extraHosts: [HostEntry] = []
  /// Upstream servers for what berth does not answer; empty is the host's resolvers.
  package var nameServers: [String] = []
  package var searchDomains: [String] = []
  package var resolverOptions: [String] = []
  /// Names of this container's own for others on its networks: `alias` answers as `target` does.
  package var links: [LinkBlueprint] = []

  package init(mode: Mode) { self.mode = mode }

  package var primary: EndpointBlueprint? { endpoints.first(where: \.isPrimary) }

  /// Keeps the primary endpoint, unless it has gone or has no way out while another has.
  package mutating func choosePrimary() {
    if let primary, !primary.isInternal { return }
    let best = endpoints.firstIndex { !$0.isInternal } ?? endpoints.firstIndex(where: \.isPrimary)
    for index in endpoints.indices { endpoints[index].isPrimary = index == (best ?? 0) }
  }
}

package struct LinkBlueprint: Codable, Hashable, Sendable {
  /// A name that the network knows: a service's or a container's.
  package var target: String
  package var alias: String

  package init(target: String, alias: String) {
    self.target = target
    self.alias = alias
  }
}

package struct EndpointBlueprint: Codable, Hashable, Sendable {
  /// The network's full name (`shop_default`): its folder in the store and in the run folder.
  package var network: String
  /// `br-0123456789ab`.
  package var bridge: String
  /// Name of the host's end of the veth pair; never used again for another container.
  package var hostInterface: String
  /// `eth0`.
  package var interface: String
  /// `172.18.0.2`, its prefix length and the gateway, dotted, on networks that have IPv4; nil gateway for
  /// internal ones.
  package var address: String?
  package var prefixLength: Int?
  package var gateway: String?
  /// The same of IPv6: `fd12:3456:789a:1::2`.
  package var address6: String?
  package var prefixLength6: Int?
  package var gateway6: String?
  /// Further addresses for the interface alone, such as 169.254.10.1.
  package var linkLocalAddresses: [String] = []
  /// `02:42:ac:12:00:02`.
  package var hardwareAddress: String
  /// Names that answer with this address on this network: service, container name, aliases, short id.
  package var names: [String]
  /// True where only the network's own names are answered and nothing is forwarded.
  package var isInternal: Bool
  /// True for the endpoint that has the default route and the published ports.
  package var isPrimary: Bool

  package init(
    network: String, bridge: String, hostInterface: String, interface: String, address: String?,
    prefixLength: Int?, gateway: String?, hardwareAddress: String, names: [String],
    isInternal: Bool, isPrimary: Bool
  ) {
    self.network = network
    self.bridge = bridge
    self.hostInterface = hostInterface
    self.interface = interface
    self.address = address
    self.prefixLength = prefixLength
    self.gateway = gateway
    self.hardwareAddress = hardwareAddress
    self.names = names
    self.isInternal = isInternal
    self.isPrimary = isPrimary
  }

  /// One of each family that the network has.
  package var addresses: [String] { [address, address6].compactMap { $0 } }
}

package struct PublishedPort: Codable, Hashable, Sendable {
  package enum Transport: String, Codable, Sendable {
    case tcp
    case udp
    case sctp
  }

  package var transport: Transport
  /// `127.0.0.1`, `0.0.0.0`, `::1`, …; empty is every address of both families.
  package var hostAddress: String
  /// 0 until one was chosen.
  package var hostPort: UInt16
  package var containerPort: UInt16

  package init(
    transport: Transport, hostAddress: String, hostPort: UInt16, containerPort: UInt16
  ) {
    self.transport = transport
    self.hostAddress = hostAddress
    self.hostPort = hostPort
    self.containerPort = containerPort
  }
}

package struct HostEntry: Codable, Hashable, Sendable {
  package var name: String
  package var address: String

  package init(name: String, address: String) {
    self.name = name
    self.address = address
  }
}
