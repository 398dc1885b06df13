// Which lines pass: patterns and levels.

import Journal
import Testing

@testable import Engine

@Suite("lines are chosen")
struct LineFilterTests {
  private static func level(_ line: String) -> LogLevel? {
    Array(line.utf8).withUnsafeBytes { LogLevel(of: $0) }
  }

  @Test(
    "a line's level is found in the forms that programs log in",
    arguments: [
      (#"{"level":"warn","msg":"x"}"#, .warning), (#"{"msg":"ERROR","severity":"DEBUG"}"#, .debug),
      (#"{"a":1, "level" : "Fatal"}"#, .critical), (#"{"level":10}"#, .trace),
      (#"{"level":50,"pid":1}"#, .error), (#"{"level":4}"#, .warning),
      (#"{"msg":"an ERROR without a level"}"#, nil), (#"{"level":"#, nil), ("{", nil),
      (#"{"log.level":"info"}"#, .info), (#"{"mylevel":"info"}"#, nil),
      ("time=1 level=error msg=x", .error), (#"ts=1 lvl="warn" x"#, .warning),
      ("sublevel=error", nil), ("level=12", nil),
      ("E0102 15:04:05.000000 1 f.go:1] x", .error), ("I1231 a", .info), ("X1231 a", nil),
      ("E012", nil), ("<3>kernel", .error), ("<191>x", .debug), ("<200>x", nil), ("<a>x", nil),
      ("2024/01/01 00:00:00 [error] 12#12: *1 open()", .error), ("[WARN] x", .warning),
      ("  INFO: x", .info), ("WARNING:root:x", .warning), ("info: Hosting[0]", .info),
      ("fail: Hosting[0]", .error), ("2024-01-01 12:00:00.000 UTC [1] FATAL:  no role", .critical),
      ("2024-01-01T00:00:00Z  INFO x", .info), ("\u{1B}[33mWARN\u{1B}[0m x", .warning),
      ("\u{1B}[2m12:00\u{1B}[0m \u{1B}[31mERROR\u{1B}[0m", .error), ("(debug) x", .debug),
      ("an error happened", nil), ("NO_ERROR", nil), ("ERROR2", nil), ("see error: x", nil),
      ("Traceback (most recent call last):", nil), ("", nil), ("   ", nil), ("\t", nil),
      ("\u{1B}", nil), ("\u{1B}[", nil), ("<", nil), ("ERR", .error), ("panic: nil map", .critical),
      (String(repeating: "x ", count: 100) + "ERROR", nil), ("INFO then ERROR", .info),
    ] as [(String, LogLevel?)])
  func levels(_ line: String, _ wanted: LogLevel?) {
    #expect(Self.level(line) == wanted)
  }

  private static func passed(
    _ text: String, _ stream: JournalStream = .output, _ choose: (inout LogChoice) -> Void
  ) throws -> String? {
    var choice = LogChoice()
    choose(&choice)
    var filter = try LineFilter(choice)
    return filter.passed(
      JournalBatch(stream: stream, nanoseconds: 1, bytes: Array(text.utf8))
    ).map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  @Test(
    "patterns are those of grep -E, by bytes",
    arguments: [
      (["ab"], "ab\nxaby\nb\nlast ab", "ab\nxaby\nlast ab"), (["ab"], "a\nb\n", nil),
      (["^a+$"], "a\naa\nba\n\n", "a\naa\n"), (["x|y"], "x\nz\ny\n", "x\ny\n"),
      (["^$"], "\na\n\n", "\n\n"), (["a", "c"], "a\nb\nc\n", "a\nc\n"), (["ü"], "grün\n", "grün\n"),
      ([#"a\.b"#], "a.b\naxb\n", "a.b\n"), (["a.*b"], "a\nb\nab\n", "ab\n"),
      ([""], "a\n\n", "a\n\n"),
      (["ab"], "abab ab\nab", "abab ab\nab"),
    ] as [([String], String, String?)])
  func patterns(_ patterns: [String], _ text: String, _ wanted: String?) throws {
    #expect(try Self.passed(text) { $0.patterns = patterns } == wanted)
  }

  @Test("capitals may count as small letters; a pattern that is none is refused")
  func cases() throws {
    let passed = try Self.passed("Error\nerror\nok\n") {
      $0.patterns = ["ERROR"]
      $0.ignoresCase = true
    }
    #expect(passed == "Error\nerror\n")
    var choice = LogChoice()
    choice.patterns = ["fine", "a["]
    #expect(throws: BadPattern.self) { try choice.check() }
  }

  @Test("a NUL does not end a line, nor does an end of one batch end a stack trace")
  func runs() throws {
    #expect(try Self.passed("a\u{0}needle\nb\n") { $0.patterns = ["needle$"] } == "a\u{0}needle\n")
    var choice = LogChoice()
    choice.level = .error
    var filter = try LineFilter(choice)
    func pass(_ text: String, _ stream: JournalStream) -> String? {
      filter.passed(JournalBatch(stream: stream, nanoseconds: 1, bytes: Array(text.utf8)))
        .map { String(decoding: $0.bytes, as: UTF8.self) }
    }
    #expect(pass("no level yet\n", .error) == nil)
    #expect(pass("INFO a\nERROR b\n  at x\n", .error) == "ERROR b\n  at x\n")
    #expect(pass("of another stream\n", .output) == nil)
    #expect(pass("  at y\nINFO c\n  d\n", .error) == "  at y\n")
    #expect(pass("lines were lost\n", .notice) == "lines were lost\n")
  }
}
