// The rules of one network as text for nftables: everything in one table, made in one transaction.
//
// A table of our own cannot open what another one closes: `accept` ends only the chain that it stands
// in, `drop` is final. So these chains accept nothing that others drop, and a host whose own forward
// chain drops needs a rule there. Priorities are the kernel's named ones: raw -300, dstnat -100,
// filter 0, srcnat 100; a filter with another number stands before or after ours.

import Addressing

/// What a packet meets:
///
/// - guard: loopback addresses and addresses of this network do not come in from elsewhere, even with
///   a route to them and whatever `route_localnet` says. Before connection tracking, so answers to
///   translated connections, which are still addressed to the host here, pass. Networks whose gateway
///   is `routed` are there to be reached: only their published ports, and echo requests.
/// - prerouting, output: a packet to a published port of this host goes to its container. A port
///   published everywhere is looked up without the address, any other with it.
/// - forward: into the bridge only from the bridge, in answer, or by a published port. Never between
///   networks, as the other one's table drops what comes for it.
/// - postrouting: what leaves has the host's address. Who reaches a port from the port's own network
///   or over 127.0.0.1 has the bridge's, or the answer would take another way. All others keep theirs.
package func ruleset(for network: NetworkRecord) -> String {
  let families = Family.of(network)
  let bridge = "\"\(network.bridge)\""
  var text = "table inet \(network.table) {\n"
  for family in families { text += maps(family) }
  text += chain("guard", "filter", "prerouting", -300, families.flatMap { $0.guards(bridge) })
  text += network.isInternal ? closed(bridge) : open(bridge, families, network.rules)
  return text + "}\n"
}

/// One family of addresses of a network: the words of nftables for it.
private struct Family {
  /// `ip` or `ip6`.
  let name: String
  let addressType: String
  let loopback: String
  let subnet: String
  let gateway: NetworkPolicy.Gateway
  let masquerades: Bool
  /// The address that packets leave with, where the file names one.
  let hostAddress: String?
  /// Of the names of maps: nothing for IPv4.
  let suffix: String

  static func of(_ network: NetworkRecord) -> [Family] {
    let rules = network.rules
    var families = [
      Family(
        name: "ip", addressType: "ipv4_addr", loopback: "127.0.0.0/8",
        subnet: "\(network.subnet)", gateway: rules.gateway, masquerades: rules.masquerades,
        hostAddress: rules.hostAddress.map { "\($0)" }, suffix: "")
    ]
    if let ipv6 = network.ipv6 {
      families.append(
        Family(
          name: "ip6", addressType: "ipv6_addr", loopback: "::1",
          subnet: "\(ipv6.subnet)", gateway: rules.gateway6, masquerades: rules.masquerades,
          hostAddress: rules.hostAddress6.map { "\($0)" }, suffix: "6"))
    }
    return families
  }

  func guards(_ bridge: String) -> [String] {
    var lines = [
      "\(name) daddr \(loopback) iifname != \"lo\" drop",
      "\(name) saddr \(loopback) iifname \(bridge) drop",
    ]
    if gateway != .routed {
      lines.append("\(name) daddr \(subnet) iifname != { \"lo\", \(bridge) } drop")
    }
    return lines
  }

  var lookups: [String] {
    guard gateway == .nat else { return [] }
    // Packets of this host to ::1 cannot be sent out by another link.
    let own = suffix.isEmpty ? "" : "ip6 daddr != ::1 "
    return [
      "\(own)fib daddr type local dnat \(name) to \(name) daddr . meta l4proto . th dport map @bound\(suffix)",
      "meta nfproto \(suffix.isEmpty ? "ipv4" : "ipv6") \(own)fib daddr type local dnat \(name) to meta l4proto . th dport map @ports\(suffix)",
    ]
  }

  /// What may come in by a route, without translation.
  var entrances: [String] {
    guard gateway == .routed else { return [] }
    let echo = suffix.isEmpty ? "icmp type echo-request" : "icmpv6 type echo-request"
    return [
      "\(name) daddr . meta l4proto . th dport @opened\(suffix) accept",
      "\(name) daddr \(subnet) \(echo) accept",
    ]
  }

  func departures(_ bridge: String) -> [String] {
    guard gateway == .nat else { return [] }
    var lines = [
      "oifname \(bridge) \(name) saddr { \(loopback), \(subnet) } ct status dnat masquerade"
    ]
    guard masquerades else { return lines }
    let translation = hostAddress.map { "snat \(name) to \($0)" } ?? "masquerade"
    lines.append("oifname != \(bridge) \(name) saddr \(subnet) \(translation)")
    return lines
  }
}

private func maps(_ family: Family) -> String {
  let (type, suffix) = (family.addressType, family.suffix)
  return """
      map ports\(suffix) { type inet_proto . inet_service : \(type) . inet_service; }
      map bound\(suffix) { type \(type) . inet_proto . inet_service : \(type) . inet_service; }
      set opened\(suffix) { type \(type) . inet_proto . inet_service; }

    """
}

private func chain(
  _ name: String, _ type: String, _ hook: String, _ priority: Int, _ lines: [String]
) -> String {
  let rules = lines.map { "    \($0)\n" }.joined()
  return "  chain \(name) {\n    type \(type) hook \(hook) priority \(priority); policy accept;\n"
    + rules + "  }\n"
}

private func open(_ bridge: String, _ families: [Family], _ rules: NetworkPolicy) -> String {
  let lookups = families.flatMap(\.lookups)
  var forward = ["oifname != \(bridge) accept"]
  // Ports of the bridge that may not reach each other there may not do so by a router either.
  forward.append("iifname \(bridge) \(rules.allowsContainers ? "accept" : "ct status dnat accept")")
  forward += ["ct state established,related accept", "ct status dnat accept"]
  forward += families.flatMap(\.entrances) + ["drop"]
  return chain("prerouting", "nat", "prerouting", -100, lookups)
    + chain("output", "nat", "output", -100, lookups)
    + chain("forward", "filter", "forward", 0, forward)
    + chain("postrouting", "nat", "postrouting", 100, families.flatMap { $0.departures(bridge) })
}

/// An internal network: nothing in, nothing out, and nothing of the host but answers, and the word
/// where a neighbour of IPv6 is.
private func closed(_ bridge: String) -> String {
  chain(
    "input", "filter", "input", 0,
    [
      "iifname \(bridge) ct state established,related accept",
      "iifname \(bridge) icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
      "iifname \(bridge) drop",
    ])
    + chain(
      "forward", "filter", "forward", 0,
      [
        "iifname \(bridge) oifname \(bridge) accept",
        "iifname \(bridge) drop",
        "oifname \(bridge) drop",
      ])
}
