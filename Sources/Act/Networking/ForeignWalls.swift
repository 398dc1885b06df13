// Chains of others that drop what berth's networks send on. A table of our own cannot open what another
// one closes, and others' tables are not ours to change: so the one who may is told what to type, once,
// when a network is made. Read over netlink, as opening libnftables and parsing its text takes longer.

import Addressing
import CLinux
import Diagnostics
import Glibc
import Linux
import Netlink
import Synchronization

/// A base chain at the forward hook that ends in a drop, and lets none of berth's links pass before.
struct ForeignWall: Hashable {
  /// Who writes the chain's rules, and so where one of the user's has to stand.
  enum Keeper: Hashable {
    case docker
    case ufw
    case firewalld
    case iptables
    case nftables
  }

  let keeper: Keeper
  let family: NetfilterFamily
  let table: String
  let chain: String
  /// The link of the default route, beside docker: what is accepted for another one would pass docker's
  /// own walls.
  let wayOut: String?

  /// - Parameter bridge: the link that is to pass.
  /// - Parameter families: those that the network has addresses of.
  static func find(against bridge: String, families: Set<NetfilterFamily>) throws(SystemCallError)
    -> [ForeignWall]
  {
    var socket = try NetlinkSocket(NETLINK_NETFILTER)
    let chains = try socket.dump(.listChains) { ForeignChain($0) }
      .filter { !$0.table.hasPrefix("berth") }
    var walls: [ForeignWall] = []
    for chain in chains where chain.filtersForwarding && families.contains(chain.family) {
      let rules = try socket.dump(.listRules(of: chain.table, family: chain.family.rawValue)) {
        ForeignRule($0)
      }
      let last = rules.last { $0.chain == chain.name }
      let isClosed = chain.drops || last?.closes ?? false
      if !isClosed || rules.contains(where: { $0.letsPass(bridge) }) { continue }
      let beside = chains.filter { $0.table == chain.table && $0.family == chain.family }
      let keeper = keeper(of: chain, beside: Set(beside.map(\.name)))
      walls.append(
        ForeignWall(
          keeper: keeper, family: chain.family, table: chain.table, chain: chain.name,
          wayOut: keeper == .docker ? try wayOut(isV6: chain.family == .ip6) : nil))
    }
    return walls
  }

  private static func wayOut(isV6: Bool) throws(SystemCallError) -> String? {
    var socket = try NetlinkSocket()
    let route = try socket.routes().first {
      $0.destination.prefixLength == 0 && ($0.destination.v6 != nil) == isV6
    }
    guard let index = route?.link else { return nil }
    return try socket.links().first { $0.index == index }?.name
  }

  private static func keeper(of chain: ForeignChain, beside names: Set<String>) -> Keeper {
    // Docker's chain is met before ufw's.
    if names.contains("DOCKER-USER") { return .docker }
    if names.contains("ufw-before-forward") || names.contains("ufw6-before-forward") { return .ufw }
    if chain.table == "firewalld" { return .firewalld }
    return chain.family != .inet && chain.table == "filter" && chain.name == "FORWARD"
      ? .iptables : .nftables
  }

  /// Links of berth's networks are of groups with this bit, and nobody else's are: bridges of docker have
  /// the same names.
  private static let group = "0x80000000"

  func warning(_ bridge: String) -> Diagnostic {
    let commands = commands(bridge).map { "`\($0)`" }.joined(separator: ", ")
    return Diagnostic(
      "this machine's firewall drops what containers send to other machines and get from them",
      severity: .warning, causes: [place],
      hint: "let berth's networks pass with \(commands); they have rules of their own")
  }

  private var place: String {
    switch keeper {
    case .ufw: "ufw denies what is routed"
    case .firewalld: "firewalld rejects what is forwarded"
    default: "chain `\(chain)` of table `\(family) \(table)` ends in a drop"
    }
  }

  private func commands(_ bridge: String) -> [String] {
    let links = bridge.hasPrefix("br-") ? "br-+" : bridge
    switch keeper {
    case .docker, .iptables:
      let program = family == .ip6 ? "ip6tables" : "iptables"
      let chain = keeper == .docker ? "DOCKER-USER" : chain
      let source = "--src-group \(Self.group)/\(Self.group)"
      var matches = ["--dst-group \(Self.group)/\(Self.group)"]
      if let wayOut {
        // Answers go by any link.
        matches += ["\(source) -o \(wayOut)", "\(source) -m conntrack --ctstate ESTABLISHED"]
      } else {
        matches.append(source)
      }
      return matches.map { "\(program) -I \(chain) -m devgroup \($0) -j ACCEPT" }
    case .ufw: return ["in", "out"].map { "ufw route allow \($0) on \(links)" }
    case .firewalld:
      return [
        "firewall-cmd --permanent --zone=trusted --add-interface=\(links)",
        "firewall-cmd --reload",
      ]
    case .nftables:
      return ["iifgroup", "oifgroup"].map {
        "nft insert rule \(family) \(table) \(chain) \($0) and \(Self.group) == \(Self.group) accept"
      }
    }
  }
}

/// The families of tables whose chains meet packets of IP.
enum NetfilterFamily: UInt8, CustomStringConvertible {
  case inet = 1
  case ip = 2
  case bridge = 7
  case ip6 = 10

  var description: String {
    switch self {
    case .inet: "inet"
    case .ip: "ip"
    case .bridge: "bridge"
    case .ip6: "ip6"
    }
  }

