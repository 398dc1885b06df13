// A JSON document as a value. Objects keep the order of their members; numbers keep their text.

package indirect enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// A number as it was written, so that nothing is lost between reading and writing.
package struct JSONNumber: Hashable, Sendable {
  package let text: String

  /// `text` must be a JSON number; the parser and the typed initialisers below see to it.
  init(verified text: String) { self.text = text }

  package init(_ value: some BinaryInteger) { text = "\(value)" }

  /// Nil for infinities and NaN, which JSON cannot say.
  package init?(_ value: Double) {
    guard value.isFinite else { return nil }
    text = value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  /// The value as an integer, nil when it has a fraction or does not fit.
  package func integer<I: FixedWidthInteger>(_ type: I.Type) -> I? {
    if let exact = I(text) { return exact }
    guard let double = Double(text), let whole = I(exactly: double) else { return nil }
    return whole
  }

  package var double: Double? { Double(text) }
}

/// Members in the order of writing. A later member of the same name replaces an earlier one.
package struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  package struct Member: Hashable, Sendable {
    package var name: String
    package var value: JSONValue
  }

  package private(set) var members: [Member] = []

  package init() {}

  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    for (name, value) in elements { self[name] = value }
  }

  package init(_ pairs: some Sequence<(String, JSONValue)>) {
    for (name, value) in pairs { self[name] = value }
  }

  package var isEmpty: Bool { members.isEmpty }

  package subscript(name: String) -> JSONValue? {
    get { members.first { sameBytes($0.name, name) }?.value }
    set {
      let index = members.firstIndex { sameBytes($0.name, name) }
      switch (index, newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(name: name, value: value))
      case (nil, nil): break
      }
    }
  }

  /// Appends without looking for an earlier member: for builders that know their names are distinct.
  package mutating func append(_ name: String, _ value: JSONValue) {
    members.append(Member(name: name, value: value))
  }

  package func sorted() -> JSONObject {
    var copy = self
    copy.members.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    return copy
  }
}

/// Swift compares strings by canonical equivalence; names in documents are bytes.
private func sameBytes(_ left: String, _ right: String) -> Bool {
  left.utf8.elementsEqual(right.utf8)
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(integerLiteral value: Int64) { self = .number(JSONNumber(value)) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements))
  }

  package init(_ value: some BinaryInteger) { self = .number(JSONNumber(value)) }

  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
  package var number: JSONNumber? { if case .number(let value) = self { value } else { nil } }
  package var isNull: Bool { self == .null }

  /// The member of an object, nil for other kinds.
  package subscript(name: String) -> JSONValue? { object?[name] }

  /// The value with the members of every object in byte order of their names.
  package func sortedByName() -> JSONValue {
    switch self {
    case .object(let object):
      var result = JSONObject()
      for member in object.sorted().members {
        result.append(member.name, member.value.sortedByName())
      }
      return .object(result)
    case .array(let items): return .array(items.map { $0.sortedByName() })
    case .null, .bool, .number, .string: return self
    }
  }
}

extension JSONValue: Codable {
  /// Only `JSONValue.init(encoding:)` writes these; it recognises the type before calling this.
  package func encode(to encoder: any Encoder) throws {
    throw EncodingError.invalidValue(
      self, .init(codingPath: encoder.codingPath, debugDescription: "a JSON value needs JSON"))
  }

  /// Only `JSONValue.decode(_:)` reads these; it recognises the type before calling this.
  package init(from decoder: any Decoder) throws {
    throw DecodingError.dataCorrupted(
      .init(codingPath: decoder.codingPath, debugDescription: "a JSON value needs JSON"))
  }
}
