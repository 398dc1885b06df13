// A block of IPv6 addresses: `fd12:3456:789a:1::/64`.

package struct IPv6Subnet: AddressBlock {
  package static let longestPrefix = 126

  /// The first address of the block.
  package let base: IPv6Address
  /// 0 to 128.
  package let prefixLength: Int

  /// The block that `address` lies in; nil for an impossible prefix length.
  package init?(_ address: IPv6Address, prefixLength: Int) {
    guard (0...128).contains(prefixLength) else { return nil }
    self.prefixLength = prefixLength
    let (high, low) = masks(prefixLength)
    base = IPv6Address(high: address.high & high, low: address.low & low)
  }

  /// `address/length`. Host bits may be set.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPv6Address(parts[0]),
      let length = decimal(parts[1].utf8, digits: 3)
    else { return nil }
    self.init(address, prefixLength: length)
  }

  package var last: IPv6Address {
    let (high, low) = masks(prefixLength)
    return IPv6Address(high: base.high | ~high, low: base.low | ~low)
  }

  /// The `index`th address of the block, the base being 0; nil outside of it.
  package func address(at index: UInt64) -> IPv6Address? {
    let (low, carried) = base.low.addingReportingOverflow(index)
    let address = IPv6Address(high: carried ? base.high &+ 1 : base.high, low: low)
    return contains(address) && address >= base ? address : nil
  }

  package func contains(_ address: IPv6Address) -> Bool { (base...last).contains(address) }

  package func contains(_ other: IPv6Subnet) -> Bool {
    contains(other.base) && contains(other.last)
  }

  package func overlaps(_ other: IPv6Subnet) -> Bool {
    contains(other.base) || other.contains(base)
  }

  /// Whether a container may have this address: inside, and not the base, which is every router's.
  package func isAssignable(_ address: IPv6Address) -> Bool {
    contains(address) && (prefixLength >= 127 || address != base)
  }

  /// The block of 64 bits for the network `name` within fd00::/8, where nobody else's addresses are
  /// (RFC 4193): the same name gets the same block as long as it is free. Nil when a thousand others
  /// are taken.
  package static func unique(for name: String, avoiding taken: [IPv6Subnet]) -> IPv6Subnet? {
    for attempt in 0..<1024 {
      let hash = fowlerNollVo("\(attempt) \(name)".utf8)
      let high = 0xFD << 56 | hash >> 8
      guard
        let block = IPv6Subnet(IPv6Address(high: high, low: 0), prefixLength: 64),
        !taken.contains(where: block.overlaps)
      else { continue }
      return block
    }
    return nil
  }
}

private func masks(_ prefixLength: Int) -> (high: UInt64, low: UInt64) {
  let all = UInt64.max
  if prefixLength >= 64 { return (all, prefixLength == 64 ? 0 : all << UInt64(128 - prefixLength)) }
  return (prefixLength == 0 ? 0 : all << UInt64(64 - prefixLength), 0)
}

extension IPv6Subnet: CustomStringConvertible {
  package var description: String { "\(base)/\(prefixLength)" }
}

extension IPv6Subnet: Codable {
  package init(from decoder: any Decoder) throws {
    self = try decoded(decoder, "an IPv6 subnet") { IPv6Subnet($0) }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
