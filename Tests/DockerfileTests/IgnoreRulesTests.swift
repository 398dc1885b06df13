// `.dockerignore`: what it leaves out, what it brings back, and that a walk may skip folders.

import Diagnostics
import Dockerfile
import Testing

@Suite("Ignore rules leave out of a build's context what docker leaves out")
struct IgnoreRulesTests {
  struct Row: CustomTestStringConvertible {
    let rules: [String]
    let path: String
    let isExcluded: Bool
    var testDescription: String { "\(rules) \(path)" }

    init(_ rules: [String], _ path: String, _ isExcluded: Bool) {
      self.rules = rules
      self.path = path
      self.isExcluded = isExcluded
    }
  }

  @Test(
    "what one rule covers",
    arguments: [
      Row(["docs"], "docs", true), Row(["docs"], "docs/a/b", true), Row(["docs"], "doc", false),
      Row(["docs"], "docs2", false), Row(["docs"], "a/docs", false), Row(["*"], "a", true),
      Row(["*"], "a/b/c", true), Row(["*.go"], "a.go", true), Row(["*.go"], "a/b.go", false),
      Row(["**/*.go"], "a/b.go", true), Row(["*/temp*"], "a/temporary.txt", true),
      Row(["*/temp*"], "a/b/temporary.txt", false), Row(["*/*/temp*"], "a/b/temp", true),
      Row(["temp?"], "tempa/x", true), Row(["temp?"], "temp", false), Row(["**"], "a/b", true),
      Row(["a/**"], "a", false), Row(["a/**"], "a/b", true), Row(["*"], "", false),
      Row(["**"], ".", false), Row([".*"], ".git/config", true), Row(["."], "a", false),
      Row(["/"], "a", false), Row([".."], "a", false), Row([], "a", false),
      Row(["**/node_modules"], "a/node_modules/b/c", true), Row(["a*/b"], "ax/b/c", true),
    ])
  func one(row: Row) throws { try check(row) }

