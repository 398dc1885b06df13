// One instruction taken apart: its name, flags, arguments and here-documents, each with its place.

import Diagnostics
import JSON

/// The names that an instruction can have.
let instructionNames = [
  "FROM", "RUN", "CMD", "LABEL", "MAINTAINER", "EXPOSE", "ENV", "ADD", "COPY", "ENTRYPOINT",
  "VOLUME", "USER", "WORKDIR", "ARG", "ONBUILD", "STOPSIGNAL", "HEALTHCHECK", "SHELL",
]

struct Statement {
  let source: SourceText
  let line: LogicalLine
  let escape: UInt8
  /// Upper case.
  let name: String
  let nameRange: Range<Int>
  private(set) var flags = GivenFlags()
  /// What stands behind the flags, without blanks around it.
  private(set) var rest = 0..<0
  var documents: [(word: HereDocumentWord, document: HereDocument)] = []

  /// Reads the name alone.
  init(_ line: LogicalLine, in range: Range<Int>, of source: SourceText, escape: UInt8) {
    self.source = source
    self.line = line
    self.escape = escape
    let whole = trimmed(range, line.text)
    let end = line.text[whole].firstIndex(where: isBlank) ?? whole.upperBound
    nameRange = whole.lowerBound..<end
    name = String(decoding: line.text[nameRange], as: UTF8.self).uppercased()
    rest = trimmed(end..<whole.upperBound, line.text)
  }

  var isKnown: Bool { instructionNames.contains(name) }

  var typedName: String { text(nameRange) }

  var nameSpan: SourceSpan { span(nameRange) }

  var firstLineSpan: SourceSpan { span(nameRange.lowerBound..<line.text.count) }

  /// Whether the arguments are a JSON array, in which `<<EOF` is text.
  var isExec: Bool {
    guard let first = rest.first, line.text[first] == UInt8(ascii: "[") else { return false }
    // What is not JSON is text for the shell.
    if case .array? = try? JSONValue(parsing: Array(line.text[rest])) { return true }
    return false
  }

  /// The whole as people are shown it.
  var shownText: String {
    let behind = trimmed(nameRange.upperBound..<line.text.count, line.text)
    return behind.isEmpty ? name : "\(name) \(text(behind))"
  }

  mutating func readFlags() {
    (flags, rest) = GivenFlags.read(of: name, in: rest, line, source)
  }

  // What follows reports what it finds and then gives nil.

  func report(_ summary: String, at range: Range<Int>? = nil, hint: String? = nil) {
    source.report(summary, at: line.place(range ?? nameRange), hint: hint)
  }

  func reportUnknown() {
    let typed = String(typedName.unicodeScalars.prefix(60).map(Character.init))
    let hint =
      if line.text[nameRange].contains(where: { $0 >= 0x80 }) {
        "there is a sign in it that is not a letter of ASCII, such as a no-break space"
      } else if let near = nearest(to: typed, among: instructionNames) {
        "did you mean `\(near)`?"
      } else {
        "where it belongs to the instruction above, the line before must end in "
          + "`\(Character(Unicode.Scalar(escape)))`"
      }
    report("unknown instruction: \(typed)", hint: hint)
  }

  func text(_ range: Range<Int>) -> String {
    String(decoding: line.text[range], as: UTF8.self)
  }

  func span(_ range: Range<Int>) -> SourceSpan { source.span(line.place(range)) }

  func word(_ range: Range<Int>) -> Word { Word(text(range), span: span(range)) }

  func word(_ flag: FlagText) -> Word {
    Word(flag.text, span: span(flag.range ?? nameRange))
  }

  /// A word whose variables can be put in one day; a fault in their writing is told now.
  func checked(_ word: Word) -> Word {
    do {
      try Expansion(escape: escape).check(word)
    } catch let faults as Faults {
      source.report(faults)
    } catch {
      source.report("\(error)")
    }
    return word
  }

  /// The rest as one word.
  func onlyArgument() -> Word? {
    guard !rest.isEmpty else {
      report("`\(name)` requires exactly one argument")
      return nil
    }
    return word(rest)
  }

  /// Parts between blanks; quotes mean nothing.
  func blankSeparated(_ range: Range<Int>) -> [Range<Int>] {
    line.text[range].split(whereSeparator: isBlank).map { $0.startIndex..<$0.endIndex }
  }

  /// Parts between blanks that are not quoted; the quotes stay.
  func quotedWords() -> [Range<Int>] {
    var words: [Range<Int>] = []
    var at = rest.lowerBound
    while true {
      while at < rest.upperBound, isBlank(line.text[at]) { at += 1 }
      guard at < rest.upperBound else { return words }
      let start = at
      var quote: UInt8?
      while at < rest.upperBound, quote != nil || !isBlank(line.text[at]) {
        let byte = line.text[at]
        if byte == escape, quote != UInt8(ascii: "'") {
          at += 1
        } else if byte == quote {
          quote = nil
        } else if quote == nil, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
          quote = byte
        }
        at += 1
      }
      at = min(at, rest.upperBound)
      words.append(start..<at)
    }
  }

  enum Form {
    case exec([Word])
    case shell
    /// The text is JSON, but not of strings; it has been reported.
    case broken
  }

  /// Whether a text is a JSON array of strings (reference E26).
  func form(of range: Range<Int>) -> Form {
    guard let first = range.first, line.text[first] == UInt8(ascii: "[") else { return .shell }
    // Anything that is not JSON is text for the shell: `[ -f x ] && y`.
    guard case .array(let items)? = try? JSONValue(parsing: Array(line.text[range])) else {
      return .shell
    }
    var words: [Word] = []
    var at = range.lowerBound
    for item in items {
      guard case .string(let text) = item else {
        report(
          "when using JSON array syntax, arrays must be comprised of strings only", at: range,
          hint: "put every part in double quotes")
        return .broken
      }
      words.append(Word(text, span: span(nextString(&at, until: range.upperBound))))
    }
    return .exec(words)
  }

  /// The next text in double quotes, with them.
  private func nextString(_ at: inout Int, until end: Int) -> Range<Int> {
    while at < end, line.text[at] != UInt8(ascii: "\"") { at += 1 }
    let start = at
    at += 1
    while at < end, line.text[at] != UInt8(ascii: "\"") {
      at += line.text[at] == UInt8(ascii: "\\") ? 2 : 1
    }
    at = min(at + 1, end)
    return min(start, end)..<at
  }
}
