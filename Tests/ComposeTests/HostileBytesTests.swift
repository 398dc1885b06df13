// Bytes that are no text, in compose files and in env files; env files that grow.

@testable import Compose
import Diagnostics
import Testing

@Suite("bytes that are no text are refused where they stand")
struct HostileBytesTests {
  static let bytes: [(label: String, bytes: [UInt8])] = [
    ("a lone continuation", [0x80]), ("an open pair", [0xC3]), ("an overlong slash", [0xC0, 0xAF]),
    ("half of a surrogate pair", [0xED, 0xA0, 0x80]), ("beyond Unicode", [0xF4, 0x90, 0x80, 0x80]),
    ("no byte of UTF-8", [0xFF]), ("NUL", [0x00]), ("a bell", [0x07]), ("delete", [0x7F]),
    ("a C1 control", [0xC2, 0x80]),
  ]

  /// Where they stand; the place is right behind what is before them.
  static let places: [(label: String, before: String, after: String)] = [
    ("a value", "services: {a: {image: b, user: x", "}}\n"),
    ("a quoted value", "services: {a: {image: b, user: \"x", "\"}}\n"),
    ("a key", "services: {a: {image: b, labels: {k", ": v}}}\n"),
    ("a name", "services: {a", ": {image: b}}\n"), ("a comment", "services: {} # é", "\n"),
    ("a block", "services:\n  a:\n    image: b\n    user: |\n      x", "\n"),
    ("a tag", "x-a: !t", " v\n"), ("an anchor", "x-a: &n", " v\n"),
    ("the end", "services: {a: {image: b}}\n", ""),
  ]

  @Test("in a compose file", arguments: bytes.indices)
  func composeFile(index: Int) {
    let row = Self.bytes[index]
    for place in Self.places {
      let label = "\(row.label) in \(place.label)"
      let folder = HostileFolder([
        "compose.yaml": Array(place.before.utf8) + row.bytes + Array(place.after.utf8)
      ])
      let span = outcome(folder, label).diagnostics.first?.span
      let lines = place.before.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(span?.line == lines.count, "\(label)")
      #expect(span?.column == (lines.last?.unicodeScalars.count ?? 0) + 1, "\(label)")
    }
  }

  static let envFiles: [(label: String, bytes: [UInt8], line: Int, fault: String?)] = [
    ("bytes in a value", Array("K=".utf8) + [0xFF, 0xFE], 0, nil),
    ("bytes in a name", [0xFF] + Array("=v".utf8), 0, nil),
    ("a NUL in a name", [0x4B, 0x00, 0x3D, 0x76], 1, "unexpected character"),
    ("a quote that stays open", Array("A=1\nK='v\n\n".utf8), 2, "a quote is not closed"),
    ("a name with a space", Array("A=1\n\nA B=1".utf8), 3, "variable `A B` has a space"),
    ("no name", Array("=v".utf8), 1, "a variable has no name"),
    ("lone CRs", Array("A=1\rB=2\r".utf8), 0, nil),
    ("a mark in the middle", Array("A=1\n\u{FEFF}B=2".utf8), 0, nil),
    ("an open variable", Array("A=${".utf8), 1, "invalid variable"),
    (
      "nested variables",
      Array(
        ("A=" + String(repeating: "${U:-", count: 99) + String(repeating: "}", count: 99)).utf8),
      1, "invalid variable"
    ),
    (
      "variables that double",
      Array(
        ("A0=" + String(repeating: "x", count: 99) + "\n"
          + (1..<40).map { "A\($0)=$A\($0 - 1)$A\($0 - 1)\n" }.joined()).utf8),
      15, "invalid variable"
    ),
    (
      "variables that spread",
      Array(
        ("L=" + String(repeating: "x", count: 400_000) + "\n"
          + (1..<100).map { "B\($0)=$L\n" }.joined()).utf8),
      43, "variables put more than 16777216 bytes into each other"
    ),
    (
      "10 000 quotes", Array((0..<10_000).map { "A\($0)=\"x\"\n" }.joined().utf8) + [0x3D],
      10001, "a variable has no name"
    ),
  ]

  @Test("in an env file", .timeLimit(.minutes(1)), arguments: envFiles.indices)
  func envFile(index: Int) {
    let row = Self.envFiles[index]
    let text = "services:\n  a:\n    image: b\n    env_file: [a.env]\n"
    let named = outcome(
      HostileFolder(["compose.yaml": Array(text.utf8), "a.env": row.bytes]), row.label)
    let implied = outcome(
      HostileFolder(["compose.yaml": Array("services: {a: {image: b}}".utf8), ".env": row.bytes]),
      row.label)
    for (outcome, file) in [(named, "a.env"), (implied, ".env")] {
      if let fault = row.fault {
        #expect(outcome.description.contains(fault), "\(row.label): \(outcome)")
        let place = outcome.diagnostics.first?.span
        #expect(place?.file == file && place?.line == row.line, "\(row.label): \(file)")
      } else {
        #expect(outcome.project != nil, "\(row.label): \(outcome)")
      }
    }
  }

  @Test("values and variables that multiply are bounded over the whole load")
  func spreading() {
    let long = "L=" + String(repeating: "x", count: 400_000) + "\n"
    let users = (0..<60).map { "  s\($0): {image: b, user: $L}\n" }.joined()
    let spread = outcome(
      HostileFolder(["compose.yaml": Array("services:\n\(users)".utf8), ".env": Array(long.utf8)]),
      "values")
    #expect(spread.description == "variables put more than 16777216 bytes into the values")

    let many = (0..<3_000).map { "A\($0)=x\n" }.joined()
    let takers = (0..<100).map { "  s\($0): {image: b, env_file: a.env}\n" }.joined()
    let taken = outcome(
      HostileFolder(["compose.yaml": Array("services:\n\(takers)".utf8), "a.env": Array(many.utf8)]
      ),
      "variables")
    #expect(taken.description == "services take more than 250000 variables from env files")

    let large = "x-a: " + String(repeating: "x", count: 3 << 20) + "\n"
    let includes = outcome(
      HostileFolder([
        "compose.yaml": Array("include: [b, b, b, b, b, b, b, b, b]\n".utf8),
        "b": Array(large.utf8),
      ]), "files")
    #expect(includes.description == "the files hold more than 20971520 bytes together")
  }
}
