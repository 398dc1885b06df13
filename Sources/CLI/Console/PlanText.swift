// What `up` would do, for people and for programs.

import Diagnostics
package import Engine
package import JSON
import Planning

/// One block for each thing that changes, and a line that sums up:
///
///     ~ container shop-web-1  recreate  (its configuration changed)
///         ports.0  "8080:80" → "8081:80"   compose.yaml:7:9
package func text(of plan: PlanView, style: Style) -> String {
  var lines: [String] = []
  let head = plan.entries.map { headWidth($0.change) }.max() ?? 0
  for entry in plan.entries {
    let change = entry.change
    let mark = style.paint(mark(of: change.action), colour(of: change.action), bold: true)
    let name = "\(change.kind.rawValue) \(style.bold(printable(change.name)))"
    let gap = String(repeating: " ", count: head - headWidth(change) + 2)
    let action = style.paint(change.action.rawValue, colour(of: change.action))
    let cause = style.dim("(\(printable(change.cause)))")
    lines.append("\(mark) \(name)\(gap)\(action)  \(cause)")
    lines += fieldLines(entry, style)
  }
  for entry in plan.kept {
    let name = style.bold(printable(entry.change.name))
    lines.append(
      style.paint("!", .yellow, bold: true) + " volume \(name)  "
        + style.dim("(\(entry.change.cause))"))
    lines += fieldLines(entry, style)
  }
  for orphan in plan.orphans {
    lines.append(
      style.paint("!", .yellow, bold: true) + " container \(style.bold(printable(orphan)))  "
        + style.dim("(an orphan; it is left as it is without --remove-orphans)"))
  }
  if !lines.isEmpty { lines.append("") }
  lines.append(summary(of: plan))
  return lines.map { $0 + "\n" }.joined()
}

private func headWidth(_ change: PlannedChange) -> Int {
  change.kind.rawValue.count + printable(change.name).count
}

private func mark(of action: PlannedChange.Action) -> String {
  switch action {
  case .pull, .build, .create: "+"
  case .recreate, .restart: "~"
  case .start, .unpause: "▶"
  case .stop, .kill, .pause: "■"
  case .remove: "-"
  }
}

private func colour(of action: PlannedChange.Action) -> Colour {
  switch action {
  case .pull, .build, .create, .start, .unpause: .green
  case .recreate, .restart, .pause: .yellow
  case .stop, .kill, .remove: .red
  }
}

private func fieldLines(_ entry: PlanView.Entry, _ style: Style) -> [String] {
  guard entry.isRecorded else {
    return ["    " + style.dim("the earlier configuration is not recorded")]
  }
  let width = entry.fields.map { printable($0.path).count }.max() ?? 0
  let values = entry.fields.map { (shown($0.old), shown($0.new)) }
  let valueWidth = min(60, values.map { $0.0.count + $0.1.count }.max() ?? 0)
  return zip(entry.fields, values).map { field, value in
    let path = printable(field.path)
    var line = "    \(path)" + String(repeating: " ", count: width - path.count + 2)
    line += style.paint(value.0, .red) + " → " + style.paint(value.1, .green)
    guard let span = field.span else { return line }
    let gap = max(0, valueWidth - value.0.count - value.1.count) + 3
    line += String(repeating: " ", count: gap)
    return line + style.dim("\(printable(span.file)):\(span.line):\(span.column)")
  }
}

private func shown(_ value: JSONValue?) -> String {
  guard let value else { return "none" }
  // A key without a value says something all the same.
  if value.isNull { return "empty" }
  // A digest is known by its beginning.
  if let text = value.string, text.hasPrefix("sha256:"), text.utf8.count == 71 {
    return String(text.prefix(19))
  }
  return printable(value.text())
}

/// `2 to create, 1 to recreate`.
private func summary(of plan: PlanView) -> String {
  if plan.isEmpty { return "nothing to do" }
  let parts = PlannedChange.Action.allCases.compactMap { action -> String? in
    let count = plan.entries.count { $0.change.action == action }
    return count == 0 ? nil : "\(count) to \(action.rawValue)"
  }
  return parts.joined(separator: ", ")
}

/// The same as one object.
package func json(of plan: PlanView) -> JSONValue {
  let counts = PlannedChange.Action.allCases.compactMap { action -> (String, JSONValue)? in
    let count = plan.entries.count { $0.change.action == action }
    return count == 0 ? nil : (action.rawValue, JSONValue(count))
  }
  return .object(
    JSONObject([
      ("project", .string(plan.project)), ("changed", .bool(!plan.isEmpty)),
      ("changes", .array(plan.entries.map(entryValue))),
      ("kept", .array(plan.kept.map(entryValue))),
      ("orphans", .array(plan.orphans.map { .string($0) })),
      ("summary", .object(JSONObject(counts))),
    ]))
}

private func entryValue(_ entry: PlanView.Entry) -> JSONValue {
  let change = entry.change
  var object = JSONObject([
    ("kind", .string(change.kind.rawValue)), ("name", .string(change.name)),
    ("action", .string(change.action.rawValue)), ("cause", .string(change.cause)),
  ])
  if let service = change.service { object.append("service", .string(service)) }
  if let replaced = change.replaced { object.append("replaces", .string(replaced)) }
  if change.action == .recreate { object.append("recorded", .bool(entry.isRecorded)) }
  if !entry.fields.isEmpty { object.append("fields", .array(entry.fields.map(fieldValue))) }
  return .object(object)
}

private func fieldValue(_ field: PlanView.Field) -> JSONValue {
  var object = JSONObject([
    ("path", .string(field.path)), ("old", field.old ?? .null), ("new", field.new ?? .null),
  ])
  if let span = field.span {
    object.append("file", .string(span.file))
    object.append("line", JSONValue(span.line))
    object.append("column", JSONValue(span.column))
  }
  return .object(object)
}
