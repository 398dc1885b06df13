// The proxies of the environment, in both spellings of their variables. A proxy's password is for the
// proxy alone and appears in no message.

package struct Proxies: Sendable, Hashable {
  /// Addresses with scheme and all; nil is a direct connection.
  private var http: String?
  private var https: String?
  /// Hosts, domains and blocks of addresses that are asked directly, separated by commas.
  var exceptions: String

  /// None.
  package init() { exceptions = "" }

  package init(environment: [String: String]) {
    func value(_ name: String) -> String? {
      let found = environment[name] ?? environment[name.lowercased()]
      return found.flatMap { $0.isEmpty ? nil : $0 }
    }
    http = value("HTTP_PROXY") ?? value("ALL_PROXY")
    https = value("HTTPS_PROXY") ?? value("ALL_PROXY")
    exceptions = value("NO_PROXY") ?? ""
  }

  /// Hosts of this machine are always asked directly.
  func proxy(for url: String) -> String? {
    guard let origin = Origin(url), !isLoopback(host(of: url)) else { return nil }
    return origin.scheme == "https" ? https : http
  }

  /// A proxy's address as messages may show it.
  static func name(_ proxy: String) -> String {
    var rest = proxy[...]
    if let scheme = rest.firstRange(of: "://") { rest = rest[scheme.upperBound...] }
    if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
    return String(rest.prefix { $0 != "/" })
  }
}
