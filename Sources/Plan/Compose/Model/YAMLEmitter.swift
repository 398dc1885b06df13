// Canonical YAML: two spaces, block style, quotes only where a plain text would mean another value.

package import JSON
import YAML

/// A value as a YAML document.
package func yamlText(of value: JSONValue) -> [UInt8] {
  var emitter = YAMLEmitter()
  emitter.document(value)
  return emitter.output
}

struct YAMLEmitter {
  private(set) var output: [UInt8] = []

  private static let indicators: Set<Unicode.Scalar> = [
    "#", ",", "[", "]", "{", "}", "&", "*", "!", "|", ">", "'", "\"", "%", "@", "`",
  ]
  private static let words: Set<String> = [
    "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "=",
  ]

  private static let longestSimpleKey = 128

  mutating func document(_ value: JSONValue) {
    guard case .object(let object) = value, !object.isEmpty else { return add("{}\n") }
    mapping(object, indent: 0)
  }

  private mutating func add(_ text: String) { output.append(contentsOf: text.utf8) }

  private mutating func pad(_ indent: Int) {
    output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent))
  }

  private mutating func mapping(_ object: JSONObject, indent: Int) {
    for (index, member) in object.members.enumerated() {
      if index > 0 || indent == 0 || output.last == UInt8(ascii: "\n") { pad(indent) }
      // Readers look for the colon behind a key only so far; the reference has the same bound.
      let isLong = member.name.utf8.count > Self.longestSimpleKey
      if isLong { add("? ") }
      scalar(member.name, indent: indent, isKey: true)
      if isLong {
        add("\n")
        pad(indent)
      }
      add(":")
      value(member.value, indent: indent)
    }
  }

  /// What follows `key:`, with its line end.
  private mutating func value(_ value: JSONValue, indent: Int) {
    switch value {
    case .object(let object) where !object.isEmpty:
      add("\n")
      mapping(object, indent: indent + 2)
    case .array(let items) where !items.isEmpty:
      add("\n")
      sequence(items, indent: indent + 2)
    default:
      add(" ")
      leaf(value, indent: indent)
      add("\n")
    }
  }

  private mutating func sequence(_ items: [JSONValue], indent: Int) {
    for item in items {
      pad(indent)
      add("- ")
      switch item {
      case .object(let object) where !object.isEmpty: mapping(object, indent: indent + 2)
      case .array(let inner) where !inner.isEmpty:
        add("\n")
        sequence(inner, indent: indent + 2)
      default:
        leaf(item, indent: indent)
        add("\n")
      }
    }
  }

  private mutating func leaf(_ value: JSONValue, indent: Int) {
    switch value {
    case .null: add("null")
    case .bool(let flag): add(flag ? "true" : "false")
    case .number(let number): add(number.text)
    case .string(let text): scalar(text, indent: indent, isKey: false)
    case .array: add("[]")
    case .object: add("{}")
    }
  }

  private mutating func scalar(_ text: String, indent: Int, isKey: Bool) {
    if isWord(text) { return add(text) }
    let isBroken = text.utf8.contains(0x0A)
    guard isPrintable(text), !isBroken || !isKey && text.utf8.first.map({ $0 > 0x20 }) ?? false
    else { return doubleQuoted(text) }
    if isBroken { return block(text, indent: indent + 2) }
    guard needsQuotes(text) else { return add(text) }
    if meansOther(text) { return doubleQuoted(text) }
    let parts = text.split(separator: "'", omittingEmptySubsequences: false)
    add("'" + parts.joined(separator: "''") + "'")
  }

  /// Most texts by far: letters, digits and what is never special inside, not one of the words
  /// that mean something else, all of which are short.
  private func isWord(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count > 5,
      isLetter(first) || first == UInt8(ascii: "/")
    else { return false }
    return text.utf8.allSatisfy {
      isLetter($0) || $0 >= 0x2D && $0 <= 0x39 || $0 == 0x5F
    }
  }

  private mutating func block(_ text: String, indent: Int) {
    let trailing = text.utf8.reversed().prefix { $0 == 0x0A }.count
    add(trailing == 0 ? "|-" : trailing == 1 ? "|" : "|+")
    let body = text.hasSuffix("\n") ? String(text.dropLast()) : text
    for line in body.split(separator: "\n", omittingEmptySubsequences: false) {
      add("\n")
      if !line.isEmpty { pad(indent) }
      add(String(line))
    }
  }

  private mutating func doubleQuoted(_ text: String) {
    output.append(0x22)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": add("\\\"")
      case "\\": add("\\\\")
      case "\n": add("\\n")
      case "\t": add("\\t")
      case "\r": add("\\r")
      case "\0": add("\\0")
      case let scalar where isPrintable(scalar): add(String(scalar))
      default:
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let width = scalar.value <= 0xFF ? 2 : scalar.value <= 0xFFFF ? 4 : 8
        add(width == 2 ? "\\x" : width == 4 ? "\\u" : "\\U")
        add(String(repeating: "0", count: width - digits.count) + digits)
      }
    }
    output.append(0x22)
  }

  private func isPrintable(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { isPrintable($0) || $0 == "\n" }
  }

  /// NEL, LS and PS end lines: outside of double quotes they would come back as others.
  private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value >= 0x20 && scalar.value < 0x7F
      || scalar.value >= 0xA0 && scalar.value & ~1 != 0x2028 && scalar.value != 0xFEFF
  }

  private func needsQuotes(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last else {
      return true
    }
    if meansOther(text) || first == " " || last == " " { return true }
    if Self.indicators.contains(first) { return true }
    if ["-", "?", ":"].contains(first) {
      guard let second = text.unicodeScalars.dropFirst().first else { return true }
      if second == " " { return true }
    }
    return text.contains(": ") || text.contains(" #") || last == ":"
      || text.hasPrefix("---") || text.hasPrefix("...")
  }

  /// Whether a plain text would be read as null, a boolean, a number or a date, in YAML of 1.1 too.
  private func meansOther(_ text: String) -> Bool {
    if text.isEmpty { return true }
    if text.utf8.count <= 5, Self.words.contains(text.lowercased()) { return true }
    guard let first = text.utf8.first, first <= UInt8(ascii: "9") else { return false }
    if case .string = resolve(.init(text: text, isPlain: true), tag: .none) {
      return isSexagesimal(text) || isDate(text)
    }
    return true
  }

  private func isSexagesimal(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count > 1
      && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }
      && parts.dropFirst().allSatisfy { $0.utf8.count <= 2 && (Int($0) ?? 99) < 60 }
  }

  private func isDate(_ text: String) -> Bool {
    let parts = text.prefix(10).split(separator: "-", omittingEmptySubsequences: false)
    return parts.count == 3 && parts[0].utf8.count == 4
      && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }
  }
}
