// A diagnostic as text: summary, causes, place, excerpt with a caret, hint.

package import Diagnostics
import JSON

/// The lines of one diagnostic, each ended. Further lines of a cause stand below its first.
///
///     error: services.web.prots: unknown key `prots`
///       --> compose.yaml:4:5
///        |
///      4 |     prots: ["80:80"]
///        |     ^^^^^
///     hint: did you mean `ports`?
package func text(of diagnostic: Diagnostic, style: Style) -> String {
  var lines = [headLine(of: diagnostic, style)]
  for cause in diagnostic.causes {
    // By bytes: for Swift a newline behind a carriage return is none.
    let parts = cause.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
      .map { printable(String(Substring($0))) }
    lines.append("  cause: \(parts.first ?? "")")
    lines += parts.dropFirst().map { "    \($0)" }
  }
  if let span = diagnostic.span {
    lines.append("  \(style.dim("-->")) \(printable(span.file)):\(span.line):\(span.column)")
    if let excerpt = diagnostic.excerpt { lines += excerptLines(excerpt, span, style) }
  }
  if let hint = diagnostic.hint {
    lines.append("\(style.paint("hint:", .cyan, bold: true)) \(printable(hint))")
  }
  return lines.joined(separator: "\n") + "\n"
}

/// The summary and its place on one line, ended.
///
///     warning[LegacyKeyValueFormat]: `ENV` without `=` is an old form (Dockerfile:11)
///
/// - Parameter folder: whose files are named from there on.
package func line(of diagnostic: Diagnostic, style: Style, in folder: String) -> String {
  var line = headLine(of: diagnostic, style)
  if let span = diagnostic.span {
    let start = folder.hasSuffix("/") ? folder : folder + "/"
    let file = span.file.hasPrefix(start) ? String(span.file.dropFirst(start.count)) : span.file
    line += " (\(printable(file)):\(span.line))"
  }
  return line + "\n"
}

private func headLine(of diagnostic: Diagnostic, _ style: Style) -> String {
  let code = diagnostic.code.map { "[\($0)]" } ?? ""
  let head = style.paint(
    "\(diagnostic.severity.rawValue)\(code):", diagnostic.severity == .error ? .red : .yellow,
    bold: true)
  return "\(head) \(printable(diagnostic.summary))"
}

/// The same for programs that read the progress as JSON: an object on one line.
package func jsonLine(of diagnostic: Diagnostic) -> String {
  var object: JSONObject =
    diagnostic.severity == .error
    ? ["error": true, "message": .string(diagnostic.summary)]
    : ["level": .string(diagnostic.severity.rawValue), "msg": .string(diagnostic.summary)]
  if !diagnostic.causes.isEmpty {
    object["causes"] = .array(diagnostic.causes.map { .string($0) })
  }
  if let span = diagnostic.span {
    object["place"] = .string("\(span.file):\(span.line):\(span.column)")
  }
  if let hint = diagnostic.hint { object["hint"] = .string(hint) }
  return String(decoding: JSONValue.object(object).bytes(), as: UTF8.self)
}

private func excerptLines(_ excerpt: String, _ span: SourceSpan, _ style: Style) -> [String] {
  let number = "\(span.line)"
  let gutter = String(repeating: " ", count: number.count)
  // A tab is one column of the span; as one space it keeps the caret under its character.
  let line = Array(excerpt.unicodeScalars).map { $0 == "\t" ? " " : $0 }
  let window = window(of: line.count, around: span)
  let shown =
    (window.lowerBound > 0 ? "…" : "")
    + printable(text(line[window])) + (window.upperBound < line.count ? "…" : "")
  let start = min(max(span.column - 1, 0), window.upperBound)
  let end = min(max(start, start + span.length), window.upperBound)
  let before = columnCount(line[window.lowerBound..<start]) + (window.lowerBound > 0 ? 1 : 0)
  let carets =
    String(repeating: " ", count: before)
    + String(repeating: "^", count: max(1, columnCount(line[start..<end])))
  return [
    " \(gutter) \(style.dim("|"))",
    " \(style.dim(number)) \(style.dim("|")) \(shown)",
    " \(gutter) \(style.dim("|")) \(style.paint(carets, .red, bold: true))",
  ]
}

/// The part of a long line that is shown.
private func window(of count: Int, around span: SourceSpan) -> Range<Int> {
  let most = 160
  guard count > most else { return 0..<count }
  let middle = span.column - 1 + min(span.length, most) / 2
  let start = min(max(0, middle - most / 2), count - most)
  return start..<(start + most)
}

private func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
  var text = String.UnicodeScalarView()
  text.append(contentsOf: scalars)
  return String(text)
}
