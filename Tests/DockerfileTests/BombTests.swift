// Dockerfiles that are made to cost much (S-51): each ends in a fault or a value, none traps.

import Diagnostics
import Testing

@testable import Dockerfile

struct Bomb: Sendable, CustomTestStringConvertible {
  var name: String
  /// How often the piece is repeated so that a file of some size comes about.
  var text: @Sendable (Int) -> String
  /// What the first fault says; nil where the file is accepted.
  var fault: String?

  var testDescription: String { name }

  init(_ name: String, _ fault: String? = nil, _ text: @escaping @Sendable (Int) -> String) {
    self.name = name
    self.fault = fault
    self.text = text
  }
}

func times(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

let bombs: [Bomb] = [
  Bomb("blank lines", "file with no instructions") { times("\n", $0) },
  Bomb("comments", "file with no instructions") { times("#\n", $0) },
  Bomb("directives", "only one `escape` parser directive can be used") {
    times("#escape=`\n", $0)
  },
  Bomb("a long directive", "the frontend `x") { "#syntax=" + times("x", $0) + "\nFROM a" },
  Bomb("checks") { "#check=skip=" + times("a,", $0) + "\nFROM a" },
  Bomb("continued lines") { "FROM a\nRUN " + times("x\\\n", $0) },
  Bomb("continued blank lines") { "FROM a\nRUN x\\\n" + times("\n", $0) + "y" },
  Bomb("continued comments") { "FROM a\nRUN x\\\n" + times("#\n", $0) + "y" },
  Bomb("escapes", "file with no instructions") { times("\\\n", $0) },
  Bomb("escapes in one line", "unknown instruction: \\\\") { times("\\", $0) },
  Bomb("unknown names", "unknown instruction: x") { "FROM a\n" + times("x\n", $0) },
  Bomb("a long name", "unknown instruction: xxx") { "FROM a\n" + times("x", $0) },
  Bomb("stages") { times("FROM a\n", $0) },
  Bomb("stages of stages") { count in
    (0..<count / 16).map { "FROM s\($0) AS s\($0 + 1)\n" }.joined()
  },
  Bomb("words of FROM", "`FROM` requires either one or three arguments") {
    "FROM " + times("a ", $0)
  },
  Bomb("global arguments", "the Dockerfile contains no stages to build") {
    "ARG " + times("a=b ", $0)
  },
  Bomb("pairs") { "FROM a\nENV " + times("a=b ", $0) },
  Bomb("pairs with a fault each", "a `${` has no `}`") { "FROM a\nENV " + times("a=${ ", $0) },
  Bomb("pairs of other letters") { "FROM a\nENV " + times("é=é ", $0) },
  Bomb("variables") { "FROM a\nENV a=" + times("$a", $0) },
  Bomb("defaults in defaults", "variables stand more than 64 levels deep in each other") {
    "FROM a\nENV a=" + times("${a:-", $0) + times("}", $0)
  },
  Bomb("defaults that are not closed", "variables stand more than 64 levels deep") {
    "FROM a\nENV a=" + times("${a:-", $0)
  },
  Bomb("defaults beside each other") {
    "FROM a\nENV a=" + times("${a:-${b:-c}}", $0)
  },
  Bomb("arguments of many names") { count in
    "FROM a\n" + (0..<count).map { "ARG a\($0)\n" }.joined()
  },
  Bomb("variables of many names that are not set") { count in
    "FROM scratch\n" + (0..<count).map { "ARG a\($0)\nENV x\($0)=$other\($0)\n" }.joined()
  },
  Bomb("names of an image that is not known") { count in
    "FROM a\n" + (0..<count).map { "ARG abcdefgh\($0)\nENV x\($0)=$abcdefgx\($0)\n" }.joined()
  },
  Bomb("many variables in one word") { count in
    "FROM scratch\nENV x=" + (0..<count).map { "$abc\($0)" }.joined()
  },
  Bomb("arguments of FROM that are not declared") { count in
    (0..<count).map { "ARG a\($0)\n" }.joined()
      + (0..<count).map { "FROM b:$other\($0)\n" }.joined()
  },
  Bomb("stages of many names") { count in
    (0..<count).map { "FROM a AS s\($0)\n" }.joined()
  },
  Bomb("stages that hand on more and more") { count in
    "FROM scratch AS s0\n"
      + (0..<count).map { "FROM s\($0) AS s\($0 + 1)\nARG a\($0)\nENV y=$no\($0)\n" }.joined()
  },
  Bomb("values of values") { count in
    "FROM scratch\nENV a=" + times("x", count)
      + "\n" + (0..<count).map { "ENV b\($0)=$a$a\n" }.joined()
  },
  Bomb("patterns") { "FROM a\nENV a=" + times("${a/*/b}", $0) },
  Bomb("quotes", "a double quote is not closed") { "FROM a\nENV a=" + times("\"", $0 * 2 + 1) },
  Bomb("empty quotes") { "FROM a\nENV a=" + times("''", $0) },
  Bomb("a long number", "invalid duration `1") {
    "FROM a\nHEALTHCHECK --interval=" + times("1", $0) + "s CMD a"
  },
  Bomb("units") {
    "FROM a\nHEALTHCHECK --interval=" + times("1h", $0) + " CMD a"
  },
  Bomb("flags", "unknown flag: `--x`") { "FROM a\nRUN " + times("--x ", $0) + "a" },
  Bomb("excludes") { "FROM a\nCOPY " + times("--exclude=a ", $0) + "a b" },
  Bomb("mounts") { "FROM a\nRUN " + times("--mount=from=a,target=/b ", $0 / 4) + "a" },
  Bomb("fields") { "FROM a\nRUN --mount=" + times("target=/a,", $0 / 4) + "target=/b a" },
  Bomb("faulty mounts", "unexpected key `a` in `a=b`") {
    "FROM a\nRUN " + times("--mount=a=b ", $0) + "a"
  },
  Bomb("JSON in JSON") { "FROM a\nCMD " + times("[", $0) },
  Bomb("strings of JSON") { "FROM a\nCMD [" + times("\"a\",", $0) + "\"b\"]" },
  Bomb("volumes of JSON") { "FROM a\nVOLUME [" + times("\"a\",", $0) + "\"b\"]" },
  Bomb("documents without end", "unterminated heredoc: no line below says `A` alone") {
    "FROM a\nRUN " + times("<<A ", $0) + "\nb"
  },
  Bomb("documents in one line") {
    "FROM a\nCOPY " + times("<<A ", $0) + "/b/\n" + times("A\n", $0)
  },
  Bomb("documents one by one") { "FROM a\n" + times("RUN <<A\nb\nA\n", $0 / 4) },
  Bomb("a long document") { "FROM a\nRUN <<A\n" + times("a\n", $0) + "A" },
  Bomb("tabs of a document") { "FROM a\nRUN <<-A\n" + times("\t", $0) + "A" },
  Bomb("a document's name") { "FROM a\nRUN <<" + times("A", $0) + "\n" + times("A", $0) },
  Bomb("signs of documents") { "FROM a\nRUN " + times("<< ", $0) },
  Bomb("triggers", "chaining `ONBUILD` via `ONBUILD ONBUILD` isn't allowed") {
    "FROM a\n" + times("ONBUILD ", $0) + "RUN a"
  },
  Bomb("one trigger after another") { "FROM a\n" + times("ONBUILD RUN a\n", $0 / 4) },
  Bomb("a file that is too large", "the Dockerfile has 4194305 bytes") { _ in
    times("#", (4 << 20) + 1)
  },
]

@Suite("Dockerfiles that are made to cost much are read or refused")
struct BombTests {
  @Test("each", .timeLimit(.minutes(1)), arguments: bombs)
  func each(_ bomb: Bomb) {
    do {
      let file = try parse(bomb.text(10_000))
      #expect(bomb.fault == nil && !file.stages.isEmpty)
    } catch let faults as Faults {
      let first = faults.diagnostics.first
      #expect(bomb.fault.map { first?.summary.hasPrefix($0) == true } == true, "\(faults)")
      #expect(first?.span != nil && faults.diagnostics.count <= 100)
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test("what is told first is told, however much there is to tell", .timeLimit(.minutes(1)))
  func first() throws {
    let text =
      "FROM scratch\n"
      + (0..<10_000).map { "ENV x\($0)=$a$b\nENV OLD\($0) x\nMAINTAINER m\n" }.joined()
    let warnings = try parse(text).warnings
    #expect(warnings.count == 100)
    #expect(
      warnings.map { $0.span?.line ?? 0 } == (0..<100).map { 2 + $0 / 4 * 3 + max($0 % 4 - 1, 0) })
  }

  @Test("the largest file is read")
  func largest() throws {
    let text = "FROM a\n" + times("#", (4 << 20) - 7)
    #expect(try parse(text).stages.count == 1)
  }

  @Test("at least as many as were promised")
  func count() { #expect(bombs.count >= 40) }
}
