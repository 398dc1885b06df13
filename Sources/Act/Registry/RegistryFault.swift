// What a registry did or said that keeps an image away, in words that name the registry.

package import Diagnostics
package import OCI

package enum RegistryFault: Diagnosable, Hashable {
  /// `reason` is the registry's own.
  case notFound(registry: String, what: String, reason: String)
  case denied(registry: String, what: String, reason: String)
  case unreachable(registry: String, reason: String)
  case limited(registry: String, reason: String, seconds: Int?)
  case answered(registry: String, what: String, status: Int, reason: String)
  case interrupted(registry: String, what: String, received: Int64, of: Int64, reason: String)
  case wrongDigest(registry: String, expected: Digest, received: Digest)
  case wrongSize(registry: String, digest: Digest, expected: Int64, received: Int64)
  case redirected(registry: String, reason: String)
  case noLibrary

  package var diagnostics: [Diagnostic] {
    switch self {
    case .notFound(let registry, let what, let reason):
      [
        Diagnostic(
          "registry `\(registry)` has no `\(what)`: \(printable(reason))",
          hint: "check the name and the tag, or log in if the image is private")
      ]
    case .denied(let registry, let what, let reason):
      [
        Diagnostic(
          "registry `\(registry)` refuses access to `\(what)`: \(printable(reason))",
          hint: "check the name; a private image needs a login for `\(registry)`")
      ]
    case .unreachable(let registry, let reason):
      [Diagnostic("registry `\(registry)` cannot be reached: \(printable(reason))")]
    case .limited(let registry, let reason, let seconds):
      [
        Diagnostic(
          "registry `\(registry)` limits the rate: \(printable(reason))",
          hint: seconds.map { "it asks to wait \($0) seconds" })
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
    case .noLibrary:
      [
        Diagnostic(
          "pulling images needs libcurl, which is not installed",
          hint: "install it with `apt install libcurl4`")
      ]
    }
  }
}

/// How often and how patiently a registry is asked again.
package struct RetryPolicy: Sendable {
  package var attempts: Int
  /// Waits before the second, third, … attempt, each lengthened by up to a tenth.
  package var waits: [Duration]
  /// A Retry-After up to this is kept, a longer one fails.
  package var longestWait: Duration

  package init(
    attempts: Int = 5,
    waits: [Duration] = [.milliseconds(300), .seconds(1), .seconds(2), .seconds(4)],
    longestWait: Duration = .seconds(60)
  ) {
    self.attempts = attempts
    self.waits = waits
    self.longestWait = longestWait
  }

  func wait(before attempt: Int) -> Duration {
    let wait = waits.isEmpty ? .zero : waits[min(attempt - 1, waits.count - 1)]
    return wait + wait * Double.random(in: 0...0.1)
  }
}
