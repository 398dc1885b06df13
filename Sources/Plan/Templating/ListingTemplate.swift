// `--format TEMPLATE` of a listing: the template once for each row, or, behind the word `table`, under
// headings and in columns.

import JSON

package struct ListingTemplate: Sendable {
  private let template: Template
  private let isTable: Bool

  /// Whether a format is a template at all, and not a word such as `json`.
  package static func isTemplate(_ format: String) -> Bool {
    format.contains("{{")
  }

  package init(_ format: String) throws(TemplateFault) {
    let text = withoutBlanks(format)
    isTable = text.hasPrefix("table")
    template = try Template(parsing: isTable ? withoutBlanks(String(text.dropFirst(5))) : text)
  }

  /// - Parameter headings: of the fields that a row can have; nil where they are not known.
  package func text(rows: [TemplateSubject], headings: [String: String]?) throws(TemplateFault)
    -> String
  {
    let methods = rows.first.map { Array($0.methods.keys) } ?? ["Label"]
    if let headings { try template.check(fields: Array(headings.keys) + methods) }
    var lines: [String] = []
    if isTable {
      let members = (headings ?? [:]).sorted { $0.key < $1.key }
      let subject = TemplateSubject(
        .object(JSONObject(members.map { ($0.key, .string($0.value)) })),
        methods: ["Label": { labelHeading($0) }])
      lines.append(try template.fillHeadings(subject))
    }
    for row in rows { lines.append(try template.fill(row)) }
    let text = lines.map { $0 + "\n" }.joined()
    return isTable ? columns(of: text) : text
  }
}

private func withoutBlanks(_ text: String) -> String {
  var text = text[...]
  while text.first == " " { text.removeFirst() }
  while text.last == " " { text.removeLast() }
  return String(text)
}

/// `com.example.cost-centre` is headed COST CENTRE.
private func labelHeading(_ label: String) -> String {
  let last = label.split(separator: ".").last.map(String.init) ?? label
  return String(last.map { $0 == "-" || $0 == "_" ? " " : $0 }).uppercased()
}

/// Cells that end with a tab are as wide as the widest of their column: of neighbouring lines that
/// reach so far. Ten characters at the least, three blanks between.
package func columns(of text: String) -> String {
  var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
    line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
  }
  var column = 0
  while lines.contains(where: { $0.count > column + 1 }) {
    var start = lines.startIndex
    while start < lines.endIndex {
      guard lines[start].count > column + 1 else {
        start += 1
        continue
      }
      var end = start
      var width = 0
      while end < lines.endIndex, lines[end].count > column + 1 {
        width = max(width, lines[end][column].count)
        end += 1
      }
      let wanted = max(10, width + 3)
      for line in start..<end {
        let blanks = max(0, wanted - lines[line][column].count)
        lines[line][column] += String(repeating: " ", count: blanks)
      }
      start = end
    }
    column += 1
  }
  return lines.map { $0.joined() }.joined(separator: "\n")
}
