// Scheme, host and port of an address: what credentials are bound to, and what a redirect may change.

/// Two addresses with the same origin are the same server.
struct Origin: Hashable, Sendable, CustomStringConvertible {
  let scheme: String
  /// In lower case; IPv6 in brackets.
  let host: String
  let port: Int

  /// Nil for anything but http and https with a host.
  init?(_ url: String) {
    guard let end = url.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    scheme = url[..<end].lowercased()
    let rest = url[end...].dropFirst()
    guard scheme == "http" || scheme == "https", rest.hasPrefix("//") else { return nil }
    var authority = rest.dropFirst(2).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    if let at = authority.lastIndex(of: "@") {
      authority = authority[authority.index(after: at)...]
    }
    var name = authority
    var digits: Substring?
    let afterBracket = authority.lastIndex(of: "]") ?? authority.startIndex
    if let colon = authority[afterBracket...].lastIndex(of: ":") {
      name = authority[..<colon]
      digits = authority[authority.index(after: colon)...]
    }
    guard !name.isEmpty else { return nil }
    host = name.lowercased()
    if let digits, !digits.isEmpty {
      guard let number = UInt16(digits) else { return nil }
      port = Int(number)
    } else {
      port = scheme == "https" ? 443 : 80
    }
  }

  var description: String { "\(scheme)://\(host):\(port)" }
}

/// The host of an address without brackets and port; empty when there is none.
func host(of url: String) -> String {
  let host = Origin(url)?.host ?? ""
  return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
}

/// 127.0.0.0/8, ::1 and localhost: spoken to in plain http, as docker does.
func isLoopback(_ host: String) -> Bool {
  if host == "localhost" || host == "::1" { return true }
  let parts = host.split(separator: ".", omittingEmptySubsequences: false)
  return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
}
