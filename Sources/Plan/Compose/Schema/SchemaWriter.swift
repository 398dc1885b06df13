// The tables as a JSON schema, so that editors complete and check what the loader accepts. What
// attributes are for is said in `Tables/Descriptions`.

import Diagnostics
package import JSON

/// The schema of one compose file as the loader reads it: JSON Schema, draft 2020-12, with
/// descriptions.
///
/// It follows the tables, so a file that it complains about is one that the loader refuses, with
/// these limits of what a schema can see:
/// - `!reset` and `!override` are tags of YAML: outside of JSON, so editors must be told of them.
/// - A file that is merged over another, or a service that extends another, is looked at alone.
///   A key with nothing behind it and a missing key are faults here that the merge would mend.
/// - Variables are not put in: text with a `$` is let through wherever text may stand.
/// - What keys demand of each other, and what is wrong with a text of the right kind, such as a
///   port, is left to the loader.
package let composeFileSchema: JSONValue = SchemaWriter().document()

/// A record with a place of its own under `$defs`.
struct SchemaDefinition: Sendable {
  let name: String
  let record: Record
  /// What the paths of its attributes begin with: where it stands, or its name when it stands at
  /// several places.
  let path: String
}

struct SchemaWriter {
  /// Every record that stands at several places, and those that a reader looks for.
  static let definitions: [SchemaDefinition] = [
    SchemaDefinition(name: "service", record: Tables.service, path: "services.*"),
    SchemaDefinition(name: "build", record: Tables.build, path: "services.*.build"),
    SchemaDefinition(name: "deploy", record: Tables.deploy, path: "services.*.deploy"),
    SchemaDefinition(name: "grant", record: Tables.grant, path: "grant"),
    SchemaDefinition(name: "hook", record: Tables.hook, path: "hook"),
    SchemaDefinition(name: "ulimit", record: Tables.ulimit, path: "ulimit"),
    SchemaDefinition(name: "device_rate", record: Tables.blkioLimit, path: "device_rate"),
    SchemaDefinition(name: "update", record: Tables.updateConfig, path: "update"),
    SchemaDefinition(name: "network", record: Tables.network, path: "networks.*"),
    SchemaDefinition(name: "volume", record: Tables.volume, path: "volumes.*"),
    SchemaDefinition(name: "secret", record: Tables.secret, path: "secrets.*"),
    SchemaDefinition(name: "config", record: Tables.config, path: "configs.*"),
    SchemaDefinition(name: "model", record: Tables.model, path: "models.*"),
    SchemaDefinition(name: "external", record: Tables.externalResource, path: "external"),
  ]

  /// What the shape at hand is in: the attribute's path and what its line in the table adds.
  private struct Place {
    var path: String
    var cast = Cast.none
    /// Whether the loader itself drops items that stand twice.
    var dropsDuplicates = false
    /// Keys that a record must have here beyond those of its own table.
    var required: [String] = []
  }

  func document() -> JSONValue {
    var object: JSONObject = [
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "$id": "urn:berth:compose-file",
      "title": "Compose file",
      "description": "A compose file as berth reads it.",
    ]
    for member in record(Tables.file, at: Place(path: "")).members {
      object.append(member.name, member.value)
    }
    var definitions = JSONObject()
    for definition in Self.definitions {
      let place = Place(path: definition.path)
      definitions.append(definition.name, .object(record(definition.record, at: place)))
    }
    object.append("$defs", .object(definitions))
    return .object(object)
  }

  // MARK: records

  private func record(_ record: Record, at place: Place) -> JSONObject {
    var properties = JSONObject()
    for attribute in record.attributes {
      let path = place.path.isEmpty ? attribute.name : "\(place.path).\(attribute.name)"
      properties.append(attribute.name, .object(property(attribute, at: path)))
    }
    var object: JSONObject = [
      "type": record.isNullable ? ["object", "null"] : "object",
      "properties": .object(properties),
      "patternProperties": ["^x-": [:]],
      "additionalProperties": false,
    ]
    let required = record.required + place.required
    if !required.isEmpty { object["required"] = .array(required.map { .string($0) }) }
    return object
  }

  private func property(_ attribute: Attribute, at path: String) -> JSONObject {
    var object = JSONObject()
    let sentences =
      [Descriptions.all[path]].compactMap(\.self)
      + Tables.up.filter { joined($0.path) == path }.map(\.sentence)
    if !sentences.isEmpty {
      object.append("description", .string(sentences.joined(separator: " ")))
    }
    var place = Place(path: path, cast: attribute.cast, dropsDuplicates: attribute.unique != nil)
    // What mounts and ports are unique by must be there.
    switch attribute.unique {
    case .mountTarget?, .port?: place.required = ["target"]
    default: break
    }
    for member in schema(attribute.shape, at: place).members {
      object.append(member.name, member.value)
    }
    switch attribute.form {
    case .range(let low, let high):
      object.append("minimum", JSONValue(low))
      if high != .max { object.append("maximum", JSONValue(high)) }
    case .size: object.append("minimum", 0)
    case .containerName:
      object.append("pattern", .string("[a-zA-Z0-9][a-zA-Z0-9_.-]|\(Self.variable)"))
    case .pullPolicy: object.append("pattern", ".")
    default: break
    }
    if let words = Descriptions.examples[path] {
      object.append("examples", .array(words.map { .string($0) }))
    }
    return object
  }

