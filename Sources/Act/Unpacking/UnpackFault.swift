// Why the content of a layer is not taken.

package import Diagnostics
import OCI

package enum UnpackFault: Diagnosable, Hashable {
  /// The name of the member, and what is wrong with it.
  case refused([UInt8], String)
  case tooLarge(limit: UInt64)
  case noSpace(written: UInt64)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .refused(let path, let reason):
      let name = printable(String(decoding: path, as: UTF8.self))
      return [Diagnostic("the layer's member `\(name)` is refused: \(reason)")]
    case .tooLarge(let limit):
      return [
        Diagnostic(
          "the layer is larger than the \(limit) bytes that may be used",
          hint: "free some space below the state folder")
      ]
    case .noSpace(let written):
      return [
        Diagnostic(
          "no space left after \(written) bytes of the layer",
          hint: "free some space below the state folder; nothing half was kept")
      ]
    }
  }
}
