// What of a build's context is left out: the rules of `.dockerignore` and of `COPY --exclude`, as
// docker reads them. What is on the disk is not looked at.

package import Diagnostics

/// The last rule that matches a path or one of the folders that it is in decides: an exception
/// (`!`) brings it back, any other leaves it out.
package struct IgnoreRules: Sendable {
  private struct Rule: Sendable {
    let pattern: PathPattern
    let isException: Bool
    let text: [UInt8]
    let line: Int
  }

  /// What the rules say of one path. Handed down a walk, it spares the rules that a folder has
  /// already decided.
  package struct Verdict: Hashable, Sendable {
    /// The last rule that covers the path; -1 is none.
    fileprivate let rule: Int
    package let isExcluded: Bool

    /// Of the context itself, which no rule leaves out.
    package static let root = Verdict(rule: -1, isExcluded: false)
  }

  private var rules: [Rule] = []

  package var isEmpty: Bool { rules.isEmpty }

  package private(set) var hasExceptions = false

  /// Lines of an ignore file: `#` in the first column begins a comment, blanks around a rule do not
  /// count, nor does a byte-order mark.
  package init(lines: [[UInt8]]) throws(IgnoreFault) {
    for (index, line) in lines.enumerated() {
      let line = index == 0 ? withoutMark(line) : line[...]
      guard line.first != UInt8(ascii: "#") else { continue }
      try add(line, index: index)
    }
  }

  /// Rules that were given one by one: `COPY --exclude`.
  package init(patterns: [[UInt8]]) throws(IgnoreFault) {
    for (index, pattern) in patterns.enumerated() { try add(pattern[...], index: index) }
  }

  /// Of a whole ignore file: throws `Faults` with all of them.
  package init(text: [UInt8], file: String) throws {
    var faults: [Diagnostic] = []
    for (index, line) in Self.lines(of: text).enumerated() {
      let line = index == 0 ? withoutMark(line) : line[...]
      guard line.first != UInt8(ascii: "#") else { continue }
      do throws(IgnoreFault) {
        try add(line, index: index)
      } catch {
        faults.append(error.diagnostic(line: line, file: file))
      }
    }
    guard faults.isEmpty else { throw Faults(faults) }
  }

  /// For `init(lines:)`.
  package static func lines(of text: [UInt8]) -> [[UInt8]] {
    text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
      Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }
  }

  /// Whether the path is left out. It is relative to the context and clean; the context itself is
  /// empty or `.`.
  package func excludes(_ path: [UInt8]) -> Bool { verdict(on: path).isExcluded }

  package func verdict(on path: [UInt8]) -> Verdict {
    guard !isRoot(path) else { return .root }
    for index in rules.indices.reversed() where covers(rules[index].pattern, path) {
      return verdict(of: index)
    }
    return .root
  }

  /// The same, for a path in a folder whose own verdict is known.
  package func verdict(on path: [UInt8], within folder: Verdict) -> Verdict {
    var index = rules.count - 1
    while index > folder.rule {
      if rules[index].pattern.matches(path) { return verdict(of: index) }
      index -= 1
    }
    return folder
  }

  /// Whether something below this folder may be part of the context: true where the folder is not
  /// left out, or where an exception can match below it.
  package func mayInclude(below folder: [UInt8]) -> Bool {
    mayInclude(below: folder, verdict(on: folder))
  }

  package func mayInclude(below folder: [UInt8], _ verdict: Verdict) -> Bool {
    guard verdict.isExcluded else { return true }
    // Rules before the one that decided are overruled by it, everywhere below the folder.
    return rules.dropFirst(verdict.rule + 1).contains { rule in
      rule.isException && rule.pattern.mayMatch(below: folder)
    }
  }

  /// The rule behind a verdict as it is written, and its line, from 1; nil where none decided.
  package func rule(behind verdict: Verdict) -> (text: [UInt8], line: Int)? {
    guard rules.indices.contains(verdict.rule) else { return nil }
    let rule = rules[verdict.rule]
    return (rule.text, rule.line)
  }

  private func verdict(of index: Int) -> Verdict {
    Verdict(rule: index, isExcluded: !rules[index].isException)
  }

  private func isRoot(_ path: [UInt8]) -> Bool {
    path.isEmpty || (path.count == 1 && path[0] == UInt8(ascii: "."))
  }

  private func covers(_ pattern: PathPattern, _ path: [UInt8]) -> Bool {
    if pattern.matches(path) { return true }
    for index in path.indices where path[index] == UInt8(ascii: "/") {
      if pattern.matches(path, upTo: index) { return true }
    }
    return false
  }

  private mutating func add(_ line: ArraySlice<UInt8>, index: Int) throws(IgnoreFault) {
    var text = trimmed(line)
    guard let first = text.first else { return }
    let isException = first == UInt8(ascii: "!")
    if isException { text = trimmed(text.dropFirst()) }
    let pattern: PathPattern
    do throws(PatternFault) {
      if text.isEmpty { throw .nothingExcepted }
      pattern = try PathPattern(clean(text), wildcards: .folders)
    } catch {
      throw IgnoreFault(index: index, text: Array(trimmed(line)), fault: error)
    }
    rules.append(
      Rule(
        pattern: pattern, isException: isException, text: Array(trimmed(line)), line: index + 1))
    hasExceptions = hasExceptions || isException
  }
}

