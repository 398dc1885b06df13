// What can be wrong with an image's names and documents.

package import Diagnostics

package enum ImageFault: Diagnosable, Hashable {
  case invalidReference(String, reason: String)
  case invalidDigest(String)
  case invalidPlatform(String)
  /// `document` is `manifest`, `index` or `image config`.
  case invalidDocument(String, reason: String)
  case noPlatform(Platform, available: [Platform])

  package var diagnostics: [Diagnostic] {
    switch self {
    case .invalidReference(let text, let reason):
      [Diagnostic("invalid image reference `\(printable(text))`: \(reason)")]
    case .invalidDigest(let text):
      [
        Diagnostic(
          "invalid digest `\(printable(text))`",
          hint: "a digest is `sha256:` followed by 64 lower-case hexadecimal digits")
      ]
    case .invalidPlatform(let text):
      [
        Diagnostic(
          "invalid platform `\(printable(text))`",
          hint: "a platform is written `os/architecture` or `os/architecture/variant`")
      ]
    case .invalidDocument(let document, let reason):
      [Diagnostic("invalid \(document): \(printable(reason))")]
    case .noPlatform(let wanted, let available):
      [
        Diagnostic(
          "no matching manifest for \(printable("\(wanted)")) in the manifest list entries",
          hint: platforms(available))
      ]
    }
  }
}

/// Each once, and no more than fit a line or two: indexes come from outside.
private func platforms(_ available: [Platform]) -> String? {
  var names: [String] = []
  for platform in available {
    let name = "`\(printable("\(platform)", limit: 40))`"
    if !names.contains(name), names.count <= 12 { names.append(name) }
  }
  guard !names.isEmpty else { return nil }
  let rest = names.count > 12 ? " and others" : ""
  return "it is there for " + names.prefix(12).joined(separator: ", ") + rest
}

/// Foreign text made safe for a terminal: control characters become `?`, length is bounded.
package func printable(_ text: String, limit: Int = 300) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars.prefix(limit) {
    let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
    result.append(isControl ? "?" : scalar)
  }
  return String(result)
}
