// A line of a log as bytes that are walked through once, to find the word that says how grave it is.

import CLinux
import Glibc

func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
private func isUpper(_ byte: UInt8) -> Bool { byte >= 0x41 && byte <= 0x5A }
private func isLetter(_ byte: UInt8) -> Bool { isUpper(byte & 0xDF) }

/// What is left of a line.
struct LineText {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var count: Int { bytes.count - offset }
  var current: UInt8? { count > 0 ? bytes[offset] : nil }
  subscript(index: Int) -> UInt8 { bytes[offset + index] }

  mutating func skip(_ count: Int) { offset += min(count, self.count) }

  mutating func take(_ byte: UInt8) -> Bool {
    guard current == byte else { return false }
    offset += 1
    return true
  }

  mutating func skipBlanks() {
    while let byte = current, byte == 0x20 || byte == 0x09 { offset += 1 }
  }

  /// Letters from here on.
  func word() -> String {
    var end = 0
    while end < min(count, 16), isLetter(self[end]) { end += 1 }
    return string(end)
  }

  /// Digits from here on, at most six.
  mutating func number() -> Int? {
    var number = 0
    var digits = 0
    while digits < 6, let byte = current, isDigit(byte) {
      number = number * 10 + Int(byte - 0x30)
      digits += 1
      offset += 1
    }
    return digits == 0 ? nil : number
  }

  /// What follows the first `part` that does not go on a word.
  func behind(_ part: StaticString) -> LineText? {
    guard let base = bytes.baseAddress else { return nil }
    var from = offset
    while from < bytes.count,
      let found = memmem(
        base + from, bytes.count - from, part.utf8Start, part.utf8CodeUnitCount)
    {
      let place = UnsafeRawPointer(found) - base
      from = place + part.utf8CodeUnitCount
      if place > offset, isLetter(bytes[place - 1]) || bytes[place - 1] == UInt8(ascii: "_") {
        continue
      }
      var text = self
      text.offset = from
      return text
    }
    return nil
  }

  func string(_ count: Int) -> String {
    String(
      decoding: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]), as: UTF8.self)
  }
}

/// The words in the beginning of a line that could be a level: three to twelve letters by themselves.
struct WordScan {
  struct Word {
    var text: String
    var isUpperCase: Bool
    var isBracketed: Bool
    var isBeforeColon: Bool
    var isFirst: Bool
  }

  /// How far into a line a level is looked for.
  private static let reach = 160

  private var text: LineText
  private var before: UInt8 = 0x20
  private var hasSeenWord = false

  init(_ text: LineText) { self.text = text }

  mutating func next() -> Word? {
    while let byte = text.current, text.offset < Self.reach {
      if byte == 0x1B {
        skipColour()
      } else if isLetter(byte) {
        if let word = word() { return word }
      } else {
        before = byte
        text.skip(1)
      }
    }
    return nil
  }

  private mutating func word() -> Word? {
    var end = 0
    var isUpperCase = true
    while end < text.count, isLetter(text[end]) {
      isUpperCase = isUpperCase && isUpper(text[end])
      end += 1
    }
    let after: UInt8 = end < text.count ? text[end] : 0x20
    let start = before
    let isFirst = !hasSeenWord
    hasSeenWord = true
    before = UInt8(ascii: "a")
    defer { text.skip(end) }
    guard (3...12).contains(end), !isPartOfName(start), !isPartOfName(after) else { return nil }
    let isBracketed =
      "[(<|".utf8.contains(start) && "])>|".utf8.contains(after)
    return Word(
      text: text.string(end), isUpperCase: isUpperCase, isBracketed: isBracketed,
      isBeforeColon: after == UInt8(ascii: ":"), isFirst: isFirst)
  }

  private func isPartOfName(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || isDigit(byte) || isLetter(byte)
  }

  /// `ESC [ … m`, as coloured logs have it around their words.
  private mutating func skipColour() {
    text.skip(1)
    before = 0x20
    guard text.take(UInt8(ascii: "[")) else { return }
    while let byte = text.current, isDigit(byte) || byte == UInt8(ascii: ";") { text.skip(1) }
    _ = text.take(UInt8(ascii: "m"))
  }
}
