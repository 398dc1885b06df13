// The `--flag=value` words between an instruction's name and its arguments.

import Diagnostics

/// A piece of a flag without its quotes, and where in the instruction's text each of its bytes stands.
struct FlagText {
  var bytes: [UInt8] = []
  var places: [Int] = []

  var text: String { String(decoding: bytes, as: UTF8.self) }

  subscript(range: Range<Int>) -> FlagText {
    FlagText(bytes: Array(bytes[range]), places: Array(places[range]))
  }

  /// The part of the instruction's text that it was made of.
  var range: Range<Int>? {
    guard let first = places.first, let last = places.last else { return nil }
    return first..<(last + 1)
  }
}

enum FlagKind {
  case text
  /// May be given several times.
  case texts
  /// `--flag`, `--flag=true`, `--flag=false`.
  case truth
  /// Known, and refused with a reason.
  case refused(String)
}

/// What each instruction takes; those that are not here take none.
let flagsOfInstructions: [String: [(name: String, kind: FlagKind)]] = [
  "FROM": [("platform", .text)],
  "RUN": [
    ("mount", .texts), ("network", .text), ("security", .text),
    ("device", .refused("devices of builds cannot be had: berth has no CDI")),
  ],
  "COPY": [
    ("from", .text), ("chown", .text), ("chmod", .text), ("link", .truth), ("parents", .truth),
    ("exclude", .texts),
  ],
  "ADD": [
    ("chown", .text), ("chmod", .text), ("link", .truth), ("exclude", .texts),
    ("checksum", .text), ("keep-git-dir", .truth), ("unpack", .truth),
  ],
  "HEALTHCHECK": [
    ("interval", .text), ("timeout", .text), ("start-period", .text), ("start-interval", .text),
    ("retries", .text),
  ],
]

/// The flags of one instruction as they were given.
struct GivenFlags {
  private var values: [String: [FlagText]] = [:]
  private var truths: [String: Bool] = [:]
  /// Whether nobody can say where they end; that has been reported.
  private(set) var isBroken = false

  func text(_ name: String) -> FlagText? { values[name]?.first }
  func texts(_ name: String) -> [FlagText] { values[name] ?? [] }
  func truth(_ name: String) -> Bool? { truths[name] }

  var isEmpty: Bool { values.isEmpty && truths.isEmpty }

  /// Takes the flags off the front of `range`.
  ///
  /// - Returns: the flags, and what stands behind them.
  static func read(
    of instruction: String, in range: Range<Int>, _ line: LogicalLine, _ source: SourceText
  ) -> (GivenFlags, rest: Range<Int>) {
    let text = line.text
    func report(_ summary: String, _ range: Range<Int>, _ hint: String?) {
      source.report(summary, at: line.place(range), hint: hint)
    }
    var flags = GivenFlags()
    var at = range.lowerBound
    while !source.isFull {
      while at < range.upperBound, isBlank(text[at]) { at += 1 }
      guard at + 1 < range.upperBound, text[at] == 0x2D, text[at + 1] == 0x2D else { break }
      let start = at
      guard let word = flagWord(&at, until: range.upperBound, text) else {
        report("a quote is not closed", start..<range.upperBound, nil)
        flags.isBroken = true
        break
      }
      if word.bytes == [0x2D, 0x2D] { break }
      flags.take(word, at: start..<at, of: instruction, report: report)
    }
    return (flags, trimmed(at..<range.upperBound, text))
  }

  /// One word without its quotes; a backslash keeps the sign behind it, whatever the file's escape is.
  private static func flagWord(_ at: inout Int, until end: Int, _ text: [UInt8]) -> FlagText? {
    var word = FlagText()
    var quote: UInt8?
    while at < end {
      var byte = text[at]
      if quote == nil, isBlank(byte) { return word }
      if byte == quote {
        quote = nil
      } else if quote == nil, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        quote = byte
      } else {
        if byte == UInt8(ascii: "\\") {
          at += 1
          guard at < end else { break }
          byte = text[at]
        }
        word.bytes.append(byte)
        word.places.append(at)
      }
      at += 1
    }
    return quote == nil ? word : nil
  }

  private mutating func take(
    _ word: FlagText, at range: Range<Int>, of instruction: String,
    report: (String, Range<Int>, String?) -> Void
  ) {
    let equals = word.bytes.firstIndex(of: UInt8(ascii: "="))
    let name = String(decoding: word.bytes[2..<(equals ?? word.bytes.count)], as: UTF8.self)
    let value = equals.map { word[($0 + 1)..<word.bytes.count] }
    let known = flagsOfInstructions[instruction] ?? []
    guard let kind = known.first(where: { $0.name == name })?.kind else {
      report("unknown flag: `--\(name)`", range, hint(for: name, of: instruction))
      return
    }
    switch kind {
    case .refused(let reason):
      report("flag `--\(name)` of `\(instruction)` is not supported: \(reason)", range, nil)
    case .truth: takeTruth(name, value, at: range, report: report)
    case .text, .texts:
      guard let value else {
        report("missing a value on flag: `--\(name)`", range, "write `--\(name)=VALUE`")
        return
      }
      if case .text = kind, values[name] != nil {
        report("duplicate flag specified: `--\(name)`", range, nil)
        return
      }
      values[name, default: []].append(value)
    }
  }

  private mutating func takeTruth(
    _ name: String, _ value: FlagText?, at range: Range<Int>,
    report: (String, Range<Int>, String?) -> Void
  ) {
    let given = value?.text.lowercased()
    guard given == nil || given == "true" || given == "false" else {
      report(
        "expecting boolean value for flag `--\(name)`, not: `\(value?.text ?? "")`", range,
        "it is `--\(name)`, `--\(name)=true` or `--\(name)=false`")
      return
    }
    guard truths.updateValue(given != "false", forKey: name) == nil else {
      report("duplicate flag specified: `--\(name)`", range, nil)
      return
    }
  }

  private func hint(for name: String, of instruction: String) -> String? {
    let known = (flagsOfInstructions[instruction] ?? []).map(\.name)
    if let near = nearest(to: name, among: known) { return "did you mean `--\(near)`?" }
    let owners = flagsOfInstructions.filter { $0.value.contains { $0.name == name } }.keys.sorted()
    if !owners.isEmpty {
      return "it is one of \(owners.map { "`\($0)`" }.joined(separator: ", "))"
    }
    if known.isEmpty { return "`\(instruction)` takes no flags" }
    return "`\(instruction)` takes \(known.map { "`--\($0)`" }.joined(separator: ", "))"
  }
}
