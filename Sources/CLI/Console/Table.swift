// Rows under headings, aligned by spaces, as `ps`, `images` and `ls` print them.

package struct Table: Sendable {
  package var headings: [String]
  package var rows: [[String]] = []

  package init(_ headings: [String]) { self.headings = headings }

  /// Three spaces between columns; the last column is not padded.
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
          text += String(repeating: " ", count: widths[index] - cell.count + 3)
        }
      }
      return text + "\n"
    }.joined()
  }
}
