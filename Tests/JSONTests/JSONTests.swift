// JSON: values read and written, order and bounds kept.

import JSON
import Testing

@Suite("JSON text becomes a value and back")
struct JSONTests {
  @Test(
    "accepted text is written back as it was",
    arguments: [
      "null", "true", "-0.5e10", "\"a\\u0001\\\"\"", "[1,2,[]]", "{\"b\":1,\"a\":{\"x\":[null]}}",
      "12345678901234567890123", "\"😀\"",
    ])
  func roundTrip(text: String) throws {
    #expect(try JSONValue(parsing: Array(text.utf8)).text() == text)
  }

  @Test(
    "refused text",
    arguments: [
      "", "01", "1.", "[1,]", "{\"a\":1,\"a\":2}", "\"\u{1}\"", "nul", "[1] 2", "\"\\ud800\"",
      "{a:1}",
    ])
  func refused(text: String) {
    #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
  }

  @Test("depth is bounded before the stack is")
  func depth() {
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
    #expect(throws: JSONError.tooDeep(limit: 64)) { try JSONValue(parsing: deep) }
    let four = JSONLimits(values: 4)
    let three = try? JSONValue(parsing: Array("[1,2,{}]".utf8), limits: four)
    #expect(three?.array?.count == 3)
    #expect(throws: JSONError.tooMany(limit: 4)) {
      try JSONValue(parsing: Array("[1,2,{},3]".utf8), limits: four)
    }
  }

  @Test("a surrogate pair is one scalar")
  func surrogates() throws {
    #expect(try JSONValue(parsing: Array("\"\\ud83d\\ude00\"".utf8)).string == "😀")
  }

  struct Inner: Codable, Equatable {
    var kind: Kind
    enum Kind: String, Codable { case one, two }
  }

  enum Choice: Codable, Equatable {
    case number(Int64)
    case named(name: String, flag: Bool)
    case bare
  }

  struct Record: Codable, Equatable {
    var name: String
    var inner: [Inner]
    var optional: Double?
    var missing: Int?
    var table: [String: UInt8]
    var choices: [Choice]
    var json: JSONValue
  }

  @Test("records survive encoding and decoding")
  func codable() throws {
    let record = Record(
      name: "a", inner: [Inner(kind: .two)], optional: 1.5, missing: nil, table: ["k": 255],
      choices: [.number(-3), .named(name: "x", flag: true), .bare], json: ["a": [1, "b"]])
    let value = try JSONValue(encoding: record)
    #expect(value["missing"] == nil)
    #expect(value["inner"]?.text() == "[{\"kind\":\"two\"}]")
    #expect(try JSONValue(parsing: value.bytes()).decode(Record.self) == record)
  }

  @Test("a wrong type names its place")
  func mismatch() throws {
    let value = try JSONValue(parsing: Array("{\"kind\":3}".utf8))
    #expect(throws: JSONError.mismatch(path: "kind", expected: "a string")) {
      try value.decode(Inner.self)
    }
  }
}
