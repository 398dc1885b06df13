// The project as `config` prints it (reference C111): long forms, unset and empty values left out.

import JSON

extension Project {
  /// Canonical JSON, indented by two, every `$` doubled so that the text can be loaded again.
  package func canonicalJSON(escapingDollars: Bool = true) -> [UInt8] {
    let value = Printer(isJSON: true).file(model)
    return escaped(value.bytes(JSONStyle(indent: 2)), escapingDollars)
  }

  /// Canonical YAML with a line end, every `$` doubled so that the text can be loaded again.
  package func canonicalYAML(escapingDollars: Bool = true) -> [UInt8] {
    escaped(yamlText(of: Printer(isJSON: false).file(model)), escapingDollars)
  }

  /// The merged model as it is, without the defaults that the long forms of `canonicalJSON` have.
  package var rawJSON: [UInt8] {
    Printer(isJSON: true).raw(model).bytes(JSONStyle(indent: 2))
  }

  package var rawYAML: [UInt8] { yamlText(of: Printer(isJSON: false).raw(model)) }

  /// The `model` of each of the top-level models.
  package var modelNames: [String] {
    (model["models"]?.map?.entries ?? []).compactMap { $0.node["model"]?.text }
  }

  private func escaped(_ bytes: [UInt8], _ escapes: Bool) -> [UInt8] {
    guard escapes, bytes.contains(UInt8(ascii: "$")) else { return bytes }
    return Array(bytes.flatMap { $0 == UInt8(ascii: "$") ? [$0, $0] : [$0] })
  }
}

/// One part of the tree as compact canonical JSON.
func canonicalJSON(of node: Node, as shape: Shape) -> [UInt8] {
  Printer(isJSON: true).value(node, shape).bytes()
}

struct Printer {
  /// JSON shows some attributes that YAML leaves out, and no `x-` below the top level.
  let isJSON: Bool

  private static let order = [
    "name", "services", "networks", "volumes", "secrets", "configs", "models",
  ]

  func file(_ root: Node) -> JSONValue {
    var object = JSONObject()
    for key in Self.order {
      guard let attribute = Tables.file[key], !(isJSON && key == "models") else { continue }
      guard let node = root[key] else {
        if key == "services" { object.append(key, .object(JSONObject())) }
        continue
      }
      if key != "services", key != "name", node.map?.isEmpty ?? true { continue }
      object.append(key, value(node, attribute.shape))
    }
    for entry in root.map?.entries ?? [] where entry.key.hasPrefix("x-") {
      object.append(entry.key, plain(entry.node))
    }
    return .object(isJSON ? object.sorted() : object)
  }

  func value(_ node: Node, _ shape: Shape) -> JSONValue {
    switch (node.value, shape) {
    case (.map(let fields), .record(let record)): return .object(self.record(fields, record))
    case (.map(let fields), .map(let inner, _)):
      return .object(sorted(fields) { value($0, inner) })
    case (.list(let items), .list(let inner, _)):
      return .array(items.map { value($0, inner) })
    case (_, .either(let shapes)):
      return value(node, shapes.first { $0.fits(node) } ?? .any)
    default: return plain(node)
    }
  }

  private func record(_ fields: Fields, _ record: Record) -> JSONObject {
    var object = JSONObject()
    for attribute in record.attributes {
      let node = fields[attribute.name]
      guard let node, isNeeded(node, attribute, record) || !isLeftOut(node, attribute) else {
        if attribute.printing == .always {
          object.append(printedName(attribute, record), zero(of: attribute))
        } else if isJSON, attribute.printing == .nullWhenUnset {
          object.append(attribute.name, .null)
        } else if isJSON, attribute.printing == .emptyWhenUnset {
          object.append(attribute.name, empty(attribute))
        }
        continue
      }
      object.append(printedName(attribute, record), value(node, attribute))
    }
    if !isJSON {
      for entry in fields.entries where entry.key.hasPrefix("x-") {
        object.append(entry.key, plain(entry.node))
      }
    }
    return object
  }

