// The rows of a listing as JSON and as templates see them.

package import JSON
package import Templating

/// What one listing shows: an object for each row, and how its fields are headed in a table.
package struct RowListing: Sendable {
  var objects: [JSONValue]
  /// For `.Label "x"`, by row.
  var labels: [[String: String]]
  private let headings: [String: String]

  /// - Parameter headings: those that are not the field's own words in capitals.
  init(
    _ objects: [JSONValue], fields: [String], headings: [String: String] = [:],
    labels: [[String: String]] = []
  ) {
    self.objects = objects
    self.labels = labels
    self.headings = Dictionary(fields.map { ($0, headings[$0] ?? spaced($0)) }) { first, _ in first
    }
  }

  /// One object on each line; nothing for no rows.
  package var lines: String {
    objects.map { $0.text(JSONStyle(escapesHTML: true)) + "\n" }.joined()
  }

  /// One array on one line.
  package var array: String { JSONValue.array(objects).text() }

  package func text(_ template: ListingTemplate) throws -> String {
    let rows = objects.indices.map { index in
      let labels = index < labels.count ? labels[index] : [:]
      return TemplateSubject(objects[index], methods: ["Label": { labels[$0] ?? "" }])
    }
    let text = try template.text(rows: rows, headings: headings)
    // What a container is called or says of itself is obeyed by no terminal.
    return Output.standard.isTerminal ? harmless(text) : text
  }
}

/// All that is known of things: an array of JSON, or the template once for each.
package func inspectionText(_ things: [JSONValue], _ template: ListingTemplate?) throws -> String {
  guard let template else { return JSONValue.array(things).text(JSONStyle(indent: 4)) + "\n" }
  let text = try template.text(rows: things.map { TemplateSubject($0) }, headings: nil)
  return Output.standard.isTerminal ? harmless(text) : text
}

/// `CreatedAt` is headed CREATED AT.
private func spaced(_ field: String) -> String {
  var result = ""
  var wasSmall = false
  for character in field {
    if character.isUppercase, wasSmall { result += " " }
    wasSmall = character.isLowercase
    result += character.uppercased()
  }
  return result
}

private func harmless(_ text: String) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
    line.split(separator: "\t", omittingEmptySubsequences: false).map { printable(String($0)) }
      .joined(separator: "\t")
  }.joined(separator: "\n")
}

/// `a=1,b=2`, by name.
func labelsText(_ labels: [String: String]) -> String {
  labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
}
