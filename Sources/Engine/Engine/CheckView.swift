// What `check` tells of a project's files: everything that `config` and `up` would say, at once, for
// people and for editors. Needs no rights and no state.

import Compose
package import Diagnostics
import JSON

package struct CheckView: Sendable {
  /// In the order of the files: faults, what `up` would refuse, warnings.
  package let diagnostics: [Diagnostic]
  /// The files that were read, as messages name them.
  package let files: [String]
  private let paths: [(path: String, shown: String, isEnvironment: Bool)]
  private let folder: String

  package init(_ request: SessionRequest) {
    let outcome = ProjectLoader.attempt(
      projectOptions(request), reading: DiskReader(trace: request.trace))
    files = outcome.files.map(\.shown)
    diagnostics = inFileOrder(outcome.faults + outcome.refusals + outcome.warnings, files)
    paths = outcome.files
    folder = request.workingDirectory
  }

  package var isFaulty: Bool { diagnostics.contains { $0.severity == .error } }

  /// A list with one `PublishDiagnosticsParams` of the Language Server Protocol 3.17 for each file
  /// that was read, also for those without faults. What has no place stands at the start of the
  /// first compose file.
  package var languageServerJSON: [UInt8] {
    var groups = paths.map { (uri: fileURI($0.path), shown: $0.shown, items: [JSONValue]()) }
    if groups.isEmpty { groups = [(uri: fileURI(folder), shown: "", items: [])] }
    let home = paths.firstIndex { !$0.isEnvironment } ?? 0
    for diagnostic in diagnostics {
      let place = groups.firstIndex { $0.shown == diagnostic.span?.file } ?? home
      groups[place].items.append(languageServerValue(of: diagnostic))
    }
    let list = groups.map { group in
      var object = JSONObject()
      object.append("uri", .string(group.uri))
      object.append("diagnostics", .array(group.items))
      return JSONValue.object(object)
    }
    return JSONValue.array(list).bytes(JSONStyle(indent: 2)) + [0x0A]
  }
}

/// What has no place comes last.
private func inFileOrder(_ diagnostics: [Diagnostic], _ files: [String]) -> [Diagnostic] {
  let keys = diagnostics.enumerated().map { offset, diagnostic in
    let file = diagnostic.span.flatMap { span in files.firstIndex(of: span.file) } ?? files.count
    return (file, diagnostic.span?.line ?? 0, diagnostic.span?.column ?? 0, offset)
  }
  return keys.sorted { $0 < $1 }.map { diagnostics[$0.3] }
}

/// One `Diagnostic` of the protocol. Positions count from 0, characters in UTF-16 code units.
func languageServerValue(of diagnostic: Diagnostic) -> JSONValue {
  var object = JSONObject()
  object.append("range", range(of: diagnostic))
  object.append("severity", JSONValue(diagnostic.severity == .error ? 1 : 2))
  if let code = diagnostic.code { object.append("code", .string(code)) }
  object.append("source", .string("berth"))
  let lines =
    [diagnostic.summary] + diagnostic.causes.map { "cause: \($0)" }
    + (diagnostic.hint.map { ["hint: \($0)"] } ?? [])
  object.append("message", .string(lines.joined(separator: "\n")))
  return .object(object)
}

private func range(of diagnostic: Diagnostic) -> JSONValue {
  let line = max(0, (diagnostic.span?.line ?? 1) - 1)
  let scalars = Array((diagnostic.excerpt ?? "").unicodeScalars)
  /// The excerpt may be cut; what lies beyond it is taken for one unit each.
  let units = { (count: Int) in
    scalars.prefix(count).reduce(0) { $0 + ($1.value > 0xFFFF ? 2 : 1) }
      + max(0, count - scalars.count)
  }
  let start = max(0, (diagnostic.span?.column ?? 1) - 1)
  let end = start + (diagnostic.span?.length ?? 0)
  return .object(
    JSONObject([
      ("start", position(line, units(start))), ("end", position(line, units(end))),
    ]))
}

private func position(_ line: Int, _ character: Int) -> JSONValue {
  .object(JSONObject([("line", JSONValue(line)), ("character", JSONValue(character))]))
}

/// RFC 8089: what is not unreserved is percent-encoded, byte by byte.
private func fileURI(_ path: String) -> String {
  guard path != "-" else { return "untitled:stdin" }
  var text = "file://"
  for byte in path.utf8 {
    let isPlain =
      byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A
      || "/-._~".utf8.contains(byte)
    if isPlain {
      text.unicodeScalars.append(UnicodeScalar(byte))
    } else {
      let digits = String(byte, radix: 16, uppercase: true)
      text += "%" + (digits.count < 2 ? "0" : "") + digits
    }
  }
  return text
}
