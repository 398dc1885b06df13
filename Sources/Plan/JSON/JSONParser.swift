// RFC 8259 text to `JSONValue`, bounded: depth and size are limited before anything is built.

package struct JSONLimits: Sendable {
  package var bytes: Int
  package var depth: Int
  /// Values of all kinds in the whole document: each takes some sixty bytes, whatever it is.
  package var values: Int

  package init(bytes: Int = 8 << 20, depth: Int = 64, values: Int = 1_000_000) {
    self.bytes = bytes
    self.depth = depth
    self.values = values
  }
}

package enum JSONError: Error, Hashable, CustomStringConvertible {
  case tooLarge(limit: Int)
  case tooDeep(limit: Int)
  case tooMany(limit: Int)
  case syntax(offset: Int, expected: String)
  case duplicateName(String)
  case mismatch(path: String, expected: String)

  package var description: String {
    switch self {
    case .tooLarge(let limit): "JSON document larger than \(limit) bytes"
    case .tooDeep(let limit): "JSON document nested deeper than \(limit)"
    case .tooMany(let limit): "JSON document of more than \(limit) values"
    case .syntax(let offset, let expected): "invalid JSON at byte \(offset): expected \(expected)"
    case .duplicateName(let name): "JSON object has two members named `\(name)`"
    case .mismatch(let path, let expected): "JSON value at `\(path)` is not \(expected)"
    }
  }
}

extension JSONValue {
  /// Parses a whole document. Duplicate names in one object are refused.
  package init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
    guard bytes.count <= limits.bytes else { throw .tooLarge(limit: limits.bytes) }
    var parser = JSONParser(bytes: bytes, limits: limits)
    parser.skipSpace()
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.fault("end of document") }
    self = value
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  let limits: JSONLimits
  var position = 0
  var values = 0

  init(bytes: [UInt8], limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  func fault(_ expected: String) -> JSONError { .syntax(offset: position, expected: expected) }

  mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  mutating func take(_ byte: UInt8, _ expected: String) throws(JSONError) {
    guard current == byte else { throw fault(expected) }
    position += 1
  }

  mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    for index in 0..<text.utf8CodeUnitCount {
      try take(text.utf8Start[index], "`\(text)`")
    }
    return value
  }

  mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard depth < limits.depth else { throw .tooDeep(limit: limits.depth) }
    values += 1
    guard values <= limits.values else { throw .tooMany(limit: limits.values) }
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var items: [JSONValue] = []
    skipSpace()
    if current == UInt8(ascii: "]") {
      position += 1
      return .array(items)
    }
    while true {
      skipSpace()
      items.append(try value(depth: depth + 1))
      skipSpace()
      if current == UInt8(ascii: ",") {
        position += 1
        continue
      }
      try take(UInt8(ascii: "]"), "`,` or `]`")
      return .array(items)
    }
  }

  mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var object = JSONObject()
    var seen: Set<[UInt8]> = []
    skipSpace()
    if current == UInt8(ascii: "}") {
      position += 1
      return .object(object)
    }
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw fault("a member name") }
      let name = try string()
      guard seen.insert(Array(name.utf8)).inserted else { throw .duplicateName(name) }
      skipSpace()
      try take(UInt8(ascii: ":"), "`:`")
      skipSpace()
      object.append(name, try value(depth: depth + 1))
      skipSpace()
      if current == UInt8(ascii: ",") {
        position += 1
        continue
      }
      try take(UInt8(ascii: "}"), "`,` or `}`")
      return .object(object)
    }
  }

  mutating func digits() throws(JSONError) {
    let start = position
    while let byte = current, byte >= 0x30, byte <= 0x39 { position += 1 }
    guard position > start else { throw fault("a digit") }
  }

  mutating func number() throws(JSONError) -> JSONNumber {
    let start = position
    if current == UInt8(ascii: "-") { position += 1 }
    if current == UInt8(ascii: "0") {
      position += 1
    } else {
      guard let byte = current, byte >= 0x31, byte <= 0x39 else { throw fault("a value") }
      try digits()
    }
    if current == UInt8(ascii: ".") {
      position += 1
      try digits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    return JSONNumber(verified: String(decoding: bytes[start..<position], as: UTF8.self))
  }

  mutating func string() throws(JSONError) -> String {
    position += 1
    var text: [UInt8] = []
    while true {
      let start = position
      while let byte = current, byte != 0x22, byte != 0x5C, byte >= 0x20 { position += 1 }
      text.append(contentsOf: bytes[start..<position])
      switch current {
      case 0x22:
        position += 1
        guard let valid = String(validating: text, as: UTF8.self) else {
          throw fault("valid UTF-8")
        }
        return valid
      case 0x5C:
        position += 1
        try escape(into: &text)
      default:
        throw fault("`\"`")
      }
    }
  }

  mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    guard let byte = current else { throw fault("an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text.append(contentsOf: try unicodeEscape())
    default: throw fault("an escape")
    }
  }

  mutating func unicodeEscape() throws(JSONError) -> [UInt8] {
    let first = try hexUnit()
    var scalarValue = UInt32(first)
    if first >= 0xD800, first < 0xDC00 {
      try take(UInt8(ascii: "\\"), "a low surrogate")
      try take(UInt8(ascii: "u"), "a low surrogate")
      let second = try hexUnit()
      guard second >= 0xDC00, second < 0xE000 else { throw fault("a low surrogate") }
      scalarValue = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(scalarValue) else { throw fault("a Unicode scalar") }
    return Array(String(Character(scalar)).utf8)
  }

  mutating func hexUnit() throws(JSONError) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw fault("four hexadecimal digits")
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }
}
