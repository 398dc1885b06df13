// What can be wrong with an archive of images, on its way in or out.

package import Diagnostics
package import OCI

package enum ImageArchiveFault: Diagnosable, Hashable {
  /// A blob that an image names is not in the store.
  case blobMissing(String, Digest)
  case notAnArchive
  /// A member that no archive of images has, or one that is not what it should be.
  case refused(String, reason: String)
  case missing(String)
  case tooLarge(limit: UInt64)
  case wrongDigest(String, expected: Digest, found: Digest)
  case wrongSize(String, expected: Int64, found: Int64)
  case wrongPlatform(String, wanted: Platform, found: Platform)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .blobMissing(let name, let digest):
      [Diagnostic("image `\(name)` lacks the blob `\(digest)`", hint: "pull the image again")]
    case .notAnArchive:
      [
        Diagnostic(
          "this is no archive of images: it has neither `oci-layout` nor `manifest.json`",
          hint: "a file system is brought in by `berth import`")
      ]
    case .refused(let member, let reason):
      [Diagnostic("the archive's `\(printable(member))` is refused: \(reason)")]
    case .missing(let member):
      [Diagnostic("the archive lacks `\(printable(member))`, which an image in it needs")]
    case .tooLarge(let limit):
      [
        Diagnostic(
          "the archive is larger than the \(limit) bytes that may be used",
          hint: "free some space below the state folder")
      ]
    case .wrongDigest(let member, let expected, let found):
      [
        Diagnostic(
          "the archive's `\(printable(member))` has the content `\(found)`, not `\(expected)`")
      ]
    case .wrongSize(let member, let expected, let found):
      [
        Diagnostic(
          "the archive's `\(printable(member))` has \(found) bytes, its image says \(expected)")
      ]
    case .wrongPlatform(let name, let wanted, let found):
      [
        Diagnostic(
          "image `\(name)` is made for \(found), not for \(wanted)",
          hint: "take it nevertheless with `--platform \(found)`")
      ]
    }
  }
}
