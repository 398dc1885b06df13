// What others' chains do to a new network, as it is told.

import Diagnostics
import Glibc
import Networking
import Testing

/// Rules of somebody else, and a part of what is to be told of them; nil for nothing.
private struct Row: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let rules: String
  var bridge: String?
  var isInternal = false
  let told: String?
}

private let drops = "type filter hook forward priority 0; policy drop;"
private let accepts = "type filter hook forward priority 0; policy accept;"
private let rows = [
  Row(testDescription: "no rules at all", rules: "", told: nil),
  Row(
    testDescription: "a policy that drops", rules: "table inet f { chain way { \(drops) } }",
    told: "`nft insert rule inet f way iifgroup and 0x80000000 == 0x80000000 accept`"),
  Row(
    testDescription: "a last rule that drops",
    rules: "table ip f { chain way { \(accepts) ct state established accept; counter drop; } }",
    told: "`nft insert rule ip f way oifgroup"),
  Row(
    testDescription: "a rule that drops some",
    rules: "table ip f { chain way { \(accepts) ip saddr 192.0.2.1 drop; } }", told: nil),
  Row(
    testDescription: "a rule that drops all, and one after it",
    rules: "table ip f { chain way { \(accepts) drop; accept; } }", told: nil),
  Row(
    testDescription: "another hook",
    rules: "table inet f { chain in { type filter hook input priority 0; policy drop; } }",
    told: nil),
  Row(
    testDescription: "IPv6 alone, which the network does not have",
    rules: "table ip6 f { chain way { \(drops) } }", told: nil),
  Row(
    testDescription: "our links are let pass by their group",
    rules: "table inet f { chain way { \(drops) iifgroup and 0x80000000 == 0x80000000 accept; } }",
    told: nil),
  Row(
    testDescription: "our links are let pass by the beginning of their names, in a chain below",
    rules: """
      table inet f { chain mine { oifname "br-*" accept; }
       chain way { \(drops) jump mine; } }
      """, told: nil),
  Row(
    testDescription: "one of another name is let pass",
    rules: "table inet f { chain way { \(drops) iifname \"br-other\" accept; } }",
    told: "nft insert rule inet f way"),
  Row(
    testDescription: "our links are dropped by name",
    rules: "table inet f { chain way { \(drops) iifname \"br-*\" drop; } }",
    told: "nft insert rule inet f way"),
  Row(
    testDescription: "docker's chain",
    rules: "table ip filter { chain DOCKER-USER { } chain FORWARD { \(drops) } }",
    told: "`iptables -I DOCKER-USER -m devgroup --dst-group 0x80000000/0x80000000 -j ACCEPT`"),
  Row(
    testDescription: "ufw's chains",
    rules: "table ip filter { chain ufw-before-forward { } chain FORWARD { \(drops) } }",
    told: "`ufw route allow in on br-+`, `ufw route allow out on br-+`"),
  Row(
    testDescription: "ufw's, and a bridge of another name",
    rules: "table ip filter { chain ufw-before-forward { } chain FORWARD { \(drops) } }",
    bridge: "shop0", told: "`ufw route allow in on shop0`"),
  Row(
    testDescription: "firewalld's",
    rules:
      "table inet firewalld { chain filter_FORWARD { \(accepts) reject with icmpx admin-prohibited; } }",
    told: "firewall-cmd --permanent --zone=trusted --add-interface=br-+"),
  Row(
    testDescription: "iptables'", rules: "table ip filter { chain FORWARD { \(drops) } }",
    told: "`iptables -I FORWARD -m devgroup --src-group 0x80000000/0x80000000 -j ACCEPT`"),
  Row(
    testDescription: "an internal network sends nothing on",
    rules: "table inet f { chain way { \(drops) } }", isInternal: true, told: nil),
]

@Suite("Firewalls of others that stand in the way are told", .enabled(if: geteuid() == 0))
struct ForeignWallTests {
  @Test("by what they do", arguments: rows)
  fileprivate func walls(row: Row) async throws {
    try await laboratory { lab in
      if !row.rules.isEmpty {
        // Its grammar wants an end after each brace.
        try run(["nft", row.rules.replacing("}", with: "}\n")], in: lab.host)
      }
      try writeBridgeSwitch()
      _ = try lab.network("shop") {
        $0.bridge = row.bridge
        $0.isInternal = row.isInternal
      }
      let hints = lab.store.takeWarnings().map { $0.hint ?? "" }
      #expect(hints.count == (row.told == nil ? 0 : 1), "\(hints)")
      if let told = row.told { #expect(hints.first?.contains(told) == true, "\(hints)") }
      #expect(lab.store.takeWarnings().isEmpty)
      _ = try lab.network("shop")
      #expect(lab.store.takeWarnings().isEmpty)
    }
  }

  /// Without br_netfilter, whatever the namespace has begun with.
  private func writeBridgeSwitch() throws {
    let path = "/proc/sys/net/bridge/bridge-nf-call-iptables"
    guard let file = fopen(path, "w") else { return }
    defer { fclose(file) }
    fputs("0", file)
  }
}
