// The schema that editors get: what it is made of, and that everything in it is described.

import Diagnostics
import JSON
import Testing

@testable import Compose

@Suite("the schema is the tables, described")
struct SchemaTests {
  private let evaluator = SchemaEvaluator(composeFileSchema)

  /// Every schema in the schema.
  private static let parts: [JSONValue] = schemas(in: composeFileSchema)

  private static func schemas(in schema: JSONValue) -> [JSONValue] {
    let named = ["properties", "patternProperties", "$defs"].flatMap { key in
      schema[key]?.object?.members.map(\.value) ?? []
    }
    let single = ["items", "additionalProperties"].compactMap { schema[$0] }
    let inner = named + single + (schema["anyOf"]?.array ?? [])
    return [schema] + inner.filter { $0.object != nil }.flatMap(schemas)
  }

  @Test("it says what it is")
  func head() {
    let schema = composeFileSchema
    #expect(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema")
    #expect(schema["$id"] == "urn:berth:compose-file")
    #expect(schema["title"] == "Compose file")
    let names = schema["properties"]?.object?.members.map(\.name)
    #expect(names == Tables.file.attributes.map(\.name))
    let service = schema["$defs"]?["service"]?["properties"]?.object?.members.map(\.name)
    #expect(service == Tables.service.attributes.map(\.name))
  }

  @Test("no keyword is in it that the evaluator of these tests does not know")
  func keywords() {
    let used = Set(Self.parts.flatMap { $0.object?.members.map(\.name) ?? [] })
    #expect(used.subtracting(SchemaEvaluator.keywords).isEmpty)
    #expect(SchemaEvaluator.keywords.subtracting(used).isEmpty)
  }

  @Test("every reference has its definition, and every definition is used")
  func references() {
    let used = Set(Self.parts.compactMap { $0["$ref"]?.string })
    #expect(used.filter { evaluator.definition($0) == nil }.isEmpty)
    let defined = composeFileSchema["$defs"]?.object?.members.map { "#/$defs/\($0.name)" }
    #expect(used == Set(defined ?? []))
  }

  @Test("no record is written out at two places")
  func sharing() {
    var places: [ObjectIdentifier: Int] = [:]
    for placed in PlacedAttribute.all {
      for record in records(in: placed.attribute.shape) {
        places[ObjectIdentifier(record), default: 0] += 1
      }
    }
    let defined = Set(SchemaWriter.definitions.map { ObjectIdentifier($0.record) })
    #expect(places.filter { $0.value > 1 && !defined.contains($0.key) }.isEmpty)
    #expect(places.contains { $0.value > 1 })
  }

  private func records(in shape: Shape) -> [Record] {
    switch shape {
    case .record(let record): [record]
    case .list(let item, _): records(in: item)
    case .map(let value, _): records(in: value)
    case .either(let shapes): shapes.flatMap(records)
    case .any, .scalar, .word: []
    }
  }

  @Test("every attribute is described once, and nothing else is")
  func descriptions() {
    let paths = PlacedAttribute.all.map(\.path)
    #expect(paths.count > 250)
    #expect(Set(paths).count == paths.count)
    #expect(paths.filter { Descriptions.all[$0] == nil }.sorted() == [])
    #expect(Descriptions.all.keys.filter { !paths.contains($0) }.sorted() == [])
    #expect(Descriptions.parts.map(\.count).reduce(0, +) == Descriptions.all.count)
    #expect(Descriptions.examples.keys.filter { !paths.contains($0) }.sorted() == [])
  }

  @Test("a description is one or two sentences on one line")
  func sentences() {
    for (path, text) in Descriptions.all {
      #expect(text.hasSuffix(".") && !text.contains("\n") && !text.contains("  "), "\(path)")
      #expect(text.count < 240, "\(path)")
      #expect(text.first.map { $0.isUppercase || $0 == "`" } ?? false, "\(path)")
    }
    let properties = Self.parts.flatMap { $0["properties"]?.object?.members ?? [] }
    #expect(properties.filter { $0.value["description"]?.string == nil }.map(\.name) == [])
  }

