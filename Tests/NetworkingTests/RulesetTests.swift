// The rules of a network as text.

import Addressing
import Networking
import Testing

@Suite("The rules of a network are these")
struct RulesetTests {
  private func rules(_ change: (inout NetworkRecord) -> Void = { _ in }) throws -> NetworkRules {
    var network = try record(subnet: "10.7.0.0/24")
    change(&network)
    return NetworkRules(network, table: "berth")
  }

  @Test("an open network")
  func open() throws {
    #expect(try rules().adding == expectedOpen)
    #expect(try rules().deleting.joined() == expectedDeletions)
  }

  @Test("a network of both families has the elements of both")
  func families() throws {
    let subnet = try #require(IPv6Subnet("fd12::/64"))
    let gateway = try #require(subnet.address(at: 1))
    let rules = try rules { $0.ipv6 = NetworkBlock(subnet: subnet, gateway: gateway) }.adding
    for line in [
      "add element inet berth guarded6 { fd12::/64 : jump guard-0123456789ab }",
      "add element inet berth departing6 { fd12::/64 : jump out-0123456789ab }",
      "meta nfproto ipv6 oifname != { \"lo\", \"br-0123456789ab\" } masquerade",
    ] {
      #expect(rules.contains(line), "\(line)")
    }
  }

  @Test("a routed network translates nothing and opens its published ports alone")
  func routed() throws {
    let rules = try rules {
      $0.policy = NetworkPolicy()
      $0.policy?.gateway = .routed
    }.adding
    #expect(!rules.contains("masquerade") && !rules.contains("guard"))
    #expect(rules.contains("ip daddr . meta l4proto . th dport @opened accept"))
  }

  @Test("an unprotected network lets everything in that finds the way")
  func unprotected() throws {
    let rules = try rules {
      $0.policy = NetworkPolicy()
      $0.policy?.gateway = .unprotected
    }.adding
    #expect(rules.contains("masquerade") && !rules.contains("guard"))
    #expect(rules.contains("ip daddr 10.7.0.0/24 accept"))
  }

  @Test("trusted interfaces pass the guard, and reach published ports")
  func trusted() throws {
    let rules = try rules {
      $0.policy = NetworkPolicy()
      $0.policy?.trustedInterfaces = ["lan0"]
    }.adding
    #expect(rules.contains("iifname != { \"lo\", \"br-0123456789ab\", \"lan0\" } drop"))
    #expect(
      rules.contains("iifname { \"lan0\" } ip daddr . meta l4proto . th dport @opened accept"))
  }

  @Test("an internal network lets nothing in or out")
  func closed() throws {
    #expect(try rules { $0.isInternal = true }.adding == expectedClosed)
  }
}

private let expectedOpen = """
  table inet berth {
    chain guard-0123456789ab {
      iifname != { "lo", "br-0123456789ab" } drop
    }
    chain in-0123456789ab {
      iifname "br-0123456789ab" accept
      ct state established,related accept
      ct status dnat accept
      drop
    }
    chain back-0123456789ab {
      ip saddr { 127.0.0.0/8, 10.7.0.0/24 } ct status dnat masquerade
    }
    chain out-0123456789ab {
      meta nfproto ipv4 oifname != { "lo", "br-0123456789ab" } masquerade
    }
  }
  add element inet berth bridges { "br-0123456789ab" }
  add element inet berth guarded { 10.7.0.0/24 : jump guard-0123456789ab }
  add element inet berth entering { "br-0123456789ab" : jump in-0123456789ab }
  add element inet berth returning { "br-0123456789ab" : jump back-0123456789ab }
  add element inet berth departing { 10.7.0.0/24 : jump out-0123456789ab }

  """

private let expectedDeletions = """
  delete element inet berth bridges { "br-0123456789ab" }
  delete element inet berth guarded { 10.7.0.0/24 }
  delete element inet berth entering { "br-0123456789ab" }
  delete element inet berth returning { "br-0123456789ab" }
  delete element inet berth departing { 10.7.0.0/24 }
  delete chain inet berth guard-0123456789ab
  delete chain inet berth in-0123456789ab
  delete chain inet berth back-0123456789ab
  delete chain inet berth out-0123456789ab

  """

private let expectedClosed = """
  table inet berth {
    chain guard-0123456789ab {
      iifname != { "lo", "br-0123456789ab" } drop
    }
    chain in-0123456789ab {
      iifname "br-0123456789ab" accept
      drop
    }
    chain wall-0123456789ab {
      oifname "br-0123456789ab" accept
      drop
    }
    chain host-0123456789ab {
      ct state established,related accept
      icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
      drop
    }
  }
  add element inet berth bridges { "br-0123456789ab" }
  add element inet berth guarded { 10.7.0.0/24 : jump guard-0123456789ab }
  add element inet berth entering { "br-0123456789ab" : jump in-0123456789ab }
  add element inet berth leaving { "br-0123456789ab" : jump wall-0123456789ab }
  add element inet berth calling { "br-0123456789ab" : jump host-0123456789ab }

  """
