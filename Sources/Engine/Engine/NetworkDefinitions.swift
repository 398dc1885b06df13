// What the compose file says about a network, as the network store takes it.

import Addressing
import Blueprint
import Compose
import Diagnostics
import Networking

extension Session {
  /// Reads the definition of a network. Also called before anything is made, so that what cannot be
  /// made stops `up` while nothing has changed.
  func specification(_ network: Compose.Network) throws -> NetworkSpecification {
    var wanted = try NetworkSpecification(network)
    wanted.labels[Label.project] = projectName
    wanted.labels[Label.network] = network.key
    wanted.labels[Label.version] = berthVersion
    wanted.labels[Label.configHash] = networkHash(network)
    return wanted
  }
}

extension NetworkSpecification {
  init(_ network: Compose.Network) throws {
    var wanted = NetworkSpecification(name: network.name)
    for label in network.labels { wanted.labels[label.key] = label.value }
    for option in network.driverOptions { wanted.options[option.key] = option.value }
    wanted.isInternal = network.isInternal
    wanted.isAttachable = network.isAttachable
    if network.enablesIPv4 == false { wanted.ipv4 = nil }
    if network.enablesIPv6 ?? false { wanted.ipv6 = BlockWish() }
    let reader = NetworkReader(network: network)
    wanted.attachment = try reader.attachment()
    for option in network.driverOptions where wanted.attachment == nil {
      try reader.read(option, into: &wanted)
    }
    if wanted.ipv4 == nil, wanted.ipv6 == nil {
      throw reader.fault("`enable_ipv4: false` alone", "write `enable_ipv6: true` too")
    }
    for pool in network.pools { try reader.read(pool, into: &wanted) }
    if wanted.policy.gateway == .isolated || wanted.policy.gateway6 == .isolated,
      !wanted.isInternal
    {
      throw reader.fault("a gateway mode of `isolated`", "write `internal: true` too")
    }
    self = wanted
  }
}

/// Reads one network's parts.
private struct NetworkReader {
  let network: Compose.Network

  func fault(_ what: String, _ hint: String) -> Faults {
    Faults([
      Diagnostic(
        "network `\(network.key)`: \(what) cannot be acted on", span: network.span, hint: hint)
    ])
  }

  /// What the driver says of the links; nil for a bridge.
  func attachment() throws -> NetworkAttachment? {
    let name = network.driver ?? ""
    if ["", "bridge", "default"].contains(name) { return nil }
    guard let kind = NetworkAttachment.Kind(rawValue: name) else {
      throw fault("the driver `\(name)`", "berth has the drivers bridge, macvlan and ipvlan")
    }
    var result = NetworkAttachment(kind: kind)
    for option in network.driverOptions {
      switch option.key {
      case "parent": result.parent = option.value.isEmpty ? nil : option.value
      case "\(name)_mode", "com.docker.network.\(name).mode":
        let modes = NetworkAttachment.modes(of: kind)
        guard modes[option.value] != nil else {
          throw value(option, modes.keys.sorted().joined(separator: ", "))
        }
        result.mode = option.value
      case "ipvlan_flag" where kind == .ipvlan:
        guard NetworkAttachment.flags[option.value] != nil else {
          throw value(option, "bridge, private, vepa")
        }
        result.flag = option.value
      default:
        throw fault(
          "driver_opts `\(option.key)`",
          kind == .macvlan
            ? "macvlan knows parent and macvlan_mode"
            : "ipvlan knows parent, ipvlan_mode and ipvlan_flag")
      }
    }
    return result
  }

  /// One of `driver_opts`, by docker's names.
  func read(_ option: KeyValue, into wanted: inout NetworkSpecification) throws {
    let prefix = "com.docker.network."
    if option.key == "berth.antispoof" {
      wanted.policy.preventsSpoofing = try flag(option)
      return
    }
    guard option.key.hasPrefix(prefix) else { throw unknown(option) }
    switch option.key.dropFirst(prefix.count) {
    case "bridge.name": wanted.bridge = option.value
    case "driver.mtu":
      guard let mtu = UInt32(option.value), (68...65535).contains(mtu) else {
        throw fault("an mtu of `\(option.value)`", "write a number from 68 to 65535")
      }
      wanted.mtu = mtu
    case "bridge.enable_icc": wanted.policy.allowsContainers = try flag(option)
    case "bridge.enable_ip_masquerade": wanted.policy.masquerades = try flag(option)
    case "bridge.host_binding_ipv4": wanted.policy.hostBinding = .v4(try address4(option))
    case "bridge.gateway_mode_ipv4": wanted.policy.gateway = try gateway(option)
    case "bridge.gateway_mode_ipv6": wanted.policy.gateway6 = try gateway(option)
    case "bridge.inhibit_ipv4": wanted.policy.inhibitsIPv4 = try flag(option)
    case "bridge.trusted_host_interfaces":
      wanted.policy.trustedInterfaces = try option.value.split(separator: ":").map { name in
        guard NetworkStore.isInterface(String(name)) else {
          throw value(option, "names of this host's interfaces, with `:` between them")
        }
        return String(name)
      }
    case "host_ipv4": wanted.policy.hostAddress = try address4(option)
    case "host_ipv6":
      guard let address = IPv6Address(option.value) else { throw value(option, "an IPv6 address") }
      wanted.policy.hostAddress6 = address
    case "enable_ipv4": wanted.ipv4 = try flag(option) ? BlockWish() : nil
    case "enable_ipv6": wanted.ipv6 = try flag(option) ? BlockWish() : nil
    case "container_iface_prefix":
      guard NetworkStore.isInterfacePrefix(option.value) else {
        throw value(option, "a few letters such as `lan`")
      }
      wanted.policy.interfacePrefix = option.value
    default: throw unknown(option)
    }
  }

