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
  guard wanted.ipv4 != nil || wanted.ipv6 != nil else { throw NetworkError.noFamily(wanted.name) }
  let present = try Present(others, isOnHostsLink: wanted.attachment != nil)
  let id = try randomDigits(64)
  let bridge =
    wanted.attachment.map { $0.parent ?? "dm-\(id.prefix(12))" } ?? wanted.bridge
    ?? "br-\(id.prefix(12))"
  guard isValidLinkName(bridge) else { throw NetworkError.invalidBridge(bridge) }
  var record = NetworkRecord(
    id: id, name: wanted.name, labels: wanted.labels,
    ipv4: try wanted.ipv4.map { wish in
      try decide(wish, wanted.name, present.blocks4) {
        SubnetPool.choose(for: wanted.name, avoiding: $0)
      }
    },
    bridge: bridge, isInternal: wanted.isInternal, isAttachable: wanted.isAttachable,
    mtu: wanted.mtu ?? 1500, options: wanted.options, createdAt: now)
  record.ipv6 = try wanted.ipv6.map { wish in
    guard access("/proc/sys/net/ipv6/conf/all", F_OK) == 0 else {
      throw NetworkError.hostLacksIPv6(wanted.name)
    }
    return try decide(wish, wanted.name, present.blocks6) {
      IPv6Subnet.unique(for: wanted.name, avoiding: $0)
    }
  }
  record.attachment = wanted.attachment
  if wanted.policy != NetworkPolicy() { record.policy = wanted.policy }
  if !wanted.reserved.isEmpty { record.reserved = wanted.reserved }
  for (name, address) in wanted.reserved where !record.contains(address) {
    throw NetworkError.reservedOutside(name: name, address: address, network: wanted.name)
  }
  return record
}

/// The block of one family for the network `name`: the wanted one, unless it overlaps one of
/// `present`, or what `choose` finds beside those.
private func decide<Block>(
  _ wish: BlockWish<Block>, _ name: String, _ present: [(block: Block, holder: String)],
  _ choose: ([Block]) -> Block?
) throws -> NetworkBlock<Block> {
  guard let subnet = wish.subnet ?? choose(present.map(\.block)) else {
    throw NetworkError.poolsExhausted(name: name)
  }
  if wish.subnet != nil, let holder = present.first(where: { $0.block.overlaps(subnet) })?.holder {
    throw NetworkError.subnetTaken(name: name, subnet: "\(subnet)", holder: holder)
  }
  guard subnet.prefixLength <= Block.longestPrefix, let first = subnet.address(at: 1) else {
    throw NetworkError.subnetTooSmall(name: name, subnet: "\(subnet)")
  }
  let gateway = wish.gateway ?? first
  guard subnet.isAssignable(gateway) else {
    throw NetworkError.gatewayOutside(name: name, gateway: gateway.any, subnet: "\(subnet)")
  }
  if let range = wish.range, !subnet.contains(range) {
    throw NetworkError.rangeOutside(name: name, range: "\(range)", subnet: "\(subnet)")
  }
  return NetworkBlock(subnet: subnet, gateway: gateway, range: wish.range)
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
      others.compactMap { other in other.ipv4.map { ($0.subnet, "network `\(other.name)`") } }
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

extension NetworkRecord {
  func contains(_ address: IPAddress) -> Bool {
    switch address {
    case .v4(let address): ipv4?.subnet.contains(address) ?? false
    case .v6(let address): ipv6?.subnet.contains(address) ?? false
    }
  }

  package var hasGateway: Bool { !isInternal && rules.gateway != .isolated }
  package var hasGateway6: Bool { !isInternal && rules.gateway6 != .isolated }
  /// Where ports are published that name no address of the host.
  package var hostBinding: IPAddress? { rules.hostBinding }
  /// Whether packets to published ports of this host are translated, in one family at least.
  package var translates: Bool {
    rules.translates(hasIPv4: ipv4 != nil, hasIPv6: ipv6 != nil)
  }
  /// Whether ports can be published by this host.
  package var publishes: Bool { attachment == nil }
  /// Of the names of interfaces inside, before their number.
  package var interfacePrefix: String { rules.interfacePrefix }

  var rules: NetworkPolicy { policy ?? NetworkPolicy() }

  /// What the bridge itself has: the way out for containers. Isolated bridges have none.
  var bridgeAddresses: [(address: IPAddress, prefixLength: Int)] {
    var addresses: [(address: IPAddress, prefixLength: Int)] = []
    if let ipv4, rules.gateway != .isolated, !rules.inhibitsIPv4 {
      addresses.append((.v4(ipv4.gateway), ipv4.subnet.prefixLength))
    }
    if let ipv6, rules.gateway6 != .isolated {
      addresses.append((.v6(ipv6.gateway), ipv6.subnet.prefixLength))
      // The kernel looks for neighbours with it when it passes on what others have sent.
      addresses.append((.v6(bridgeHardwareAddress.linkLocal), 64))
    }
    return addresses
  }
}
