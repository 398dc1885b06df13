// A template's text as pieces: what stands outside of `{{ }}`, and the tokens inside.

import JSON

enum TemplatePiece {
  case text(String)
  case action([TemplateToken], position: Int)
}

struct TemplateToken {
  enum Kind: Equatable {
    case dot
    case field(String)
    case variable(String)
    case word(String)
    case string(String)
    case number(JSONNumber)
    case pipe
    case comma
    case open
    case close
    case declare
    case assign
  }

  var kind: Kind
  var position: Int
  /// Nothing stands between it and the token before.
  var isAdjacent: Bool
}

struct TemplateLexer {
  private let template: String
  private let scalars: [Unicode.Scalar]
  private var index = 0

  private init(_ template: String) {
    self.template = template
    scalars = Array(template.unicodeScalars)
  }

  static func pieces(of template: String) throws(TemplateFault) -> [TemplatePiece] {
    var lexer = TemplateLexer(template)
    return try lexer.pieces()
  }

  private mutating func pieces() throws(TemplateFault) -> [TemplatePiece] {
    var pieces: [TemplatePiece] = []
    var trimsNext = false
    while index < scalars.count {
      let start = index
      while index < scalars.count, !has("{{") { index += 1 }
      var text = String(String.UnicodeScalarView(scalars[start..<index]))
      let isInside = index < scalars.count
      let trimsBefore = isInside && has("{{-", thenSpace: true)
      if trimsNext { text = String(text.drop(while: \.isWhitespace)) }
      if trimsBefore {
        while text.last?.isWhitespace ?? false { text.removeLast() }
      }
      if !text.isEmpty { pieces.append(.text(unescaped(text))) }
      guard isInside else { break }
      let opening = index
      index += trimsBefore ? 3 : 2
      if try skipComment(from: opening, &trimsNext) { continue }
      pieces.append(.action(try tokens(from: opening, &trimsNext), position: opening))
    }
    return pieces
  }

