// Bytes that the kernel takes as they are: paths, arguments, environment entries.

/// A byte string. Compared byte by byte, unlike `String`. In JSON it is a string where it is valid
/// UTF-8, and `{"hex": "…"}` where it is not.
package struct Bytes: Hashable, Sendable, Codable, ExpressibleByStringLiteral {
  package var raw: [UInt8]

  package init(_ raw: some Sequence<UInt8>) { self.raw = Array(raw) }
  package init(_ text: String) { raw = Array(text.utf8) }
  package init(stringLiteral value: String) { self.init(value) }

  /// For messages: invalid UTF-8 is replaced.
  package var text: String { String(decoding: raw, as: UTF8.self) }

  private enum CodingKeys: String, CodingKey { case hex }

  package init(from decoder: any Decoder) throws {
    if let text = try? decoder.singleValueContainer().decode(String.self) {
      // Not a string: the other form is tried below and throws for itself.
      raw = Array(text.utf8)
      return
    }
    let digits = Array(
      try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .hex).utf8)
    var decoded: [UInt8] = []
    for index in stride(from: 0, to: digits.count - 1, by: 2) {
      guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
      else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "not hexadecimal"))
      }
      decoded.append(byte)
    }
    raw = decoded
  }

  package func encode(to encoder: any Encoder) throws {
    if let text = String(validating: raw, as: UTF8.self) {
      var container = encoder.singleValueContainer()
      try container.encode(text)
      return
    }
    let digits = raw.map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(digits.joined(), forKey: .hex)
  }
}

extension Bytes: Comparable {
  package static func < (left: Bytes, right: Bytes) -> Bool {
    left.raw.lexicographicallyPrecedes(right.raw)
  }
}

/// Wall time for stamps: nanoseconds since 1970 UTC. Never used to wait.
package struct Timestamp: Hashable, Sendable, Codable, Comparable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package init(from decoder: any Decoder) throws {
    nanoseconds = try decoder.singleValueContainer().decode(Int64.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(nanoseconds)
  }

  package static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}

/// A span of time in records: nanoseconds. Behaviour uses it on the monotonic clock.
package struct Nanoseconds: Hashable, Sendable, Codable, Comparable {
  package var count: Int64

  package init(_ count: Int64) { self.count = count }
  package static func seconds(_ count: Int64) -> Nanoseconds { Nanoseconds(count &* 1_000_000_000) }
  package static func milliseconds(_ count: Int64) -> Nanoseconds {
    Nanoseconds(count &* 1_000_000)
  }

  package init(from decoder: any Decoder) throws {
    count = try decoder.singleValueContainer().decode(Int64.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(count)
  }

  package static func < (left: Nanoseconds, right: Nanoseconds) -> Bool { left.count < right.count }
}
