// Lines of containers as they come to a pipe and to a screen that several share.

import Testing

@testable import Console

@Suite("lines of containers")
struct LogLinesTests {
  private static func shown(_ text: [UInt8], neutralised: Bool = true, prefix: String = "")
    -> [UInt8]
  {
    var output: [UInt8] = []
    text.withUnsafeBytes {
      appendLines($0, Array(prefix.utf8), neutralised: neutralised, to: &output)
    }
    return output
  }

  private static func shown(_ text: String) -> String {
    String(decoding: shown(Array(text.utf8)), as: UTF8.self)
  }

  @Test(
    "on a shared screen nothing moves, names or hides anything",
    arguments: [
      ("plain\ttext\n", "plain\ttext\n"), ("", ""), ("no newline", "no newline\n"),
      ("\n\n", "\n\n"), ("windows\r\n", "windows\n"), ("50%\r100%\n", "50%^M100%\n"),
      ("\u{1B}[2J\u{1B}[H\n", "^[[2J^[[H\n"), ("\u{1B}]0;title\u{7}\n", "^[]0;title^G\n"),
      ("\u{1B}P1$r\u{1B}\\\n", "^[P1$r^[\\\n"), ("a\u{8}b\u{7F}\u{0}\n", "a^Hb^?^@\n"),
      ("\u{9B}31m\u{85}\n", "\\xc2\\x9b31m\\xc2\\x85\n"), ("grün 漢字 🙂\n", "grün 漢字 🙂\n"),
      ("\u{1B}[?25l\u{1B}[10;20f\n", "^[[?25l^[[10;20f\n"), ("end\u{1B}\n", "end^[\n"),
      ("\u{1B}[\n", "^[[\n"), ("\u{1B}[31\n", "^[[31\n"),
    ])
  func neutralised(_ text: String, _ wanted: String) {
    #expect(Self.shown(text) == wanted)
  }

  @Test("colours pass, and end with their line")
  func colours() {
    #expect(
      Self.shown("\u{1B}[1;31merror\u{1B}[0m: x\nnext\n")
        == "\u{1B}[1;31merror\u{1B}[0m: x\u{1B}[0m\nnext\n")
    #expect(Self.shown("\u{1B}[38:2:1:2:3mx\n") == "\u{1B}[38:2:1:2:3mx\u{1B}[0m\n")
  }

  @Test(
    "bytes that are no text are shown as numbers, and swallow nothing behind them",
    arguments: [
      ([0xC3], #"\xc3"#), ([0xE2, 0x82], #"\xe2\x82"#), ([0xC0, 0xAF], #"\xc0\xaf"#),
      ([0xED, 0xA0, 0x80], #"\xed\xa0\x80"#), ([0xF4, 0x90, 0x80, 0x80], #"\xf4\x90\x80\x80"#),
      ([0xFF, 0x41], #"\xffA"#), ([0xC3, 0x1B, 0x5B, 0x41], #"\xc3^[[A"#),
    ] as [([UInt8], String)])
  func bytes(_ bytes: [UInt8], _ wanted: String) {
    #expect(Self.shown(bytes + [0x0A]) == Array(wanted.utf8) + [0x0A])
  }

  @Test("no byte that a terminal obeys comes through, whatever the bytes are")
  func noise() {
    var state: UInt64 = 42
    var noise: [UInt8] = []
    for _ in 0..<200_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      noise.append(UInt8(truncatingIfNeeded: state >> 33))
    }
    let output = Self.shown(noise)
    var index = 0
    var bad = 0
    while index < output.count {
      let byte = output[index]
      if byte == 0x1B {
        let rest = output[(index + 1)...].prefix { $0 != UInt8(ascii: "m") }
        if rest.first != UInt8(ascii: "[")
          || !rest.dropFirst().allSatisfy({ (0x30...0x3B).contains($0) })
        {
          bad += 1
        }
      } else if byte < 0x20 && byte != 0x0A && byte != 0x09 || byte == 0x7F {
        bad += 1
      }
      index += 1
    }
    #expect(bad == 0)
    #expect(String(validating: output, as: UTF8.self) != nil)
  }

  @Test("a very long line is cut, with a word on how much is missing, never within a character")
  func long() {
    let line = String(repeating: "x", count: 16_383) + "ü" + String(repeating: "y", count: 100)
    #expect(
      Self.shown(line + "\nnext\n")
        == String(repeating: "x", count: 16_383) + " … (102 more bytes)\nnext\n")
    #expect(Self.shown(Array(line.utf8), neutralised: false) == Array((line + "\n").utf8))
  }

  @Test("in a pipe every byte stays, behind the name")
  func raw() {
    let text: [UInt8] = [0x1B, 0x5B, 0x41, 0x0D, 0x0A, 0x00, 0xFF, 0x9B]
    let wanted: [UInt8] = Array("w | ".utf8) + text[..<5] + Array("w | ".utf8) + text[5...] + [0x0A]
    #expect(Self.shown(text, neutralised: false, prefix: "w | ") == wanted)
  }
}