  /// What a mapping may not lack stands in YAML however empty it is, so that the text can be loaded.
  private func isNeeded(_ node: Node, _ attribute: Attribute, _ record: Record) -> Bool {
    !isJSON && !node.isNull && record.required.contains(attribute.name)
  }

  private func zero(of attribute: Attribute) -> JSONValue {
    guard case .scalar(let kinds) = attribute.shape, kinds.contains(.integer) else { return "" }
    return attribute.form == .bytes ? "0" : 0
  }

  private func empty(_ attribute: Attribute) -> JSONValue {
    guard let record = attribute.shape.record else { return .object(JSONObject()) }
    return .object(self.record(Fields(), record))
  }

  /// The reference prints these with capitals, having no names of their own for JSON.
  private func printedName(_ attribute: Attribute, _ record: Record) -> String {
    guard isJSON, record === Tables.blkioLimit || record === Tables.blkioWeight else {
      return attribute.name
    }
    return attribute.name.prefix(1).uppercased() + attribute.name.dropFirst()
  }

  private func value(_ node: Node, _ attribute: Attribute) -> JSONValue {
    switch attribute.form {
    case .hosts:
      let texts = (node.list ?? []).compactMap(\.text)
      return .array(texts.sorted(by: precedes).map { .string($0) })
    case .ulimits:
      // A limit of nothing is one that the reference takes for unset. YAML is to be loaded again.
      guard isJSON, let fields = node.map else { return value(node, attribute.shape) }
      return .object(
        sorted(fields) {
          $0.int == 0 ? .object(JSONObject()) : value($0, .record(Tables.ulimit))
        })
    case .asIs where attribute.name == "expose" || attribute.name == "group_add":
      return .array((node.list ?? []).map { .string($0.text ?? "") })
    default: return value(node, attribute.shape)
    }
  }

  private func isLeftOut(_ node: Node, _ attribute: Attribute) -> Bool {
    switch attribute.printing {
    case .never: return true
    case .omitUnset: return node.isNull
    case .emptyWhenUnset: return node.isNull || node.map?.isEmpty == true
    case .nullWhenUnset, .always: return node.isNull
    case .emptyInYAML: if !isJSON { return node.isNull }
    case .omitEmpty: break
    }
    switch node.value {
    case .null: return true
    case .bool(let flag): return !flag
    case .int(let number): return number == 0
    case .float(let number): return number == 0
    case .string(let text):
      return text.isEmpty || [.bytes, .size].contains(attribute.form) && text == "0"
        || attribute.form == .duration && text == "0s"
    case .list(let items): return items.isEmpty
    case .map(let fields): return fields.isEmpty
    }
  }

  private func sorted(_ fields: Fields, _ change: (Node) -> JSONValue) -> JSONObject {
    var object = JSONObject()
    let entries = fields.entries.sorted { precedes($0.key, $1.key) }
    for entry in entries { object.append(entry.key, change(entry.node)) }
    return object
  }

  /// Everything that the files say, keys sorted.
  func raw(_ node: Node) -> JSONValue {
    switch node.value {
    case .list(let items): .array(items.map(raw))
    case .map(let fields): .object(sorted(fields, raw))
    default: plain(node)
    }
  }

  func plain(_ node: Node) -> JSONValue {
    switch node.value {
    case .null: .null
    case .bool(let flag): .bool(flag)
    case .int(let number): JSONValue(number)
    case .float(let number): JSONNumber(number).map { .number($0) } ?? .string("\(number)")
    case .string(let text): .string(text)
    case .list(let items): isJSON && items.isEmpty ? .null : .array(items.map(plain))
    case .map(let fields): .object(sorted(fields, plain))
    }
  }
}

func precedes(_ left: String, _ right: String) -> Bool {
  left.utf8.lexicographicallyPrecedes(right.utf8)
}
