// Lines out of pieces, and what a screen keeps of them.

import Testing

@testable import Console

@Suite("lines of programs")
struct OutputLinesTests {
  private static func lines(_ pieces: [String]) -> [String] {
    var lines = OutputLines()
    var found: [String] = []
    let body = { (line: ArraySlice<UInt8>, _: Duration) in
      found.append(String(decoding: line, as: UTF8.self))
    }
    for piece in pieces { lines.take(Array(piece.utf8), at: .zero, body) }
    lines.end(body)
    return found
  }

  @Test(
    "are whole, however they came",
    arguments: [
      (["a\nb\n"], ["a", "b"]), (["a", "b\nc"], ["ab", "c"]), (["\n", "\n"], ["", ""]), ([], []),
      (["", "x"], ["x"]), (["grü", "n\n"], ["grün"]),
    ])
  func whole(_ pieces: [String], _ wanted: [String]) {
    #expect(Self.lines(pieces) == wanted)
  }

  @Test(
    "of a bar that is drawn over are its last state",
    arguments: [
      (["10%\r20%\r", "30%\r", "done\n"], ["done"]), (["windows\r\n"], ["windows"]),
      (["50%\r100%\r    \r\n"], ["100%"]), (["\r\r\n"], [""]), (["50%\r"], ["50%"]),
      (["  \n"], ["  "]),
    ])
  func bars(_ pieces: [String], _ wanted: [String]) {
    #expect(Self.lines(pieces) == wanted)
  }

  @Test("have the time of their first piece, bars that of their last")
  func times() {
    var lines = OutputLines()
    var times: [Duration] = []
    let body = { (_: ArraySlice<UInt8>, time: Duration) in times.append(time) }
    lines.take(Array("a".utf8), at: .seconds(1), body)
    lines.take(Array("b\nc\n".utf8), at: .seconds(2), body)
    lines.take(Array("1%\r".utf8), at: .seconds(3), body)
    lines.take(Array("2%\n".utf8), at: .seconds(4), body)
    #expect(times == [.seconds(1), .seconds(2), .seconds(4)])
  }

  @Test(
    "without an end take bounded room: bars are forgotten, long lines broken between characters")
  func bounds() {
    var lines = OutputLines()
    var found: [[UInt8]] = []
    let body = { (line: ArraySlice<UInt8>, _: Duration) in found.append(Array(line)) }
    for number in 0..<10_000 { lines.take(Array("state \(number)\r".utf8), at: .zero, body) }
    #expect(found == [])
    #expect(String(decoding: lines.unended, as: UTF8.self) == "state 9999")
    lines.take([0x0A], at: .zero, body)
    #expect(found == [Array("state 9999".utf8)])

    let long = "x" + String(repeating: "ü", count: 20_000)
    for piece in [[long + "\n"], [long, "\n"]] {
      let parts = Self.lines(piece)
      #expect(parts.map(\.utf8.count) == [16_383, 16_384, 7234])
      #expect(parts.joined() == long)
    }
  }

  @Test(
    "on a screen of many show themselves and do nothing",
    arguments: [
      ("plain", "plain"), ("\u{1B}[1;31mred\u{1B}[0m", "red"), ("\u{1B}[2K\u{1B}[1Aup", "up"),
      ("\u{1B}]0;title\u{7}x", "x"), ("\u{1B}]8;;u\u{1B}\\link", "link"), ("a\tb", "a       b"),
      ("漢\tb", "漢      b"), ("a\u{8}\u{0}", "a\\x08\\x00"), ("\u{9B}31m", "\\x9b31m"),
      ("\u{1B}c", "\\x1bc"), ("\u{1B}[", ""), ("\u{1B}", "\\x1b"), ("grün 漢字", "grün 漢字"),
    ])
  func screens(_ line: String, _ wanted: String) {
    #expect(screenText(Array(line.utf8)[...]) == wanted)
  }

  @Test("no more of a line is made ready than a screen can show")
  func widest() {
    let tabs = [UInt8](repeating: 0x09, count: 4096)
    #expect(screenText(tabs[...]) == String(repeating: " ", count: 1_000))
  }
}
