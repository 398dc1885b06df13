// What is kept of what a program writes.

import Planning
import Testing

@Suite("The end of an output")
struct OutputTailTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var pieces: [String]
    var kept: [String]
  }

  static let rows = [
    Row(testDescription: "nothing", pieces: [], kept: []),
    Row(testDescription: "fewer lines", pieces: ["one\n", "two\n"], kept: ["one", "two"]),
    Row(testDescription: "more lines", pieces: ["1\n2\n3\n4\n"], kept: ["2", "3", "4"]),
    Row(testDescription: "no newline at the end", pieces: ["1\n2"], kept: ["1", "2"]),
    Row(testDescription: "a line in pieces", pieces: ["he", "llo\n"], kept: ["hello"]),
    Row(testDescription: "empty lines in between", pieces: ["1\n\n3\n"], kept: ["1", "", "3"]),
    Row(testDescription: "empty lines at the end", pieces: ["1\n\r\n \n\n"], kept: ["1"]),
    Row(
      testDescription: "more bytes, in one piece", pieces: ["0123456789abcdefghij"],
      kept: ["456789abcdefghij"]),
    Row(
      testDescription: "more bytes, one by one", pieces: "0123456789abcdefghij".map(String.init),
      kept: ["456789abcdefghij"]),
  ]

  @Test("three lines, sixteen bytes", arguments: rows)
  func tail(_ row: Row) {
    var tail = OutputTail(lines: 3, bytes: 16)
    for piece in row.pieces { tail.append(Array(piece.utf8)) }
    #expect(tail.text == row.kept)
  }
}
