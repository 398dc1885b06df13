// A domain name in the form that messages carry and that lookups compare.

package import Addressing

/// Labels with their lengths in front and the empty label at the end; ASCII letters in lower case,
/// all other bytes as they came. At most 255 bytes, each label at most 63 (RFC 1035, 2.3.4).
package struct DomainName: Hashable, Sendable {
  package let wire: [UInt8]

  package static let longest = 255
  package static let longestLabel = 63

  /// `wire` must be whole and within the limits.
  init(verified wire: [UInt8]) { self.wire = wire }

  /// From labels between dots; a dot at the end is allowed. Nil for what no message can carry.
  package init?(_ text: some Collection<UInt8>) {
    var labels = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
    var wire: [UInt8] = []
    for label in labels {
      guard (1...Self.longestLabel).contains(label.count) else { return nil }
      wire.append(UInt8(label.count))
      wire += label.lazy.map(lowercased)
    }
    wire.append(0)
    guard wire.count <= Self.longest else { return nil }
    self.wire = wire
  }

  /// The name without `suffix`; nil when it does not end in it or would be empty.
  package func removing(suffix: DomainName) -> DomainName? {
    let rest = wire.count - suffix.wire.count
    guard rest > 0, wire[rest...].elementsEqual(suffix.wire) else { return nil }
    // The suffix must begin where a label begins.
    var offset = 0
    while offset < rest { offset += 1 + Int(wire[offset]) }
    guard offset == rest else { return nil }
    return DomainName(verified: wire[..<rest] + [0])
  }

  /// The address that `2.0.18.172.in-addr.arpa` asks about, or a name below `ip6.arpa`.
  package var reverseAddress: IPAddress? {
    reverseIPv4Address.map(IPAddress.v4) ?? reverseIPv6Address.map(IPAddress.v6)
  }

  private var reverseIPv4Address: IPv4Address? {
    guard let octets = removing(suffix: Self.reverseZone) else { return nil }
    var number: UInt32 = 0
    var offset = 0
    for place in 0..<4 {
      let length = Int(octets.wire[offset])
      guard (1...3).contains(length) else { return nil }
      var octet = 0
      for byte in octets.wire[(offset + 1)...(offset + length)] {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        octet = octet * 10 + Int(byte - UInt8(ascii: "0"))
      }
      guard octet <= 255 else { return nil }
      number |= UInt32(octet) << UInt32(place * 8)
      offset += length + 1
    }
    return octets.wire[offset] == 0 ? IPv4Address(number) : nil
  }

  /// Thirty-two digits, the last one first (RFC 3596).
  private var reverseIPv6Address: IPv6Address? {
    guard let digits = removing(suffix: Self.reverseIPv6Zone)?.wire, digits.count == 65 else {
      return nil
    }
    var halves: (high: UInt64, low: UInt64) = (0, 0)
    for place in 0..<32 {
      guard digits[place * 2] == 1, let digit = hexadecimalDigit(digits[place * 2 + 1]) else {
        return nil
      }
      if place < 16 {
        halves.low |= UInt64(digit) << UInt64(place * 4)
      } else {
        halves.high |= UInt64(digit) << UInt64((place - 16) * 4)
      }
    }
    return IPv6Address(high: halves.high, low: halves.low)
  }

  private static let reverseZone = DomainName(
    verified: [7] + Array("in-addr".utf8) + [4] + Array("arpa".utf8) + [0])

  private static let reverseIPv6Zone = DomainName(
    verified: [3] + Array("ip6".utf8) + [4] + Array("arpa".utf8) + [0])
}

extension DomainName: CustomStringConvertible {
  package var description: String {
    var text: [UInt8] = []
    var offset = 0
    while wire[offset] != 0 {
      let end = offset + 1 + Int(wire[offset])
      if !text.isEmpty { text.append(UInt8(ascii: ".")) }
      text += wire[(offset + 1)..<end]
      offset = end
    }
    return String(decoding: text, as: UTF8.self)
  }
}

func lowercased(_ byte: UInt8) -> UInt8 {
  (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
}

/// Names are held in lower case.
private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  default: nil
  }
}
