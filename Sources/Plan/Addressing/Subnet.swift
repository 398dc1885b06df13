// A block of addresses: `172.18.0.0/16`.

/// An address of one family.
package protocol FamilyAddress: Hashable, Sendable, Codable, CustomStringConvertible {
  var any: IPAddress { get }
}

extension IPv4Address: FamilyAddress {
  package var any: IPAddress { .v4(self) }
}

extension IPv6Address: FamilyAddress {
  package var any: IPAddress { .v6(self) }
}

/// What blocks of both families have in common.
package protocol AddressBlock: Hashable, Sendable, Codable, CustomStringConvertible {
  associatedtype Address: FamilyAddress

  /// The first address of the block.
  var base: Address { get }
  var prefixLength: Int { get }
  /// Of the smallest block that has room for a gateway and a container.
  static var longestPrefix: Int { get }

  /// The `index`th address of the block, the base being 0; nil outside of it.
  func address(at index: UInt64) -> Address?
  func contains(_ address: Address) -> Bool
  func contains(_ other: Self) -> Bool
  func overlaps(_ other: Self) -> Bool
  /// Whether a container may have this address.
  func isAssignable(_ address: Address) -> Bool
}

package struct IPv4Subnet: AddressBlock {
  package static let longestPrefix = 30

  /// The first address of the block.
  package let base: IPv4Address
  /// 0 to 32.
  package let prefixLength: Int

  /// The block that `address` lies in; nil for an impossible prefix length.
  package init?(_ address: IPv4Address, prefixLength: Int) {
    guard (0...32).contains(prefixLength) else { return nil }
    self.prefixLength = prefixLength
    base = IPv4Address(address.number & mask(prefixLength))
  }

  /// `address/length`. Host bits may be set, as users write `10.1.2.3/24`.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPv4Address(parts[0]),
      let length = decimal(parts[1].utf8, digits: 2)
    else { return nil }
    self.init(address, prefixLength: length)
  }

  package var netmask: IPv4Address { IPv4Address(mask(prefixLength)) }

  /// The last address of the block: its broadcast address.
  package var last: IPv4Address { IPv4Address(base.number | ~mask(prefixLength)) }

  /// How many addresses the block has.
  package var count: UInt64 { 1 << UInt64(32 - prefixLength) }

  /// The `index`th address of the block, the base being 0; nil outside of it.
  package func address(at index: UInt64) -> IPv4Address? {
    guard index < count else { return nil }
    return IPv4Address(base.number + UInt32(index))
  }

  package func contains(_ address: IPv4Address) -> Bool { (base...last).contains(address) }

  package func contains(_ other: IPv4Subnet) -> Bool {
    contains(other.base) && contains(other.last)
  }

  package func overlaps(_ other: IPv4Subnet) -> Bool {
    contains(other.base) || other.contains(base)
  }

  /// Whether a container may have this address: inside, and neither the base nor the broadcast.
  package func isAssignable(_ address: IPv4Address) -> Bool {
    guard contains(address) else { return false }
    return prefixLength >= 31 || (address != base && address != last)
  }
}

private func mask(_ prefixLength: Int) -> UInt32 {
  prefixLength == 0 ? 0 : ~UInt32(0) << UInt32(32 - prefixLength)
}

extension IPv4Subnet: CustomStringConvertible {
  package var description: String { "\(base)/\(prefixLength)" }
}

extension IPv4Subnet: Codable {
  package init(from decoder: any Decoder) throws {
    self = try decoded(decoder, "an IPv4 subnet") { IPv4Subnet($0) }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A block of either family.
package enum IPSubnet: Hashable, Sendable {
  case v4(IPv4Subnet)
  case v6(IPv6Subnet)

  package init?(_ address: IPAddress, prefixLength: Int) {
    switch address {
    case .v4(let address):
      guard let subnet = IPv4Subnet(address, prefixLength: prefixLength) else { return nil }
      self = .v4(subnet)
    case .v6(let address):
      guard let subnet = IPv6Subnet(address, prefixLength: prefixLength) else { return nil }
      self = .v6(subnet)
    }
  }

  /// `172.18.0.0/16` or `fd12::/64`.
  package init?(_ text: some StringProtocol) {
    if let subnet = IPv4Subnet(text) {
      self = .v4(subnet)
    } else if let subnet = IPv6Subnet(text) {
      self = .v6(subnet)
    } else {
      return nil
    }
  }

  package var v4: IPv4Subnet? { if case .v4(let subnet) = self { subnet } else { nil } }
  package var v6: IPv6Subnet? { if case .v6(let subnet) = self { subnet } else { nil } }

  package var prefixLength: Int {
    switch self {
    case .v4(let subnet): subnet.prefixLength
    case .v6(let subnet): subnet.prefixLength
    }
  }
}
