// The functions of templates: those of Go that make sense for a row, and docker's own.

import JSON

/// Why a function could not do its work.
struct FunctionFault: Error {
  var reason: String

  init(_ reason: String) { self.reason = reason }
}

enum TemplateFunction: String, CaseIterable, Sendable {
  case json, join, split, lower, upper, title, pad, truncate
  case print, printf, println
  case len, index, slice
  case eq, ne, lt, le, gt, ge
  case and, or, not

  /// In the line above a table these show the heading as it is.
  var keepsHeadings: Bool {
    switch self {
    case .json, .join, .split, .lower, .upper, .title, .truncate: true
    default: false
    }
  }

  func apply(_ arguments: [JSONValue]) throws(FunctionFault) -> JSONValue {
    switch self {
    case .json: return .string(try one(arguments).text())
    case .join: return .string(try joined(arguments))
    case .split:
      let (text, separator) = try two(arguments)
      return .array(try parts(of: text, separator))
    case .lower: return .string(try word(one(arguments)).lowercased())
    case .upper: return .string(try word(one(arguments)).uppercased())
    case .title: return .string(titled(try word(one(arguments))))
    case .pad: return .string(try padded(arguments))
    case .truncate:
      let (text, count) = try two(arguments)
      return .string(String(try word(text).prefix(max(0, try whole(count)))))
    case .print: return .string(printed(arguments))
    case .println: return .string(arguments.map(goText).joined(separator: " ") + "\n")
    case .printf:
      guard let form = arguments.first else { throw FunctionFault("needs a format") }
      return .string(try formatted(try word(form), Array(arguments.dropFirst())))
    case .len: return JSONValue(try length(one(arguments)))
    case .index: return try member(arguments)
    case .slice: return try sliced(arguments)
    case .eq, .ne, .lt, .le, .gt, .ge: return .bool(try compared(self, arguments))
    case .and, .or:
      guard let last = arguments.last else { throw FunctionFault("needs arguments") }
      return last
    case .not: return .bool(!isTrue(try one(arguments)))
    }
  }
}

/// What Go takes for true: all that is not empty.
func isTrue(_ value: JSONValue) -> Bool {
  switch value {
  case .null: false
  case .bool(let value): value
  case .number(let number): number.double != 0
  case .string(let text): !text.isEmpty
  case .array(let list): !list.isEmpty
  case .object(let object): !object.isEmpty
  }
}

/// As Go prints a value.
func goText(_ value: JSONValue) -> String {
  switch value {
  case .null: "<no value>"
  case .bool(let value): value ? "true" : "false"
  case .number(let number): number.text
  case .string(let text): text
  case .array(let list): "[" + list.map(goText).joined(separator: " ") + "]"
  case .object(let object):
    "map["
      + object.sorted().members.map { "\($0.name):\(goText($0.value))" }.joined(separator: " ")
      + "]"
  }
}

// MARK: - Arguments

private func one(_ arguments: [JSONValue]) throws(FunctionFault) -> JSONValue {
  guard arguments.count == 1 else {
    throw FunctionFault("takes one argument, not \(arguments.count)")
  }
  return arguments[0]
}

private func two(_ arguments: [JSONValue]) throws(FunctionFault) -> (JSONValue, JSONValue) {
  guard arguments.count == 2 else {
    throw FunctionFault("takes two arguments, not \(arguments.count)")
  }
  return (arguments[0], arguments[1])
}

func word(_ value: JSONValue) throws(FunctionFault) -> String {
  guard let text = value.string else { throw FunctionFault("needs a string, not \(kind(value))") }
  return text
}

func whole(_ value: JSONValue) throws(FunctionFault) -> Int {
  guard let number = value.number?.integer(Int.self) else {
    throw FunctionFault("needs a whole number, not \(kind(value))")
  }
  return number
}

private func kind(_ value: JSONValue) -> String {
  switch value {
  case .null: "nothing"
  case .bool: "a truth value"
  case .number: "a number"
  case .string: "a string"
  case .array: "a list"
  case .object: "a map"
  }
}

// MARK: - Strings

/// Widest padding and longest number of digits.
let widthLimit = 10_000

private func joined(_ arguments: [JSONValue]) throws(FunctionFault) -> String {
  let (list, separator) = try two(arguments)
  if list.isNull { return "" }
  guard let items = list.array else { throw FunctionFault("needs a list, not \(kind(list))") }
  return items.map(goText).joined(separator: try word(separator))
}

private func parts(of text: JSONValue, _ separator: JSONValue) throws(FunctionFault) -> [JSONValue]
{
  let (text, separator) = (try word(text), try word(separator))
  if separator.isEmpty { return text.map { .string(String($0)) } }
  var result: [JSONValue] = []
  var rest = Array(text.utf8)[...]
  let mark = Array(separator.utf8)
  var piece: [UInt8] = []
  while let byte = rest.first {
    if rest.starts(with: mark) {
      result.append(.string(String(decoding: piece, as: UTF8.self)))
      piece = []
      rest = rest.dropFirst(mark.count)
    } else {
      piece.append(byte)
      rest = rest.dropFirst()
    }
  }
  return result + [.string(String(decoding: piece, as: UTF8.self))]
}

