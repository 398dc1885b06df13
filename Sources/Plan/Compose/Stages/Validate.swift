// The shape of the merged tree against the tables: unknown keys, wrong types, missing keys, words
// that are not among those allowed. All faults are gathered.

import Diagnostics

struct Validation {
  let findings: Findings

  func apply(_ root: Node) {
    var path: [String] = []
    record(root, Tables.file, &path)
  }

  /// Only the keys of a mapping, which is looked into before the whole is checked.
  func keys(_ node: Node, _ record: Record, _ path: [String]) {
    for entry in node.map?.entries ?? []
    where record[entry.key] == nil && !entry.key.hasPrefix("x-") {
      unknown(entry, record, path)
    }
  }

  private func check(
    _ node: Node, _ shape: Shape, _ path: inout [String], _ form: Form = .asIs
  ) {
    switch shape {
    case .any: break
    case .scalar(let kinds):
      guard !Shape.scalar(kinds).fits(node) else { return }
      wrong(node, Shape.scalar(kinds).expected, path, form)
    case .word(let words):
      guard let text = node.string else { return wrong(node, "a string", path) }
      guard !words.contains(text) else { return }
      let hint = suggestion(text, words)
      let list = words.map { "`\($0)`" }.joined(separator: ", ")
      findings.add(
        Fault(
          .notOneOf, "`\(joined(path))` cannot be `\(text)`", at: node.origin,
          hint: (hint.map { $0 + " " } ?? "") + "it is one of \(list)"))
    case .list(let item, let unique): items(node, item, unique, &path, form)
    case .map(let value, let names): map(node, value, names, &path)
    case .record(let record): self.record(node, record, &path)
    case .either(let shapes):
      if let fitting = shapes.first(where: { $0.fits(node) }) {
        check(node, fitting, &path, form)
      } else {
        wrong(node, shape.expected, path, form)
      }
    }
  }

  private func wrong(_ node: Node, _ expected: String, _ path: [String], _ form: Form = .asIs) {
    var fault = Fault(
      .wrongType, "`\(joined(path))` must be \(expected), not \(node.kindName)",
      at: node.origin, hint: typeHint(node, expected, form))
    if fault.hint == nil, expected.contains("a string") {
      switch node.value {
      case .int, .float, .bool: fault.quotesSource = true
      default: break
      }
    }
    findings.add(fault)
  }

  /// What to type in place of a value of another kind.
  private func typeHint(_ node: Node, _ expected: String, _ form: Form) -> String? {
    switch node.value {
    case .int(let number) where form == .duration: return "give the unit: \"\(number)s\""
    case .bool(false) where form == .restart: return "put it in quotes: \"no\""
    case .string(let text) where expected.contains("a list") && !expected.contains("a string"):
      return text.utf8.count <= 60 && !text.contains("\n") ? "write a list: [\"\(text)\"]" : nil
    case .string where expected == "a mapping":
      return "write keys below it, indented further, each as `KEY: VALUE`"
    case .map(let fields) where expected.contains("a string") && fields.count == 1:
      guard let entry = fields.entries.first, let value = entry.node.text else { return nil }
      return "leave out the space behind the colon and put it in quotes: \"\(entry.key):\(value)\""
        + (form == .environment || form == .pairs ? ", or write `\(entry.key)=\(value)`" : "")
    default: return nil
    }
  }

  private func items(
    _ node: Node, _ item: Shape, _ unique: Bool, _ path: inout [String], _ form: Form
  ) {
    guard let items = node.list else { return wrong(node, "a list", path, form) }
    var seen: Set<String> = []
    for (index, node) in items.enumerated() {
      path.append("\(index)")
      check(node, item, &path, form)
      path.removeLast()
      guard unique, node.list == nil, node.map == nil, let text = node.text else { continue }
      // 1000 and "1000" are two values.
      if !seen.insert("\(node.kindName): \(text)").inserted {
        findings.add(
          Fault(
            .duplicateItem, "`\(text)` stands twice in `\(joined(path))`", at: node.origin,
            hint: "keep one of them"))
      }
    }
  }

  private func map(_ node: Node, _ value: Shape, _ names: Names, _ path: inout [String]) {
    guard let fields = node.map else { return wrong(node, "a mapping", path) }
    for entry in fields.entries {
      path.append(entry.key)
      if !names.allow(entry.key) {
        let what = path.count == 2 ? "name in `\(path[0])`" : "key"
        findings.add(
          Fault(
            .badName, "`\(entry.key)` is no valid \(what)", at: entry.keyOrigin,
            hint: names == .lowercase
              ? "use lower-case letters" : "use letters, digits, `.`, `_` and `-`"))
      } else {
        check(entry.node, value, &path)
      }
      path.removeLast()
    }
  }