  /// `\t` and `\n` as they are typed in a shell.
  private func unescaped(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
    var result = String.UnicodeScalarView()
    var rest = Array(text.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      switch (scalar, rest.first) {
      case ("\\", "t"):
        result.append("\t")
        rest.removeFirst()
      case ("\\", "n"):
        result.append("\n")
        rest.removeFirst()
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  private func has(_ text: String, thenSpace: Bool = false) -> Bool {
    var place = index
    for scalar in text.unicodeScalars {
      guard place < scalars.count, scalars[place] == scalar else { return false }
      place += 1
    }
    return !thenSpace || place < scalars.count && scalars[place].properties.isWhitespace
  }

  private mutating func skipComment(from opening: Int, _ trimsNext: inout Bool)
    throws(TemplateFault) -> Bool
  {
    let begin = index
    while index < scalars.count, scalars[index].properties.isWhitespace { index += 1 }
    guard has("/*") else {
      index = begin
      return false
    }
    while index < scalars.count, !has("*/") { index += 1 }
    index += 2
    let rest = index
    while index < scalars.count, scalars[index].properties.isWhitespace { index += 1 }
    trimsNext = index > rest && has("-}}")
    guard trimsNext || has("}}") else { throw fault("a comment is not ended by `*/}}`", opening) }
    index += trimsNext ? 3 : 2
    return true
  }

  private mutating func tokens(from opening: Int, _ trimsNext: inout Bool)
    throws(TemplateFault) -> [TemplateToken]
  {
    var tokens: [TemplateToken] = []
    var isAdjacent = false
    while index < scalars.count {
      let start = index
      if scalars[index].properties.isWhitespace {
        index += 1
        isAdjacent = false
        if has("-}}") {
          index += 3
          trimsNext = true
          return tokens
        }
        continue
      }
      if has("}}") {
        index += 2
        trimsNext = false
        return tokens
      }
      let kind = try token()
      tokens.append(TemplateToken(kind: kind, position: start, isAdjacent: isAdjacent))
      isAdjacent = true
    }
    throw fault("`{{` is not closed", opening, length: 2)
  }

  private mutating func token() throws(TemplateFault) -> TemplateToken.Kind {
    let start = index
    let scalar = scalars[index]
    index += 1
    switch scalar {
    case "|": return .pipe
    case ",": return .comma
    case "(": return .open
    case ")": return .close
    case "=": return .assign
    case ":":
      guard index < scalars.count, scalars[index] == "=" else { break }
      index += 1
      return .declare
    case ".":
      if index < scalars.count, ("0"..."9").contains(scalars[index]) { return try number(start) }
      let name = word()
      return name.isEmpty ? .dot : .field(name)
    case "$": return .variable("$" + word())
    case "\"": return .string(try quoted(start))
    case "`": return .string(try raw(start))
    case "'":
      let text = try quoted(start, end: "'")
      guard let only = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
        throw fault("`'` holds one character", start)
      }
      return .number(JSONNumber(only.value))
    case "0"..."9", "-", "+": return try number(start)
    default:
      index = start
      let name = word()
      if !name.isEmpty { return .word(name) }
    }
    throw fault("unexpected `\(scalar)` in the template", start)
  }

  private mutating func word() -> String {
    let start = index
    while index < scalars.count, isOfName(scalars[index]) { index += 1 }
    return String(String.UnicodeScalarView(scalars[start..<index]))
  }

  private func isOfName(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
  }

  private mutating func number(_ start: Int) throws(TemplateFault) -> TemplateToken.Kind {
    while index < scalars.count, isOfName(scalars[index]) || scalars[index] == "." { index += 1 }
    let text = String(String.UnicodeScalarView(scalars[start..<index]))
    let plain = text.hasPrefix("+") ? String(text.dropFirst()) : text
    if let whole = Int64(plain) { return .number(JSONNumber(whole)) }
    if plain.hasPrefix("0x"), let whole = Int64(plain.dropFirst(2), radix: 16) {
      return .number(JSONNumber(whole))
    }
    guard let value = Double(plain), let number = JSONNumber(value) else {
      throw fault("`\(text)` is no number", start, length: index - start)
    }
    return .number(number)
  }

  private mutating func raw(_ start: Int) throws(TemplateFault) -> String {
    let begin = index
    while index < scalars.count, scalars[index] != "`" { index += 1 }
    guard index < scalars.count else { throw fault("a raw string is not ended", start) }
    index += 1
    return String(String.UnicodeScalarView(scalars[begin..<index - 1]))
  }

  private mutating func quoted(_ start: Int, end: Unicode.Scalar = "\"") throws(TemplateFault)
    -> String
  {
    var result = String.UnicodeScalarView()
    while index < scalars.count, scalars[index] != "\n" {
      let scalar = scalars[index]
      index += 1
      if scalar == end { return String(result) }
      guard scalar == "\\" else {
        result.append(scalar)
        continue
      }
      guard index < scalars.count else { break }
      let escape = scalars[index]
      index += 1
      switch escape {
      case "n": result.append("\n")
      case "t": result.append("\t")
      case "r": result.append("\r")
      case "\\", "\"", "'": result.append(escape)
      case "x": result.append(try hexadecimal(2, start))
      case "u": result.append(try hexadecimal(4, start))
      default: throw fault("unknown escape `\\\(escape)` in a string", index - 2, length: 2)
      }
    }
    throw fault("a string is not ended", start)
  }

  private mutating func hexadecimal(_ count: Int, _ start: Int) throws(TemplateFault)
    -> Unicode.Scalar
  {
    let digits = String(String.UnicodeScalarView(scalars[index...].prefix(count)))
    guard digits.utf8.count == count, let value = UInt32(digits, radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw fault("an escape needs \(count) hexadecimal digits", start) }
    index += count
    return scalar
  }

  private func fault(_ message: String, _ position: Int, length: Int = 1) -> TemplateFault {
    TemplateFault(message: message, template: template, position: position, length: length)
  }
}
