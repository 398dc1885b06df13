// Patterns for paths, as `COPY` and ignore files use them. Over bytes: a path need not be UTF-8, but
// a wildcard stands for a whole character where it is.

package import Diagnostics

/// What Go's `filepath.Match` takes for a pattern, compiled: `*` and `?` stop at `/`, `[a-z]` and
/// `[^a-z]` are sets, `\` takes the next character as it is. Where wildcards cross folders, `**`
/// stands for any number of them, with the shortcuts and oddities of docker's ignore files: `**x` ends in `x`, `a/**` is all
/// below `a` but not `a`.
///
/// Paths are relative and clean: no `/` at their ends, no `.`, `..` or empty names in them. Time is
/// bounded by the product of both lengths, whatever the pattern.
package struct PathPattern: Sendable, Hashable {
  package enum Wildcards: Sendable, Hashable {
    /// `**` means what `*` means.
    case names
    /// `**` crosses `/`.
    case folders
  }

  /// No path of Linux is longer.
  package static let longest = 4096

  /// The bytes that every match begins with.
  private let prefix: [UInt8]
  /// The bytes that every match ends with, not counting those of `prefix`.
  private let suffix: [UInt8]
  /// What stands between both.
  private let middle: Middle
  /// All that follows `prefix`.
  private let machine: PatternMachine

  private enum Middle: Sendable, Hashable {
    case nothing
    /// Anything.
    case anything
    /// Anything without a `/`.
    case name
    /// Nothing, or what ends in `/`.
    case folders
    case other
  }

  package init(_ bytes: [UInt8], wildcards: Wildcards = .names) throws(PatternFault) {
    var compiler = PatternCompiler(bytes, wildcards: wildcards)
    let elements = try compiler.compile()
    let first = elements.firstIndex { $0.character == nil } ?? elements.endIndex
    let last = elements.lastIndex { $0.character == nil } ?? first - 1
    // In a literal nothing follows the prefix.
    prefix = elements[..<first].flatMap { $0.character?.bytes ?? [] }
    suffix = elements[(last + 1)...].flatMap { $0.character?.bytes ?? [] }
    let between = elements[first..<(last + 1)]
    switch Array(between) {
    case []: middle = .nothing
    case [.rest], [.folders, .name]: middle = .anything
    case [.name]: middle = .name
    case [.folders]: middle = .folders
    default: middle = .other
    }
    machine = PatternMachine(elements: Array(elements[first...]), sets: compiler.sets)
  }

  /// Whether it is the name of one path and nothing else; that path is then `literal`.
  package var isLiteral: Bool { middle == .nothing }

  package var literal: [UInt8]? { isLiteral ? prefix : nil }

  /// The folder that all matches are in, as far as it is known without looking; empty is the root.
  package var base: [UInt8] {
    guard let slash = prefix.lastIndex(of: UInt8(ascii: "/")) else { return [] }
    return Array(prefix[..<slash])
  }

  package func matches(_ path: [UInt8]) -> Bool { matches(path, upTo: path.count) }

  /// Of the path that the first `end` bytes are.
  func matches(_ path: [UInt8], upTo end: Int) -> Bool {
    guard end >= prefix.count + suffix.count, holds(path, prefix, at: 0),
      holds(path, suffix, at: end - suffix.count)
    else { return false }
    let inner = prefix.count..<(end - suffix.count)
    switch middle {
    case .nothing: return inner.isEmpty
    case .anything: return true
    case .name: return !path[inner].contains(UInt8(ascii: "/"))
    case .folders: return inner.isEmpty || path[inner.upperBound - 1] == UInt8(ascii: "/")
    case .other: return machine.accepts(path, from: prefix.count, to: end)
    }
  }

  /// Whether a path below this folder can match; the folder itself does not count. A walk leaves out
  /// the folders where this is false. The empty folder is the root.
  package func mayMatch(below folder: [UInt8]) -> Bool {
    guard !folder.isEmpty else { return true }
    let start = folder + [UInt8(ascii: "/")]
    guard start.count > prefix.count else {
      return holds(prefix, start, at: 0) && (start.count < prefix.count || !isLiteral)
    }
    return !isLiteral && holds(start, prefix, at: 0)
      && machine.survives(start, from: prefix.count, to: start.count)
  }

  private func holds(_ path: [UInt8], _ part: [UInt8], at offset: Int) -> Bool {
    guard offset + part.count <= path.count else { return false }
    for index in part.indices where part[index] != path[offset + index] { return false }
    return true
  }
}

package enum PatternFault: Error, Hashable, Sendable {
  case openSet
  case emptySet
  /// Of a set: a `-` or `]` that begins a range, or a range without an end.
  case brokenRange
  case trailingEscape
  case tooLong
  /// `!` alone.
  case nothingExcepted

  package var reason: String {
    switch self {
    case .openSet: "its `[` is not closed"
    case .emptySet: "its `[]` is empty"
    case .brokenRange: "a range in its `[…]` lacks an end"
    case .trailingEscape: "nothing follows its `\\`"
    case .tooLong: "it is longer than \(PathPattern.longest) bytes"
    case .nothingExcepted: "nothing follows its `!`"
    }
  }

  package var hint: String? {
    switch self {
    case .openSet, .emptySet: "write `\\[` for the character `[`"
    case .brokenRange: "write `\\-` or `\\]` for the character itself"
    case .trailingEscape: "write `\\\\` for the character `\\`"
    case .tooLong, .nothingExcepted: nil
    }
  }
}

extension PatternFault: Diagnosable {
  package var diagnostics: [Diagnostic] { [Diagnostic("not a pattern: \(reason)", hint: hint)] }
}
