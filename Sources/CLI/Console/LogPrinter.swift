// Log lines with names, colours and times; the names' column grows as containers appear.

import Journal
package import Engine
import Blueprint
import Synchronization

package struct LogForm: Sendable {
  package var style: Style
  package var hasPrefix = true
  package var hasTimestamps = false
  /// stdout and stderr of containers to the same here; else all to stdout.
  package var separatesStreams = false

  package init(style: Style) { self.style = style }
}

package final class LogPrinter: Sendable {
  private struct Names {
    var width = 0
    var prefixes: [String: [UInt8]] = [:]
    var colours: [String: Int] = [:]
  }

  private let form: LogForm
  private let names = Mutex(Names())
  /// Escapes of several containers on one screen are not obeyed but for colours (S-60).
  private let neutralises: Bool

  package init(_ form: LogForm) {
    self.form = form
    neutralises = form.hasPrefix && Output.standard.isTerminal
  }

  /// Makes room for names that are about to appear.
  package func announce(_ sources: [String]) {
    names.withLock { names in
      for source in sources { Self.note(source, &names) }
    }
  }

  package func show(_ event: LogEvent) {
    switch event {
    case .lines(let batches): show(batches)
    case .exited(let source, let code, let restarts):
      let suffix = restarts ? " (restarting)" : ""
      let code = code.map { "\($0)" } ?? "an unknown code"
      Output.standard.line("\(printable(source.name)) exited with code \(code)\(suffix)")
    }
  }

  private func show(_ batches: [LogBatch]) {
    var standard: [UInt8] = []
    var error: [UInt8] = []
    standard.reserveCapacity(batches.reduce(0) { $0 + $1.lines.bytes.count * 5 / 4 })
    for batch in batches {
      if form.separatesStreams, batch.lines.stream == .error {
        append(batch, to: &error)
      } else {
        append(batch, to: &standard)
      }
    }
    if !standard.isEmpty { Output.standard.write(standard) }
    if !error.isEmpty { Output.error.write(error) }
  }

  private func append(_ batch: LogBatch, to output: inout [UInt8]) {
    var prefix = form.hasPrefix ? prefix(of: batch.source.name) : []
    if form.hasTimestamps {
      let time = Timestamp(nanoseconds: batch.lines.nanoseconds)
      prefix += Array("\(stampText(time)) ".utf8)
    }
    let bytes = batch.lines.bytes
    if prefix.isEmpty, !neutralises {
      output += bytes
      if bytes.last != 0x0A { output.append(0x0A) }
      return
    }
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
      output += prefix
      if neutralises {
        appendNeutralised(bytes[start..<end], to: &output)
      } else {
        output += bytes[start..<end]
      }
      output.append(0x0A)
      start = end + 1
    }
  }

  private func prefix(of source: String) -> [UInt8] {
    names.withLock { names in
      Self.note(source, &names)
      if let known = names.prefixes[source] { return known }
      let padding = String(repeating: " ", count: names.width - source.count)
      let text = printable(source) + padding + "  | "
      let colour = Colour.rainbow[(names.colours[source] ?? 0) % Colour.rainbow.count]
      let bytes = Array(form.style.paint(text, colour).utf8)
      names.prefixes[source] = bytes
      return bytes
    }
  }

  private static func note(_ source: String, _ names: inout Names) {
    if names.colours[source] == nil { names.colours[source] = names.colours.count }
    if source.count > names.width {
      names.width = source.count
      names.prefixes = [:]
    }
  }
}

/// Copies a line with every control character shown as `^X`, but for tabs and colour codes.
private func appendNeutralised(_ line: ArraySlice<UInt8>, to output: inout [UInt8]) {
  guard line.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) else {
    output += line
    return
  }
  var index = line.startIndex
  while index < line.endIndex {
    let byte = line[index]
    if byte == 0x1B, let end = colourCodeEnd(line, from: index) {
      output += line[index..<end]
      index = end
      continue
    }
    // A carriage return before the end is how programs write CR LF.
    if byte == 0x0D, index == line.endIndex - 1 {
      index += 1
      continue
    }
    if byte < 0x20, byte != 0x09 {
      output += [UInt8(ascii: "^"), byte + 0x40]
    } else if byte == 0x7F {
      output += Array("^?".utf8)
    } else {
      output.append(byte)
    }
    index += 1
  }
}

/// The end of `ESC [ digits ; … m` at `start`, nil for any other escape.
private func colourCodeEnd(_ line: ArraySlice<UInt8>, from start: Int) -> Int? {
  guard start + 1 < line.endIndex, line[start + 1] == UInt8(ascii: "[") else { return nil }
  var index = start + 2
  while index < line.endIndex {
    let byte = line[index]
    if byte == UInt8(ascii: "m") { return index + 1 }
    guard (0x30...0x3B).contains(byte) else { return nil }
    index += 1
  }
  return nil
}
