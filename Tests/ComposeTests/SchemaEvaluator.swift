// As much of JSON Schema as the generator writes, to hold its verdict against the loader's.

import JSON

@testable import Compose

final class SchemaEvaluator {
  /// The keywords that are understood; the last ones do not judge.
  static let keywords: Set<String> = [
    "type", "enum", "anyOf", "properties", "patternProperties", "additionalProperties", "required",
    "items", "uniqueItems", "$ref", "minimum", "maximum", "pattern",
    "$schema", "$id", "$defs", "title", "description", "examples",
  ]

  private let root: JSONValue
  private var expressions: [String: Regex<AnyRegexOutput>] = [:]

  init(_ root: JSONValue) { self.root = root }

  func accepts(_ value: JSONValue) -> Bool { accepts(value, root) }

  /// The definition that `#/$defs/name` means.
  func definition(_ reference: String) -> JSONValue? {
    let prefix = "#/$defs/"
    guard reference.hasPrefix(prefix) else { return nil }
    return root["$defs"]?[String(reference.dropFirst(prefix.count))]
  }

  private func accepts(_ value: JSONValue, _ schema: JSONValue) -> Bool {
    if let reference = schema["$ref"]?.string {
      guard let definition = definition(reference), accepts(value, definition) else { return false }
    }
    if let type = schema["type"] {
      let names = type.array ?? [type]
      guard names.contains(where: { isOfType(value, $0.string ?? "") }) else { return false }
    }
    if let words = schema["enum"]?.array, !words.contains(value) { return false }
    if let choices = schema["anyOf"]?.array, !choices.contains(where: { accepts(value, $0) }) {
      return false
    }
    switch value {
    case .object(let object): return accepts(object, schema)
    case .array(let items):
      if schema["uniqueItems"] == true, Set(items).count < items.count { return false }
      guard let inner = schema["items"] else { return true }
      return items.allSatisfy { accepts($0, inner) }
    case .string(let text): return schema["pattern"]?.string.map { matches(text, $0) } ?? true
    case .number(let number):
      let value = number.double ?? 0
      if let least = schema["minimum"]?.number?.double, value < least { return false }
      if let greatest = schema["maximum"]?.number?.double, value > greatest { return false }
      return true
    case .null, .bool: return true
    }
  }

  private func accepts(_ object: JSONObject, _ schema: JSONValue) -> Bool {
    for required in schema["required"]?.array ?? [] where object[required.string ?? ""] == nil {
      return false
    }
    return object.members.allSatisfy { member in
      var applied =
        schema["patternProperties"]?.object?.members
        .filter { matches(member.name, $0.name) }.map(\.value) ?? []
      if let property = schema["properties"]?[member.name] { applied.append(property) }
      if applied.isEmpty, let rest = schema["additionalProperties"] { applied.append(rest) }
      return applied.allSatisfy { $0 != false && accepts(member.value, $0) }
    }
  }

  private func isOfType(_ value: JSONValue, _ type: String) -> Bool {
    switch (type, value) {
    case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array),
      ("object", .object), ("number", .number):
      true
    case ("integer", .number(let number)): number.double.map { $0 == $0.rounded() } ?? false
    default: false
    }
  }

  private func matches(_ text: String, _ pattern: String) -> Bool {
    // A pattern that cannot be read matches nothing, and the rows that need it fail.
    guard let expression = expressions[pattern] ?? (try? Regex(pattern)) else { return false }
    expressions[pattern] = expression
    return text.contains(expression)
  }
}

/// A YAML text as the loader reads it, before anything is done to it.
func tree(_ text: String) -> JSONValue? {
  readDocuments(Array(text.utf8), file: 0, Findings()).first.map(json)
}

private func json(_ node: Node) -> JSONValue {
  switch node.value {
  case .null: .null
  case .bool(let flag): .bool(flag)
  case .int(let number): JSONValue(number)
  case .float(let number): JSONNumber(number).map { .number($0) } ?? .null
  case .string(let text): .string(text)
  case .list(let items): .array(items.map(json))
  case .map(let fields): .object(JSONObject(fields.entries.map { ($0.key, json($0.node)) }))
  }
}

/// An attribute of the tables, with its path as descriptions have it.
struct PlacedAttribute {
  let path: String
  let attribute: Attribute

  /// All of them, each once.
  static let all: [PlacedAttribute] =
    below(Tables.file, "")
    + SchemaWriter.definitions.flatMap { below($0.record, $0.path) }

  private static func below(_ record: Record, _ path: String) -> [PlacedAttribute] {
    record.attributes.flatMap { attribute in
      let path = path.isEmpty ? attribute.name : "\(path).\(attribute.name)"
      return [PlacedAttribute(path: path, attribute: attribute)] + below(attribute.shape, path)
    }
  }

  private static func below(_ shape: Shape, _ path: String) -> [PlacedAttribute] {
    switch shape {
    case .record(let record):
      SchemaWriter.definitions.contains { $0.record === record } ? [] : below(record, path)
    case .list(let item, _): below(item, "\(path).*")
    case .map(let value, _): below(value, "\(path).*")
    case .either(let shapes): shapes.flatMap { below($0, path) }
    case .any, .scalar, .word: []
    }
  }
}
