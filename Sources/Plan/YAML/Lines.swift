// Where the lines of a text begin, by the line ends that libyaml counts.

/// The lines of a text. They end at LF, CR, CR LF, NEL, LS and PS, so that a place that libyaml tells
/// is one of them.
package struct YAMLLines: Sendable {
  private let starts: [Int]

  package init(_ text: some Sequence<UInt8>) {
    var starts = [0]
    var (before, last): (UInt8, UInt8) = (0, 0)
    var at = 0
    for byte in text {
      at += 1
      switch byte {
      case 0x0A where last == 0x0D: starts[starts.count - 1] = at
      case 0x0A, 0x0D: starts.append(at)
      case 0x85 where last == 0xC2: starts.append(at)
      case 0xA8 where last == 0x80 && before == 0xE2: starts.append(at)
      case 0xA9 where last == 0x80 && before == 0xE2: starts.append(at)
      default: break
      }
      (before, last) = (last, byte)
    }
    self.starts = starts
  }

  package var count: Int { starts.count }

  /// Where a line begins, and where the one after it does; lines count from 1. Nil outside of the
  /// text, whose length in bytes is `end`.
  package func range(of line: Int, end: Int) -> Range<Int>? {
    guard line >= 1, line <= starts.count, starts[line - 1] <= end else { return nil }
    return starts[line - 1]..<(line < starts.count ? min(end, starts[line]) : end)
  }

  /// The line that a byte stands in.
  func line(at offset: Int) -> Int {
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }
}
