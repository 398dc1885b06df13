// A diagnostic as text: summary, causes, place, excerpt with a caret, hint.

package import Diagnostics

/// The lines of one diagnostic, each ended.
///
///     error: services.web.prots: unknown key `prots`
///       --> compose.yaml:4:5
///        |
///      4 |     prots: ["80:80"]
///        |     ^^^^^
///     hint: did you mean `ports`?
package func text(of diagnostic: Diagnostic, style: Style) -> String {
  let isError = diagnostic.severity == .error
  let code = diagnostic.code.map { "[\($0)]" } ?? ""
  let head = style.paint(
    "\(diagnostic.severity.rawValue)\(code):", isError ? .red : .yellow, bold: true)
  var lines = ["\(head) \(printable(diagnostic.summary))"]
  for cause in diagnostic.causes { lines.append("  cause: \(printable(cause))") }
  if let span = diagnostic.span {
    lines.append("  \(style.dim("-->")) \(printable(span.file)):\(span.line):\(span.column)")
    if let excerpt = diagnostic.excerpt { lines += excerptLines(excerpt, span, style) }
  }
  if let hint = diagnostic.hint {
    lines.append("\(style.paint("hint:", .cyan, bold: true)) \(printable(hint))")
  }
  return lines.joined(separator: "\n") + "\n"
}

private func excerptLines(_ excerpt: String, _ span: SourceSpan, _ style: Style) -> [String] {
  let number = "\(span.line)"
  let gutter = String(repeating: " ", count: number.count)
  // A tab is one column of the span; as one space it keeps the caret under its character.
  let shown = printable(String(excerpt.map { $0 == "\t" ? " " : $0 }))
  let width = shown.unicodeScalars.count
  let start = min(max(span.column - 1, 0), width)
  let length = max(1, min(span.length, width - start))
  let carets = String(repeating: " ", count: start) + String(repeating: "^", count: length)
  return [
    " \(gutter) \(style.dim("|"))",
    " \(style.dim(number)) \(style.dim("|")) \(shown)",
    " \(gutter) \(style.dim("|")) \(style.paint(carets, .red, bold: true))",
  ]
}
