// `printf` of templates: Go's verbs for the values that a row can have.

import JSON

/// One `%…` of a format.
private struct Verb {
  var isLeft = false
  var hasPlus = false
  var hasSpace = false
  var hasZero = false
  var width = 0
  var precision: Int?
  var letter: Character = "v"
}

func formatted(_ form: String, _ arguments: [JSONValue]) throws(FunctionFault) -> String {
  var result = ""
  var next = arguments.startIndex
  var rest = Array(form)[...]
  while let character = rest.popFirst() {
    guard character == "%" else {
      result.append(character)
      continue
    }
    guard let verb = try verb(&rest, arguments, &next) else { return result + "%!(NOVERB)" }
    if verb.letter == "%" {
      result += "%"
    } else if next >= arguments.endIndex {
      result += "%!\(verb.letter)(MISSING)"
    } else {
      result += text(arguments[next], verb)
      next += 1
    }
  }
  guard next < arguments.endIndex else { return result }
  let extra = arguments[next...].map { "\(typeName($0))=\(goText($0))" }.joined(separator: ", ")
  return result + "%!(EXTRA \(extra))"
}

/// Reads what stands behind a `%`; nil at the end of the format.
private func verb(
  _ rest: inout ArraySlice<Character>, _ arguments: [JSONValue], _ next: inout Int
) throws(FunctionFault) -> Verb? {
  var verb = Verb()
  flags: while let flag = rest.first {
    switch flag {
    case "-": verb.isLeft = true
    case "+": verb.hasPlus = true
    case " ": verb.hasSpace = true
    case "0": verb.hasZero = true
    case "#": break
    default: break flags
    }
    rest.removeFirst()
  }
  verb.width = try size(&rest, arguments, &next) ?? 0
  if verb.width < 0 {
    verb.isLeft = true
    verb.width = -verb.width
  }
  if rest.first == "." {
    rest.removeFirst()
    verb.precision = max(0, try size(&rest, arguments, &next) ?? 0)
  }
  guard let letter = rest.popFirst() else { return nil }
  verb.letter = letter
  return verb
}

/// Digits, or `*` for the next argument.
private func size(_ rest: inout ArraySlice<Character>, _ arguments: [JSONValue], _ next: inout Int)
  throws(FunctionFault) -> Int?
{
  var number: Int?
  if rest.first == "*" {
    rest.removeFirst()
    guard next < arguments.endIndex else { throw FunctionFault("lacks the width for `*`") }
    number = try whole(arguments[next])
    next += 1
  } else {
    while let digit = rest.first?.wholeNumberValue, rest.first?.isASCII ?? false {
      number = min(widthLimit + 1, (number ?? 0) * 10 + digit)
      rest.removeFirst()
    }
  }
  if let number, !(-widthLimit...widthLimit).contains(number) {
    throw FunctionFault("writes no wider than \(widthLimit)")
  }
  return number
}

private func text(_ value: JSONValue, _ verb: Verb) -> String {
  switch (verb.letter, value) {
  case ("v", .number), ("d", .number): return number(value, verb)
  case ("v", _): return aligned(cut(goText(value), verb), verb)
  case ("s", .string(let text)): return aligned(cut(text, verb), verb)
  case ("s", .array), ("s", .object): return aligned(goText(value), verb)
  case ("q", .string(let text)): return aligned(goQuoted(cut(text, verb)), verb)
  case ("t", .bool): return aligned(goText(value), verb)
  case ("x", .number(let number)), ("X", .number(let number)):
    guard let whole = number.integer(Int64.self) else { break }
    return signed(String(whole, radix: 16, uppercase: verb.letter == "X"), verb)
  case ("x", .string(let text)), ("X", .string(let text)):
    let digits = text.utf8.map { byte in
      let text = String(byte, radix: 16, uppercase: verb.letter == "X")
      return byte < 16 ? "0" + text : text
    }
    return aligned(digits.joined(), verb)
  case ("f", .number(let number)), ("F", .number(let number)):
    // Go has whole numbers and others; a row's whole numbers are of the first kind.
    guard Int64(number.text) == nil, let value = number.double else { break }
    return signed(decimal(value, verb.precision ?? 6), verb)
  case ("c", .number(let number)):
    guard let scalar = number.integer(UInt32.self).flatMap(Unicode.Scalar.init) else { break }
    return aligned(String(Character(scalar)), verb)
  default: break
  }
  return "%!\(verb.letter)(\(typeName(value))=\(goText(value)))"
}

private func number(_ value: JSONValue, _ verb: Verb) -> String {
  let text = goText(value)
  if verb.letter == "d", Int64(text) == nil { return "%!d(float64=\(text))" }
  return signed(text, verb)
}

private func cut(_ text: String, _ verb: Verb) -> String {
  verb.precision.map { String(text.prefix($0)) } ?? text
}

private func signed(_ text: String, _ verb: Verb) -> String {
  var text = text
  if !text.hasPrefix("-") { text = (verb.hasPlus ? "+" : verb.hasSpace ? " " : "") + text }
  guard verb.hasZero, !verb.isLeft, text.count < verb.width else { return aligned(text, verb) }
  let sign = text.prefix { "+- ".contains($0) }
  let zeros = String(repeating: "0", count: verb.width - text.count)
  return sign + zeros + text.dropFirst(sign.count)
}

private func aligned(_ text: String, _ verb: Verb) -> String {
  let blanks = String(repeating: " ", count: max(0, verb.width - text.count))
  return verb.isLeft ? text + blanks : blanks + text
}

/// With so many digits behind the point.
private func decimal(_ value: Double, _ digits: Int) -> String {
  let digits = min(digits, 15)
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  guard abs(value) * scale < 9e18 else { return "\(value)" }
  let scaled = (abs(value) * scale).rounded()
  let whole = String(Int64(scaled))
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard digits > 0 else { return sign + whole }
  let padded = String(repeating: "0", count: max(0, digits + 1 - whole.count)) + whole
  return "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
}

/// As Go writes a string with `%q`.
package func goQuoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case "\r": result += "\\r"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

private func typeName(_ value: JSONValue) -> String {
  switch value {
  case .null: "<nil>"
  case .bool: "bool"
  case .number(let number): Int64(number.text) == nil ? "float64" : "int"
  case .string: "string"
  case .array: "[]interface {}"
  case .object: "map[string]interface {}"
  }
}
