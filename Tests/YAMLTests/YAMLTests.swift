// YAML: trees, places and bounds.

import Testing
import YAML

/// A tree as one line: `{a: [1, "x"]}`; quoted scalars stand in quotes, tags before their value.
private func outline(_ node: YAMLNode) -> String {
  let tag = node.tag == .reset ? "!reset " : node.tag == .override ? "!override " : ""
  switch node.content {
  case .scalar(let scalar): return tag + (scalar.isPlain ? scalar.text : "\"\(scalar.text)\"")
  case .sequence(let items): return tag + "[" + items.map(outline).joined(separator: ", ") + "]"
  case .mapping(let entries):
    return tag + "{"
      + entries.map { "\($0.key.text): \(outline($0.value))" }.joined(separator: ", ") + "}"
  }
}

/// The documents of a text that has no faults; else its last fault, which is the one that ends it.
private func readWhole(_ bytes: [UInt8]) throws -> [YAMLNode] {
  let text = readYAML(bytes)
  if let fault = text.faults.last { throw fault }
  #expect(text.isWhole)
  return text.documents
}

@Suite("YAML becomes trees with places")
struct YAMLTests {
  @Test(
    "a text and its tree",
    arguments: [
      ("a: 1\nb: [x, 'y']\n", "{a: 1, b: [x, \"y\"]}"),
      ("a: &x {k: v}\nb: *x\n", "{a: {k: v}, b: {k: v}}"),
      ("a: &x {k: v, l: w}\nb: {<<: *x, k: own}\n", "{a: {k: v, l: w}, b: {k: own, l: w}}"),
      (
        "a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y]}\n",
        "{a: {k: 1}, b: {k: 2, m: 3}, c: {k: 1, m: 3}}"
      ),
      ("a: !reset null\nb: !override [1]\n", "{a: !reset null, b: !override [1]}"),
      ("a: !!str 5\n", "{a: \"5\"}"),
      ("\u{FEFF}a: 1\r\nb: 2\r\n", "{a: 1, b: 2}"),
      ("a:\n", "{a: }"),
    ])
  func trees(text: String, expected: String) throws {
    #expect(try readWhole(Array(text.utf8)).map(outline) == [expected])
  }

  @Test("several documents, and none")
  func documents() throws {
    #expect(try readWhole(Array("a: 1\n---\nb: 2\n".utf8)).map(outline) == ["{a: 1}", "{b: 2}"])
    #expect(try readWhole([]).isEmpty)
    #expect(try readWhole(Array("# nothing\n".utf8)).isEmpty)
  }

  @Test("columns count characters as an editor does")
  func columns() throws {
    let root = try #require(try readWhole(Array("ключ: значение # x\n".utf8)).first)
    guard case .mapping(let entries) = root.content else { throw Stop() }
    #expect(entries[0].keyStart == YAMLMark(line: 1, column: 1))
    #expect(entries[0].keyEnd == YAMLMark(line: 1, column: 5))
    #expect(entries[0].value.start == YAMLMark(line: 1, column: 7))
  }

  @Test("a value that the end of the text leaves out is in its last line")
  func missingValue() throws {
    let root = try #require(try readWhole(Array("? a\n b".utf8)).first)
    guard case .mapping(let entries) = root.content else { throw Stop() }
    #expect(entries[0].value.start == YAMLMark(line: 2, column: 3))
  }

  private struct Stop: Error {}

  @Test(
    "refused, with the place",
    arguments: [
      ("a: 1\na: 2\n", "key `a` is already defined at line 1", 2, 1),
      ("a: [1\n", "a list in `[ ]` does not end here", 2, 1),
      ("a: *x\n", "unknown anchor `x`", 1, 4),
      ("a: &x [*x]\n", "anchor `x` contains itself", 1, 8),
      ("a: &x {b: *x}\n", "anchor `x` contains itself", 1, 11),
      ("a: {<<: 5}\n", "`<<` takes a mapping or a list of them", 1, 5),
      ("? [a]\n: b\n", "a key must be a name, not a list or a mapping", 1, 3),
      ("a: \tb\n\tc: d\n", "a tab indents the line", 2, 1),
      ("a: x: y\n", "a `:` stands where no key can be", 1, 5),
      ("a: @b\n", "no text can begin with `@`", 1, 4),
      ("a:\n\tb: 1\n", "a tab stands where only spaces can be", 2, 1),
      ("a: 'x\nb: y\n", "a quote is not closed", 1, 4),
      ("a: 1\nb\nc: 2\n", "a key has no `:` behind it", 2, 1),
      ("a: &b {c: 1}\nd: {<<: *b, <<: *b}\n", "key `<<` is already defined at line 2", 2, 13),
      ("a: \u{0}\n", "control characters are not allowed", 1, 4),
    ])
  func refused(text: String, summary: String, line: Int32, column: Int32) {
    let fault = #expect(throws: YAMLFault.self) { try readWhole(Array(text.utf8)) }
    #expect(fault?.summary == summary)
    #expect(fault?.mark == YAMLMark(line: line, column: column))
  }