private func titled(_ text: String) -> String {
  var result = ""
  var isStart = true
  for character in text {
    result += isStart ? character.uppercased() : String(character)
    isStart = !character.isLetter && !character.isNumber && character != "'" && character != "_"
  }
  return result
}

private func padded(_ arguments: [JSONValue]) throws(FunctionFault) -> String {
  guard arguments.count == 3 else {
    throw FunctionFault("takes a string and two widths, not \(arguments.count) arguments")
  }
  let text = try word(arguments[0])
  let (before, after) = (try whole(arguments[1]), try whole(arguments[2]))
  guard (0...widthLimit).contains(before), (0...widthLimit).contains(after) else {
    throw FunctionFault("pads by 0 to \(widthLimit)")
  }
  if text.isEmpty { return "" }
  return String(repeating: " ", count: before) + text + String(repeating: " ", count: after)
}

/// Go puts a space between two that are no strings.
private func printed(_ arguments: [JSONValue]) -> String {
  var result = ""
  for (index, argument) in arguments.enumerated() {
    if index > 0, argument.string == nil, arguments[index - 1].string == nil { result += " " }
    result += goText(argument)
  }
  return result
}

// MARK: - Lists and maps

private func length(_ value: JSONValue) throws(FunctionFault) -> Int {
  switch value {
  case .string(let text): return text.utf8.count
  case .array(let list): return list.count
  case .object(let object): return object.members.count
  case .null, .bool, .number: throw FunctionFault("cannot count \(kind(value))")
  }
}

private func member(_ arguments: [JSONValue]) throws(FunctionFault) -> JSONValue {
  guard var value = arguments.first else { throw FunctionFault("needs a list or a map") }
  for key in arguments.dropFirst() {
    switch value {
    case .object(let object): value = object[try word(key)] ?? .null
    case .array(let list):
      let place = try whole(key)
      guard list.indices.contains(place) else {
        throw FunctionFault("finds no place \(place) in a list of \(list.count)")
      }
      value = list[place]
    case .string(let text):
      let (bytes, place) = (Array(text.utf8), try whole(key))
      guard bytes.indices.contains(place) else {
        throw FunctionFault("finds no place \(place) in a string of \(bytes.count)")
      }
      value = JSONValue(bytes[place])
    case .null: return .null
    case .bool, .number: throw FunctionFault("cannot look into \(kind(value))")
    }
  }
  return value
}

private func sliced(_ arguments: [JSONValue]) throws(FunctionFault) -> JSONValue {
  guard let value = arguments.first, arguments.count <= 3 else {
    throw FunctionFault("takes a value and two places at most")
  }
  let count = try length(value)
  let from = arguments.count > 1 ? try whole(arguments[1]) : 0
  let to = arguments.count > 2 ? try whole(arguments[2]) : count
  guard from >= 0, from <= to, to <= count else {
    throw FunctionFault("finds no places \(from) to \(to) in \(count)")
  }
  switch value {
  case .array(let list): return .array(Array(list[from..<to]))
  case .string(let text):
    return .string(String(decoding: Array(text.utf8)[from..<to], as: UTF8.self))
  default: throw FunctionFault("cannot cut \(kind(value))")
  }
}

// MARK: - Comparing

private func compared(_ function: TemplateFunction, _ arguments: [JSONValue])
  throws(FunctionFault) -> Bool
{
  guard let first = arguments.first, arguments.count > 1 else {
    throw FunctionFault("needs something to compare with")
  }
  if function == .eq {
    for other in arguments.dropFirst() {
      if try order(first, other) == 0 { return true }
    }
    return false
  }
  let (left, right) = try two(arguments)
  let order = try order(left, right)
  guard function != .ne else { return order != 0 }
  guard let order else { throw FunctionFault("cannot say which of two such values is greater") }
  switch function {
  case .lt: return order < 0
  case .le: return order <= 0
  case .gt: return order > 0
  default: return order >= 0
  }
}

/// Below, equal or above zero; nil for two that are different but in no order.
private func order(_ left: JSONValue, _ right: JSONValue) throws(FunctionFault) -> Int? {
  switch (left, right) {
  case (.string(let left), .string(let right)):
    if left.utf8.elementsEqual(right.utf8) { return 0 }
    return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
  case (.number(let left), .number(let right)):
    if let left = left.integer(Int64.self), let right = right.integer(Int64.self) {
      return left == right ? 0 : left < right ? -1 : 1
    }
    let (left, right) = (left.double ?? 0, right.double ?? 0)
    return left == right ? 0 : left < right ? -1 : 1
  case (.bool(let left), .bool(let right)): return left == right ? 0 : nil
  case (.null, .null): return 0
  case (.null, _), (_, .null): return nil
  default:
    throw FunctionFault("cannot compare \(kind(left)) with \(kind(right))")
  }
}