  @Test(
    "how a rule is read",
    arguments: [
      Row(["/docs"], "docs/x", true), Row(["docs/"], "docs/x", true), Row(["./docs"], "docs", true),
      Row(["a//b"], "a/b", true), Row(["a/../b"], "b", true), Row(["a/./b"], "a/b", true),
      Row(["  docs \t"], "docs", true), Row(["#docs"], "docs", false),
      Row(["#docs"], "#docs", false),
      Row([" #docs"], "#docs", true), Row(["\\#docs"], "#docs", true), Row([""], "a", false),
      Row(["\u{FEFF}docs"], "docs", true), Row(["\u{FEFF}#docs"], "#docs", false),
      Row(["x", "\u{FEFF}docs"], "docs", false), Row(["docs\r"], "docs", true),
      Row(["*", "! /docs/a"], "docs/a", false), Row(["*", "  !docs"], "docs", false),
      Row(["*", "!!x"], "!x", false), Row([#"\!x"#], "!x", true), Row(["/../a"], "a", true),
      Row(["a b"], "a b", true), Row(["a\\ b"], "a b", true), Row(["///a"], "a", true),
    ])
  func reading(row: Row) throws { try check(row) }

  @Test(
    "the last rule that matches decides",
    arguments: [
      Row(["!a.go", "*.go"], "a.go", true), Row(["*.go", "!a.go"], "a.go", false),
      Row(["docs", "!docs/README.md"], "docs/README.md", false),
      Row(["docs", "!docs/README.md"], "docs/a.md", true),
      Row(["docs/", "!docs/README.md"], "docs/README.md", false),
      Row(["docs/*", "!docs/README.md"], "docs/README.md", false),
      Row(["docs/*", "!docs/README.md"], "docs", false),
      Row(["**", "!util/docker/web"], "util/docker/web/foo", false),
      Row(["**", "!util/docker/web"], "util/docker", true),
      Row(["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", true),
      Row(["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/bar", false),
      Row(["*.md", "!README*.md", "README-secret.md"], "README-secret.md", true),
      Row(["*.md", "!README*.md", "README-secret.md"], "README-a.md", false),
      Row(["*.md", "README-secret.md", "!README*.md"], "README-secret.md", false),
      Row(["*", "!src", "src/**/*.o"], "src/a/b.o", true), Row(["*", "!src"], "src/a/b.o", false),
      Row(["*", "!src", "!**/*.h"], "lib/x.h", false), Row(["a/b", "!a"], "a/b", false),
      Row(["a", "!a/b", "a/b/c"], "a/b/c/d", true), Row(["a", "!a/b", "a/b/c"], "a/b/d", false),
      Row(["!a"], "a", false), Row(["**", "!dist/*.whl"], "dist/p+g0.whl", false),
    ])
  func lastDecides(row: Row) throws { try check(row) }

  private func check(_ row: Row) throws {
    let lines = row.rules.map(bytes)
    let path = bytes(row.path)
    let rules = try IgnoreRules(lines: lines)
    #expect(rules.excludes(path) == row.isExcluded)
    #expect(rules.verdict(on: path) == walked(rules, path))
    let text = Array(lines.joined(separator: bytes("\n")))
    #expect(try IgnoreRules(text: text, file: ".dockerignore").excludes(path) == row.isExcluded)
  }

  /// The verdict as a walk comes to it, from folder to folder.
  private func walked(_ rules: IgnoreRules, _ path: [UInt8]) -> IgnoreRules.Verdict {
    var verdict = IgnoreRules.Verdict.root
    guard path != bytes("."), !path.isEmpty else { return verdict }
    for index in path.indices where path[index] == UInt8(ascii: "/") {
      verdict = rules.verdict(on: Array(path[..<index]), within: verdict)
    }
    return rules.verdict(on: path, within: verdict)
  }

  @Test(
    "a folder that is left out is entered only where an exception can match below it",
    arguments: [
      Row(["docs"], "docs", false), Row(["docs"], "src", true), Row(["docs"], "", true),
      Row(["docs", "!docs/a"], "docs", true), Row(["docs", "!docs/a"], "docs/b", false),
      Row(["docs", "!docs/a"], "docs/a", true), Row(["!docs/a", "docs"], "docs", false),
      Row(["*", "!src/**/*.h"], "src/x/y", true), Row(["*", "!src/**/*.h"], "lib", false),
      Row(["*", "!**/*.h"], "lib/x", true), Row(["*", "!*/keep"], "a", true),
      Row(["*", "!*/keep"], "a/b", false), Row(["*", "!a?c/x"], "abc", true),
      Row(["*", "!a?c/x"], "abd", false), Row(["*", "!a", "a/b"], "a/b", false),
      Row(["*", "!a", "a/b"], "a", true), Row(["node_modules", "!src"], "node_modules", false),
      Row(["*", "!a"], "a/b/c", true),
    ])
  func entering(row: Row) throws {
    let rules = try IgnoreRules(lines: row.rules.map(bytes))
    #expect(rules.mayInclude(below: bytes(row.path)) == row.isExcluded)
  }

  @Test("rules given one by one know no comments")
  func patterns() throws {
    let rules = try IgnoreRules(patterns: ["#x", "*.o", "!keep.o", "", " "].map(bytes))
    #expect(rules.excludes(bytes("#x")))
    #expect(rules.excludes(bytes("a.o")))
    #expect(!rules.excludes(bytes("keep.o")))
    #expect(rules.hasExceptions)
    #expect(try IgnoreRules(patterns: [bytes(" ")]).isEmpty)
  }

  @Test("a file's faults come all at once, each with its place")
  func faults() throws {
    let text = "a\n  [b\n# [c\n!\n\t!é[]\r\n\\\nok"
    let faults = #expect(throws: Faults.self) {
      try IgnoreRules(text: bytes(text), file: "app/.dockerignore")
    }
    let diagnostics = faults?.diagnostics ?? []
    #expect(
      diagnostics.map(\.summary) == [
        "`[b` is not a pattern: its `[` is not closed",
        "`!` is not a pattern: nothing follows its `!`",
        "`!é[]` is not a pattern: its `[]` is empty",
        "`\\` is not a pattern: nothing follows its `\\`",
      ])
    #expect(diagnostics.map { $0.span?.line } == [2, 4, 5, 6])
    #expect(diagnostics.map { $0.span?.column } == [3, 1, 2, 1])
    #expect(diagnostics.map { $0.span?.length } == [2, 1, 4, 1])
    #expect(diagnostics.first?.excerpt == "  [b")
    #expect(diagnostics.first?.hint == "write `\\[` for the character `[`")
    #expect(diagnostics.first?.span?.file == "app/.dockerignore")
  }

  @Test("a fault among lines names the line")
  func lineFault() {
    #expect(throws: IgnoreFault.self) { try IgnoreRules(lines: [bytes("a"), bytes("[")]) }
    do throws(IgnoreFault) {
      _ = try IgnoreRules(lines: [bytes("a"), bytes("[")])
    } catch {
      #expect(error.index == 1)
      #expect(error.diagnostics.first?.summary == "`[` is not a pattern: its `[` is not closed")
    }
  }

  @Test("on five thousand made-up trees a walk that skips folders finds what single questions find")
  func walksAgree() throws {
    var dice = Dice(seed: 42)
    var skipped = 0
    var broughtBack = 0
    for _ in 0..<5_000 {
      let lines = (0..<dice.below(6)).map { _ in madeUpRule(&dice) }
      let rules = try IgnoreRules(lines: lines)
      let paths = Set((0..<12).map { _ in madeUpPath(&dice) })
      let wanted = paths.filter { !rules.excludes($0) }
      var found: Set<[UInt8]> = []
      for path in paths {
        switch walk(rules, path) {
        case .included: found.insert(path)
        case .skipped: skipped += 1
        case .excluded: break
        }
      }
      broughtBack += rules.hasExceptions ? found.count : 0
      #expect(found == wanted, "\(lines.map { String(decoding: $0, as: UTF8.self) })")
    }
    #expect(skipped > 1_000 && broughtBack > 1_000)
  }

  private enum Outcome { case included, excluded, skipped }

  private func walk(_ rules: IgnoreRules, _ path: [UInt8]) -> Outcome {
    var verdict = IgnoreRules.Verdict.root
    for index in path.indices where path[index] == UInt8(ascii: "/") {
      let folder = Array(path[..<index])
      verdict = rules.verdict(on: folder, within: verdict)
      if !rules.mayInclude(below: folder, verdict) { return .skipped }
    }
    return rules.verdict(on: path, within: verdict).isExcluded ? .excluded : .included
  }

  private func madeUpRule(_ dice: inout Dice) -> [UInt8] {
    let names = ["a", "b", "ab", "*", "**", "a*", "?", "*b", "[ab]", "a**", "**b"]
    let path = (0...dice.below(3)).map { _ in dice.pick(names) }.joined(separator: "/")
    return bytes(dice.pick(["", "", "!"]) + path)
  }

  private func madeUpPath(_ dice: inout Dice) -> [UInt8] {
    let names = ["a", "b", "ab", "ba", "c"]
    return bytes((0...dice.below(4)).map { _ in dice.pick(names) }.joined(separator: "/"))
  }
}
