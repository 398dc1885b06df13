// Rows under headings, aligned by spaces, as `ps`, `images` and `ls` print them.

package struct Table: Sendable {
  package var headings: [String]
  package var rows: [[String]] = []
  /// Of a column with the space behind it, as the reference's tables have it.
  private let narrowest: Int
  private let gap: Int

  package init(_ headings: [String], narrowest: Int = 10, gap: Int = 3) {
    self.headings = headings
    self.narrowest = narrowest
    self.gap = gap
  }

  /// The last column is not padded.
  package var text: String {
    let lines = ([headings] + rows).map { $0.map(printable) }
    var widths = [Int](repeating: 0, count: headings.count)
    for line in lines {
      for (index, cell) in line.enumerated() { widths[index] = max(widths[index], cell.count) }
    }
    return lines.map { line in
      var text = ""
      for (index, cell) in line.enumerated() {
        text += cell
        if index < line.count - 1 {
          let width = max(narrowest, widths[index] + gap)
          text += String(repeating: " ", count: width - cell.count)
        }
      }
      return text + "\n"
    }.joined()
  }
}
