// Patterns for paths: what matches, what is no pattern, which folders can hold matches.

import Diagnostics
import Dockerfile
import Testing

@Suite("Patterns for paths mean what Go's filepath.Match and docker's ignore files mean by them")
struct PathPatternTests {
  @Test(
    "a pattern of names",
    arguments: [
      ("abc", "abc", true), ("abc", "abcd", false), ("abc", "ab", false), ("", "", true),
      ("", "a", false), ("*", "abc", true), ("*", "", true), ("*", "a/b", false),
      ("*c", "abc", true), ("*c", "abcx", false), ("a*", "a", true), ("a*", "abc", true),
      ("a*", "ab/c", false), ("a*/b", "abc/b", true), ("a*/b", "a/c/b", false),
      ("a*b*c*d*e*/f", "axbxcxdxe/f", true), ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
      ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false), ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
      ("a*b?c*x", "abxbbxdbxebxczzx", true), ("a*b?c*x", "abxbbxdbxebxczzy", false),
      ("**", "abc", true), ("**", "a/b", false), ("a**/b", "ax/b", true),
      ("***/x", "a/x", true), ("*x", "xxx", true), ("a?b", "a/b", false), ("a?b", "axb", true),
      ("a?b", "ab", false), ("?", "", false), ("*/*", "a/b", true), ("*/*", "a/b/c", false),
      ("*/*", "a", false), ("src/*.c", "src/a.c", true), ("src/*.c", "src/x/a.c", false),
      ("*.tar.gz", "a.tar.gz", true), ("*.tar.gz", ".tar.gz", true), ("a*a", "a", false),
      ("ab*ba", "aba", false), ("ab*ba", "abba", true),
    ])
  func names(pattern: String, path: String, isMatch: Bool) throws {
    #expect(try PathPattern(bytes(pattern)).matches(bytes(path)) == isMatch)
  }

  @Test(
    "sets and escapes",
    arguments: [
      ("ab[c]", "abc", true), ("ab[b-d]", "abc", true), ("ab[e-g]", "abc", false),
      ("ab[^c]", "abc", false), ("ab[^b-d]", "abc", false), ("ab[^e-g]", "abc", true),
      ("[!a]", "!", true), ("[!a]", "b", false), ("a[x-zb-d0]e", "ace", true),
      ("a[x-zb-d0]e", "a0e", true), ("a[d-b]e", "ace", false), (#"a\*b"#, "a*b", true),
      (#"a\*b"#, "ab", false), (#"a\*b"#, "axb", false), (#"\a"#, "a", true),
      (#"a\\"#, #"a\"#, true), (#"[\]a]"#, "]", true), (#"[\-]"#, "-", true),
      (#"[x\-]"#, "x", true), (#"[x\-]"#, "-", true), (#"[x\-]"#, "z", false),
      (#"[\-x]"#, "x", true), (#"[\-x]"#, "a", false), (#"[\^a]"#, "^", true),
      ("[*]", "*", true), ("[*]", "a", false), ("[?]x", "?x", true), ("x[.]", "x.", true),
    ])
  func sets(pattern: String, path: String, isMatch: Bool) throws {
    #expect(try PathPattern(bytes(pattern)).matches(bytes(path)) == isMatch)
    #expect(
      try PathPattern(bytes(pattern), wildcards: .folders).matches(bytes(path)) == isMatch)
  }

  @Test(
    "a wildcard stands for a character, not for a byte",
    arguments: [
      ("a?b", "a☺b", true), ("a[^a]b", "a☺b", true), ("a???b", "a☺b", false),
      ("a[^a][^a][^a]b", "a☺b", false), ("[a-ζ]*", "α", true), ("*[a-ζ]", "A", false),
      ("é*", "éa", true), ("e\u{301}", "é", false), ("?", "e\u{301}", false), ("*é", "caffé", true),
    ])
  func characters(pattern: String, path: String, isMatch: Bool) throws {
    #expect(try PathPattern(bytes(pattern)).matches(bytes(path)) == isMatch)
  }

  @Test("bytes that are no characters are themselves, one by one")
  func brokenBytes() throws {
    let broken: [UInt8] = [0x61, 0xFF, 0xC3, 0x62]
    #expect(try PathPattern(broken).matches(broken))
    #expect(try PathPattern(bytes("a??b")).matches(broken))
    #expect(try !PathPattern(bytes("a?b")).matches(broken))
    #expect(try PathPattern(bytes("a*b")).matches(broken))
    #expect(try !PathPattern([0x61, 0xFF]).matches([0x61, 0xFE]))
    // Overlong forms, surrogates and numbers beyond Unicode are three or four broken bytes.
    #expect(try PathPattern(bytes("??")).matches([0xC0, 0xAF]))
    #expect(try PathPattern(bytes("???")).matches([0xED, 0xA0, 0x80]))
    #expect(try PathPattern(bytes("????")).matches([0xF4, 0x90, 0x80, 0x80]))
    #expect(try PathPattern(bytes("?")).matches([0xF4, 0x8F, 0xBF, 0xBF]))
  }

  @Test(
    "what is no pattern",
    arguments: [
      ("[]a]", .emptySet), ("[]", .emptySet), ("[-]", .brokenRange), ("[x-]", .brokenRange),
      ("[-x]", .brokenRange), (#"\"#, .trailingEscape), (#"a*\"#, .trailingEscape),
      ("[a-b-c]", .brokenRange), ("[", .openSet), ("[^", .openSet), ("[^bc", .openSet),
      ("a[", .openSet), ("[a-", .openSet), (#"[\"#, .trailingEscape), ("[^]", .emptySet),
      ("a/*/[x", .openSet), (String(repeating: "a", count: 4097), .tooLong),
    ] as [(String, PatternFault)])
  func faults(pattern: String, fault: PatternFault) {
    #expect(throws: fault) { try PathPattern(bytes(pattern)) }
    #expect(throws: fault) { try PathPattern(bytes(pattern), wildcards: .folders) }
    #expect(fault.diagnostics.first?.summary.hasPrefix("not a pattern: ") == true)
  }

  @Test(
    "a pattern of folders",
    arguments: [
      ("**", "file", true), ("**", "dir/file", true), ("**/", "dir/file", true),
      ("**/**", "dir/file", true), ("dir/**", "dir/file", true), ("dir/**", "dir/a/b", true),
      ("dir/**", "dir", false), ("dir/**", "dirt/x", false), ("**/dir", "dir", true),
      ("**/dir", "a/b/dir", true), ("**/dir", "a/bdir", false), ("**/dir", "dir/file", false),
      ("**/dir2/*", "dir/dir2/file", true), ("**/dir2/*", "dir2/file", true),
      ("**/dir2/*", "dir/dir2/a/b", false), ("**/dir2/**", "dir/dir2/dir3/file", true),
      ("**/dir2/**", "dir/dir2", false), ("**file", "file", true), ("**file", "dir/file", true),
      ("**file", "dir/myfile", true), ("**/file", "dir/dir/file", true),
      ("**/file*", "dir/dir/file.txt", true), ("**/file*txt", "dir/dir/file.txt", true),
      ("**/file*.txt*", "dir/dir/file.txt", true), ("**/**/*.txt", "dir/dir/file.txt", true),
      ("**/**/*.txt2", "dir/dir/file.txt", false), ("**/*.txt", "file.txt", true),
      ("**/**/*.txt", "file.txt", true), ("a**/*.txt", "a/file.txt", true),
      ("a**/*.txt", "a/dir/dir/file.txt", true), ("a/*.txt", "a/dir/file.txt", false),
      ("a/*.txt**", "a/file.txt", true), ("a/*.txt**", "a/file.txt/b/c", true),
      (".*", ".foo", true), (".*", "foo", false), ("abc.def", "abcdef", false),
      ("abc.def", "abcZdef", false), ("**/foo/bar", "dir/dir2/foo/bar", true),
      ("**/foo/bar", "foo/bar", true), ("**/.foo", "bar.foo", false), ("a(b)c/d", "a(b)c/d", true),
      ("a.|)$(}+{bc", "a.|)$(}+{bc", true), ("dist/*.whl", "dist/p-2.4.dev36+g0-any.whl", true),
      ("a**b", "ab", true), ("a**b", "axb", false), ("a**b", "ax/b", true), ("a**b", "a/x/b", true),
      ("a/**/b", "a/b", true), ("a/**/b", "a/x/y/b", true), ("a/**/b", "ab", false),
      ("a/**/b", "a/xb", false), ("**a**a**b", "ax/ab", true), ("**/a*/**/b", "x/ay/z/w/b", true),
      ("**a*", "ba", false), ("**a*", "x/ab", true), ("***", "a/b", true), ("***.c", "a/b.c", true),
      ("*/**/x", "a/x", true), ("*/**/x", "x", false), ("**/[ab]/*.c", "q/b/x.c", true),
    ])
  func folders(pattern: String, path: String, isMatch: Bool) throws {
    let pattern = try PathPattern(bytes(pattern), wildcards: .folders)
    #expect(pattern.matches(bytes(path)) == isMatch)
  }

  @Test(
    "what is known without looking",
    arguments: [
      ("a/b", "a/b", "a"), ("a", "a", ""), (#"a/\*"#, "a/*", "a"), ("a/*.c", nil, "a"),
      ("a/b/c?/d", nil, "a/b"), ("*/b", nil, ""), ("ab*", nil, ""), ("a/[b]", nil, "a"),
    ] as [(String, String?, String)])
  func bases(pattern: String, literal: String?, base: String) throws {
    let pattern = try PathPattern(bytes(pattern))
    #expect(pattern.literal == literal.map(bytes))
    #expect(pattern.isLiteral == (literal != nil))
    #expect(pattern.base == bytes(base))
  }

  @Test(
    "which folders can hold matches",
    arguments: [
      ("a/b/c", "", true), ("a/b/c", "a", true), ("a/b/c", "a/b", true), ("a/b/c", "a/b/c", false),
      ("a/b/c", "a/x", false), ("a/b/c", "ab", false), ("a", "a", false), ("*", "a", false),
      ("*/b", "a", true), ("*/b", "a/b", false), ("a*/b?/c", "ab/bc", true),
      ("a*/b?/c", "ab/bcd", false), ("a*/b?/c", "b", false), ("src/*.c", "src", true),
      ("src/*.c", "srcs", false), ("src/*.c", "src/x", false), ("*c/x", "abc", true),
      ("*c/x", "abd", false), ("**/x", "a", true),
    ])
  func mayMatch(pattern: String, folder: String, may: Bool) throws {
    let wildcards: PathPattern.Wildcards = pattern.contains("**") ? .folders : .names
    let pattern = try PathPattern(bytes(pattern), wildcards: wildcards)
    #expect(pattern.mayMatch(below: bytes(folder)) == may)
  }

  @Test("a pattern made to be slow is not")
  func bounded() throws {
    let stars = try PathPattern(bytes(String(repeating: "*a", count: 500) + "b"))
    #expect(!stars.matches([UInt8](repeating: UInt8(ascii: "a"), count: 1_000)))
    let folders = try PathPattern(
      bytes(String(repeating: "**/a?", count: 300) + "x*b"), wildcards: .folders)
    let path = Array(repeating: bytes("ab"), count: 300).joined(separator: bytes("/"))
    #expect(!folders.matches(Array(path)))
  }

  @Test("ten thousand made-up patterns agree with a slow matcher that tries all ways")
  func agreesWithSearch() throws {
    var dice = Dice(seed: 7)
    let pieces = ["a", "b", "/", "*", "?", "**", "**/", "[ab]", "[^a]", "a/", #"\*"#, "ab"]
    for _ in 0..<10_000 {
      let text = (0..<dice.below(6)).map { _ in dice.pick(pieces) }.joined()
      let path = (0..<dice.below(7)).map { _ in dice.pick(["a", "b", "/", "a", "*"]) }.joined()
      let pattern = try PathPattern(bytes(text), wildcards: .folders)
      let expected = SearchingPattern(text).matches(path)
      #expect(pattern.matches(bytes(path)) == expected, "\(text) on \(path)")
      guard expected, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
        continue
      }
      guard path.index(after: slash) != path.endIndex else { continue }
      #expect(pattern.mayMatch(below: bytes(String(path[..<slash]))), "\(text) below \(path)")
    }
  }

  @Test("no bytes make it trap")
  func anyBytes() {
    var dice = Dice(seed: 11)
    let special = bytes("*?[]^-\\/.!ab") + [0xFF, 0xC3, 0xA9, 0xF0]
    var refused = 0
    for _ in 0..<10_000 {
      let pattern = (0..<dice.below(10)).map { _ in dice.pick(special) }
      let path = (0..<dice.below(10)).map { _ in dice.pick(special) }
      do throws(PatternFault) {
        let pattern = try PathPattern(pattern, wildcards: dice.pick([.names, .folders]))
        // A match is a match below the folder that it is in.
        if pattern.matches(path + bytes("/x")), !path.isEmpty {
          #expect(pattern.mayMatch(below: path))
        }
      } catch { refused += 1 }
    }
    #expect(refused > 1_000)
  }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Numbers that only look like chance: the same ones each time.
struct Dice {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func below(_ limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % limit
  }

  mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }
}

/// The same language, matched by trying all ways one after the other. Slow, but plain to read.
private struct SearchingPattern {
  private indirect enum Node {
    case end
    case one((Character) -> Bool, Node)
    case star(Node)
    case folders(Node)
    case rest(Node)
  }

  private let node: Node

  init(_ text: String) {
    let plain = text.dropFirst(2).allSatisfy { !"*?[]\\".contains($0) }
    if text.hasPrefix("**"), plain, !text.hasPrefix("**/") {
      node = .rest(Self.parse(text.dropFirst(2)))
    } else {
      node = Self.parse(text[...])
    }
  }

  private static func parse(_ text: Substring) -> Node {
    if text.isEmpty { return .end }
    if text.hasPrefix("**") {
      var rest = text.dropFirst(2)
      if rest.first == "/" { rest = rest.dropFirst() }
      return rest.isEmpty ? .rest(.end) : .folders(parse(rest))
    }
    if text.hasPrefix("*") { return .star(parse(text.dropFirst())) }
    if text.hasPrefix("?") { return .one({ $0 != "/" }, parse(text.dropFirst())) }
    if text.hasPrefix("[ab]") { return .one({ "ab".contains($0) }, parse(text.dropFirst(4))) }
    if text.hasPrefix("[^a]") { return .one({ $0 != "a" }, parse(text.dropFirst(4))) }
    if text.hasPrefix("\\") { return .one({ $0 == "*" }, parse(text.dropFirst(2))) }
    let first = text.first
    return .one({ $0 == first }, parse(text.dropFirst()))
  }

  func matches(_ path: String) -> Bool { Self.matches(node, path[...]) }

  private static func matches(_ node: Node, _ path: Substring) -> Bool {
    switch node {
    case .end: return path.isEmpty
    case .one(let test, let next):
      guard let first = path.first, test(first) else { return false }
      return matches(next, path.dropFirst())
    case .star(let next):
      return cuts(path).contains { !path[..<$0].contains("/") && matches(next, path[$0...]) }
    case .folders(let next):
      return cuts(path).contains {
        (path[..<$0].isEmpty || path[..<$0].last == "/") && matches(next, path[$0...])
      }
    case .rest(let next):
      return cuts(path).contains { matches(next, path[$0...]) }
    }
  }

  private static func cuts(_ path: Substring) -> [Substring.Index] {
    Array(path.indices) + [path.endIndex]
  }
}