  private func unknown(_ option: KeyValue) -> Faults {
    fault(
      "driver_opts `\(option.key)`",
      "of com.docker.network berth knows bridge.name, driver.mtu, bridge.enable_icc, "
        + "bridge.enable_ip_masquerade, bridge.host_binding_ipv4, bridge.gateway_mode_ipv4, "
        + "bridge.gateway_mode_ipv6, bridge.inhibit_ipv4, bridge.trusted_host_interfaces, host_ipv4, "
        + "host_ipv6 and container_iface_prefix; of its own it has berth.antispoof")
  }

  private func value(_ option: KeyValue, _ wanted: String) -> Faults {
    fault("`\(option.value)` for \(option.key)", "write \(wanted)")
  }

  private func address4(_ option: KeyValue) throws -> IPv4Address {
    guard let address = IPv4Address(option.value) else { throw value(option, "an IPv4 address") }
    return address
  }

  private func flag(_ option: KeyValue) throws -> Bool {
    switch option.value {
    case "1", "t", "T", "true", "TRUE", "True": return true
    case "0", "f", "F", "false", "FALSE", "False": return false
    default: throw value(option, "`true` or `false`")
    }
  }

  private func gateway(_ option: KeyValue) throws -> NetworkPolicy.Gateway {
    guard let mode = NetworkPolicy.Gateway(rawValue: option.value) else {
      throw value(option, "`nat`, `nat-unprotected`, `routed` or `isolated`")
    }
    return mode
  }

  /// One of `ipam.config`: the block of one family.
  func read(_ pool: Compose.Network.Pool, into wanted: inout NetworkSpecification) throws {
    let texts = [pool.subnet, pool.gateway, pool.ipRange].compactMap { $0 }
    if texts.contains(where: { $0.contains(":") }) {
      wanted.ipv6 = try block(pool, beside: wanted.ipv6, .ipv6)
    } else if !texts.isEmpty {
      wanted.ipv4 = try block(pool, beside: wanted.ipv4, .ipv4)
    }
    for entry in pool.auxAddresses {
      guard let address = IPAddress(entry.value) else {
        throw fault("the aux_addresses `\(entry.key)` of `\(entry.value)`", "write an address")
      }
      wanted.reserved[entry.key] = address
    }
  }

  private func block<Block>(
    _ pool: Compose.Network.Pool, beside present: BlockWish<Block>?, _ family: Family<Block>
  ) throws -> BlockWish<Block> {
    guard present != nil else {
      throw fault(
        "the \(pool.subnet == nil ? "gateway" : "subnet") "
          + "`\(pool.subnet ?? pool.gateway ?? pool.ipRange ?? "")`",
        "write `enable_\(family.name): true` too")
    }
    if present?.subnet != nil, pool.subnet != nil {
      throw fault("a second subnet of \(family.title)", "write one subnet of each family")
    }
    return BlockWish(
      subnet: try pool.subnet.map {
        try parse($0, "subnet", family.subnet) { family.readBlock($0) }
      },
      gateway: try pool.gateway.map {
        try parse($0, "gateway", family.gateway) { family.readAddress($0) }
      },
      range: try pool.ipRange.map {
        try parse($0, "ip_range", family.range) { family.readBlock($0) }
      })
  }

  private func parse<Value>(
    _ text: String, _ attribute: String, _ example: String, _ read: (String) -> Value?
  ) throws -> Value {
    guard let value = read(text) else {
      throw fault("the \(attribute) `\(text)`", "write it as \(example)")
    }
    return value
  }
}

/// How addresses of one family are read, and examples of them for messages.
private struct Family<Block: AddressBlock> {
  let name: String
  let title: String
  let subnet: String
  let gateway: String
  let range: String
  let readBlock: (String) -> Block?
  let readAddress: (String) -> Block.Address?
}

extension Family<IPv4Subnet> {
  fileprivate static var ipv4: Self {
    Self(
      name: "ipv4", title: "IPv4", subnet: "10.5.0.0/24", gateway: "10.5.0.1",
      range: "10.5.0.128/25", readBlock: { IPv4Subnet($0) }, readAddress: { IPv4Address($0) })
  }
}

extension Family<IPv6Subnet> {
  fileprivate static var ipv6: Self {
    Self(
      name: "ipv6", title: "IPv6", subnet: "fd12:3456:789a:1::/64", gateway: "fd12:3456:789a:1::1",
      range: "fd12:3456:789a:1:8000::/65", readBlock: { IPv6Subnet($0) },
      readAddress: { IPv6Address($0) })
  }
}
