// The rules of all networks as text for nftables: one table, which each network brings its chains and
// elements into and takes them out of, in one transaction. A packet looks up its link or address and
// meets the rules of its own network alone, however many there are.
//
// A table of our own cannot open what another one closes: `accept` ends only the chain that it stands
// in, `drop` is final. So these chains accept nothing that others drop, and a host whose own forward
// chain drops needs a rule there. Priorities are the kernel's named ones: raw -300, dstnat -100,
// filter 0, srcnat 100; a filter with another number stands before or after ours.

import Addressing

/// The table without networks. What a packet meets:
///
/// - guard: loopback addresses and addresses of a network do not come in from elsewhere, even with
///   a route to them and whatever `route_localnet` says. Before connection tracking, so answers to
///   translated connections, which are still addressed to the host here, pass. Networks whose gateway
///   is `routed` are there to be reached: only their published ports, and echo requests.
/// - prerouting, output: a packet to a published port of this host goes to its container. A port
///   published everywhere is looked up without the address, any other with it.
/// - forward: into a bridge only from the bridge, in answer, or by a published port. Never between
///   networks.
/// - postrouting: what leaves has the host's address. Who reaches a port from the port's own network
///   or over 127.0.0.1 has the bridge's, or the answer would take another way. All others keep theirs.
package func baseRuleset(_ table: String) -> String {
  // Packets of this host to ::1 cannot be sent out by another link.
  let lookups = """
        fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @bound
        meta nfproto ipv4 fib daddr type local dnat ip to meta l4proto . th dport map @ports
        ip6 daddr != ::1 fib daddr type local dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6
        meta nfproto ipv6 ip6 daddr != ::1 fib daddr type local dnat ip6 to meta l4proto . th dport map @ports6
    """
  return """
    table inet \(table) {
    \(collections)
      chain guard {
        type filter hook prerouting priority -300; policy accept;
        ip daddr 127.0.0.0/8 iifname != "lo" drop
        ip saddr 127.0.0.0/8 iifname @bridges drop
        ip6 daddr ::1 iifname != "lo" drop
        ip6 saddr ::1 iifname @bridges drop
        ip daddr vmap @guarded
        ip6 daddr vmap @guarded6
      }
      chain prerouting {
        type nat hook prerouting priority -100; policy accept;
    \(lookups)
      }
      chain output {
        type nat hook output priority -100; policy accept;
    \(lookups)
      }
      chain input {
        type filter hook input priority 0; policy accept;
        iifname vmap @calling
      }
      chain forward {
        type filter hook forward priority 0; policy accept;
        iifname vmap @leaving
        oifname vmap @entering
      }
      chain postrouting {
        type nat hook postrouting priority 100; policy accept;
        oifname vmap @returning
        ip saddr vmap @departing
        ip6 saddr vmap @departing6
      }
    }

    """
}

/// What the chains look packets up in.
private let collections = """
    map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
    map bound { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
    set opened { type ipv4_addr . inet_proto . inet_service; }
    map ports6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
    map bound6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
    set opened6 { type ipv6_addr . inet_proto . inet_service; }
    set bridges { type ifname; }
    map guarded { type ipv4_addr : verdict; flags interval; }
    map guarded6 { type ipv6_addr : verdict; flags interval; }
    map leaving { type ifname : verdict; }
    map entering { type ifname : verdict; }
    map calling { type ifname : verdict; }
    map returning { type ifname : verdict; }
    map departing { type ipv4_addr : verdict; flags interval; }
    map departing6 { type ipv6_addr : verdict; flags interval; }
  """

