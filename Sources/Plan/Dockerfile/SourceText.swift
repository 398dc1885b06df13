// The bytes of a Dockerfile, the places in them, and the faults that were found in it.

package import Diagnostics

/// Nobody reads more faults than these of one file.
private let mostFaults = 100

/// A line that is longer is not shown beside its fault.
private let longestExcerpt = 1_000

/// One text that is read. Ranges are of its bytes.
final class SourceText {
  let name: String
  let bytes: [UInt8]
  private(set) var faults: [Diagnostic] = []
  private var isRefused = false
  private let lineStarts: [Int]
  /// Where counting of columns has come to, so that near places of a long line
  /// are not counted from its beginning.
  private var counted = (line: -1, offset: 0, column: 0)

  /// - Parameter bytes: without a byte order mark.
  init(bytes: [UInt8], name: String) {
    self.bytes = bytes
    self.name = name
    var starts = [0]
    for (offset, byte) in bytes.enumerated() where byte == 0x0A { starts.append(offset + 1) }
    if starts.count > 1, starts.last == bytes.count { starts.removeLast() }
    lineStarts = starts
  }

  var lineCount: Int { lineStarts.count }

  /// With its line end.
  func rawLine(_ index: Int) -> Range<Int> {
    lineStarts[index]..<(index + 1 < lineStarts.count ? lineStarts[index + 1] : bytes.count)
  }

  /// Without its line end.
  func line(_ index: Int) -> Range<Int> {
    let raw = rawLine(index)
    var end = raw.upperBound
    while end > raw.lowerBound, bytes[end - 1] == 0x0A || bytes[end - 1] == 0x0D { end -= 1 }
    return raw.lowerBound..<end
  }

  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// The index of the line that holds a byte.
  func lineIndex(of offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  /// A range that goes on over lines ends with its first one.
  func span(_ range: Range<Int>) -> SourceSpan {
    let index = lineIndex(of: range.lowerBound)
    let line = line(index)
    let end = max(range.lowerBound, min(range.upperBound, line.upperBound))
    return SourceSpan(
      file: name, line: index + 1, column: column(of: range.lowerBound, line: index) + 1,
      length: max(1, scalars(range.lowerBound..<end)))
  }

  private func column(of offset: Int, line: Int) -> Int {
    if counted.line != line { counted = (line, lineStarts[line], 0) }
    if counted.offset <= offset {
      counted.column += scalars(counted.offset..<offset)
    } else {
      counted.column -= scalars(offset..<counted.offset)
    }
    counted.offset = offset
    return counted.column
  }

  private func scalars(_ range: Range<Int>) -> Int {
    var count = 0
    for offset in range where bytes[offset] & 0xC0 != 0x80 { count += 1 }
    return count
  }

  /// In the order of the file.
  var orderedFaults: [Diagnostic] {
    faults.enumerated().sorted { left, right in
      (left.element.span?.line ?? 0, left.offset) < (right.element.span?.line ?? 0, right.offset)
    }.map(\.element)
  }

  /// Whether more faults would not be told.
  var isFull: Bool { isRefused || faults.count >= mostFaults }

  /// What makes all others meaningless.
  func refuse(_ summary: String, at range: Range<Int>, hint: String? = nil) {
    guard !isRefused else { return }
    faults = [Diagnostic(summary, span: span(range), hint: hint)]
    isRefused = true
  }

  func report(_ summary: String, at range: Range<Int>, hint: String? = nil) {
    guard !isFull else { return }
    let line = line(lineIndex(of: range.lowerBound))
    faults.append(
      Diagnostic(
        summary, span: span(range), excerpt: line.count <= longestExcerpt ? text(line) : nil,
        hint: hint))
  }

  /// A fault that has no place.
  func report(_ summary: String, hint: String? = nil) {
    guard !isFull else { return }
    faults.append(Diagnostic(summary, span: SourceSpan(file: name, line: 1, column: 1), hint: hint))
  }

  /// Faults of a part that was read by other means.
  func report(_ found: Faults) {
    for var fault in found.diagnostics where !isFull {
      if fault.excerpt == nil, let span = fault.span, span.file == name, span.line <= lineCount {
        let line = line(span.line - 1)
        if line.count <= longestExcerpt { fault.excerpt = text(line) }
      }
      faults.append(fault)
    }
  }
}

extension Faults {
  /// The same faults with the lines of the file beside them.
  ///
  /// - Parameter bytes: the file that the faults' spans are of.
  package func quoting(_ bytes: [UInt8], name: String) -> Faults {
    let source = SourceText(bytes: withoutByteOrderMark(bytes), name: name)
    source.report(self)
    return Faults(source.faults)
  }
}

func withoutByteOrderMark(_ bytes: [UInt8]) -> [UInt8] {
  bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
}

/// The length of the white space that begins at an offset, 0 where none does. Other scripts' blanks
/// count as well: they come along when text is pasted.
func blankLength(_ bytes: [UInt8], _ offset: Int) -> Int {
  switch bytes[offset] {
  case 0x20, 0x09...0x0D: return 1
  case 0xC2 where offset + 1 < bytes.count:
    return bytes[offset + 1] == 0xA0 || bytes[offset + 1] == 0x85 ? 2 : 0
  case 0xE1...0xE3 where offset + 2 < bytes.count:
    switch (bytes[offset], bytes[offset + 1], bytes[offset + 2]) {
    case (0xE1, 0x9A, 0x80), (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8...0xA9),
      (0xE2, 0x80, 0xAF), (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80):
      return 3
    default: return 0
    }
  default: return 0
  }
}

/// What separates words: a line end cannot be among them.
func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
