// Why a layer or an image is not taken into the store.

import Diagnostics
import OCI

enum LayerFault: Diagnosable, Hashable {
  case refused([UInt8], String)
  case wrongDiffID(expected: Digest, received: Digest)
  case tooLarge(limit: UInt64)
  case noSpace(String, written: UInt64)
  case layerCount(manifest: Int, config: Int)
  case wrongPlatform(ImageReference, wanted: Platform, found: Platform, asked: Bool)
  case notAnImage

  var diagnostics: [Diagnostic] {
    switch self {
    case .refused(let path, let reason):
      [
        Diagnostic(
          "the layer's member `\(printable(String(decoding: path, as: UTF8.self)))` is refused: \(reason)"
        )
      ]
    case .wrongDiffID(let expected, let received):
      [Diagnostic("the layer's content is `\(received)`, the image says `\(expected)`")]
    case .tooLarge(let limit):
      [
        Diagnostic(
          "the layer is larger than the \(limit) bytes that may be used",
          hint: "free some space below the state folder")
      ]
    case .noSpace(let path, let written):
      [
        Diagnostic(
          "no space left for `\(path)` after \(written) bytes",
          hint: "free some space below the state folder; nothing half was kept")
      ]
    case .layerCount(let manifest, let config):
      [Diagnostic("invalid image: \(manifest) layers in its manifest, \(config) in its config")]
    case .wrongPlatform(let reference, let wanted, let found, let asked):
      [
        Diagnostic(
          "image `\(reference.familiar)` is made for \(found), not for \(wanted)",
          hint: asked ? nil : "set `platform: \(found)` to use it nevertheless")
      ]
    case .notAnImage: [Diagnostic("an index names another index instead of an image")]
    }
  }
}
