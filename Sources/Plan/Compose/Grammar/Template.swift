// Variables in values: `$V`, `${V}`, `${V:-default}`, `${V:?message}`, `${V:+other}`, `$$`
// (reference S18 to S30).

struct TemplateFault: Error {
  enum Kind {
    /// What stood there is no variable.
    case invalid
    case required(variable: String, message: String)
    case tooDeep
    case tooLong
  }

  var kind: Kind
  /// The bytes of the text that are at fault.
  var range: Range<Int>
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
  /// Told of each variable that has no value and no operator, and of the bytes where it stands.
  var unset: (String, Range<Int>) -> Void
  var used: (VariableUse) -> Void

  init(
    lookup: @escaping (String) -> String?,
    unset: @escaping (String, Range<Int>) -> Void = { _, _ in },
    used: @escaping (VariableUse) -> Void = { _ in }
  ) {
    self.lookup = lookup
    self.unset = unset
    self.used = used
  }

  func substitute(_ text: String) throws(TemplateFault) -> String {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
    let bytes = Array(text.utf8)
    if let place = tooDeep(bytes) { throw TemplateFault(kind: .tooDeep, range: place) }
    return String(decoding: try expand(bytes[...], depth: 0), as: UTF8.self)
  }

  /// Where variables begin to stand too deep in each other, found in one pass: finding the end of each
  /// takes one for every level. What this lets through for its braces `expand` refuses.
  private func tooDeep(_ text: [UInt8]) -> Range<Int>? {
    var (open, at) = (0, 0)
    while at < text.count {
      let next = at + 1 < text.count ? text[at + 1] : 0
      if text[at] == UInt8(ascii: "}") { open = max(0, open - 1) }
      if text[at] == UInt8(ascii: "$"), next == UInt8(ascii: "{") { open += 1 }
      if open > Self.depth { return at..<(at + 2) }
      at += text[at] == UInt8(ascii: "$") && next == UInt8(ascii: "$") ? 2 : 1
    }
    return nil
  }

  private func expand(_ text: ArraySlice<UInt8>, depth: Int) throws(TemplateFault) -> [UInt8] {
    guard depth < Self.depth else {
      throw TemplateFault(kind: .tooDeep, range: text.startIndex..<text.endIndex)
    }
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
        output += try braced(text[(at + 2)..<end], depth: depth, range: at..<(end + 1))
        at = end + 1
      case let next where isNameStart(next):
        let end = nameEnd(text, from: at + 1)
        let name = String(decoding: text[(at + 1)..<end], as: UTF8.self)
        output += plain(name, at..<end)
        at = end
      default:
        output.append(byte)
        at += 1
      }
      guard output.count <= Self.growth + text.count else {
        throw TemplateFault(kind: .tooLong, range: text.startIndex..<text.endIndex)
      }
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
      case UInt8(ascii: "\n"):
        throw TemplateFault(kind: .invalid, range: (start - 1)..<at)
      default: break
      }
    }
    throw TemplateFault(kind: .invalid, range: (start - 1)..<text.endIndex)
  }

  /// - Parameter range: of the whole expression, from the dollar sign to the brace.
  private func braced(
    _ text: ArraySlice<UInt8>, depth: Int, range: Range<Int>
  ) throws(TemplateFault) -> [UInt8] {
    let invalid = TemplateFault(kind: .invalid, range: range)
    guard let first = text.first, isNameStart(first) else { throw invalid }
    let end = nameEnd(text, from: text.startIndex)
    let name = String(decoding: text[..<end], as: UTF8.self)
    guard end < text.endIndex else { return plain(name, range) }
    var rest = text[end...]
    let emptyCounts = rest.first == UInt8(ascii: ":")
    if emptyCounts { rest = rest.dropFirst() }
    guard let mode = rest.first else { throw invalid }
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
      throw TemplateFault(
        kind: .required(variable: name, message: String(decoding: message, as: UTF8.self)),
        range: range)
    default:
      throw invalid
    }
  }

  private func plain(_ name: String, _ range: Range<Int>) -> [UInt8] {
    used(VariableUse(name: name, isRequired: false, defaultValue: "", alternate: ""))
    guard let value = lookup(name) else {
      unset(name, range)
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
