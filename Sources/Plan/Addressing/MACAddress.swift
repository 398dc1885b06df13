// A link's hardware address.

package struct MACAddress: Hashable, Sendable {
  /// The low 48 bits.
  package let number: UInt64

  /// Six pairs of hexadecimal digits between colons or hyphens.
  package init?(_ text: some StringProtocol) {
    let separator = text.contains("-") ? UInt8(ascii: "-") : UInt8(ascii: ":")
    let parts = text.utf8.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.count == 6 else { return nil }
    var number: UInt64 = 0
    for part in parts {
      guard part.count == 2, part.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
        let octet = UInt8(String(decoding: part, as: UTF8.self), radix: 16)
      else { return nil }
      number = number << 8 | UInt64(octet)
    }
    self.number = number
  }

  package init?(octets: some Collection<UInt8>) {
    guard octets.count == 6 else { return nil }
    number = octets.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// `02:42` and the address: who gets the address again later also gets the same hardware
  /// address, so neighbours with an old entry still reach it.
  package init(for address: IPv4Address) {
    number = 0x0242 << 32 | UInt64(address.number)
  }

  package var octets: [UInt8] {
    [40, 32, 24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
  }

  /// The address of IPv6 that a link has by itself (RFC 4291, appendix A): `fe80::` and the six pairs
  /// with ff:fe in their middle and one bit turned.
  package var linkLocal: IPv6Address {
    let turned = number ^ 0x0200_0000_0000
    let low = (turned & 0xFFFF_FF00_0000) << 16 | 0xFF_FE00_0000 | turned & 0xFF_FFFF
    return IPv6Address(high: 0xFE80 << 48, low: low)
  }

  package var isMulticast: Bool { number >> 40 & 1 == 1 }
}

extension MACAddress: CustomStringConvertible {
  package var description: String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}

extension MACAddress: Codable {
  package init(from decoder: any Decoder) throws {
    self = try decoded(decoder, "a hardware address") { MACAddress($0) }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
