// Lines of a file put together as instructions: comments dropped, continued lines joined, directives read.

/// The text of one instruction and where its bytes stand in the file.
struct LogicalLine {
  private(set) var text: [UInt8] = []
  /// Indices of lines, counted from 0.
  fileprivate(set) var lines: ClosedRange<Int>
  fileprivate(set) var emptyContinuations: [Int] = []
  private var pieces: [(start: Int, offset: Int)] = []

  init(lines: ClosedRange<Int>) { self.lines = lines }

  mutating func append(_ range: Range<Int>, of source: SourceText) {
    guard !range.isEmpty else { return }
    pieces.append((text.count, range.lowerBound))
    text += source.bytes[range]
  }

  /// Where a byte of the text stands in the file; of its end, the place behind the last byte.
  func offset(_ index: Int) -> Int {
    guard !pieces.isEmpty else { return 0 }
    var low = 0
    var high = pieces.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if pieces[middle].start <= index { low = middle } else { high = middle }
    }
    return pieces[low].offset + index - pieces[low].start
  }

  /// A part of the text as a range of the file; of a part that goes on over lines, its beginning counts.
  func place(_ range: Range<Int>) -> Range<Int> {
    let start = offset(range.lowerBound)
    guard !range.isEmpty else { return start..<start }
    return start..<max(start, offset(range.upperBound - 1) + 1)
  }

  mutating func end(at line: Int) { lines = lines.lowerBound...max(line, lines.upperBound) }
}

struct LogicalLines {
  let source: SourceText
  private(set) var directives = DirectiveReader()
  private var number = 0

  init(_ source: SourceText) { self.source = source }

  var escape: UInt8 { directives.found.escape }

  /// The next text that is no comment and not blank.
  mutating func next() -> LogicalLine? {
    while number < source.lineCount {
      let first = number
      let content = skippingBlanks(source.line(number))
      number += 1
      directives.read(content, of: source)
      if content.isEmpty || source.bytes[content.lowerBound] == UInt8(ascii: "#") { continue }
      var line = LogicalLine(lines: first...first)
      var (part, goesOn) = continuation(content)
      line.append(part, of: source)
      while goesOn, number < source.lineCount {
        let content = source.line(number)
        let visible = skippingBlanks(content)
        line.end(at: number)
        number += 1
        if visible.isEmpty {
          line.emptyContinuations.append(number)
          continue
        }
        if source.bytes[visible.lowerBound] == UInt8(ascii: "#") { continue }
        (part, goesOn) = continuation(content)
        line.append(part, of: source)
      }
      if line.text.contains(where: { !isBlank($0) }) { return line }
    }
    return nil
  }

  /// The lines down to one that says `name` alone, which is passed over; nil when there is none, and
  /// then the rest of the file is passed over.
  mutating func document(until name: [UInt8], stripsTabs: Bool) -> [Range<Int>]? {
    var lines: [Range<Int>] = []
    while number < source.lineCount {
      let content = source.line(number)
      let raw = source.rawLine(number)
      number += 1
      let end = stripsTabs ? skippingTabs(content) : content
      if source.bytes[end].elementsEqual(name) { return lines }
      lines.append(stripsTabs ? skippingTabs(raw) : raw)
    }
    return nil
  }

  /// The index of the line that was read last.
  var last: Int { number - 1 }

  private func skippingBlanks(_ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    while start < range.upperBound {
      let length = blankLength(source.bytes, start)
      if length == 0 { break }
      start += length
    }
    return min(start, range.upperBound)..<range.upperBound
  }

  private func skippingTabs(_ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    while start < range.upperBound, source.bytes[start] == 0x09 { start += 1 }
    return start..<range.upperBound
  }

  /// A line goes on when it ends in the escape sign, blanks apart; two of them are a sign of the text.
  private func continuation(_ range: Range<Int>) -> (Range<Int>, goesOn: Bool) {
    var end = range.upperBound
    while end > range.lowerBound, source.bytes[end - 1] == 0x20 || source.bytes[end - 1] == 0x09 {
      end -= 1
    }
    guard end > range.lowerBound, source.bytes[end - 1] == escape else { return (range, false) }
    if end - 1 > range.lowerBound, source.bytes[end - 2] == escape { return (range, false) }
    return (range.lowerBound..<(end - 1), true)
  }
}