  private func record(_ node: Node, _ record: Record, _ path: inout [String]) {
    if node.isNull, record.isNullable { return }
    guard let fields = node.map else {
      if path.isEmpty { return }
      return wrong(node, "a mapping", path)
    }
    for entry in fields.entries {
      guard let attribute = record[entry.key] else {
        if !entry.key.hasPrefix("x-") { unknown(entry, record, path) }
        continue
      }
      path.append(entry.key)
      check(entry.node, attribute.shape, &path, attribute.form)
      path.removeLast()
    }
    let missing = record.required.filter { fields[$0] == nil }.map { "`\($0)`" }
    if !missing.isEmpty {
      findings.add(
        Fault(
          .missingKey, "`\(joined(path))` lacks \(missing.joined(separator: " and "))",
          at: node.origin))
    }
  }

  private func unknown(_ entry: Fields.Entry, _ record: Record, _ path: [String]) {
    guard !findings.isFull else { return }
    let place: String
    switch path.count {
    case 0: place = "at the top level"
    case 2 where path[0] == "services": place = "in service `\(path[1])`"
    default: place = "in `\(joined(path))`"
    }
    findings.add(
      Fault(
        .unknownKey, "unknown key `\(entry.key)` \(place)", at: entry.keyOrigin,
        hint: keyHint(entry, record, isTop: path.isEmpty)))
  }

  private func keyHint(_ entry: Fields.Entry, _ record: Record, isTop: Bool) -> String? {
    let key = entry.key
    if let meant = Self.otherNames[key].flatMap({ names in names.first { record[$0] != nil } }) {
      return "did you mean `\(meant)`?"
    }
    if isTop, let fields = entry.node.map, fields["image"] != nil || fields["build"] != nil {
      return "services belong under `services:`"
    }
    if let near = suggestion(key, record.attributes.map(\.name)) { return near }
    if isTop, Tables.service[key] != nil { return "`\(key)` belongs to a service" }
    let holder = record.attributes.first { $0.shape.record?[key] != nil }
    return holder.map { "`\(key)` belongs under `\($0.name)`" }
  }

  /// What other tools, and `docker run`, call the same.
  private static let otherNames: [String: [String]] = [
    "cmd": ["command"], "depends": ["depends_on"], "destination": ["target"], "dest": ["target"],
    "dst": ["target"], "env": ["environment"], "net": ["network_mode"], "network": ["networks"],
    "path": ["source"], "port": ["ports"], "publish": ["ports"], "readonly": ["read_only"],
    "ro": ["read_only"], "src": ["source"], "volume": ["volumes"], "workdir": ["working_dir"],
  ]
}

extension Names {
  func allow(_ name: String) -> Bool {
    switch self {
    case .any: true
    case .resource:
      !name.isEmpty
        && name.utf8.allSatisfy {
          isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
            || $0 == UInt8(ascii: "-")
        }
    case .lowercase: !name.isEmpty && name.utf8.allSatisfy { $0 >= 0x61 && $0 <= 0x7A }
    }
  }
}

extension Shape {
  /// Whether a value is of the kind, whatever is inside it.
  func fits(_ node: Node) -> Bool {
    switch (self, node.value) {
    case (.any, _): true
    case (.scalar(let kinds), .null): kinds.contains(.null)
    case (.scalar(let kinds), .bool): kinds.contains(.bool)
    case (.scalar(let kinds), .int): kinds.contains(.integer)
    case (.scalar(let kinds), .float(let number)):
      // Infinities have a text but are no number of anything.
      kinds.contains(.number) && (number.isFinite || kinds.contains(.string))
        || kinds.contains(.integer) && Int(exactly: number) != nil
    case (.scalar(let kinds), .string): kinds.contains(.string)
    case (.word, .string): true
    case (.list, .list): true
    case (.map, .map): true
    case (.record, .map): true
    case (.record(let record), .null): record.isNullable
    case (.either(let shapes), _): shapes.contains { $0.fits(node) }
    default: false
    }
  }

  /// The kind for messages: "a string or a list".
  var expected: String {
    switch self {
    case .any: return "anything"
    case .word: return "a string"
    case .list: return "a list"
    case .map, .record: return "a mapping"
    case .scalar(let kinds):
      var names: [String] = []
      if kinds.contains(.string) { names.append("a string") }
      if kinds.contains(.number) {
        names.append("a number")
      } else if kinds.contains(.integer) {
        names.append("a whole number")
      }
      if kinds.contains(.bool) { names.append("a boolean") }
      return choice(names)
    case .either(let shapes):
      var names: [String] = []
      for name in shapes.map(\.expected) where !names.contains(name) { names.append(name) }
      return choice(names)
    }
  }
}

/// `a, b or c`.
private func choice(_ names: [String]) -> String {
  guard let last = names.last, names.count > 1 else { return names.first ?? "" }
  return names.dropLast().joined(separator: ", ") + " or " + last
}
