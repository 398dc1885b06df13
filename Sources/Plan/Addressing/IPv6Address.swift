// An IPv6 address: two halves and the text forms of RFC 4291 (reading) and RFC 5952 (writing).

/// Zones (`%eth0`) are no part of an address and are refused.
package struct IPv6Address: Hashable, Sendable, Comparable {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  package static let unspecified = IPv6Address(high: 0, low: 0)
  package static let loopback = IPv6Address(high: 0, low: 1)

  package init?(_ text: some StringProtocol) {
    guard let groups = parseGroups(String(text)) else { return nil }
    self.init(groups: groups)
  }

  /// Network order: sixteen bytes, nil for any other count.
  package init?(octets: some Collection<UInt8>) {
    guard octets.count == 16 else { return nil }
    high = octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    low = octets.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private init(groups: [UInt16]) {
    high = groups.prefix(4).reduce(0) { $0 << 16 | UInt64($1) }
    low = groups.dropFirst(4).reduce(0) { $0 << 16 | UInt64($1) }
  }

  /// The eight groups of sixteen bits, first to last.
  package var groups: [UInt16] {
    [high, low].flatMap { half in
      [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
    }
  }

  /// Network order.
  package var octets: [UInt8] {
    groups.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
  }

  package var isUnspecified: Bool { self == .unspecified }
  package var isLoopback: Bool { self == .loopback }
  package var isLinkLocal: Bool { high >> 54 == 0x3FA }

  /// The IPv4 address inside `::ffff:a.b.c.d`.
  package var mappedIPv4: IPv4Address? {
    guard high == 0, low >> 32 == 0xFFFF else { return nil }
    return IPv4Address(UInt32(truncatingIfNeeded: low))
  }

  package static func < (left: IPv6Address, right: IPv6Address) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

extension IPv6Address: CustomStringConvertible {
  package var description: String {
    if let mapped = mappedIPv4 { return "::ffff:\(mapped)" }
    let groups = self.groups
    let gap = longestZeroRun(groups)
    let text = { (part: ArraySlice<UInt16>) in
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard let gap else { return text(groups[...]) }
    return text(groups[..<gap.lowerBound]) + "::" + text(groups[gap.upperBound...])
  }
}

extension IPv6Address: Codable {
  package init(from decoder: any Decoder) throws {
    self = try decoded(decoder, "an IPv6 address") { IPv6Address($0) }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// The first of the longest runs of at least two zero groups, which `::` stands for.
private func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
  var best: Range<Int>?
  var start = 0
  while start < groups.count {
    guard groups[start] == 0 else {
      start += 1
      continue
    }
    let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
    if end - start >= 2, end - start > (best?.count ?? 0) { best = start..<end }
    start = end
  }
  return best
}

private func parseGroups(_ text: String) -> [UInt16]? {
  guard text.utf8.count <= 45 else { return nil }
  let bytes = Array(text.utf8)
  let colon = UInt8(ascii: ":")
  let gap = bytes.indices.dropLast().first { bytes[$0] == colon && bytes[$0 + 1] == colon }
  guard let gap else {
    let groups = parseRun(bytes[...], mayEndDotted: true)
    return groups?.count == 8 ? groups : nil
  }
  guard let left = parseRun(bytes[..<gap], mayEndDotted: false),
    let right = parseRun(bytes[(gap + 2)...], mayEndDotted: true),
    left.count + right.count <= 7
  else { return nil }
  return left + Array(repeating: 0, count: 8 - left.count - right.count) + right
}

/// Groups between colons; the last may be a dotted IPv4 address. Empty text is no groups.
private func parseRun(_ text: ArraySlice<UInt8>, mayEndDotted: Bool) -> [UInt16]? {
  if text.isEmpty { return [] }
  let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
  var groups: [UInt16] = []
  for (index, part) in parts.enumerated() {
    if mayEndDotted, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
      guard let address = IPv4Address(String(decoding: part, as: UTF8.self)) else { return nil }
      groups += [
        UInt16(address.number >> 16), UInt16(truncatingIfNeeded: address.number),
      ]
      continue
    }
    let isHexadecimal = part.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    guard (1...4).contains(part.count), isHexadecimal,
      let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16)
    else { return nil }
    groups.append(group)
  }
  return groups.count <= 8 ? groups : nil
}
