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
///   translated connections, which are still addressed to the host here, pass.
/// - prerouting, output: a packet to a published port of this host goes to its container. A port
///   published on 0.0.0.0 is looked up without the address, any other with it.
/// - forward: into the bridge only from the bridge, in answer, or by a published port. Never between
///   networks, as the other one's table drops what comes for it.
/// - postrouting: what leaves has the host's address. Who reaches a port from the port's own network
///   or over 127.0.0.1 has the bridge's, or the answer would take another way. All others keep theirs.
package func ruleset(for network: NetworkRecord) -> String {
  let bridge = "\"\(network.bridge)\""
  var chains = """
    table inet \(network.table) {
      map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
      map bound { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
      chain guard {
        type filter hook prerouting priority -300; policy accept;
        ip daddr 127.0.0.0/8 iifname != "lo" drop
        ip saddr 127.0.0.0/8 iifname \(bridge) drop
        ip daddr \(network.subnet) iifname != { "lo", \(bridge) } drop
      }

    """
  chains += network.isInternal ? closed(bridge) : open(bridge, network.subnet)
  return chains + "}\n"
}

private func open(_ bridge: String, _ subnet: IPv4Subnet) -> String {
  let lookups = """
        fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @bound
        meta nfproto ipv4 fib daddr type local dnat ip to meta l4proto . th dport map @ports
    """
  return """
      chain prerouting {
        type nat hook prerouting priority -100; policy accept;
    \(lookups)
      }
      chain output {
        type nat hook output priority -100; policy accept;
    \(lookups)
      }
      chain forward {
        type filter hook forward priority 0; policy accept;
        oifname != \(bridge) accept
        iifname \(bridge) accept
        ct state established,related accept
        ct status dnat accept
        drop
      }
      chain postrouting {
        type nat hook postrouting priority 100; policy accept;
        oifname \(bridge) ip saddr { 127.0.0.0/8, \(subnet) } ct status dnat masquerade
        oifname != \(bridge) ip saddr \(subnet) masquerade
      }

    """
}

/// An internal network: nothing in, nothing out, and nothing of the host but answers.
private func closed(_ bridge: String) -> String {
  """
    chain input {
      type filter hook input priority 0; policy accept;
      iifname \(bridge) ct state established,related accept
      iifname \(bridge) drop
    }
    chain forward {
      type filter hook forward priority 0; policy accept;
      iifname \(bridge) oifname \(bridge) accept
      iifname \(bridge) drop
      oifname \(bridge) drop
    }

  """
}
