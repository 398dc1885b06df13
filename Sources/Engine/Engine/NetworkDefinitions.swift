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
    var wanted = NetworkSpecification(name: network.name)
    for label in network.labels { wanted.labels[label.key] = label.value }
    wanted.labels[Label.project] = projectName
    wanted.labels[Label.network] = network.key
    wanted.labels[Label.version] = berthVersion
    wanted.labels[Label.configHash] = networkHash(network)
    wanted.isInternal = network.isInternal
    wanted.isAttachable = network.isAttachable
    wanted.hasIPv6 = network.enablesIPv6 ?? false
    let reader = NetworkReader(network: network)
    wanted.attachment = try reader.attachment()
    for option in network.driverOptions where wanted.attachment == nil {
      try reader.read(option, into: &wanted)
    }
    for pool in network.pools { try reader.read(pool, into: &wanted) }
    if wanted.policy.gateway == .isolated || wanted.policy.gateway6 == .isolated,
      !wanted.isInternal
    {
      throw reader.fault("a gateway mode of `isolated`", "write `internal: true` too")
    }
    return wanted
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
    case "host_ipv4": wanted.policy.hostAddress = try address4(option)
    case "host_ipv6":
      guard let address = IPv6Address(option.value) else { throw value(option, "an IPv6 address") }
      wanted.policy.hostAddress6 = address
    case "enable_ipv6": wanted.hasIPv6 = try flag(option)
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
        + "bridge.gateway_mode_ipv6, host_ipv4, host_ipv6 and container_iface_prefix")
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
      throw value(option, "`nat`, `routed` or `isolated`")
    }
    return mode
  }

  /// One of `ipam.config`: the block of one family.
  func read(_ pool: Compose.Network.Pool, into wanted: inout NetworkSpecification) throws {
    let texts = [pool.subnet, pool.gateway, pool.ipRange].compactMap { $0 }
    if texts.contains(where: { $0.contains(":") }) {
      try readBlock6(pool, into: &wanted)
    } else {
      try readBlock(pool, into: &wanted)
    }
    for entry in pool.auxAddresses {
      guard let address = IPAddress(entry.value) else {
        throw fault("the aux_addresses `\(entry.key)` of `\(entry.value)`", "write an address")
      }
      wanted.reserved[entry.key] = address
    }
  }

  private func readBlock(_ pool: Compose.Network.Pool, into wanted: inout NetworkSpecification)
    throws
  {
    if wanted.subnet != nil, pool.subnet != nil {
      throw fault("a second subnet of IPv4", "write one subnet of each family")
    }
    wanted.subnet = try pool.subnet.map {
      try parse($0, "subnet", "10.5.0.0/24") { IPv4Subnet($0) }
    }
    wanted.range = try pool.ipRange.map {
      try parse($0, "ip_range", "10.5.0.128/25") { IPv4Subnet($0) }
    }
    wanted.gateway = try pool.gateway.map {
      try parse($0, "gateway", "10.5.0.1") { IPv4Address($0) }
    }
  }

  private func readBlock6(_ pool: Compose.Network.Pool, into wanted: inout NetworkSpecification)
    throws
  {
    if wanted.subnet6 != nil, pool.subnet != nil {
      throw fault("a second subnet of IPv6", "write one subnet of each family")
    }
    guard wanted.hasIPv6 else {
      throw fault(
        "the subnet `\(pool.subnet ?? pool.gateway ?? "")`", "write `enable_ipv6: true` too")
    }
    wanted.subnet6 = try pool.subnet.map {
      try parse($0, "subnet", "fd12:3456:789a:1::/64") { IPv6Subnet($0) }
    }
    wanted.range6 = try pool.ipRange.map {
      try parse($0, "ip_range", "fd12:3456:789a:1:8000::/65") { IPv6Subnet($0) }
    }
    wanted.gateway6 = try pool.gateway.map {
      try parse($0, "gateway", "fd12:3456:789a:1::1") { IPv6Address($0) }
    }
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