/// What one network adds to the table.
package struct NetworkRules {
  private let table: String
  /// Chains by name, with their rules.
  private var chains: [(name: String, rules: [String])] = []
  /// Entries of the table's sets and maps: the key, and the chain that it leads to.
  private var elements: [(list: String, key: String, chain: String?)] = []

  package init(_ network: NetworkRecord, table: String) {
    self.table = table
    let bridge = "\"\(network.bridge)\""
    let families = Family.of(network)
    elements.append(("bridges", bridge, nil))
    let guarded = families.filter { $0.gateway != .routed && $0.gateway != .unprotected }
    if !guarded.isEmpty {
      let chain = add("guard", network, [rule(of: network.rules.trustedInterfaces, bridge)])
      for family in guarded { elements.append(("guarded" + family.suffix, family.subnet, chain)) }
    }
    if network.isInternal {
      close(network, bridge)
    } else {
      open(network, bridge, families)
    }
  }

  /// The chain that every network has.
  static func mainChain(_ network: NetworkRecord) -> String { "in-\(network.shortID)" }

  private func rule(of trusted: [String], _ bridge: String) -> String {
    let links = (["\"lo\"", bridge] + trusted.map { "\"\($0)\"" }).joined(separator: ", ")
    return "iifname != { \(links) } drop"
  }

  private mutating func add(_ part: String, _ network: NetworkRecord, _ rules: [String]) -> String {
    let name = "\(part)-\(network.shortID)"
    chains.append((name, rules))
    return name
  }

  private mutating func open(_ network: NetworkRecord, _ bridge: String, _ families: [Family]) {
    let policy = network.rules
    // Ports of the bridge that may not reach each other there may not do so by a router either.
    var entering = ["iifname \(bridge) \(policy.allowsContainers ? "" : "ct status dnat ")accept"]
    entering += ["ct state established,related accept", "ct status dnat accept"]
    entering += families.flatMap { $0.entrances(bridge, policy) } + ["drop"]
    let main = add("in", network, entering)
    elements.append(("entering", bridge, main))
    let translated = families.filter(\.gateway.translates)
    if translated.isEmpty { return }
    let returning = add(
      "back", network,
      translated.map {
        "\($0.name) saddr { \($0.loopback), \($0.subnet) } ct status dnat masquerade"
      })
    elements.append(("returning", bridge, returning))
    guard policy.masquerades else { return }
    let departing = add("out", network, translated.map { $0.departure(bridge) })
    for family in translated {
      elements.append(("departing" + family.suffix, family.subnet, departing))
    }
  }

  /// An internal network: nothing in, nothing out, and nothing of the host but answers, and the word
  /// where a neighbour of IPv6 is.
  private mutating func close(_ network: NetworkRecord, _ bridge: String) {
    let main = add("in", network, ["iifname \(bridge) accept", "drop"])
    elements.append(("entering", bridge, main))
    let leaving = add("wall", network, ["oifname \(bridge) accept", "drop"])
    elements.append(("leaving", bridge, leaving))
    let calling = add(
      "host", network,
      [
        "ct state established,related accept",
        "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept", "drop",
      ])
    elements.append(("calling", bridge, calling))
  }

  /// Adds all of it to a table that has nothing of the network.
  package var adding: String {
    var text = "table inet \(table) {\n"
    for chain in chains {
      text += "  chain \(chain.name) {\n" + chain.rules.map { "    \($0)\n" }.joined() + "  }\n"
    }
    text += "}\n"
    for element in elements {
      let target = element.chain.map { " : jump \($0)" } ?? ""
      text += "add element inet \(table) \(element.list) { \(element.key)\(target) }\n"
    }
    return text
  }

  /// Takes all of it out again, one command for each part. Chains go last: elements lead to them.
  package var deleting: [String] {
    elements.map { "delete element inet \(table) \($0.list) { \($0.key) }\n" }
      + chains.map { "delete chain inet \(table) \($0.name)\n" }
  }
}

/// One family of addresses of a network: the words of nftables for it.
private struct Family {
  /// `ip` or `ip6`.
  let name: String
  let loopback: String
  let subnet: String
  let gateway: NetworkPolicy.Gateway
  /// The address that packets leave with, where the file names one.
  let hostAddress: String?
  /// Of the names of maps: nothing for IPv4.
  let suffix: String

  static func of(_ network: NetworkRecord) -> [Family] {
    let rules = network.rules
    var families: [Family] = []
    if let ipv4 = network.ipv4 {
      families.append(
        Family(
          name: "ip", loopback: "127.0.0.0/8", subnet: "\(ipv4.subnet)", gateway: rules.gateway,
          hostAddress: rules.hostAddress.map { "\($0)" }, suffix: ""))
    }
    if let ipv6 = network.ipv6 {
      families.append(
        Family(
          name: "ip6", loopback: "::1", subnet: "\(ipv6.subnet)", gateway: rules.gateway6,
          hostAddress: rules.hostAddress6.map { "\($0)" }, suffix: "6"))
    }
    return families
  }

  /// What may come in by a route, without translation.
  func entrances(_ bridge: String, _ policy: NetworkPolicy) -> [String] {
    let published = "\(name) daddr . meta l4proto . th dport @opened\(suffix) accept"
    switch gateway {
    case .unprotected: return ["\(name) daddr \(subnet) accept"]
    case .routed:
      let echo = suffix.isEmpty ? "icmp type echo-request" : "icmpv6 type echo-request"
      return [published, "\(name) daddr \(subnet) \(echo) accept"]
    case .nat, .isolated:
      if policy.trustedInterfaces.isEmpty { return [] }
      let links = policy.trustedInterfaces.map { "\"\($0)\"" }.joined(separator: ", ")
      return ["iifname { \(links) } \(published)"]
    }
  }

  func departure(_ bridge: String) -> String {
    let translation = hostAddress.map { "snat \(name) to \($0)" } ?? "masquerade"
    // What the host says to itself by the bridge's address does not leave.
    let family = "meta nfproto \(suffix.isEmpty ? "ipv4" : "ipv6")"
    return "\(family) oifname != { \"lo\", \(bridge) } \(translation)"
  }
}
