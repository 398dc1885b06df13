// One rule of `device_cgroup_rules`: which devices may be made, read and written beside the usual.

/// `c 1:3 mr`, `b *:* rwm`, `a 8:0 r`: the kind, the numbers with `*` for any, and what is allowed.
package struct DeviceGrantRule: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable {
    case any = "a"
    case block = "b"
    case character = "c"
  }

  package var kind: Kind
  /// nil is any.
  package var major: UInt32?
  package var minor: UInt32?
  /// Of `rwm`.
  package var permissions: String

  /// nil when `text` is no rule.
  package init?(_ text: String) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, let kind = Kind(rawValue: String(parts[0])) else { return nil }
    let numbers = parts[1].split(separator: ":", omittingEmptySubsequences: false)
    guard numbers.count == 2, let major = Self.number(numbers[0]),
      let minor = Self.number(numbers[1]), Self.arePermissions(parts[2])
    else { return nil }
    self.kind = kind
    self.major = major
    self.minor = minor
    permissions = String(parts[2])
  }

  /// One to three different letters of `rwm`.
  package static func arePermissions(_ text: some StringProtocol) -> Bool {
    (1...3).contains(text.utf8.count) && text.allSatisfy("rwm".contains)
      && Set(text).count == text.count
  }

  private static func number(_ text: Substring) -> UInt32?? {
    if text == "*" { return .some(nil) }
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = UInt32(text)
    else { return nil }
    return .some(number)
  }
}
