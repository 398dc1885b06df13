// The rules of a network as text.

import Networking
import Testing

@Suite("The rules of a network are these")
struct RulesetTests {
  @Test("an open network")
  func open() throws {
    #expect(ruleset(for: try record(subnet: "10.7.0.0/24")) == expectedOpen)
  }

  @Test("an internal network lets nothing in or out")
  func closed() throws {
    var network = try record(subnet: "10.7.0.0/24")
    network.isInternal = true
    #expect(ruleset(for: network) == expectedClosed)
  }
}

private let head = """
  table inet berth-0123456789ab {
    map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
    map bound { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
    chain guard {
      type filter hook prerouting priority -300; policy accept;
      ip daddr 127.0.0.0/8 iifname != "lo" drop
      ip saddr 127.0.0.0/8 iifname "br-0123456789ab" drop
      ip daddr 10.7.0.0/24 iifname != { "lo", "br-0123456789ab" } drop
    }

  """

private let expectedOpen =
  head + """
      chain prerouting {
        type nat hook prerouting priority -100; policy accept;
        fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @bound
        meta nfproto ipv4 fib daddr type local dnat ip to meta l4proto . th dport map @ports
      }
      chain output {
        type nat hook output priority -100; policy accept;
        fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @bound
        meta nfproto ipv4 fib daddr type local dnat ip to meta l4proto . th dport map @ports
      }
      chain forward {
        type filter hook forward priority 0; policy accept;
        oifname != "br-0123456789ab" accept
        iifname "br-0123456789ab" accept
        ct state established,related accept
        ct status dnat accept
        drop
      }
      chain postrouting {
        type nat hook postrouting priority 100; policy accept;
        oifname "br-0123456789ab" ip saddr { 127.0.0.0/8, 10.7.0.0/24 } ct status dnat masquerade
        oifname != "br-0123456789ab" ip saddr 10.7.0.0/24 masquerade
      }
    }

    """

private let expectedClosed =
  head + """
      chain input {
        type filter hook input priority 0; policy accept;
        iifname "br-0123456789ab" ct state established,related accept
        iifname "br-0123456789ab" drop
      }
      chain forward {
        type filter hook forward priority 0; policy accept;
        iifname "br-0123456789ab" oifname "br-0123456789ab" accept
        iifname "br-0123456789ab" drop
        oifname "br-0123456789ab" drop
      }
    }

    """
