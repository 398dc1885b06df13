// The comments before all else that say how the file is to be read (reference E22).

import Diagnostics

struct DirectiveReader {
  private(set) var found = Directives()
  private var seen: Set<String> = []
  private var isFirstLine = true
  private var isDone = false

  /// - Parameter line: without the blanks before it.
  mutating func read(_ line: Range<Int>, of source: SourceText) {
    guard !isDone else { return }
    let isInterpreterLine = isFirstLine && source.bytes[line].starts(with: Array("#!".utf8))
    isFirstLine = false
    if isInterpreterLine { return }
    guard let (name, value) = directive(line, source.bytes) else {
      isDone = true
      return
    }
    let key = source.text(name).lowercased()
    guard ["syntax", "escape", "check"].contains(key) else {
      isDone = true
      return
    }
    guard seen.insert(key).inserted else {
      source.report("only one `\(key)` parser directive can be used", at: name)
      return
    }
    switch key {
    case "syntax": readSyntax(value, of: source)
    case "escape": readEscape(value, of: source)
    default: readChecks(value, of: source)
    }
  }

  /// `# name = value`, nil for every other comment.
  private func directive(_ line: Range<Int>, _ bytes: [UInt8]) -> (
    name: Range<Int>, value: Range<Int>
  )? {
    var at = line.lowerBound
    func skipBlanks() { while at < line.upperBound, isBlank(bytes[at]) { at += 1 } }
    guard at < line.upperBound, bytes[at] == UInt8(ascii: "#") else { return nil }
    at += 1
    skipBlanks()
    let name = at
    while at < line.upperBound, isLetterOrDigit(bytes[at]) { at += 1 }
    let nameEnd = at
    guard nameEnd > name, !isDigit(bytes[name]) else { return nil }
    skipBlanks()
    guard at < line.upperBound, bytes[at] == UInt8(ascii: "=") else { return nil }
    at += 1
    skipBlanks()
    var end = line.upperBound
    while end > at, isBlank(bytes[end - 1]) { end -= 1 }
    guard end > at else { return nil }
    return (name..<nameEnd, at..<end)
  }

  private mutating func readSyntax(_ value: Range<Int>, of source: SourceText) {
    let bytes = source.bytes[value]
    let end = bytes.firstIndex(where: isBlank) ?? value.upperBound
    let image = source.text(value.lowerBound..<end)
    guard Directives.isOurs(image) else {
      source.report(
        "the frontend `\(image)` of `# syntax=` cannot be used: berth reads Dockerfiles itself",
        at: value.lowerBound..<end,
        hint: "leave the line out, or write `# syntax=docker/dockerfile:1`")
      return
    }
    found.syntax = Word(image, span: source.span(value.lowerBound..<end))
  }

  private mutating func readEscape(_ value: Range<Int>, of source: SourceText) {
    let bytes = source.bytes[value]
    guard bytes.count == 1, let sign = bytes.first, [0x5C, 0x60].contains(sign) else {
      source.report(
        "invalid escape token `\(source.text(value))`: it is neither `\\` nor a backquote",
        at: value)
      return
    }
    found.escape = sign
  }

  /// `skip=A,B;error=true`.
  fileprivate mutating func readChecks(_ value: Range<Int>, of source: SourceText) {
    for part in split(value, of: source, at: UInt8(ascii: ";")) where !part.isEmpty {
      let bytes = source.bytes[part]
      guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else {
        source.report(
          "invalid check option `\(source.text(part))`", at: part,
          hint: "write `skip=NAME,NAME` or `error=true`")
        continue
      }
      let values = split((equals + 1)..<part.upperBound, of: source, at: UInt8(ascii: ","))
      switch source.text(trimmed(part.lowerBound..<equals, source.bytes)).lowercased() {
      case "skip":
        found.skippedChecks += values.filter { !$0.isEmpty }.map { source.text($0) }
      case "experimental":
        found.askedChecks += values.filter { !$0.isEmpty }.map { source.text($0) }
      case "error":
        let text = source.text(trimmed((equals + 1)..<part.upperBound, source.bytes))
        if let fails = truthValue(of: text) {
          found.failsOnWarnings = fails
        } else {
          source.report("`\(text)` of check option `error` is neither true nor false", at: part)
        }
      default:
        source.report(
          "invalid check option `\(source.text(part))`", at: part,
          hint: "write `skip=NAME,NAME` or `error=true`")
      }
    }
  }

  private func split(_ range: Range<Int>, of source: SourceText, at separator: UInt8)
    -> [Range<Int>]
  {
    source.bytes[range].split(separator: separator, omittingEmptySubsequences: false).map {
      trimmed($0.startIndex..<$0.endIndex, source.bytes)
    }
  }
}

extension Directives {
  /// Refuses what the build argument `BUILDKIT_SYNTAX` names in place of `# syntax=`, where berth does not
  /// read what that reads.
  ///
  /// - Throws: `Faults`.
  package static func checkFrontend(_ image: String) throws {
    if image.isEmpty || isOurs(image) { return }
    throw Faults([
      Diagnostic(
        "the frontend `\(image)` of `BUILDKIT_SYNTAX` cannot be used: berth reads Dockerfiles itself",
        hint: "leave the argument out")
    ])
  }

  /// Whether berth reads what this image of a frontend reads.
  fileprivate static func isOurs(_ image: String) -> Bool {
    var name = image[...]
    for registry in ["docker.io/", "index.docker.io/"] where name.hasPrefix(registry) {
      name = name.dropFirst(registry.utf8.count)
      break
    }
    if let digest = name.firstIndex(of: "@") { name = name[..<digest] }
    let colon = name.firstIndex(of: ":")
    let tag = colon.map { name[name.index(after: $0)...] } ?? "latest"
    switch colon.map({ name[..<$0] }) ?? name {
    case "docker/dockerfile-upstream": return !tag.isEmpty
    case "docker/dockerfile":
      if ["latest", "labs", "experimental"].contains(tag) || tag.hasSuffix("-labs") { return true }
      return tag == "1" || tag.hasPrefix("1.") || tag.hasPrefix("1-")
    default: return false
    }
  }

  /// Takes what the build argument `BUILDKIT_DOCKERFILE_CHECK` says of checks in place of what the file
  /// says (reference E32).
  ///
  /// - Throws: `Faults`.
  package mutating func replaceChecks(with options: String) throws {
    let source = SourceText(bytes: Array(options.utf8), name: "BUILDKIT_DOCKERFILE_CHECK")
    var reader = DirectiveReader()
    reader.readChecks(0..<source.bytes.count, of: source)
    guard source.faults.isEmpty else { throw Faults(source.faults) }
    skippedChecks = reader.found.skippedChecks
    askedChecks = reader.found.askedChecks
    failsOnWarnings = reader.found.failsOnWarnings
  }
}

func trimmed(_ range: Range<Int>, _ bytes: [UInt8]) -> Range<Int> {
  var range = range
  while let first = range.first, isBlank(bytes[first]) { range = (first + 1)..<range.upperBound }
  while let last = range.last, isBlank(bytes[last]) { range = range.lowerBound..<last }
  return range
}

func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

package func isLetterOrDigit(_ byte: UInt8) -> Bool {
  isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
}

/// As Go reads it: `1`, `t`, `true` and their like.
func truthValue(of text: String) -> Bool? {
  switch text {
  case "1", "t", "T", "true", "TRUE", "True": true
  case "0", "f", "F", "false", "FALSE", "False": false
  default: nil
  }
}
