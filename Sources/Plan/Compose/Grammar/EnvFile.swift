// The grammar of `.env` and env_file (reference S35 to S46).

struct EnvFileFault: Error {
  var line: Int
  var summary: String
  var hint: String?
}

/// One variable of such a file, and the place of the statement that set it.
struct EnvFileValue: Sendable, Hashable {
  var key: String
  var value: String
  var origin: Origin
}

struct EnvFileParser {
  /// The value of a variable outside of this file.
  let lookup: (String) -> String?
  private(set) var values: [EnvFileValue] = []
  private var places: [String: Int] = [:]
  private var file: Int32 = -1
  private var statementLine = 1
  private var text: [UInt8] = []
  private var at = 0
  /// The bytes of all values so far: each may be made of all that stand before it.
  private var size = 0
  /// The bytes that all values together may have beyond those of the text.
  static let growth = 16 << 20

  init(lookup: @escaping (String) -> String?) {
    self.lookup = lookup
  }

  /// Where counting of lines has come to, so that a file is counted through once.
  private var lineStart = (at: 0, line: 1)

  private var line: Int { mutating get { line(of: at) } }

  private mutating func line(of offset: Int) -> Int {
    let end = min(offset, text.count)
    if end < lineStart.at { lineStart = (0, 1) }
    lineStart = (end, lineStart.line + text[lineStart.at..<end].count { $0 == 0x0A })
    return lineStart.line
  }

  /// Reads the statements of one file; values of earlier files serve as variables.
  ///
  /// - Parameter file: the number of the file among the sources of the load.
  mutating func parse(_ bytes: [UInt8], file: Int32 = -1) throws(EnvFileFault) {
    self.file = file
    lineStart = (0, 1)
    text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    at = 0
    while skipToStatement() {
      statementLine = line
      let (key, hasValue) = try self.key()
      guard hasValue else {
        if let value = lookup(key) { set(key, value, statementLine) }
        continue
      }
      let value = try value()
      size += value.utf8.count
      guard size <= Self.growth + text.count else {
        throw EnvFileFault(
          line: line, summary: "variables put more than \(Self.growth) bytes into each other")
      }
      set(key, value, statementLine)
    }
  }

  /// `format: raw`: as `docker run --env-file` reads it, nothing is quoted and nothing replaced.
  mutating func parseRaw(_ bytes: [UInt8], file: Int32 = -1) throws(EnvFileFault) {
    self.file = file
    let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    var number = 0
    for line in body.split(separator: 0x0A, omittingEmptySubsequences: false) {
      number += 1
      guard let line = String(validating: line, as: UTF8.self) else {
        throw EnvFileFault(line: number, summary: "the line is not UTF-8")
      }
      let trimmed = String(line.drop { $0 == " " || $0 == "\t" })
      let body = trimmed.hasSuffix("\r") ? String(trimmed.dropLast()) : trimmed
      guard !body.isEmpty, !body.hasPrefix("#") else { continue }
      let cut = body.firstIndex(of: "=")
      let key = cut.map { String(body[..<$0]) } ?? body
      guard !key.isEmpty, !key.contains(where: \.isWhitespace) else {
        throw EnvFileFault(line: number, summary: "variable `\(key)` has no valid name")
      }
      if let cut {
        set(key, String(body[body.index(after: cut)...]), number)
      } else if let value = lookup(key) {
        set(key, value, number)
      }
    }
  }

  private mutating func set(_ key: String, _ value: String, _ line: Int) {
    let origin = Origin(
      file: file, line: Int32(clamping: line), column: 1,
      length: Int32(clamping: key.unicodeScalars.count))
    if let place = places[key] {
      values[place] = EnvFileValue(key: key, value: value, origin: origin)
    } else {
      places[key] = values.count
      values.append(EnvFileValue(key: key, value: value, origin: origin))
    }
  }

  /// Past blank lines and comments; false at the end.
  private mutating func skipToStatement() -> Bool {
    while at < text.count {
      switch text[at] {
      case 0x20, 0x09, 0x0A, 0x0D, 0x0B, 0x0C: at += 1
      case UInt8(ascii: "#"): skipLine()
      default: return true
      }
    }
    return false
  }

  private mutating func skipLine() {
    while at < text.count, text[at] != 0x0A { at += 1 }
  }

  private mutating func key() throws(EnvFileFault) -> (String, hasValue: Bool) {
    let export = Array("export".utf8)
    if text[at...].starts(with: export), at + export.count < text.count,
      [0x20, 0x09].contains(text[at + export.count])
    {
      at += export.count
      while at < text.count, text[at] == 0x20 || text[at] == 0x09 { at += 1 }
    }
    var name: [UInt8] = []
    while at < text.count {
      let byte = text[at]
      switch byte {
      case UInt8(ascii: "="), UInt8(ascii: ":"):
        at += 1
        return (try checked(name), true)
      case 0x0A:
        return (try checked(name), false)
      case 0x20, 0x09, 0x0D, 0x0B, 0x0C: break
      default:
        guard isKeyByte(byte) else {
          let shown = String(UnicodeScalar(byte))
          throw EnvFileFault(
            line: line, summary: "unexpected character `\(shown)` in variable name")
        }
      }
      name.append(byte)
      at += 1
    }
    return (try checked(name), false)
  }

