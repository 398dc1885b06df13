// One entry of `security_opt`: `name=value`, or `name:value` as older files have it.

package enum SecurityOption: Hashable, Sendable {
  case noNewPrivileges(Bool)
  case seccompUnconfined
  /// The default profile.
  case seccompBuiltin
  /// A profile of docker's format; relative to the project's folder.
  case seccompFile(String)
  /// The name of a loaded profile, or `unconfined`.
  case appArmor(String)
  /// A part of an SELinux label, `user:USER` for one, or `disable`.
  case label(String)
  case unmaskedPaths
  case writableCgroups(Bool)

  /// nil when there is no such option or it cannot have this value.
  package init?(_ text: String) {
    let equals = text.firstIndex(of: "=")
    guard let cut = equals ?? text.firstIndex(of: ":") else {
      guard text == "no-new-privileges" else { return nil }
      self = .noNewPrivileges(true)
      return
    }
    let value = String(text[text.index(after: cut)...])
    guard !value.isEmpty else { return nil }
    switch text[..<cut] {
    case "no-new-privileges":
      guard let flag = Self.flag(value) else { return nil }
      self = .noNewPrivileges(flag)
    case "writable-cgroups":
      guard let flag = Self.flag(value) else { return nil }
      self = .writableCgroups(flag)
    case "systempaths":
      guard value == "unconfined" else { return nil }
      self = .unmaskedPaths
    case "seccomp":
      switch value {
      case "unconfined": self = .seccompUnconfined
      case "builtin": self = .seccompBuiltin
      default: self = .seccompFile(value)
      }
    case "apparmor": self = .appArmor(value)
    case "label":
      let parts = ["user:", "role:", "type:", "level:"]
      guard value == "disable" || parts.contains(where: { value.hasPrefix($0) && value != $0 })
      else { return nil }
      self = .label(value)
    default: return nil
    }
  }

  private static func flag(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "1", "t", "true": true
    case "0", "f", "false": false
    default: nil
    }
  }

  /// What may stand before the value, for messages.
  static let names = [
    "no-new-privileges", "seccomp", "apparmor", "label", "systempaths", "writable-cgroups",
  ]
}
