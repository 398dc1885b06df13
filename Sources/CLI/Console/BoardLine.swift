// One line of the progress display.

/// A line as pieces of text that look alike, so that it can be cut before it is painted.
struct BoardLine {
  enum Look {
    case bold
    case dim
    case colour(Colour)
  }

  private var pieces: [(text: String, look: Look?)] = []
  private(set) var text = ""
  /// Columns that it takes.
  private(set) var width = 0

  mutating func add(_ text: String, _ look: Look? = nil) {
    pieces.append((text, look))
    width += columnCount(text)
  }

  /// At the right border; left out where there is no room for it.
  mutating func addAtEnd(_ text: String, columns: Int) {
    let gap = columns - width - columnCount(text)
    guard columns >= 40 else { return }
    if gap < 1 { cut(to: columns - columnCount(text) - 1) }
    add(String(repeating: " ", count: max(1, columns - width - columnCount(text))))
    add(text, .dim)
  }

  func painted(_ style: Style, columns: Int) -> BoardLine {
    var line = self
    line.cut(to: columns)
    line.text = line.pieces.map { piece in
      switch piece.look {
      case .bold: style.bold(piece.text)
      case .dim: style.dim(piece.text)
      case .colour(let colour): style.paint(piece.text, colour)
      case nil: piece.text
      }
    }.joined()
    return line
  }

  private mutating func cut(to columns: Int) {
    guard width > columns else { return }
    var room = max(0, columns)
    for index in pieces.indices {
      if room == 0 { pieces[index].text = "" }
      pieces[index].text = shortened(pieces[index].text, toColumns: room)
      room -= min(room, columnCount(pieces[index].text))
    }
    width = pieces.reduce(0) { $0 + columnCount($1.text) }
  }
}
