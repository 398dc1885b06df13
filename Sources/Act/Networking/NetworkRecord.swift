// A network as it was asked for, and as it was made: `<state>/networks/<name>/network.json`.

package import Addressing
package import Blueprint
package import Diagnostics
import Glibc

/// Names that are there without anybody making them.
package enum PredefinedNetwork {
  /// Shared by all projects: made for the first container on it, gone with the last.
  package static let bridge = "bridge"
  /// Not networks but ways to be without one of one's own.
  package static let modes = ["host", "none"]
}

/// What the compose file says about a network, complete with defaults.
package struct NetworkSpecification: Sendable, Hashable {
  /// `shop_default`.
  package var name: String
  package var labels: [String: String] = [:]
  /// Nil is a network of IPv6 alone. Without a subnet it gets a block of the pools.
  package var ipv4: BlockWish<IPv4Subnet>? = BlockWish()
  /// Nil is a network without IPv6. Without a subnet it gets a block of fd00::/8 that the name leads to.
  package var ipv6: BlockWish<IPv6Subnet>?
  /// No way in or out.
  package var isInternal = false
  package var isAttachable = false
  /// Addresses that no container gets, by the names of who has them.
  package var reserved: [String: IPAddress] = [:]
  package var policy = NetworkPolicy()
  /// Nil is a bridge.
  package var attachment: NetworkAttachment?
  /// Nil is 1500.
  package var mtu: UInt32?
  /// Nil is made from the id.
  package var bridge: String?
  package var options: [String: String] = [:]

  package init(name: String) { self.name = name }

  /// Whether packets to published ports of this host are to be translated, in one family at least.
  package var translates: Bool {
    policy.translates(hasIPv4: ipv4 != nil, hasIPv6: ipv6 != nil)
  }
}

/// The addresses of one family that a network is to have.
package struct BlockWish<Block: AddressBlock>: Hashable, Sendable {
  package var subnet: Block?
  /// Nil is the first address of the subnet.
  package var gateway: Block.Address?
  /// Only these addresses are given out without being asked for; nil is the whole subnet.
  package var range: Block?

  package init(subnet: Block? = nil, gateway: Block.Address? = nil, range: Block? = nil) {
    self.subnet = subnet
    self.gateway = gateway
    self.range = range
  }
}

/// What a bridge lets through, beside what every bridge of berth does.
package struct NetworkPolicy: Codable, Sendable, Hashable {
  package enum Gateway: String, Codable, Sendable {
    /// Packets that leave have the host's address.
    case nat
    /// The same, and who has a route to the containers reaches every port of theirs.
    case unprotected = "nat-unprotected"
    /// Packets that leave keep their address: others have a route to the containers.
    case routed
    /// The bridge has no address: no way to the host or through it.
    case isolated

    /// Whether packets are translated on their way in and out.
    var translates: Bool { self == .nat || self == .unprotected }
  }

  /// Containers of the network reach each other.
  package var allowsContainers = true
  /// Packets that leave get the host's address, where the gateway does it.
  package var masquerades = true
  package var gateway = Gateway.nat
  package var gateway6 = Gateway.nat
  /// Where ports are published that name no address of the host; nil is everywhere.
  package var hostBinding: IPAddress?
  /// The address that packets which leave get, instead of that of the link they leave by.
  package var hostAddress: IPv4Address?
  package var hostAddress6: IPv6Address?
  /// Links of this host from where published ports are also reached at the containers' own addresses.
  package var trustedInterfaces: [String] = []
  /// The bridge gets no address of IPv4: somebody else on the network has the gateway's.
  package var inhibitsIPv4 = false
  /// Containers may only send with their own addresses.
  package var preventsSpoofing = false
  /// `eth` of eth0.
  package var interfacePrefix = "eth"

  package init() {}

  func translates(hasIPv4: Bool, hasIPv6: Bool) -> Bool {
    hasIPv4 && gateway.translates || hasIPv6 && gateway6.translates
  }
}

/// How containers are on a network that is not a bridge of its own: each has a link on top of one of
/// the host's. Nothing is translated or filtered, and the host itself cannot be reached by it.
package struct NetworkAttachment: Codable, Sendable, Hashable {
  package enum Kind: String, Codable, Sendable {
    case macvlan
    case ipvlan
  }

  package var kind: Kind
  /// A link of the host, `eth0` or `eth0.10`, which is made as a VLAN of `eth0` when it lacks; nil makes
  /// one that leads nowhere.
  package var parent: String?
  /// One of `modes`.
  package var mode: String
  /// Of ipvlan: one of `flags`.
  package var flag: String?

  package init(kind: Kind) {
    self.kind = kind
    mode = kind == .macvlan ? "bridge" : "l2"
  }

  /// The words for `mode` and their numbers in the kernel.
  package static func modes(of kind: Kind) -> [String: UInt32] {
    switch kind {
    case .macvlan: ["private": 1, "vepa": 2, "bridge": 4, "passthru": 8]
    case .ipvlan: ["l2": 0, "l3": 1, "l3s": 2]
    }
  }

  package static let flags: [String: UInt16] = ["bridge": 0, "private": 1, "vepa": 2]
}

/// The addresses of one family that a network has.
package struct NetworkBlock<Block: AddressBlock>: Codable, Sendable, Hashable {
  package var subnet: Block
  package var gateway: Block.Address
  package var range: Block?

  package init(subnet: Block, gateway: Block.Address, range: Block? = nil) {
    self.subnet = subnet
    self.gateway = gateway
    self.range = range
  }

  /// From where addresses are given out.
  var pool: Block { range ?? subnet }
}