  @Test("what `up` does not do is said at its attribute")
  func upRows() {
    let paths = Set(PlacedAttribute.all.map(\.path))
    #expect(Tables.up.map { joined($0.path) }.filter { !paths.contains($0) } == [])
    let said = Self.parts.compactMap { $0["description"]?.string }
      .filter { $0.contains("`berth up`") }
    #expect(said.count == Set(Tables.up.map(\.path)).count)
    let count = composeFileSchema["$defs"]?["service"]?["properties"]?["cpu_count"]
    #expect(
      count?["description"] == "Number of CPUs, on Windows. `berth up` ignores it, with a warning.")
  }

  @Test(
    "how that is said",
    arguments: [
      (UpRow.refused("a"), "`berth up` refuses it for now."),
      (UpRow.ignored("a"), "`berth up` ignores it, with a warning."),
      (UpRow.refused("a", UpRow.isNone(of: "b")), "`berth up` accepts only `b` for now."),
      (
        UpRow.refused("a", UpRow.isNone(of: "b", "c")),
        "`berth up` accepts only `b` and `c` for now."
      ),
      (
        UpRow.refused("a", UpRow.isNone(of: "b", "c", "d")),
        "`berth up` accepts only `b`, `c` and `d` for now."
      ),
      (
        UpRow(path: ["a"], severity: .error, asks: { _ in true }, note: "must be even"),
        "For `berth up` it must be even."
      ),
    ])
  func upSentences(_ row: UpRow, _ sentence: String) {
    #expect(row.sentence == sentence)
  }

  @Test("golden excerpt: a record, names of one, a nullable one, words")
  func golden() {
    let service = composeFileSchema["$defs"]?["service"]?["properties"]
    #expect(text(composeFileSchema["$defs"]?["ulimit"]) == Self.ulimit)
    #expect(text(composeFileSchema["properties"]?["secrets"]) == Self.secrets)
    #expect(composeFileSchema["$defs"]?["network"]?["type"] == ["object", "null"])
    let mount = service?["volumes"]?["items"]?["anyOf"]?.array?.last
    #expect(mount?["required"] == ["type", "target"])
    let relabelling = mount?["properties"]?["bind"]?["properties"]?["selinux"]
    #expect(text(relabelling) == Self.relabelling)
  }

  private func text(_ value: JSONValue?) -> String {
    value?.text(JSONStyle(indent: 2)) ?? "absent"
  }

  private static let ulimit = #"""
    {
      "type": "object",
      "properties": {
        "soft": {
          "description": "The limit that holds; -1 is none.",
          "type": [
            "integer",
            "string"
          ],
          "pattern": "^[+-]?[0-9]+$|\\$"
        },
        "hard": {
          "description": "What a process may raise its soft limit to; -1 is no limit.",
          "type": [
            "integer",
            "string"
          ],
          "pattern": "^[+-]?[0-9]+$|\\$"
        }
      },
      "patternProperties": {
        "^x-": {}
      },
      "additionalProperties": false,
      "required": [
        "soft",
        "hard"
      ]
    }
    """#

  private static let secrets = #"""
    {
      "description": "Secrets that services and builds are given as files.",
      "type": "object",
      "patternProperties": {
        "^[a-zA-Z0-9._-]+$": {
          "$ref": "#/$defs/secret"
        }
      },
      "additionalProperties": false
    }
    """#

  private static let relabelling = #"""
    {
      "description": "New SELinux label: `z` for one that containers share, `Z` for one of its own.",
      "anyOf": [
        {
          "enum": [
            "z",
            "Z"
          ]
        },
        {
          "type": "string",
          "pattern": "\\$"
        }
      ]
    }
    """#
}
