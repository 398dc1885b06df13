// `JSONValue` to text: compact, or indented as encoders of the field do it.

package struct JSONStyle: Sendable {
  /// Nil writes everything on one line.
  package var indent: Int?
  /// Writes `<`, `>`, `&` and the line separators as escapes, as Go's encoder does by default.
  package var escapesHTML: Bool

  package init(indent: Int? = nil, escapesHTML: Bool = false) {
    self.indent = indent
    self.escapesHTML = escapesHTML
  }
}

extension JSONValue {
  /// UTF-8 text without a line end at the end.
  package func bytes(_ style: JSONStyle = JSONStyle()) -> [UInt8] {
    var writer = JSONWriter(style: style)
    writer.write(self, depth: 0)
    return writer.output
  }

  package func text(_ style: JSONStyle = JSONStyle()) -> String {
    String(decoding: bytes(style), as: UTF8.self)
  }
}

private struct JSONWriter {
  let style: JSONStyle
  var output: [UInt8] = []

  init(style: JSONStyle) { self.style = style }

  mutating func add(_ text: String) { output.append(contentsOf: text.utf8) }

  mutating func newLine(_ depth: Int) {
    guard let indent = style.indent else { return }
    output.append(0x0A)
    output.append(contentsOf: repeatElement(0x20, count: indent * depth))
  }

  mutating func write(_ value: JSONValue, depth: Int) {
    switch value {
    case .null: add("null")
    case .bool(let flag): add(flag ? "true" : "false")
    case .number(let number): add(number.text)
    case .string(let text): write(text)
    case .array(let items): write(items, depth: depth)
    case .object(let object): write(object, depth: depth)
    }
  }

  mutating func write(_ items: [JSONValue], depth: Int) {
    output.append(UInt8(ascii: "["))
    for (index, item) in items.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      newLine(depth + 1)
      write(item, depth: depth + 1)
    }
    if !items.isEmpty { newLine(depth) }
    output.append(UInt8(ascii: "]"))
  }

  mutating func write(_ object: JSONObject, depth: Int) {
    output.append(UInt8(ascii: "{"))
    for (index, member) in object.members.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      newLine(depth + 1)
      write(member.name)
      add(style.indent == nil ? ":" : ": ")
      write(member.value, depth: depth + 1)
    }
    if !object.isEmpty { newLine(depth) }
    output.append(UInt8(ascii: "}"))
  }

  mutating func write(_ text: String) {
    output.append(0x22)
    if !style.escapesHTML, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) {
      output.append(contentsOf: text.utf8)
      output.append(0x22)
      return
    }
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: add("\\\"")
      case 0x5C: add("\\\\")
      case 0x08: add("\\b")
      case 0x0C: add("\\f")
      case 0x0A: add("\\n")
      case 0x0D: add("\\r")
      case 0x09: add("\\t")
      case 0..<0x20: escape(scalar.value)
      case 0x3C, 0x3E, 0x26, 0x2028, 0x2029:
        if style.escapesHTML { escape(scalar.value) } else { add(String(scalar)) }
      default: output.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
      }
    }
    output.append(0x22)
  }

  mutating func escape(_ value: UInt32) {
    let digits = String(value, radix: 16)
    add("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
  }
}