  // MARK: shapes

  private func schema(_ shape: Shape, at place: Place) -> JSONObject {
    let choices = alternatives(shape, at: place)
    guard choices.count != 1 else { return choices[0] }
    return ["anyOf": .array(choices.map { .object($0) })]
  }

  private func alternatives(_ shape: Shape, at place: Place) -> [JSONObject] {
    switch shape {
    case .any: [[:]]
    case .scalar(let kinds): [scalar(kinds, place.cast)]
    case .word(let words):
      [
        ["enum": .array(words.map { .string($0) })],
        ["type": "string", "pattern": .string(Self.variable)],
      ]
    case .list(let item, let unique): [list(item, isUnique: unique, at: place)]
    case .map(let value, let names): [map(value, names, shape, at: place)]
    case .record(let record):
      if let definition = Self.definitions.first(where: { $0.record === record }) {
        [["$ref": .string("#/$defs/\(definition.name)")]]
      } else {
        [self.record(record, at: place)]
      }
    case .either(let shapes): shapes.flatMap { alternatives($0, at: place) }
    }
  }

  private func list(_ item: Shape, isUnique: Bool, at place: Place) -> JSONObject {
    var inner = Place(path: "\(place.path).*")
    inner.required = place.required
    var object: JSONObject = ["type": "array", "items": .object(schema(item, at: inner))]
    // The loader looks for duplicates among scalars only.
    if isUnique, !place.dropsDuplicates, case .scalar = item { object.append("uniqueItems", true) }
    return object
  }

  private func map(
    _ value: Shape, _ names: Names, _ shape: Shape, at place: Place
  ) -> JSONObject {
    let cast = shape.member("name")?.1 ?? .none
    let inner = JSONValue.object(schema(value, at: Place(path: "\(place.path).*", cast: cast)))
    guard let pattern = names.pattern else {
      return ["type": "object", "additionalProperties": inner]
    }
    return [
      "type": "object", "patternProperties": [pattern: inner], "additionalProperties": false,
    ]
  }

  // MARK: scalars

  /// Text that a variable may turn into something else.
  private static let variable = #"\$"#

  /// Text at typed places is cast before kinds are looked at, so it may stand there, too, when it
  /// reads as the type or holds a variable.
  private func scalar(_ kinds: Kinds, _ cast: Cast) -> JSONObject {
    let kinds = cast == .none ? kinds : kinds.union(.string)
    var types: [JSONValue] = []
    if kinds.contains(.bool) { types.append("boolean") }
    if kinds.contains(.number) {
      types.append("number")
    } else if kinds.contains(.integer) {
      types.append("integer")
    }
    if kinds.contains(.string) { types.append("string") }
    if kinds.contains(.null) { types.append("null") }
    var object: JSONObject = ["type": types.count == 1 ? types[0] : .array(types)]
    if let pattern = cast.pattern {
      object.append("pattern", .string("\(pattern)|\(Self.variable)"))
    }
    return object
  }
}

extension Names {
  /// The keys that are allowed; nil for any.
  fileprivate var pattern: String? {
    switch self {
    case .any: nil
    case .resource: "^[a-zA-Z0-9._-]+$"
    case .lowercase: "^[a-z]+$"
    }
  }
}

extension Cast {
  /// The text that can be cast; for numbers with a fraction what begins like one, as there are
  /// more ways to write them than a pattern should list.
  fileprivate var pattern: String? {
    switch self {
    case .none: nil
    case .int: "^[+-]?[0-9]+$"
    case .float: #"^[+-]?\.?[0-9]"#
    case .bool:
      "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy]([Ee][Ss])?|[Nn][Oo]?|[Oo]([Nn]|[Ff][Ff]))$"
    }
  }
}

extension UpRow {
  /// What `up` does with the attribute.
  var sentence: String {
    if let note { return "For `berth up` it \(note)." }
    if severity == .warning { return "`berth up` ignores it, with a warning." }
    guard let last = allowed.last else { return "`berth up` refuses it for now." }
    let others = allowed.dropLast().map { "`\($0)`" }.joined(separator: ", ")
    return "`berth up` accepts only \(others.isEmpty ? "" : others + " and ")`\(last)` for now."
  }
}
