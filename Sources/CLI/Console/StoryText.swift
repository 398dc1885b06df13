// How values came to be, as text and as JSON.

package import Compose
import Diagnostics
import JSON

/// One block for each value:
///
///     services.web.image: "nginx:1.27"
///       set by         compose.yaml:3:12            image: nginx:${TAG}
///                      TAG = "1.27" from .env:1
///       overridden by  compose.override.yaml:3:12   image: nginx:1.27
package func text(of stories: [ValueStory], style: Style) -> String {
  stories.map { story in
    let value = story.value.map { ": " + printable($0) } ?? ""
    var lines = [style.bold(printable(story.path.isEmpty ? "the project" : story.path)) + value]
    let places = story.steps.map { place($0.span) }
    let verbWidth = story.steps.map { $0.verb.count }.max() ?? 0
    let placeWidth = places.map(\.count).max() ?? 0
    for (step, place) in zip(story.steps, places) {
      var line = "  " + padded(step.verb, verbWidth + 2)
      line += step.excerpt == nil ? place : padded(place, placeWidth + 3)
      if let excerpt = step.excerpt { line += style.dim(printable(shortened(excerpt))) }
      while line.last == " " { line.removeLast() }
      lines.append(line)
      for input in step.inputs {
        lines.append(String(repeating: " ", count: verbWidth + 4) + words(of: input))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }.joined()
}

private func place(_ span: SourceSpan?) -> String {
  span.map { "\(printable($0.file)):\($0.line):\($0.column)" } ?? ""
}

private func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

private func shortened(_ text: String) -> String {
  text.count > 60 ? text.prefix(59) + "…" : text
}

private func words(of input: VariableInput) -> String {
  guard let value = input.value else { return "\(printable(input.name)) is not set" }
  let source = input.source.map { " from \(printable($0))" } ?? ""
  return "\(printable(input.name)) = \(JSONValue.string(value).text())\(source)"
}

/// The same as a list of objects, for programs.
package func json(of stories: [ValueStory]) -> [UInt8] {
  let list = stories.map { story in
    var object = JSONObject([("path", .string(story.path))])
    if let value = story.value, let parsed = try? JSONValue(parsing: Array(value.utf8)) {
      object.append("value", parsed)
    }
    object.append("steps", .array(story.steps.map(stepValue)))
    return JSONValue.object(object)
  }
  return JSONValue.array(list).bytes(JSONStyle(indent: 2)) + [0x0A]
}

private func stepValue(_ step: ValueStory.Step) -> JSONValue {
  var object = JSONObject([("action", .string(step.verb))])
  if let span = step.span {
    object.append("file", .string(span.file))
    object.append("line", JSONValue(span.line))
    object.append("column", JSONValue(span.column))
  }
  if !step.inputs.isEmpty {
    object.append(
      "variables",
      .array(
        step.inputs.map { input in
          .object(
            JSONObject([
              ("name", .string(input.name)), ("value", input.value.map { .string($0) } ?? .null),
              ("source", input.source.map { .string($0) } ?? .null),
            ]))
        }))
  }
  return .object(object)
}
