// The keys that take the user away from a container, and what of the typed goes on to it.

/// Such as `ctrl-p,ctrl-q`: a sequence that is looked for in all that is typed.
package struct DetachKeys: Sendable, Hashable {
  private let keys: [UInt8]
  /// How many of the keys have been typed, and are held back until it is clear what they are.
  private var matched = 0

  package static let standard = "ctrl-p,ctrl-q"

  /// Characters, or `ctrl-` and one of `a` to `z`, `@`, `[`, `\`, `]`, `^`, `_`; parted by commas.
  /// Nil for anything else; empty is no keys at all.
  package init?(_ text: String) {
    var keys: [UInt8] = []
    for part in text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let key = Self.key(part) else { return nil }
      keys.append(key)
    }
    self.keys = keys
  }

  private static func key(_ text: Substring) -> UInt8? {
    let bytes = Array(text.utf8)
    if bytes.count == 1 { return bytes[0] }
    guard bytes.count == 6, text.hasPrefix("ctrl-") else { return nil }
    switch bytes[5] {
    case 0x61...0x7A: return bytes[5] - 0x60
    case 0x40, 0x5B...0x5F: return bytes[5] - 0x40
    default: return nil
    }
  }

  /// Takes what was typed. Answers what of it, and of what was held back, goes on; and whether the
  /// keys are complete: what comes after them is nobody's.
  package mutating func pass(_ typed: some Sequence<UInt8>) -> (onward: [UInt8], isComplete: Bool) {
    guard !keys.isEmpty else { return (Array(typed), false) }
    var onward: [UInt8] = []
    for byte in typed {
      if byte != keys[matched] {
        onward += keys[..<matched]
        matched = 0
      }
      if byte == keys[matched] {
        matched += 1
        if matched == keys.count { return (onward, true) }
      } else {
        onward.append(byte)
      }
    }
    return (onward, false)
  }
}