  private func isKeyByte(_ byte: UInt8) -> Bool {
    isLetterOrDigit(byte) || byte >= 0x80
      || [UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"), 0x5B, 0x5D].contains(byte)
  }

  private mutating func checked(_ name: [UInt8]) throws(EnvFileFault) -> String {
    var name = name[...]
    while let last = name.last, last <= 0x20 { name.removeLast() }
    guard !name.contains(where: { $0 <= 0x20 }) else {
      throw EnvFileFault(
        line: line,
        summary: "variable `\(String(decoding: name, as: UTF8.self))` has a space in its name")
    }
    guard !name.isEmpty else {
      throw EnvFileFault(line: line, summary: "a variable has no name")
    }
    return String(decoding: name, as: UTF8.self)
  }

  private mutating func value() throws(EnvFileFault) -> String {
    while at < text.count, text[at] == 0x20 || text[at] == 0x09 { at += 1 }
    guard at < text.count else { return "" }
    switch text[at] {
    case UInt8(ascii: "'"): return String(decoding: try quoted(0x27), as: UTF8.self)
    case UInt8(ascii: "\""):
      return try substituted(unescaped(try quoted(0x22)))
    default: return try substituted(unquoted())
    }
  }

  /// To the end of the line, or to a comment that has a space before it.
  private mutating func unquoted() -> [UInt8] {
    let start = at
    skipLine()
    var body = text[start..<at]
    for index in body.indices.dropFirst() where body[index] == UInt8(ascii: "#") {
      if body[index - 1] == 0x20 {
        body = body[..<index]
        break
      }
    }
    return trimmed(body)
  }

  /// Without white space of any script around it: no-break spaces come along when text is pasted.
  private func trimmed(_ body: ArraySlice<UInt8>) -> [UInt8] {
    guard body.contains(where: { $0 >= 0x80 || $0 <= 0x20 }) else { return Array(body) }
    var scalars = String(decoding: body, as: UTF8.self).unicodeScalars[...]
    while scalars.first?.properties.isWhitespace == true { scalars.removeFirst() }
    while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
    return Array(String(scalars).utf8)
  }

  /// What stands between two quotes; a backslash keeps the quote after it from closing.
  private mutating func quoted(_ quote: UInt8) throws(EnvFileFault) -> [UInt8] {
    let opened = at
    var body: [UInt8] = []
    at += 1
    while at < text.count {
      let byte = text[at]
      if byte == UInt8(ascii: "\\"), at + 1 < text.count {
        if quote == 0x27, text[at + 1] == 0x27 {
          body.append(0x27)
        } else {
          body += [byte, text[at + 1]]
        }
        at += 2
        continue
      }
      at += 1
      if byte == quote { return body }
      body.append(byte)
    }
    throw EnvFileFault(
      line: line(of: opened), summary: "a quote is not closed", hint: "close it, or quote the quote"
    )
  }

  private func unescaped(_ body: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    var at = 0
    while at < body.count {
      guard body[at] == UInt8(ascii: "\\"), at + 1 < body.count else {
        output.append(body[at])
        at += 1
        continue
      }
      let next = body[at + 1]
      at += 2
      if let plain = escapes[next] {
        output += plain
      } else if next == UInt8(ascii: "0"), at + 2 < body.count,
        let code = UInt8(String(decoding: body[at..<(at + 3)], as: UTF8.self), radix: 8)
      {
        output.append(code)
        at += 3
      } else {
        output += [UInt8(ascii: "\\"), next]
      }
    }
    return output
  }

  private mutating func substituted(_ body: [UInt8]) throws(EnvFileFault) -> String {
    let text = String(decoding: body, as: UTF8.self)
    let template = Template(lookup: { [lookup, places, values] name in
      lookup(name) ?? places[name].map { values[$0].value }
    })
    do throws(TemplateFault) {
      return try template.substitute(text)
    } catch {
      switch error.kind {
      case .required(let variable, let message):
        throw EnvFileFault(
          line: statementLine,
          summary: "variable `\(variable)` is required but has no value: \(message)")
      default:
        throw EnvFileFault(line: statementLine, summary: "invalid variable in `\(text)`")
      }
    }
  }
}

/// `\$` stays escaped for the substitution that follows, as `$$`.
private let escapes: [UInt8: [UInt8]] = [
  UInt8(ascii: "a"): [0x07], UInt8(ascii: "b"): [0x08],
  UInt8(ascii: "f"): [0x0C], UInt8(ascii: "n"): [0x0A], UInt8(ascii: "r"): [0x0D],
  UInt8(ascii: "t"): [0x09], UInt8(ascii: "v"): [0x0B], UInt8(ascii: "\""): [0x22],
  UInt8(ascii: "\\"): [0x5C], UInt8(ascii: "$"): [0x24, 0x24],
]