  @Test("what leaves the rest readable is told with the rest")
  func several() {
    let text = readYAML(Array("a: 1\na: 2\nb: *x\nc: {<<: 5}\n? [k]\n: v\nd: 6\n".utf8))
    #expect(text.isWhole)
    #expect(text.faults.map(\.kind) == [.duplicateKey, .alias, .merge, .syntax])
    #expect(text.documents.map(outline) == ["{a: 1, b: , c: {}, d: 6}"])
    let broken = readYAML(Array("a: 1\na: 2\n---\nb: [1\n".utf8))
    #expect(!broken.isWhole)
    #expect(broken.faults.map(\.kind) == [.duplicateKey, .syntax])
    #expect(broken.documents.map(outline) == ["{a: 1}"])
  }

  @Test("an unknown anchor is told with the nearest one")
  func anchors() {
    let text = readYAML(Array("x: &base {}\ny: *bse\n".utf8))
    #expect(text.faults.first?.hint == "did you mean `*base`?")
  }

  @Test("bytes that are no UTF-8 are refused at their place")
  func invalidBytes() {
    let fault = #expect(throws: YAMLFault.self) {
      try readWhole(Array("a: 1\nb: ".utf8) + [0xFF, 0xFE, 0x0A])
    }
    #expect(fault?.mark == YAMLMark(line: 2, column: 4))
  }

  @Test(
    "places count every kind of line end, and no byte order mark",
    arguments: [
      ("a: 1\rb: \u{1}\n", 2, 4), ("a: 1\r\nb: \u{1}\n", 2, 4), ("a: 1\u{85}b: \u{1}\n", 2, 4),
      ("a: 1\u{2028}é: \u{1}\n", 2, 4), ("\u{FEFF}a: \u{1}\n", 1, 4), ("é: 1\n\nb: \u{1}", 3, 4),
      ("a: 1\rb: *x\n", 2, 4), ("a: |\n x\nb  ", 3, 1), ("a: [1", 1, 6),
    ])
  func lineEnds(text: String, line: Int32, column: Int32) {
    let fault = #expect(throws: YAMLFault.self) { try readWhole(Array(text.utf8)) }
    #expect(fault?.mark == YAMLMark(line: line, column: column))
  }

  @Test("equal keys are found in large mappings, and twins of another encoding are different keys")
  func largeMappings() throws {
    let many = (0..<500).map { "k\($0): \($0)\n" }.joined()
    #expect(throws: YAMLFault.self) { try readWhole(Array((many + "k77: 1\n").utf8)) }
    #expect(try readWhole(Array("caf\u{E9}: 1\ncafe\u{301}: 2\n".utf8)).count == 1)
  }
}

@Suite("YAML bombs end early, with a place")
struct YAMLBombTests {
  static let bombs: [(name: String, text: String)] = [
    ("100 000 nested lists", String(repeating: "[", count: 100_000)),
    ("100 000 nested mappings", String(repeating: "{a: ", count: 100_000)),
    ("deep block lists", String(repeating: "- ", count: 100_000)),
    ("billion laughs", laughs(width: 10, depth: 12)),
    ("wide laughs", laughs(width: 200, depth: 6)),
    (
      "quadratic aliases",
      "a: &a " + String(repeating: "x", count: 100_000) + "\nb: ["
        + String(repeating: "*a,", count: 100_000) + "]"
    ),
    ("merge fan-out", mergeFan()),
    ("too many values", "[" + String(repeating: "1,", count: 300_000) + "]"),
    ("too many documents", String(repeating: "---\na: 1\n", count: 300)),
    ("aliases that deepen each other", deepening(levels: 3, depth: 60)),
    ("anchor to itself", "a: &a\n  b: &b\n    c: *a\n"),
  ]

  static func laughs(width: Int, depth: Int) -> String {
    var text = "a0: &a0 [x]\n"
    for level in 1...depth {
      let items = Array(repeating: "*a\(level - 1)", count: width).joined(separator: ",")
      text += "a\(level): &a\(level) [\(items)]\n"
    }
    return text
  }

  static func deepening(levels: Int, depth: Int) -> String {
    let (open, close) = (
      String(repeating: "[", count: depth), String(repeating: "]", count: depth)
    )
    return "a0: &a0 \(open)\(close)\n"
      + (1..<levels).map { "a\($0): &a\($0) \(open)*a\($0 - 1)\(close)\n" }.joined()
  }

  @Test("aliases nest as deep as a text may")
  func nestingAliases() throws {
    #expect(try readWhole(Array(Self.deepening(levels: 2, depth: 60).utf8)).count == 1)
    #expect(throws: YAMLFault.self) {
      try readWhole(Array(Self.deepening(levels: 2, depth: 64).utf8))
    }
  }

  static func mergeFan() -> String {
    let keys = (0..<2_000).map { "key\($0): 1" }.joined(separator: ", ")
    return "a: &a {\(keys)}\n" + (0..<2_000).map { "b\($0): {<<: *a}\n" }.joined()
  }

  @Test("each bomb", .timeLimit(.minutes(1)), arguments: bombs.indices)
  func bomb(index: Int) {
    let clock = ContinuousClock()
    let start = clock.now
    let fault = #expect(throws: YAMLFault.self, "\(Self.bombs[index].name)") {
      try readWhole(Array(Self.bombs[index].text.utf8))
    }
    #expect((fault?.mark.line ?? 0) >= 1)
    #expect(clock.now - start < .seconds(10), "\(Self.bombs[index].name)")
  }
}