  fileprivate init?(_ message: NetlinkMessage) {
    guard let number = message.body.first else { return nil }
    self.init(rawValue: number)
  }
}

/// From linux/netfilter.h and linux/netfilter/nf_tables_compat.h, which `CLinux` does not have.
private enum Netfilter {
  static let forward: UInt32 = 2
  static let drop: UInt32 = 0
  static let accept: UInt32 = 1
  /// NFTA_MATCH_NAME and NFTA_TARGET_NAME.
  static let nameOfExtension = 1
}

private struct ForeignChain {
  let family: NetfilterFamily
  let table: String
  let name: String
  let filtersForwarding: Bool
  /// Its policy.
  let drops: Bool

  init?(_ message: NetlinkMessage) {
    let attributes = message.attributes(after: 4)
    guard let family = NetfilterFamily(message),
      let table = attributes[Int(NFTA_CHAIN_TABLE.rawValue)],
      let name = attributes[Int(NFTA_CHAIN_NAME.rawValue)]
    else { return nil }
    self.family = family
    self.table = table.text
    self.name = name.text
    let hook = attributes[Int(NFTA_CHAIN_HOOK.rawValue)].map(parseAttributes)
    let type = attributes[Int(NFTA_CHAIN_TYPE.rawValue)]?.text
    filtersForwarding =
      type == "filter"
      && hook?[Int(NFTA_HOOK_HOOKNUM.rawValue)]?.bigEndian == Netfilter.forward
    drops = attributes[Int(NFTA_CHAIN_POLICY.rawValue)]?.bigEndian == Netfilter.drop
  }
}

private struct ForeignRule {
  let chain: String
  private let expressions: [Expression]

  private struct Expression {
    let name: String
    let data: [Int: ArraySlice<UInt8>]
  }

  init?(_ message: NetlinkMessage) {
    let attributes = message.attributes(after: 4)
    guard let chain = attributes[Int(NFTA_RULE_CHAIN.rawValue)] else { return nil }
    self.chain = chain.text
    let list = attributes[Int(NFTA_RULE_EXPRESSIONS.rawValue)].map(parseElements) ?? []
    expressions = list.map { element in
      let parts = parseAttributes(element)
      return Expression(
        name: parts[Int(NFTA_EXPR_NAME.rawValue)]?.text ?? "",
        data: parts[Int(NFTA_EXPR_DATA.rawValue)].map(parseAttributes) ?? [:])
    }
  }

  /// Nothing passes it.
  var closes: Bool {
    guard let last = expressions.last, ends(last, in: ["DROP", "REJECT"], code: Netfilter.drop)
    else {
      return false
    }
    return expressions.dropLast().allSatisfy { $0.name == "counter" }
  }

  /// Whether it accepts by a link or a group of links, and the link is one of those.
  func letsPass(_ link: String) -> Bool {
    guard let last = expressions.last, ends(last, in: ["ACCEPT"], code: Netfilter.accept) else {
      return false
    }
    let groups = [NFT_META_IIFGROUP, NFT_META_OIFGROUP].map(\.rawValue)
    return expressions.contains { expression in
      switch expression.name {
      case "match": expression.data[Netfilter.nameOfExtension]?.text == "devgroup"
      case "meta":
        expression.data[Int(NFTA_META_KEY.rawValue)]?.bigEndian.map(groups.contains) ?? false
      case "cmp": compares(expression, link)
      default: false
      }
    }
  }

  private func ends(_ expression: Expression, in targets: [String], code: UInt32) -> Bool {
    switch expression.name {
    case "reject": return code == Netfilter.drop
    case "target":
      return expression.data[Netfilter.nameOfExtension].map { targets.contains($0.text) }
        ?? false
    case "immediate":
      let value = expression.data[Int(NFTA_IMMEDIATE_DATA.rawValue)].map(parseAttributes)
      let verdict = value?[Int(NFTA_DATA_VERDICT.rawValue)].map(parseAttributes)
      return verdict?[Int(NFTA_VERDICT_CODE.rawValue)]?.bigEndian == code
    default: return false
    }
  }

  /// A whole name has its zeros; what ends without is the beginning of many (`br-*`).
  private func compares(_ expression: Expression, _ link: String) -> Bool {
    let content = expression.data[Int(NFTA_CMP_DATA.rawValue)].map(parseAttributes)
    guard let value = content?[Int(NFTA_DATA_VALUE.rawValue)], value.count >= 3 else {
      return false
    }
    return value.last == 0 ? value.text == link : link.utf8.starts(with: value)
  }
}

extension ArraySlice<UInt8> {
  /// A number of 32 bits as nftables sends them.
  fileprivate var bigEndian: UInt32? { number(UInt32.self, at: 0).map(UInt32.init(bigEndian:)) }
}

extension NetworkStore {
  /// What others' rules do to a network that was just made, to be told by whoever asks next.
  func noteForeignWalls(_ record: NetworkRecord) {
    // Nothing of an internal network is sent on, unless the rules of IP see what stays on its bridge.
    if record.isInternal, !bridgedPacketsAreTranslated { return }
    var families: Set<NetfilterFamily> = [.inet]
    if record.ipv4 != nil { families.insert(.ip) }
    if record.ipv6 != nil { families.insert(.ip6) }
    // A courtesy: a network is none the worse for what could not be looked at.
    guard let walls = try? ForeignWall.find(against: record.bridge, families: families) else {
      return
    }
    notes.withLock { $0 += walls.map { $0.warning(record.bridge) } }
  }
}