package struct IgnoreFault: Error, Hashable, Sendable {
  /// Of the line or pattern, from 0.
  package let index: Int
  package let text: [UInt8]
  package let fault: PatternFault

  package var summary: String {
    "`\(String(decoding: text, as: UTF8.self))` is not a pattern: \(fault.reason)"
  }

  fileprivate func diagnostic(line: ArraySlice<UInt8>, file: String) -> Diagnostic {
    let column = scalars(line.prefix { isBlank($0) }) + 1
    let span = SourceSpan(
      file: file, line: index + 1, column: column, length: max(1, scalars(text[...])))
    return Diagnostic(
      summary, span: span, excerpt: String(decoding: line, as: UTF8.self), hint: fault.hint)
  }

  private func scalars(_ bytes: ArraySlice<UInt8>) -> Int {
    String(decoding: bytes, as: UTF8.self).unicodeScalars.count
  }
}

extension IgnoreFault: Diagnosable {
  package var diagnostics: [Diagnostic] { [Diagnostic(summary, hint: fault.hint)] }
}

/// A path without `.`, `..` and empty names where they can be taken away, and without a `/` at its
/// ends; `.` where nothing is left.
private func clean(_ path: ArraySlice<UInt8>) -> [UInt8] {
  let isRooted = path.first == UInt8(ascii: "/")
  var names: [ArraySlice<UInt8>] = []
  for name in path.split(separator: UInt8(ascii: "/")) {
    let isParent = isDots(name, 2)
    if isDots(name, 1) { continue }
    guard isParent else {
      names.append(name)
      continue
    }
    if let last = names.last, !isDots(last, 2) {
      names.removeLast()
    } else if !isRooted {
      names.append(name)
    }
  }
  // The root alone stays as it is, and so matches nothing.
  guard !names.isEmpty else { return [isRooted ? UInt8(ascii: "/") : UInt8(ascii: ".")] }
  return Array(names.joined(separator: [UInt8(ascii: "/")]))
}

private func isDots(_ name: ArraySlice<UInt8>, _ count: Int) -> Bool {
  name.count == count && name.allSatisfy { $0 == UInt8(ascii: ".") }
}

private func withoutMark(_ line: [UInt8]) -> ArraySlice<UInt8> {
  line.starts(with: [0xEF, 0xBB, 0xBF]) ? line.dropFirst(3) : line[...]
}

private func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
  var line = line.drop { isBlank($0) }
  while let last = line.last, isBlank(last) { line.removeLast() }
  return line
}
