// What passes between berth and the child that unpacks one layer:
//
//   berth                                   berth-unpack
//     spawn, with 0: compressed bytes, 1: the report, 3: the layer's folder, 4: a lock,
//       5: a file for the names of folders that the layer names only as parents of others
//     ── compressed bytes, to their end ──▶   inflate, hash, unpack
//                                           ◀── one JSON report, then the end
//
// The lock is held while a decoder takes tens of mebibytes, so that the children of one pull do so one
// after the other. The child is told nothing else and is believed nothing but this report.

package import Diagnostics
import JSON
package import OCI

package enum UnpackReport: Hashable, Sendable {
  /// Bytes of content that were written, and the digest of all that came out of the decoder.
  case done(written: Int64, diffID: Digest)
  /// What the layer is refused for.
  case refused(RefusedLayer)

  static let limit = 64 << 10

  var bytes: [UInt8] {
    var object = JSONObject()
    switch self {
    case .done(let written, let diffID):
      object["written"] = JSONValue(written)
      object["diffID"] = .string(diffID.description)
    case .refused(let layer):
      object["reason"] = .string(layer.reason)
      object["causes"] = .array(layer.causes.map { .string($0) })
      object["hint"] = layer.hint.map { .string($0) }
    }
    return JSONValue.object(object).bytes()
  }

  /// Nil when the child was cut short before it could say anything.
  init?(_ bytes: [UInt8]) {
    // What is no report is none, whatever is wrong with it.
    guard let value = try? JSONValue(parsing: bytes) else { return nil }
    if let reason = value["reason"]?.string {
      let causes = value["causes"]?.array?.compactMap(\.string) ?? []
      self = .refused(RefusedLayer(reason: reason, causes: causes, hint: value["hint"]?.string))
    } else if let written = value["written"]?.number?.integer(Int64.self), written >= 0,
      let digest = value["diffID"]?.string.flatMap({ Digest($0) })
    {
      self = .done(written: written, diffID: digest)
    } else {
      return nil
    }
  }

  init(refusing error: any Error) {
    let first = (error as? any Diagnosable)?.diagnostics.first
    self = .refused(
      RefusedLayer(
        reason: first?.summary ?? "\(error)", causes: first?.causes ?? [], hint: first?.hint))
  }
}

/// Why a layer is not taken, in the words of whoever unpacked it.
package struct RefusedLayer: Diagnosable, Hashable {
  package var reason: String
  package var causes: [String]
  package var hint: String?

  package var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        printable(reason), causes: causes.map { printable($0) }, hint: hint.map { printable($0) })
    ]
  }
}
