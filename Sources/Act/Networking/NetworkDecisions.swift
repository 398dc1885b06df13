// What a new network gets: its blocks of addresses, gateways and bridge, checked against what is there.

package import Addressing
import Blueprint
import Glibc
import Linux
import Netlink

/// The record for `wanted` beside the networks `others`, and beside the addresses and routes of the
/// calling thread's network namespace.
func decide(_ wanted: NetworkSpecification, others: [NetworkRecord], now: Timestamp) throws
  -> NetworkRecord
{
  let present = try Present(others, isOnHostsLink: wanted.attachment != nil)
  let subnet = try decideSubnet(wanted, present)
  guard subnet.prefixLength <= 30, let first = subnet.address(at: 1) else {
    throw NetworkError.subnetTooSmall(name: wanted.name, subnet: "\(subnet)")
  }
  let gateway = wanted.gateway ?? first
  guard subnet.isAssignable(gateway) else {
    throw NetworkError.gatewayOutside(
      name: wanted.name, gateway: .v4(gateway), subnet: "\(subnet)")
  }
  if let range = wanted.range, !subnet.contains(range) {
    throw NetworkError.rangeOutside(name: wanted.name, range: "\(range)", subnet: "\(subnet)")
  }
  let id = try randomDigits(64)
  let bridge =
    wanted.attachment.map { $0.parent ?? "dm-\(id.prefix(12))" } ?? wanted.bridge
    ?? "br-\(id.prefix(12))"
  guard isValidLinkName(bridge) else { throw NetworkError.invalidBridge(bridge) }
  var record = NetworkRecord(
    id: id, name: wanted.name, labels: wanted.labels, subnet: subnet, gateway: gateway,
    range: wanted.range, bridge: bridge, isInternal: wanted.isInternal,
    isAttachable: wanted.isAttachable, mtu: wanted.mtu ?? 1500, options: wanted.options,
    createdAt: now)
  record.ipv6 = try decideBlock6(wanted, present)
  record.attachment = wanted.attachment
  if wanted.policy != NetworkPolicy() { record.policy = wanted.policy }
  if !wanted.reserved.isEmpty { record.reserved = wanted.reserved }
  for (name, address) in wanted.reserved where !record.contains(address) {
    throw NetworkError.reservedOutside(name: name, address: address, network: wanted.name)
  }
  return record
}

/// What blocks may not overlap: with the words for who has each.
private struct Present {
  let blocks4: [(block: IPv4Subnet, holder: String)]
  let blocks6: [(block: IPv6Subnet, holder: String)]

  /// - Parameter isOnHostsLink: what the host itself has there is where the containers are to be.
  init(_ others: [NetworkRecord], isOnHostsLink: Bool) throws {
    var socket = try NetlinkSocket()
    let addresses = isOnHostsLink ? [] : try socket.addresses().compactMap(\.subnet)
    let routes =
      isOnHostsLink ? [] : try socket.routes().map(\.destination).filter { $0.prefixLength > 0 }
    blocks4 =
      others.map { ($0.subnet, "network `\($0.name)`") }
      + addresses.compactMap(\.v4).map { ($0, "address block \($0) of this host") }
      + routes.compactMap(\.v4).map { ($0, "route \($0) of this host") }
    // Every link has a block of fe80::, and the routes for groups are everybody's.
    let own = { (block: IPv6Subnet) in !block.base.isLinkLocal && block.base.high >> 56 != 0xFF }
    blocks6 =
      others.compactMap { other in other.ipv6.map { ($0.subnet, "network `\(other.name)`") } }
      + addresses.compactMap(\.v6).filter(own).map { ($0, "address block \($0) of this host") }
      + routes.compactMap(\.v6).filter(own).map { ($0, "route \($0) of this host") }
  }
}

private func decideSubnet(_ wanted: NetworkSpecification, _ present: Present) throws
  -> IPv4Subnet
{
  guard let subnet = wanted.subnet else {
    let taken = present.blocks4.map(\.block)
    guard let block = SubnetPool.choose(for: wanted.name, avoiding: taken) else {
      throw NetworkError.poolsExhausted(name: wanted.name)
    }
    return block
  }
  if let holder = present.blocks4.first(where: { $0.block.overlaps(subnet) })?.holder {
    throw NetworkError.subnetTaken(name: wanted.name, subnet: "\(subnet)", holder: holder)
  }
  return subnet
}

private func decideBlock6(_ wanted: NetworkSpecification, _ present: Present) throws
  -> NetworkBlock6?
{
  guard wanted.hasIPv6 else { return nil }
  guard access("/proc/sys/net/ipv6/conf/all", F_OK) == 0 else {
    throw NetworkError.hostLacksIPv6(wanted.name)
  }
  let subnet: IPv6Subnet
  if let asked = wanted.subnet6 {
    subnet = asked
    if let holder = present.blocks6.first(where: { $0.block.overlaps(asked) })?.holder {
      throw NetworkError.subnetTaken(name: wanted.name, subnet: "\(asked)", holder: holder)
    }
  } else {
    let taken = present.blocks6.map(\.block)
    guard let block = IPv6Subnet.unique(for: wanted.name, avoiding: taken) else {
      throw NetworkError.poolsExhausted(name: wanted.name)
    }
    subnet = block
  }
  guard subnet.prefixLength <= 126, let first = subnet.address(at: 1) else {
    throw NetworkError.subnetTooSmall(name: wanted.name, subnet: "\(subnet)")
  }
  let gateway = wanted.gateway6 ?? first
  guard subnet.isAssignable(gateway) else {
    throw NetworkError.gatewayOutside(
      name: wanted.name, gateway: .v6(gateway), subnet: "\(subnet)")
  }
  if let range = wanted.range6, !subnet.contains(range) {
    throw NetworkError.rangeOutside(name: wanted.name, range: "\(range)", subnet: "\(subnet)")
  }
  return NetworkBlock6(subnet: subnet, gateway: gateway, range: wanted.range6)
}

extension NetworkRecord {
  func contains(_ address: IPAddress) -> Bool {
    switch address {
    case .v4(let address): subnet.contains(address)
    case .v6(let address): ipv6?.subnet.contains(address) ?? false
    }
  }

  package var hasGateway: Bool { !isInternal && rules.gateway != .isolated }
  package var hasGateway6: Bool { !isInternal && rules.gateway6 != .isolated }
  /// Where ports are published that name no address of the host.
  package var hostBinding: IPAddress? { rules.hostBinding }
  /// Whether ports can be published by this host.
  package var publishes: Bool { attachment == nil }
  /// Of the names of interfaces inside, before their number.
  package var interfacePrefix: String { rules.interfacePrefix }

  var rules: NetworkPolicy { policy ?? NetworkPolicy() }

  /// What the bridge itself has: the way out for containers. Isolated bridges have none.
  var bridgeAddresses: [(address: IPAddress, prefixLength: Int)] {
    var addresses: [(address: IPAddress, prefixLength: Int)] = []
    if rules.gateway != .isolated { addresses.append((.v4(gateway), subnet.prefixLength)) }
    if let ipv6, rules.gateway6 != .isolated {
      addresses.append((.v6(ipv6.gateway), ipv6.subnet.prefixLength))
      // The kernel looks for neighbours with it when it passes on what others have sent.
      addresses.append((.v6(bridgeHardwareAddress.linkLocal), 64))
    }
    return addresses
  }
}