package struct NetworkRecord: Codable, Sendable, Hashable {
  package var version = 1
  /// 64 lower-case hexadecimal digits, random.
  package var id: String
  package var name: String
  package var labels: [String: String]
  package var ipv4: NetworkBlock<IPv4Subnet>?
  package var bridge: String
  package var isInternal: Bool
  package var isAttachable: Bool
  package var mtu: UInt32
  package var options: [String: String]
  package var createdAt: Timestamp
  package var ipv6: NetworkBlock<IPv6Subnet>?
  package var reserved: [String: IPAddress]?
  package var policy: NetworkPolicy?
  package var attachment: NetworkAttachment?

  package var shortID: String { String(id.prefix(12)) }
  /// Links of this network are of this group, so that all go in one request. Groups below 2^31 are
  /// for people.
  package var linkGroup: UInt32 { 0x8000_0000 | (UInt32(id.prefix(8), radix: 16) ?? 0) }

  package var bridgeHardwareAddress: MACAddress {
    MACAddress(for: ipv4?.gateway ?? IPv4Address(UInt32(id.suffix(8), radix: 16) ?? 0))
  }
}

package enum NetworkError: Diagnosable, Hashable {
  case invalidName(String)
  case subnetTooSmall(name: String, subnet: String)
  case gatewayOutside(name: String, gateway: IPAddress, subnet: String)
  case rangeOutside(name: String, range: String, subnet: String)
  case subnetTaken(name: String, subnet: String, holder: String)
  case poolsExhausted(name: String)
  case noParent(network: String, parent: String)
  case invalidBridge(String)
  case bridgeTaken(name: String, bridge: String)
  case missing(name: String)
  case exists(name: String)
  case full(name: String, subnet: String)
  case addressOutside(address: IPAddress, name: String)
  case addressTaken(address: IPAddress, name: String, holder: String)
  case reservedOutside(name: String, address: IPAddress, network: String)
  case hostLacksIPv6(String)
  case familyMissing(address: IPAddress, name: String)
  case noFamily(String)
  case invalidEndpoint(network: String, value: String)
  case unsupportedAddress(String)

  package var diagnostics: [Diagnostic] { [Diagnostic(summary, hint: hint)] }

  private var summary: String {
    switch self {
    case .invalidName(let name): "`\(name)` is not a name for a network"
    case .subnetTooSmall(let name, let subnet):
      "subnet \(subnet) of network `\(name)` has no room for containers"
    case .gatewayOutside(let name, let gateway, let subnet):
      "gateway \(gateway) of network `\(name)` is not in its subnet \(subnet)"
    case .rangeOutside(let name, let range, let subnet):
      "ip_range \(range) of network `\(name)` is not in its subnet \(subnet)"
    case .subnetTaken(let name, let subnet, let holder):
      "subnet \(subnet) of network `\(name)` overlaps \(holder)"
    case .poolsExhausted(let name):
      "no block of addresses is free for network `\(name)`"
    case .noParent(let network, let parent):
      "network `\(network)` is to stand on the link `\(parent)`, which this machine has not"
    case .invalidBridge(let bridge): "`\(bridge)` is not a name for a bridge"
    case .bridgeTaken(let name, let bridge):
      "bridge `\(bridge)` of network `\(name)` exists and is not its own"
    case .missing(let name): "network `\(name)` does not exist"
    case .exists(let name): "network with name \(name) already exists"
    case .full(let name, let subnet): "network `\(name)` is full: no address of \(subnet) is free"
    case .addressOutside(let address, let name):
      "no configured subnet of network `\(name)` contains IP address \(address)"
    case .addressTaken(let address, let name, let holder):
      "address \(address) of network `\(name)` is already in use by \(holder)"
    case .reservedOutside(let name, let address, let network):
      "address \(address) of `\(name)` under aux_addresses is in no subnet of network `\(network)`"
    case .hostLacksIPv6(let name):
      "network `\(name)` cannot have IPv6: this machine's kernel has none"
    case .familyMissing(let address, let name):
      "network `\(name)` has no \(address.isV6 ? "IPv6" : "IPv4"), so nobody on it can have \(address)"
    case .noFamily(let name): "network `\(name)` has neither IPv4 nor IPv6"
    case .invalidEndpoint(let network, let value):
      "the record of an endpoint on network `\(network)` is damaged: `\(value)`"
    case .unsupportedAddress(let address):
      "ports cannot be published on `\(address)`"
    }
  }

  private var hint: String? {
    switch self {
    case .subnetTaken, .poolsExhausted:
      "choose a `subnet` under `ipam` that nothing else uses"
    case .hostLacksIPv6: "remove `enable_ipv6`, or start the kernel without `ipv6.disable=1`"
    case .familyMissing(let address, _):
      "write `enable_\(address.isV6 ? "ipv6" : "ipv4"): true` in the network"
    case .noFamily: "write `enable_ipv6: true`, or leave `enable_ipv4` out"
    case .full: "remove containers that are not needed, or give the network a larger `subnet`"
    case .bridgeTaken: "choose another `com.docker.network.bridge.name`"
    case .missing: "`berth network ls` lists those that do"
    default: nil
    }
  }
}
