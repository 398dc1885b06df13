// The links between a container and its networks.

import Addressing
package import Blueprint
import CLinux
import Glibc
import Linux
import Netlink
import Store
import SystemPackage

extension NetworkStore {
  /// A name for the host's end of a pair, never used before: what a container leaves behind when its
  /// namespace is taken down late cannot meet a new link.
  package static func newInterfaceName() throws -> String { "veth" + (try randomDigits(11)) }

  /// Joins the network namespace `namespace` to the networks of `endpoints`: pairs, addresses, hardware
  /// addresses, up, and the default route by the primary endpoint, unless the container has one.
  /// `lo` is not touched. Two sends to the kernel on each side, however many endpoints there are.
  package func connect(
    namespace: CInt, endpoints: [EndpointBlueprint], addsDefaultRoute: Bool = true
  ) throws {
    let plans = try endpoints.map { try EndpointPlan($0, network: try record($0.network)) }
    var here = try NetlinkSocket()
    let bridges = try here.exchange(endpoints.map { .findLink($0.bridge) })
    let links = try zip(plans, bridges).flatMap { plan, answer in
      guard let bridge = answer.flatMap(Link.init) else {
        throw NetworkError.missing(name: plan.endpoint.network)
      }
      return plan.links(on: bridge.index, namespace)
    }
    do {
      try guardAddresses(of: endpoints)
      try withIPv6Off(in: namespace, unless: plans.contains(where: \.hasIPv6)) {
        try make(links, for: endpoints)
      }
      var inside = try NetlinkSocket(inNamespace: namespace)
      let links = try inside.exchange(endpoints.map { .findLink($0.interface) })
      try switchIPv6(plans, in: namespace)
      var requests = endpoints.flatMap { NetlinkRequest.bringUp($0.interface) }
      requests += zip(plans, links).flatMap { plan, answer in
        guard let link = answer.flatMap(Link.init) else { return [NetlinkRequest]() }
        return plan.addresses.map {
          .addAddress($0.address, prefixLength: $0.prefixLength, link: link.index)
        }
      }
      if addsDefaultRoute { requests += routes(plans) }
      try inside.perform(requests)
    } catch {
      // The first failure is the one to tell; half a container's links are of no use to anyone.
      try? disconnect(endpoints)
      throw error
    }
  }

  /// The default route of a container that has lost its own with one of its networks.
  package func addDefaultRoute(namespace: CInt, endpoints: [EndpointBlueprint]) throws {
    let plans = try endpoints.map { try EndpointPlan($0, network: try record($0.network)) }
    var inside = try NetlinkSocket(inNamespace: namespace)
    try inside.perform(routes(plans))
  }

  private func routes(_ plans: [EndpointPlan]) -> [NetlinkRequest] {
    let ordered = plans.filter(\.endpoint.isPrimary) + plans
    let gateways = [
      ordered.lazy.compactMap(\.gateway).first.map(IPAddress.v4),
      ordered.lazy.compactMap(\.gateway6).first.map(IPAddress.v6),
    ]
    return gateways.compactMap { $0.map { .addDefaultRoute(by: $0) } }
  }

  /// The kernel takes a namespace down some time after its last process: links of the container's
  /// last run may still be there, and go first.
  private func make(_ links: [NetlinkRequest], for endpoints: [EndpointBlueprint]) throws {
    do throws(SystemCallError) {
      var socket = try NetlinkSocket()
      return try socket.perform(links)
    } catch {
      guard error.errno == .fileExists else { throw error }
    }
    try disconnect(endpoints)
    var socket = try NetlinkSocket()
    try socket.perform(links)
  }

  /// Deletes the host's ends, and with them the container's. Those already gone are no error. The
  /// kernel waits for its readers (milliseconds) once for each call, not for each link: many
  /// containers are best taken off in one call, or with their network by `remove`.
  package func disconnect(_ endpoints: [EndpointBlueprint]) throws {
    var socket = try NetlinkSocket()
    guard let first = endpoints.first, endpoints.count > 1 else {
      return try socket.perform(endpoints.map { .deleteLink($0.hostInterface) })
    }
    for endpoint in endpoints where !isValidLinkName(endpoint.hostInterface) {
      throw NetworkError.invalidEndpoint(network: first.network, value: endpoint.hostInterface)
    }
    // A group for this call alone; below 2^31 they are for people.
    let group = 0x8000_0000 | (UInt32(try randomDigits(8), radix: 16) ?? 0)
    try socket.perform(endpoints.map { .setGroup($0.hostInterface, group) })
    try socket.perform([.deleteLinks(ofGroup: group)])
  }
}

/// On for the interfaces that have addresses of it, whatever the host starts namespaces with, and off
/// for the others: there it could only lead around the walls. Announcements of routers are not heeded:
/// routes are berth's to give.
private func switchIPv6(_ plans: [EndpointPlan], in namespace: CInt) throws {
  try inNetworkNamespace(namespace) { () throws(SystemCallError) in
    for plan in plans {
      let folder = FilePath("/proc/sys/net/ipv6/conf").appending(plan.endpoint.interface)
      let file = folder.appending("disable_ipv6")
      let wanted = UInt8(ascii: plan.hasIPv6 ? "0" : "1")
      // A kernel without IPv6 has nothing to switch.
      guard let value = try readSwitch(file) else { continue }
      if value != wanted { try writeSwitch(file, plan.hasIPv6 ? "0" : "1", mayLack: true) }
      if plan.hasIPv6 { try writeSwitch(folder.appending("accept_ra"), "0", mayLack: true) }
    }
  }
}

