// Why a layer or an image is not taken into the store, whatever its members are.

import Diagnostics
import OCI

enum LayerFault: Diagnosable, Hashable {
  case wrongDiffID(expected: Digest, received: Digest)
  case noSpace(room: UInt64)
  case layerCount(manifest: Int, config: Int)
  case wrongPlatform(ImageReference, wanted: Platform, found: Platform, asked: Bool)
  case notAnImage
  case tooManyFolders
  case lost

  var diagnostics: [Diagnostic] {
    switch self {
    case .wrongDiffID(let expected, let received):
      [Diagnostic("the layer's content is `\(received)`, the image says `\(expected)`")]
    case .noSpace(let room):
      [
        Diagnostic(
          "no space left for the layer: \(room) bytes were free when it began",
          hint: "free some space below the state folder; nothing half was kept")
      ]
    case .layerCount(let manifest, let config):
      [Diagnostic("invalid image: \(manifest) layers in its manifest, \(config) in its config")]
    case .wrongPlatform(let reference, let wanted, let found, let asked):
      [
        Diagnostic(
          "image `\(reference.familiar)` is made for \(printable("\(found)")), not for \(wanted)",
          hint: asked ? nil : "set `platform: \(printable("\(found)"))` to use it nevertheless")
      ]
    case .lost: [Diagnostic("what was pulled was removed at once", hint: "pull it again")]
    case .tooManyFolders:
      [Diagnostic("too many folders, too deep in one another, that layers name only as parents")]
    case .notAnImage: [Diagnostic("an index names another index instead of an image")]
    }
  }
}
