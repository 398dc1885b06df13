// The rules of a network as text.

import Addressing
import Networking
import Testing

@Suite("The rules of a network are these")
struct RulesetTests {
  @Test("an open network")
  func open() throws {
    #expect(ruleset(for: try record(subnet: "10.7.0.0/24")) == expectedOpen)
  }

  @Test("a network of both families has every rule twice")
  func families() throws {
    var network = try record(subnet: "10.7.0.0/24")
    let subnet = try #require(IPv6Subnet("fd12::/64"))
    network.ipv6 = NetworkBlock6(
      subnet: subnet, gateway: try #require(subnet.address(at: 1)), range: nil)
    let rules = ruleset(for: network)
    for line in [
      "map ports6 { type inet_proto . inet_service : ipv6_addr . inet_service; }",
      "ip6 daddr ::1 iifname != \"lo\" drop",
      "ip6 daddr fd12::/64 iifname != { \"lo\", \"br-0123456789ab\" } drop",
      "oifname != \"br-0123456789ab\" ip6 saddr fd12::/64 masquerade",
    ] {
      #expect(rules.contains(line), "\(line)")
    }
  }

  @Test("a routed network translates nothing and opens its published ports alone")
  func routed() throws {
    var network = try record(subnet: "10.7.0.0/24")
    network.policy = NetworkPolicy()
    network.policy?.gateway = .routed
    let rules = ruleset(for: network)
    #expect(!rules.contains("dnat ip") && !rules.contains("masquerade"))
    #expect(!rules.contains("ip daddr 10.7.0.0/24 iifname"))
    #expect(rules.contains("ip daddr . meta l4proto . th dport @opened accept"))
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
    set opened { type ipv4_addr . inet_proto . inet_service; }
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
        iifname "br-0123456789ab" icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
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
