// A kind of fault as `explain` prints it.

package import Compose

/// Title, text, and an example of the fault beside the same text put right.
package func text(of explanation: Explanation, style: Style) -> String {
  var lines = ["\(style.bold("\(explanation.code): \(explanation.title)"))", ""]
  lines += wrapped(explanation.text, to: 80)
  if let command = explanation.command { lines += ["", "with `\(command)`"] }
  for (title, example) in [("wrong:", explanation.wrong), ("right:", explanation.right)]
  where !example.isEmpty && !(title == "right:" && example == explanation.wrong) {
    lines += ["", style.paint(title, title == "wrong:" ? .red : .green, bold: true)]
    lines += example.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }
  }
  return lines.map { $0 + "\n" }.joined()
}

/// Words put into lines of at most `width`; a longer word has a line of its own.
package func wrapped(_ text: String, to width: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty, line.count + 1 + word.count > width {
      lines.append(line)
      line = ""
    }
    line += (line.isEmpty ? "" : " ") + word
  }
  return line.isEmpty ? lines : lines + [line]
}
