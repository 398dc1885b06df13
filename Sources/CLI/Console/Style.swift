// Colours, where the terminal and the user want them.

/// What `--ansi`, COMPOSE_ANSI and NO_COLOR ask for.
package enum AnsiMode: String, Sendable, CaseIterable {
  case never
  case always
  case auto
}

package enum Colour: Int, Sendable {
  case red = 31
  case green = 32
  case yellow = 33
  case blue = 34
  case magenta = 35
  case cyan = 36
  case brightGreen = 92
  case brightYellow = 93
  case brightBlue = 94
  case brightMagenta = 95
  case brightCyan = 96

  /// The order in which containers get theirs.
  package static let rainbow: [Colour] = [
    .cyan, .yellow, .green, .magenta, .blue, .brightCyan, .brightYellow, .brightGreen,
    .brightMagenta, .brightBlue,
  ]
}

/// Whether escape codes go to one stream.
package struct Style: Sendable {
  package var coloured: Bool

  package init(coloured: Bool) { self.coloured = coloured }

  package init(_ mode: AnsiMode, output: Output, environment: [String: String]) {
    let isRefused = !(environment["NO_COLOR"] ?? "").isEmpty
    coloured =
      switch mode {
      case .never: false
      // What the user typed outweighs what the terminal says of itself.
      case .always: !isRefused
      case .auto: output.isTerminal && !isRefused && environment["TERM"] != "dumb"
      }
  }

  package func paint(_ text: String, _ colour: Colour, bold: Bool = false) -> String {
    guard coloured else { return text }
    return "\u{1B}[\(bold ? "1;" : "")\(colour.rawValue)m\(text)\u{1B}[0m"
  }

  package func bold(_ text: String) -> String {
    coloured ? "\u{1B}[1m\(text)\u{1B}[0m" : text
  }

  package func dim(_ text: String) -> String {
    coloured ? "\u{1B}[2m\(text)\u{1B}[0m" : text
  }
}
