// The name of content: SHA-256, and a hasher for streams.

import CCrypto

/// `sha256:` and 64 lower-case hexadecimal digits. There is no way to make another one, so that
/// `hex` is always safe as a file name.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
  /// The 64 digits.
  package let hex: String

  /// Nil unless `text` is exactly `sha256:` followed by 64 of `0-9a-f`.
  package init?(_ text: String) {
    let prefix = "sha256:"
    guard text.utf8.starts(with: prefix.utf8) else { return nil }
    self.init(hex: String(text.utf8.dropFirst(prefix.utf8.count)) ?? "")
  }

  package init?(hex: String) {
    guard hex.utf8.count == 64, hex.utf8.allSatisfy(isLowerHex) else { return nil }
    self.hex = hex
  }

  /// The digest of `bytes`.
  package init(of bytes: [UInt8]) {
    var hasher = SHA256()
    bytes.withUnsafeBytes { hasher.update($0) }
    self = hasher.finish()
  }

  fileprivate init(value: [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in value {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    hex = String(decoding: text, as: UTF8.self)
  }

  package var description: String { "sha256:" + hex }

  /// The first twelve digits, as tables show it.
  package var short: String { String(hex.prefix(12)) }
}

private func isLowerHex(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
  default: false
  }
}

extension Digest: Codable {
  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let digest = Digest(text) else { throw ImageFault.invalidDigest(text) }
    self = digest
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// SHA-256 over a stream.
package struct SHA256: Sendable {
  private var state = berth_sha256()

  package init() { berth_sha256_begin(&state) }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    berth_sha256_add(&state, start, bytes.count)
  }

  package mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The digest of what was added so far; more may be added afterwards.
  package func finish() -> Digest { Digest(value: bytes()) }

  /// The same as its 32 bytes.
  package func bytes() -> [UInt8] {
    var copy = state
    return [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      berth_sha256_end(&copy, buffer.baseAddress)
      count = 32
    }
  }
}
