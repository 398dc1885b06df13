// From what a user calls an image to the image: a name, a name with a digest, an id or how it begins.

package import Diagnostics
package import OCI

package struct FoundImage: Sendable {
  package enum Way: Sendable, Hashable {
    case name(ImageReference)
    case id
  }

  package var image: LocalImage
  package var way: Way
}

package enum ImageNameFault: Diagnosable, Hashable {
  case unknown(String, nearest: String?)
  case ambiguous(String, [Digest])

  package var diagnostics: [Diagnostic] {
    switch self {
    case .unknown(let text, let nearest):
      [
        Diagnostic(
          "no such image: `\(printable(text))`",
          hint: nearest.map { "did you mean `\($0)`?" }
            ?? "`berth images --all` lists what is here; `berth pull` brings more")
      ]
    case .ambiguous(let text, let ids):
      [
        Diagnostic(
          "`\(printable(text))` is the beginning of several image ids: "
            + ids.map(\.short).joined(separator: ", "), hint: "write more digits")
      ]
    }
  }
}

/// The image that `text` means. A name goes before an id that is written like it.
package func findImage(_ text: String, among images: [LocalImage]) throws(ImageNameFault)
  -> FoundImage
{
  if let id = Digest(text), let image = images.first(where: { $0.id == id }) {
    return FoundImage(image: image, way: .id)
  }
  if let found = findByName(text, among: images) { return found }
  let prefix = "sha256:"
  let hex = text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
  let isHex = !hex.isEmpty && hex.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
  let matches = isHex ? images.filter { $0.id.hex.hasPrefix(hex) } : []
  if let only = matches.first, matches.count == 1 { return FoundImage(image: only, way: .id) }
  guard matches.isEmpty else { throw .ambiguous(text, matches.map(\.id)) }
  throw .unknown(text, nearest: nearestName(text, among: images))
}

private func findByName(_ text: String, among images: [LocalImage]) -> FoundImage? {
  // What is no name may still be an id.
  guard let reference = try? ImageReference(parsing: text) else { return nil }
  let wanted = reference.digest.map { reference.pinned(to: $0) } ?? reference
  let image = images.first { image in
    image.references.contains(wanted) || image.repoDigests.contains(wanted)
  }
  return image.map { FoundImage(image: $0, way: .name(wanted)) }
}

private func nearestName(_ text: String, among images: [LocalImage]) -> String? {
  let names = images.flatMap(\.references)
  if let near = nearest(to: text, among: names.map(\.familiar)) { return near }
  // What is no name is like none.
  guard let reference = try? ImageReference(parsing: text) else { return nil }
  let sameName = names.first { $0.pinnedName == reference.pinnedName }
  let likeName = nearest(to: reference.familiarName, among: names.map(\.familiarName))
  return (sameName ?? names.first { $0.familiarName == likeName })?.familiar
}

extension ImageReference {
  /// Registry and repository: what tags and digests hang on.
  var pinnedName: String { "\(registry)/\(repository)" }
}
