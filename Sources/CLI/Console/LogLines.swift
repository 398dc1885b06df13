// The bytes of log lines for a pipe, or for a screen that several containers share.

import Glibc

/// A line of a screen that is longer is cut.
private let lineLimit = 16 << 10

/// Each line behind `prefix`, ended. Neutralised, no byte of a line does more to the screen than show
/// itself or a colour, and no colour goes beyond its line.
func appendLines(
  _ bytes: UnsafeRawBufferPointer, _ prefix: [UInt8], neutralised: Bool, to output: inout [UInt8]
) {
  var rest = bytes
  while let base = rest.baseAddress, !rest.isEmpty {
    let end = memchr(base, 0x0A, rest.count).map { UnsafeRawPointer($0) - base } ?? rest.count
    let line = UnsafeRawBufferPointer(rebasing: rest[..<end])
    if !prefix.isEmpty { output.append(contentsOf: prefix) }
    if !neutralised || line.count <= lineLimit && isPlain(line) {
      output.append(contentsOf: line)
    } else {
      appendNeutralised(line, to: &output)
    }
    output.append(0x0A)
    rest = UnsafeRawBufferPointer(rebasing: rest[min(end + 1, rest.count)...])
  }
}

/// Nothing but printable ASCII and tabs. Looks at eight bytes at a time, for almost all output is that.
private func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
  let high: UInt64 = 0x8080_8080_8080_8080
  var offset = 0
  while offset + 8 <= bytes.count {
    let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    // The high bit of a byte: set in it, or by a borrow below 0x20, or by a carry from 0x7F on.
    let odd = word | (word &- 0x2020_2020_2020_2020) | (word &+ 0x0101_0101_0101_0101)
    if odd & high != 0, !bytes[offset..<offset + 8].allSatisfy(isShown) { return false }
    offset += 8
  }
  return bytes[offset...].allSatisfy(isShown)
}

private func isShown(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F || byte == 0x09 }

/// Control characters are shown as `^X`, other bytes that are no text as `\xNN`.
private func appendNeutralised(_ line: UnsafeRawBufferPointer, to output: inout [UInt8]) {
  var line = line
  // A carriage return at the end is how programs write CR LF.
  if line.last == 0x0D { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
  let shown = UnsafeRawBufferPointer(rebasing: line.prefix(cut(line)))
  var index = 0
  var isColoured = false
  while index < shown.count {
    let byte = shown[index]
    if byte == 0x1B, let end = colourEnd(shown, from: index) {
      output.append(contentsOf: shown[index..<end])
      isColoured = true
      index = end
    } else if isShown(byte) {
      output.append(byte)
      index += 1
    } else if byte < 0x80 {
      output.append(contentsOf: [UInt8(ascii: "^"), byte ^ 0x40])
      index += 1
    } else {
      let length = characterLength(shown, at: index)
      if length > 0 {
        output.append(contentsOf: shown[index..<index + length])
      } else {
        appendNumber(byte, to: &output)
      }
      index += max(1, length)
    }
  }
  if isColoured { output.append(contentsOf: "\u{1B}[0m".utf8) }
  if shown.count < line.count {
    output.append(contentsOf: " … (\(line.count - shown.count) more bytes)".utf8)
  }
}

/// Where a long line is cut, not within a character.
private func cut(_ line: UnsafeRawBufferPointer) -> Int {
  guard line.count > lineLimit else { return line.count }
  var end = lineLimit
  while end > lineLimit - 4, line[end] & 0xC0 == 0x80 { end -= 1 }
  return end
}

private func appendNumber(_ byte: UInt8, to output: inout [UInt8]) {
  let digits = Array("0123456789abcdef".utf8)
  output.append(contentsOf: [
    UInt8(ascii: "\\"), UInt8(ascii: "x"), digits[Int(byte >> 4)], digits[Int(byte & 15)],
  ])
}

/// How many bytes the character at `index` has; 0 for what is not valid UTF-8 and for the control
/// characters U+0080 to U+009F, which some terminals obey.
private func characterLength(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
  let first = bytes[index]
  let length: Int
  switch first {
  case 0xC2...0xDF: length = 2
  case 0xE0...0xEF: length = 3
  case 0xF0...0xF4: length = 4
  default: return 0
  }
  guard index + length <= bytes.count else { return 0 }
  let second = bytes[index + 1]
  switch (first, second) {
  case (0xC2, 0x80...0x9F), (0xE0, ..<0xA0), (0xED, 0xA0...), (0xF0, ..<0x90), (0xF4, 0x90...):
    return 0
  default: break
  }
  return bytes[index + 1..<index + length].allSatisfy { $0 & 0xC0 == 0x80 } ? length : 0
}

/// The end of `ESC [ digits ; … m` at `start`, nil for any other escape.
private func colourEnd(_ line: UnsafeRawBufferPointer, from start: Int) -> Int? {
  guard start + 1 < line.count, line[start + 1] == UInt8(ascii: "[") else { return nil }
  var index = start + 2
  while index < line.count {
    let byte = line[index]
    if byte == UInt8(ascii: "m") { return index + 1 }
    guard (0x30...0x3B).contains(byte) else { return nil }
    index += 1
  }
  return nil
}
