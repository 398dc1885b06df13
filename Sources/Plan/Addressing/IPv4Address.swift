// An IPv4 address as a number with a dotted text form.

/// Compared as numbers, so that a range of addresses is a range of values. Text is the strict dotted
/// form of four decimal numbers without leading zeros, which some programs read as octal.
package struct IPv4Address: Hashable, Sendable, Comparable {
  package let number: UInt32

  package init(_ number: UInt32) { self.number = number }

  package init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    number = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  package init?(_ text: some StringProtocol) {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var number: UInt32 = 0
    for part in parts {
      guard let octet = decimal(part, digits: 3), octet <= 255 else { return nil }
      number = number << 8 | UInt32(octet)
    }
    self.number = number
  }

  /// Network order: four bytes, nil for any other count.
  package init?(octets: some Collection<UInt8>) {
    guard octets.count == 4 else { return nil }
    number = octets.reduce(0) { $0 << 8 | UInt32($1) }
  }

  package static let unspecified = IPv4Address(0)
  package static let loopback = IPv4Address(127, 0, 0, 1)

  /// Network order.
  package var octets: [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) }
  }

  package var isUnspecified: Bool { number == 0 }
  package var isLoopback: Bool { number >> 24 == 127 }
  package var isMulticast: Bool { number >> 28 == 0xE }

  package static func < (left: IPv4Address, right: IPv4Address) -> Bool {
    left.number < right.number
  }
}

extension IPv4Address: CustomStringConvertible {
  package var description: String { octets.map { "\($0)" }.joined(separator: ".") }
}

extension IPv4Address: Codable {
  package init(from decoder: any Decoder) throws {
    self = try decoded(decoder, "an IPv4 address") { IPv4Address($0) }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// An unsigned decimal of at most `digits` digits and no needless zero in front.
func decimal(_ text: some Collection<UInt8>, digits: Int) -> Int? {
  guard !text.isEmpty, text.count <= digits else { return nil }
  if text.count > 1, text.first == UInt8(ascii: "0") { return nil }
  var value = 0
  for byte in text {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
    value = value * 10 + Int(byte - UInt8(ascii: "0"))
  }
  return value
}

/// A value that records keep as its text form.
func decoded<Value>(
  _ decoder: any Decoder, _ kind: String, _ parse: (String) -> Value?
) throws -> Value {
  let text = try decoder.singleValueContainer().decode(String.self)
  guard let value = parse(text) else {
    throw DecodingError.dataCorrupted(
      .init(codingPath: decoder.codingPath, debugDescription: "`\(text)` is not \(kind)"))
  }
  return value
}
