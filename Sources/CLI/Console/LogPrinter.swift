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

  package init(_ form: LogForm) { self.form = form }

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
    case .recreated(let source):
      Output.standard.line("\(printable(source.name)) has been recreated")
    }
  }

  private func show(_ batches: [LogBatch]) {
    var standard: [UInt8] = []
    var error: [UInt8] = []
    standard.reserveCapacity(batches.reduce(0) { $0 + $1.lines.bytes.count * 5 / 4 })
    // Without a prefix to make it would not be known that there are several.
    if !form.hasPrefix { announce(batches.map(\.source.name)) }
    for batch in batches {
      if form.separatesStreams, batch.lines.stream == .error {
        append(batch, to: &error, neutralised: neutralises(on: .error))
      } else {
        append(batch, to: &standard, neutralised: neutralises(on: .standard))
      }
    }
    if !standard.isEmpty { Output.standard.write(standard) }
    if !error.isEmpty { Output.error.write(error) }
  }

  /// Escapes of several containers on one screen are not obeyed but for colours. One container alone and
  /// bare may draw as it likes, and what is no screen gets every byte.
  private func neutralises(on output: Output) -> Bool {
    output.isTerminal && (form.hasPrefix || names.withLock { $0.colours.count > 1 })
  }

  private func append(_ batch: LogBatch, to output: inout [UInt8], neutralised: Bool) {
    var prefix = form.hasPrefix ? prefix(of: batch.source.name) : []
    if form.hasTimestamps {
      let time = Timestamp(nanoseconds: batch.lines.nanoseconds)
      prefix += Array("\(time.rfc3339) ".utf8)
    }
    batch.lines.bytes.withUnsafeBytes { bytes in
      appendLines(bytes, prefix, neutralised: neutralised, to: &output)
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
