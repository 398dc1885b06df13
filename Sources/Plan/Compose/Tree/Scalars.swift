// What plain scalars mean: the core of YAML 1.2 with the older octals, as compose files are read.

import YAML

/// The value of a scalar. Quoted ones and `!!str` are text.
func resolve(_ scalar: YAMLScalar, tag: YAMLTag) -> Node.Value {
  let text = scalar.text
  switch tag {
  case .string, .binary: return .string(text)
  case .integer: if let number = integer(text) { return .int(number) }
  case .float: if let number = Double(text) { return .float(number) }
  case .null: return .null
  default: break
  }
  guard scalar.isPlain, let first = text.utf8.first else {
    return scalar.isPlain && tag != .other ? .null : .string(text)
  }
  switch first {
  case UInt8(ascii: "~"), UInt8(ascii: "n"), UInt8(ascii: "N"):
    if text == "~" || text == "null" || text == "Null" || text == "NULL" { return .null }
  case UInt8(ascii: "t"), UInt8(ascii: "T"):
    if text == "true" || text == "True" || text == "TRUE" { return .bool(true) }
  case UInt8(ascii: "f"), UInt8(ascii: "F"):
    if text == "false" || text == "False" || text == "FALSE" { return .bool(false) }
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
    UInt8(ascii: "."):
    if let number = number(text) { return number }
  default: break
  }
  return .string(text)
}

/// Dates are text here; what is left over are integers, floats, infinities and `.nan`.
private func number(_ text: String) -> Node.Value? {
  if let number = integer(text) { return .int(number) }
  switch text {
  case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .float(.infinity)
  case "-.inf", "-.Inf", "-.INF": return .float(-.infinity)
  case ".nan", ".NaN", ".NAN": return .float(.nan)
  default: break
  }
  // What a signed number cannot hold but an unsigned one can is kept as it was written.
  if UInt64(text) != nil { return .string(text) }
  guard isFloat(text), let number = Double(text), number.isFinite else { return nil }
  return .float(number)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
private func isFloat(_ text: String) -> Bool {
  var rest = text.utf8[...]
  func digits() -> Int {
    let end = rest.firstIndex { !($0 >= 0x30 && $0 <= 0x39) } ?? rest.endIndex
    let count = rest.distance(from: rest.startIndex, to: end)
    rest = rest[end...]
    return count
  }
  if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
  let whole = digits()
  var fraction = 0
  if rest.first == UInt8(ascii: ".") {
    rest.removeFirst()
    fraction = digits()
  }
  guard whole + fraction > 0 else { return false }
  if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
    rest.removeFirst()
    if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
    guard digits() > 0 else { return false }
  }
  return rest.isEmpty
}

/// Decimal, `0x`, `0o`, `0b` and the older `0777`, with `_` between digits. Nil when it does not
/// fit into 64 bits: then it is read as a float.
func integer(_ text: String) -> Int? {
  var digits = text.utf8.contains(UInt8(ascii: "_")) ? text.filter { $0 != "_" } : text
  var sign = ""
  if digits.hasPrefix("-") || digits.hasPrefix("+") {
    sign = digits.hasPrefix("-") ? "-" : ""
    digits.removeFirst()
  }
  guard let first = digits.utf8.first, first >= 0x30, first <= 0x39 else { return nil }
  // `0-3` is a range of processors, and no number with a sign behind the zero. Bytes above ASCII
  // would hide what stands behind them from a comparison of characters.
  guard digits.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x2B && $0 != 0x2D }) else { return nil }
  if first == 0x30, digits.utf8.count > 1 {
    switch digits.dropFirst().first {
    case "x", "X": return Int(sign + digits.dropFirst(2), radix: 16)
    case "o", "O": return Int(sign + digits.dropFirst(2), radix: 8)
    case "b", "B": return Int(sign + digits.dropFirst(2), radix: 2)
    default: return Int(sign + digits.dropFirst(), radix: 8) ?? Int(sign + digits)
    }
  }
  return Int(sign + digits)
}
