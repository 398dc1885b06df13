// A network as it was asked for, and as it was made: `<state>/networks/<name>/network.json`.

package import Addressing
package import Blueprint
package import Diagnostics
import Glibc

/// What the compose file says about a network, complete with defaults.
package struct NetworkSpecification: Sendable, Hashable {
  /// `shop_default`.
  package var name: String
  package var labels: [String: String] = [:]
  /// Nil takes a block of the pools.
  package var subnet: IPv4Subnet?
  /// Nil is the first address of the subnet.
  package var gateway: IPv4Address?
  /// Only these addresses are given out without being asked for; nil is the whole subnet.
  package var range: IPv4Subnet?
  /// No way in or out.
  package var isInternal = false
  package var isAttachable = false
  /// Nil is 1500.
  package var mtu: UInt32?
  /// Nil is made from the id.
  package var bridge: String?
  package var options: [String: String] = [:]

  package init(name: String) { self.name = name }
}

package struct NetworkRecord: Codable, Sendable, Hashable {
  package var version = 1
  /// 64 lower-case hexadecimal digits, random.
  package var id: String
  package var name: String
  package var labels: [String: String]
  package var subnet: IPv4Subnet
  package var gateway: IPv4Address
  package var range: IPv4Subnet?
  package var bridge: String
  package var isInternal: Bool
  package var isAttachable: Bool
  package var mtu: UInt32
  package var options: [String: String]
  package var createdAt: Timestamp

  package var shortID: String { String(id.prefix(12)) }
  /// The nftables table of the family inet that holds all rules of this network.
  package var table: String { "berth-\(shortID)" }

  /// Links of this network are of this group, so that all go in one request. Groups below 2^31 are
  /// for people.
  package var linkGroup: UInt32 { 0x8000_0000 | (UInt32(id.prefix(8), radix: 16) ?? 0) }

  package var bridgeHardwareAddress: MACAddress { MACAddress(for: gateway) }
}

package enum NetworkError: Diagnosable, Hashable {
  case invalidName(String)
  case subnetTooSmall(name: String, subnet: IPv4Subnet)
  case gatewayOutside(name: String, gateway: IPv4Address, subnet: IPv4Subnet)
  case rangeOutside(name: String, range: IPv4Subnet, subnet: IPv4Subnet)
  case subnetTaken(name: String, subnet: IPv4Subnet, holder: String)
  case poolsExhausted(name: String)
  case invalidBridge(String)
  case bridgeTaken(name: String, bridge: String)
  case missing(name: String)
  case full(name: String, subnet: IPv4Subnet)
  case addressOutside(address: IPv4Address, name: String)
  case addressTaken(address: IPv4Address, name: String, holder: String)
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
    case .invalidBridge(let bridge): "`\(bridge)` is not a name for a bridge"
    case .bridgeTaken(let name, let bridge):
      "bridge `\(bridge)` of network `\(name)` exists and is not its own"
    case .missing(let name): "network `\(name)` does not exist"
    case .full(let name, let subnet): "network `\(name)` is full: no address of \(subnet) is free"
    case .addressOutside(let address, let name):
      "no configured subnet of network `\(name)` contains IP address \(address)"
    case .addressTaken(let address, let name, let holder):
      "address \(address) of network `\(name)` is already in use by \(holder)"
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
    case .full: "remove containers that are not needed, or give the network a larger `subnet`"
    case .bridgeTaken: "choose another `com.docker.network.bridge.name`"
    default: nil
    }
  }
}
