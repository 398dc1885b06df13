// What a registry did or said that keeps an image away, in words that name the registry.

package import Diagnostics
package import OCI

package enum RegistryFault: Diagnosable, Hashable {
  /// `reason` is the registry's own.
  case notFound(registry: String, what: String, reason: String)
  /// `user` is who berth was there: nil for nobody, empty where a token stood for the name.
  case denied(registry: String, what: String, user: String?, reason: String)
  case loginRefused(registry: String, reason: String)
  case unreachable(registry: String, reason: String)
  /// TLS could not be agreed upon. `folder` is where certificates for the registry belong.
  case untrusted(registry: String, reason: String, folder: String)
  /// It answers in plain http where TLS was asked for.
  case plain(registry: String)
  case limited(registry: String, reason: String, seconds: Int?)
  case answered(registry: String, what: String, status: Int, reason: String)
  case interrupted(registry: String, what: String, received: Int64, of: Int64, reason: String)
  case wrongDigest(registry: String, expected: Digest, received: Digest)
  case wrongSize(registry: String, digest: Digest, expected: Int64, received: Int64)
  case redirected(registry: String, reason: String)
  /// What was to be sent cannot be read here.
  case unreadable(what: String, reason: String)
  case noLibrary

  package var diagnostics: [Diagnostic] {
    switch self {
    case .notFound(let registry, let what, let reason):
      [
        Diagnostic(
          "registry `\(registry)` has no `\(what)`: \(printable(reason))",
          hint: "check the name and the tag")
      ]
    case .denied(let registry, let what, let user, let reason):
      [
        Diagnostic(
          "registry `\(registry)` refuses access"
            + (what.isEmpty ? "" : " to `\(what)`") + ": \(printable(reason))",
          hint: Self.deniedHint(registry, user))
      ]
    case .loginRefused(let registry, let reason):
      [
        Diagnostic(
          "registry `\(registry)` refuses the login: \(printable(reason))",
          hint: "nothing was stored; check the user name and the password")
      ]
    case .untrusted(let registry, let reason, let folder):
      [
        Diagnostic(
          "no secure connection to registry `\(registry)`: \(printable(reason))",
          hint: reason.contains("the server ends it")
            ? "a certificate of your own belongs into `\(folder)` as `client.cert` beside `client.key`"
            : "put the certificate of its authority into `\(folder)/ca.crt`, or name "
              + "`\(registry)` in `insecure-registries`")
      ]
    case .plain(let registry):
      [
        Diagnostic(
          "registry `\(registry)` speaks http without TLS",
          hint:
            "name `\(registry)` in `insecure-registries` of `/etc/berth/config.json` if that is "
            + "meant")
      ]
    case .unreachable(let registry, let reason):
      [Diagnostic("registry `\(registry)` cannot be reached: \(printable(reason))")]
    case .limited(let registry, let reason, let seconds):
      [
        Diagnostic(
          "registry `\(registry)` limits the rate: \(printable(reason))",
          hint: seconds.map { "it asks to wait \($0) seconds" }
            ?? "wait a while; whoever is logged in may ask more often")
      ]
    case .answered(let registry, let what, let status, let reason):
      [
        Diagnostic(
          "registry `\(registry)` answers \(status) for `\(what)`"
            + (reason.isEmpty ? "" : ": \(printable(reason))"))
      ]
    case .interrupted(let registry, let what, let received, let total, let reason):
      [
        Diagnostic(
          "registry `\(registry)` broke off `\(what)` after \(received) of \(total) bytes: "
            + printable(reason), hint: "run the command again: nothing half was kept")
      ]
    case .wrongDigest(let registry, let expected, let received):
      [
        Diagnostic(
          "registry `\(registry)` sent wrong content: expected `\(expected)`, got `\(received)`",
          hint: "nothing of it was kept")
      ]
    case .wrongSize(let registry, let digest, let expected, let received):
      [
        Diagnostic(
          "registry `\(registry)` sent \(received) bytes for `\(digest)`, announced as \(expected)",
          hint: "nothing of it was kept")
      ]
    case .redirected(let registry, let reason):
      [Diagnostic("registry `\(registry)` redirects where berth does not go: \(printable(reason))")]
    case .unreadable(let what, let reason):
      [Diagnostic("`\(what)` cannot be read to be sent: \(printable(reason))")]
    case .noLibrary:
      [
        Diagnostic(
          "talking to registries needs libcurl, which is not installed",
          hint: "install it with `apt install libcurl4`")
      ]
    }
  }

  /// Bytes came, and they are not those that were asked for.
  package var isWrongContent: Bool {
    switch self {
    case .wrongDigest, .wrongSize: true
    default: false
    }
  }

  private static func deniedHint(_ registry: String, _ user: String?) -> String {
    let login = registry == ImageReference.dockerHub ? "berth login" : "berth login \(registry)"
    switch user {
    case nil: return "check the name; if the image is private, log in with `\(login)`"
    case .some(""): return "the stored token may be too old or lack the right: `\(login)` renews it"
    case .some(let user):
      return "you are `\(printable(user))` there: log in anew with `\(login)`, or ask for the right"
    }
  }
}