/// Runs `body`, which makes links in `namespace` that are to be without IPv6. A link takes this from the
/// default when it is made. To write it for a link that is there the kernel wants its lock for
/// links and, while anybody else has it, spins: fifty containers that start at once kept each other
/// from it tens of thousands of times. The default is as before afterwards.
private func withIPv6Off(in namespace: CInt, unless isWanted: Bool, _ body: () throws -> Void)
  throws
{
  let file: FilePath = "/proc/sys/net/ipv6/conf/default/disable_ipv6"
  if isWanted { return try body() }
  let before = try inNetworkNamespace(namespace) { () throws(SystemCallError) in
    let value = try readSwitch(file)
    if value == UInt8(ascii: "0") { try writeSwitch(file, "1") }
    return value
  }
  defer {
    if before == UInt8(ascii: "0") {
      // Programs of the container that make links of their own find them without IPv6, no more.
      try? inNetworkNamespace(namespace) { () throws(SystemCallError) in
        try writeSwitch(file, "0")
      }
    }
  }
  try body()
}

/// With br_netfilter, a packet of a container to its own published port is translated while still on
/// the bridge, which then has to send it back where it came from. Without, it is routed and needs
/// nothing.
var bridgedPacketsAreTranslated: Bool {
  // A kernel without the module has no such switch.
  let value = try? readFile("/proc/sys/net/bridge/bridge-nf-call-iptables", limit: 16)
  return value?.first == UInt8(ascii: "1")
}

/// An endpoint with its texts read.
private struct EndpointPlan {
  let endpoint: EndpointBlueprint
  var addresses: [(address: IPAddress, prefixLength: Int)]
  var gateway: IPv4Address?
  var gateway6: IPv6Address?
  let hardwareAddress: MACAddress
  let mtu: UInt32
  let group: UInt32
  /// It may not reach its neighbours on the bridge.
  let isAlone: Bool
  let attachment: NetworkAttachment?

  var hasIPv6: Bool { addresses.contains { $0.address.isV6 } }

  init(_ endpoint: EndpointBlueprint, network: NetworkRecord?) throws {
    guard let network else { throw NetworkError.missing(name: endpoint.network) }
    let damaged = { (value: String?) in
      NetworkError.invalidEndpoint(network: endpoint.network, value: value ?? "")
    }
    addresses = []
    if let text = endpoint.address {
      guard let address = IPv4Address(text), let length = endpoint.prefixLength,
        IPv4Subnet(address, prefixLength: length) != nil
      else { throw damaged(text) }
      addresses.append((.v4(address), length))
    }
    guard let hardwareAddress = MACAddress(endpoint.hardwareAddress),
      !hardwareAddress.isMulticast
    else { throw damaged(endpoint.hardwareAddress) }
    for name in [endpoint.hostInterface, endpoint.interface] where !isValidLinkName(name) {
      throw damaged(name)
    }
    self.endpoint = endpoint
    self.hardwareAddress = hardwareAddress
    mtu = network.mtu
    group = network.linkGroup
    isAlone = !network.rules.allowsContainers
    attachment = network.attachment
    if let text = endpoint.address6 {
      guard let address = IPv6Address(text), let length = endpoint.prefixLength6,
        IPv6Subnet(address, prefixLength: length) != nil
      else { throw damaged(text) }
      addresses.append((.v6(address), length))
      addresses.append((.v6(hardwareAddress.linkLocal), 64))
    }
    for text in endpoint.linkLocalAddresses {
      guard let address = IPAddress(text) else { throw damaged(text) }
      addresses.append((address, address.isV6 ? 128 : 32))
    }
    if endpoint.isInternal { return }
    if let text = endpoint.gateway {
      guard let gateway = IPv4Address(text) else { throw damaged(text) }
      self.gateway = gateway
    }
    if let text = endpoint.gateway6 {
      guard let gateway = IPv6Address(text) else { throw damaged(text) }
      gateway6 = gateway
    }
  }

  /// What makes the interface: a pair with an end on the bridge, or one link on top of the host's.
  func links(on bridge: Int32, _ namespace: CInt) -> [NetlinkRequest] {
    if let attachment {
      let mode = NetworkAttachment.modes(of: attachment.kind)[attachment.mode] ?? 0
      switch attachment.kind {
      case .macvlan:
        return [
          .addMacvlan(
            endpoint.interface, on: bridge, mode: mode, address: hardwareAddress,
            namespace: namespace)
        ]
      case .ipvlan:
        let flag = attachment.flag.flatMap { NetworkAttachment.flags[$0] } ?? 0
        return [
          .addIPvlan(
            endpoint.interface, on: bridge, mode: UInt16(clamping: mode), flag: flag,
            namespace: namespace)
        ]
      }
    }
    let pair = NetlinkRequest.addPair(
      endpoint.hostInterface, bridge: bridge, mtu: mtu, group: group, peer: endpoint.interface,
      peerAddress: hardwareAddress, namespace: namespace)
    let name = endpoint.hostInterface
    let hairpin = endpoint.isPrimary && bridgedPacketsAreTranslated
    return [pair] + (hairpin ? [.allowHairpin(name)] : [])
      + (isAlone ? [.isolatePort(name)] : []) + NetlinkRequest.bringUp(name)
  }
}
