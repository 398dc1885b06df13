// Where lines of a text begin and end, so that a place can be held against it.

struct Places {
  /// The number of Unicode scalars in each line, its line end left out.
  private(set) var lengths: [Int] = []

  /// Lines end as libyaml counts them: LF, CR, CR LF, NEL, LS and PS. A byte order mark at the
  /// start is no column.
  init(_ bytes: [UInt8]) {
    var length = 0
    var previous: Unicode.Scalar = " "
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      defer { previous = scalar }
      if scalar == "\n", previous == "\r" { continue }
      switch scalar {
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
        lengths.append(length)
        length = 0
      default: length += 1
      }
    }
    lengths.append(length)
  }

  /// Whether a place is in the text; right behind a line's end is, too, for what is missing there.
  /// A value may end where the line after the last one would begin.
  func hold(line: Int, column: Int, isEnd: Bool = false) -> Bool {
    if isEnd, line == lengths.count + 1, column == 1 { return true }
    guard line >= 1, line <= lengths.count else { return false }
    return column >= 1 && column <= lengths[line - 1] + 1
  }
}
