// Members of a JSON object by name and kind. The shim reads with this and not with `Decodable`, whose
// generic containers cost each shim some hundred KiB of memory that it can give back to nobody.

package import JSON

/// One object of a record; `path` is where it stands, for complaints.
package struct RecordReader {
  private let object: JSONObject
  private let path: String

  package init(_ value: JSONValue, path: String = "") throws(JSONError) {
    guard let object = value.object else {
      throw JSONError.mismatch(path: path, expected: "an object")
    }
    self.object = object
    self.path = path
  }

  package func has(_ name: String) -> Bool { value(name) != nil }

  package func string(_ name: String) throws(JSONError) -> String {
    guard let string = value(name)?.string else { throw mismatch(name, "a string") }
    return string
  }

  package func optionalString(_ name: String) throws(JSONError) -> String? {
    has(name) ? try string(name) : nil
  }

  package func bool(_ name: String) throws(JSONError) -> Bool {
    guard let bool = value(name)?.bool else { throw mismatch(name, "a boolean") }
    return bool
  }

  package func integer(_ name: String) throws(JSONError) -> Int64 {
    guard let number = value(name)?.number, let integer = Int64(number.text) else {
      throw mismatch(name, "an integer")
    }
    return integer
  }

  package func optionalInteger(_ name: String) throws(JSONError) -> Int64? {
    has(name) ? try integer(name) : nil
  }

  package func small(_ name: String) throws(JSONError) -> Int32 {
    guard let small = Int32(exactly: try integer(name)) else { throw mismatch(name, "32 bits") }
    return small
  }

  package func unsigned(_ name: String) throws(JSONError) -> UInt64 {
    guard let number = value(name)?.number, let integer = UInt64(number.text) else {
      throw mismatch(name, "a number of at least 0")
    }
    return integer
  }

  package func optionalUnsigned(_ name: String) throws(JSONError) -> UInt64? {
    has(name) ? try unsigned(name) : nil
  }

  package func bytes(_ name: String) throws(JSONError) -> Bytes {
    guard let value = value(name) else { throw mismatch(name, "bytes") }
    return try Bytes(json: value, path: child(name))
  }

  package func optionalBytes(_ name: String) throws(JSONError) -> Bytes? {
    has(name) ? try bytes(name) : nil
  }

  package func items(_ name: String) throws(JSONError) -> [JSONValue] {
    guard let items = value(name)?.array else { throw mismatch(name, "an array") }
    return items
  }

  package func strings(_ name: String) throws(JSONError) -> [String] {
    var strings: [String] = []
    for item in try items(name) {
      guard let string = item.string else { throw mismatch(name, "strings") }
      strings.append(string)
    }
    return strings
  }

  package func bytesList(_ name: String) throws(JSONError) -> [Bytes] {
    var list: [Bytes] = []
    for item in try items(name) { list.append(try Bytes(json: item, path: child(name))) }
    return list
  }

  package func record(_ name: String) throws(JSONError) -> RecordReader {
    guard let value = value(name) else { throw mismatch(name, "an object") }
    return try RecordReader(value, path: child(name))
  }

  package func optionalRecord(_ name: String) throws(JSONError) -> RecordReader? {
    has(name) ? try record(name) : nil
  }

  package func records(_ name: String) throws(JSONError) -> [RecordReader] {
    var records: [RecordReader] = []
    for item in try items(name) {
      records.append(try RecordReader(item, path: child(name)))
    }
    return records
  }

  /// Names to strings.
  package func table(_ name: String) throws(JSONError) -> [String: String] {
    guard let object = value(name)?.object else { throw mismatch(name, "an object") }
    var table: [String: String] = [:]
    for member in object.members {
      guard let text = member.value.string else { throw mismatch(name, "strings") }
      table[member.name] = text
    }
    return table
  }

  /// The name and content of the one member that an enumeration's case is.
  package func onlyCase() throws(JSONError) -> (name: String, content: RecordReader) {
    guard object.members.count == 1, let only = object.members.first else {
      throw JSONError.mismatch(path: path, expected: "one case")
    }
    return (only.name, try RecordReader(only.value, path: child(only.name)))
  }

  package func mismatch(_ name: String, _ expected: String) -> JSONError {
    JSONError.mismatch(path: child(name), expected: expected)
  }

  private func child(_ name: String) -> String { path.isEmpty ? name : path + "." + name }

  /// A null is as good as nothing.
  private func value(_ name: String) -> JSONValue? {
    guard let value = object[name] else { return nil }
    if case .null = value { return nil }
    return value
  }
}

extension Bytes {
  /// The form that `Codable` writes: a string, or `{"hex": "…"}`.
  package init(json: JSONValue, path: String) throws(JSONError) {
    if let text = json.string {
      self.init(text)
      return
    }
    let digits = Array(try RecordReader(json, path: path).string("hex").utf8)
    var decoded: [UInt8] = []
    for index in stride(from: 0, to: digits.count - 1, by: 2) {
      guard let high = hexadecimal(digits[index]), let low = hexadecimal(digits[index + 1]) else {
        throw JSONError.mismatch(path: path, expected: "hexadecimal digits")
      }
      decoded.append(high << 4 | low)
    }
    self.init(decoded)
  }

  package var json: JSONValue {
    if let text = String(validating: raw, as: UTF8.self) { return .string(text) }
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in raw { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
    var object = JSONObject()
    object.append("hex", .string(String(decoding: text, as: UTF8.self)))
    return .object(object)
  }
}

private func hexadecimal(_ digit: UInt8) -> UInt8? {
  switch digit {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
  default: nil
  }
}
