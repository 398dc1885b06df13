// Variables in values: `$V`, `${V}`, `${V:-default}`, `${V:?message}`, `${V:+other}`, `$$`
// (reference S18 to S30).

enum TemplateFault: Error {
  /// What stood there is no variable.
  case invalid
  case required(variable: String, message: String)
  case tooDeep
  case tooLong
}

/// One use of a variable, as `config --variables` lists it.
package struct VariableUse: Sendable, Hashable {
  package var name: String
  package var isRequired: Bool
  package var defaultValue: String
  package var alternate: String
}

struct Template {
  static let depth = 64
  static let growth = 1 << 20
  /// Bytes of a default that are listed.
  private static let shown = 4096

  let lookup: (String) -> String?
  /// Told of each variable that has no value and no operator.
  var unset: (String) -> Void
  var used: (VariableUse) -> Void

  init(
    lookup: @escaping (String) -> String?, unset: @escaping (String) -> Void = { _ in },
    used: @escaping (VariableUse) -> Void = { _ in }
  ) {
    self.lookup = lookup
    self.unset = unset
    self.used = used
  }

  func substitute(_ text: String) throws(TemplateFault) -> String {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
    let bytes = Array(text.utf8)
    guard nesting(bytes) <= Self.depth else { throw .tooDeep }
    return String(decoding: try expand(bytes[...], depth: 0), as: UTF8.self)
  }

  /// How deep variables stand in each other, at most or too little: told in one pass, where finding
  /// the end of each would take one for every level.
  private func nesting(_ text: [UInt8]) -> Int {
    var (open, deepest, at) = (0, 0, 0)
    while at < text.count {
      let next = at + 1 < text.count ? text[at + 1] : 0
      if text[at] == UInt8(ascii: "}") { open = max(0, open - 1) }
      if text[at] == UInt8(ascii: "$"), next == UInt8(ascii: "{") { open += 1 }
      deepest = max(deepest, open)
      at += text[at] == UInt8(ascii: "$") && next == UInt8(ascii: "$") ? 2 : 1
    }
    return deepest
  }

  private func expand(_ text: ArraySlice<UInt8>, depth: Int) throws(TemplateFault) -> [UInt8] {
    guard depth < Self.depth else { throw .tooDeep }
    var output: [UInt8] = []
    output.reserveCapacity(text.count)
    var at = text.startIndex
    while at < text.endIndex {
      let byte = text[at]
      guard byte == UInt8(ascii: "$"), at + 1 < text.endIndex else {
        output.append(byte)
        at += 1
        continue
      }
      switch text[at + 1] {
      case UInt8(ascii: "$"):
        output.append(UInt8(ascii: "$"))
        at += 2
      case UInt8(ascii: "{"):
        let end = try closingBrace(text, from: at + 1)
        output += try braced(text[(at + 2)..<end], depth: depth)
        at = end + 1
      case let next where isNameStart(next):
        let end = nameEnd(text, from: at + 1)
        let name = String(decoding: text[(at + 1)..<end], as: UTF8.self)
        output += plain(name)
        at = end
      default:
        output.append(byte)
        at += 1
      }
      guard output.count <= Self.growth + text.count else { throw .tooLong }
    }
    return output
  }

  /// The brace that closes the one at `start`; inner braces count, line ends do not belong inside.
  private func closingBrace(
    _ text: ArraySlice<UInt8>, from start: Int
  ) throws(TemplateFault) -> Int {
    var open = 0
    for at in start..<text.endIndex {
      switch text[at] {
      case UInt8(ascii: "{"): open += 1
      case UInt8(ascii: "}"):
        open -= 1
        if open == 0 { return at }
      case UInt8(ascii: "\n"): throw .invalid
      default: break
      }
    }
    throw .invalid
  }

  private func braced(_ text: ArraySlice<UInt8>, depth: Int) throws(TemplateFault) -> [UInt8] {
    guard let first = text.first, isNameStart(first) else { throw .invalid }
    let end = nameEnd(text, from: text.startIndex)
    let name = String(decoding: text[..<end], as: UTF8.self)
    guard end < text.endIndex else { return plain(name) }
    var rest = text[end...]
    let emptyCounts = rest.first == UInt8(ascii: ":")
    if emptyCounts { rest = rest.dropFirst() }
    guard let mode = rest.first else { throw .invalid }
    let operand = rest.dropFirst()
    let value = lookup(name)
    let isSet = value.map { !emptyCounts || !$0.isEmpty } ?? false
    let shown = { String(decoding: operand.prefix(Self.shown), as: UTF8.self) }
    switch mode {
    case UInt8(ascii: "-"):
      used(VariableUse(name: name, isRequired: false, defaultValue: shown(), alternate: ""))
      return isSet ? Array((value ?? "").utf8) : try expand(operand, depth: depth + 1)
    case UInt8(ascii: "+"):
      used(VariableUse(name: name, isRequired: false, defaultValue: "", alternate: shown()))
      return isSet ? try expand(operand, depth: depth + 1) : []
    case UInt8(ascii: "?"):
      used(VariableUse(name: name, isRequired: true, defaultValue: "", alternate: ""))
      guard !isSet else { return Array((value ?? "").utf8) }
      let message = try expand(operand, depth: depth + 1)
      throw .required(variable: name, message: String(decoding: message, as: UTF8.self))
    default:
      throw .invalid
    }
  }

  private func plain(_ name: String) -> [UInt8] {
    used(VariableUse(name: name, isRequired: false, defaultValue: "", alternate: ""))
    guard let value = lookup(name) else {
      unset(name)
      return []
    }
    return Array(value.utf8)
  }

  private func isNameStart(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_")
      || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
  }

  private func nameEnd(_ text: ArraySlice<UInt8>, from start: Int) -> Int {
    text[start...].firstIndex { !isNameStart($0) && !($0 >= 0x30 && $0 <= 0x39) } ?? text.endIndex
  }
}
