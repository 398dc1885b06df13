// What the patterns of one `COPY` name in its source: files and folders with their ways, found without
// leaving the source, and a hint where nothing is.

import Blueprint
import CLinux
import Control
import Diagnostics
import Dockerfile
import Glibc
import Linux
import SystemPackage

/// One thing to copy.
struct Selected {
  enum Thing {
    /// An open folder: what is in it is copied.
    case contents(of: SharedDescriptor)
    case item(SourceItem, in: SharedDescriptor)
  }

  var thing: Thing
  /// The name that it gets in a folder that it is copied into: the last of the path as it was written.
  var name: [UInt8]
  var filter: SourceFilter
  /// The index of the pattern that named it.
  var pattern: Int
}

struct Selection {
  private let root: SharedDescriptor
  private let copy: LayerCopy
  private let ignored: IgnoreRules?
  private let excluded: IgnoreRules?
  /// Wildcards in names of given files are none.
  private let isLiteral: Bool

  init(_ copy: LayerCopy, in root: SharedDescriptor) throws {
    self.root = root
    self.copy = copy
    switch copy.source {
    case .folder(_, let lines, _):
      ignored = try IgnoreRules(lines: lines.map(\.raw))
      isLiteral = false
    case .layers: (ignored, isLiteral) = (nil, false)
    case .files: (ignored, isLiteral) = (nil, true)
    }
    excluded = try IgnoreRules(patterns: copy.excludes.map(\.raw))
  }

  /// In the order of the patterns, and of names where one of them names several. A pattern with wildcards
  /// may name nothing, as with BuildKit. Each is opened when its turn comes and no longer, for there may be
  /// more of them than a process may have open.
  func visit(_ body: (Selected) throws -> Void) throws {
    for (index, pattern) in copy.patterns.enumerated() {
      if copy.keepsParents {
        try withParents(pattern.raw, index, body)
      } else {
        try selected(by: pattern.raw, index, body)
      }
    }
  }

  private func selected(by pattern: [UInt8], _ index: Int, _ body: (Selected) throws -> Void) throws
  {
    let names = cleanNames(of: pattern)
    guard !isLiteral, let wild = names.firstIndex(where: hasWildcards) else {
      guard let one = try select(names, index) else { throw missing(names, index) }
      return try body(one)
    }
    for place in try places(names, wild, index) {
      if let one = try select(place, index) { try body(one) }
    }
  }

  /// What the names, of which those from `wild` on are patterns, are names of.
  private func places(_ names: [[UInt8]], _ wild: Int, _ index: Int) throws -> [[[UInt8]]] {
    guard case .folder(let way) = try find(Array(names[..<wild]), below: root) else { return [] }
    var patterns: [PathPattern] = []
    for name in names.dropFirst(wild) { patterns.append(try compiled(name, .names, index)) }
    var places: [[[UInt8]]] = []
    try match(patterns[...], in: way, &places)
    return places
  }

  /// Ways that the links of the source have no part in, but for the last name.
  private func match(
    _ patterns: ArraySlice<PathPattern>, in way: Way, _ found: inout [[[UInt8]]]
  ) throws {
    guard let pattern = patterns.first else { return }
    for name in try Layering.names(in: way.folder.raw) {
      let plain = Array(name.dropLast())
      guard pattern.matches(plain) else { continue }
      if patterns.count == 1 {
        found.append(way.names + [plain])
        continue
      }
      guard case .folder? = try EntryStatus(name, in: way.folder.raw)?.kind else { continue }
      var next = way
      next.folders.append(
        SharedDescriptor(try openChild(name, in: way.folder.raw, O_RDONLY | O_DIRECTORY)))
      next.names.append(plain)
      try match(patterns.dropFirst(), in: next, &found)
    }
  }

  /// Nil where nothing is, or nothing that may be copied.
  private func select(_ names: [[UInt8]], _ index: Int) throws -> Selected? {
    let name = names.last ?? []
    switch try find(names, below: root) {
    case .folder(let way):
      let path = joined(way.names)
      guard ignored?.mayInclude(below: path) ?? true else { return nil }
      return Selected(
        thing: .contents(of: way.folder), name: name,
        filter: SourceFilter(ignored: ignored, place: path, excluded: excluded), pattern: index)
    case .other(let way, let last, let status):
      if ignored?.excludes(joined(way.names + [last])) ?? false { return nil }
      if excluded?.excludes(name) ?? false { return nil }
      if case .socket = status.kind { return nil }
      let item = SourceItem(
        folder: way.folder.raw, name: last + [0], path: last, status: status)
      return Selected(
        thing: .item(item, in: way.folder), name: name,
        filter: SourceFilter(ignored: nil, excluded: nil), pattern: index)
    case .missing, .blocked: return nil
    }
  }

  /// Everything that the pattern names, with the folders on the way to it: those behind `/./`, or all.
  private func withParents(
    _ pattern: [UInt8], _ index: Int, _ body: (Selected) throws -> Void
  ) throws {
    var (before, behind) = (pattern[..<0], pattern[...])
    for start in pattern.indices.dropLast(2)
    where pattern[start] == slash && pattern[start + 1] == 0x2E && pattern[start + 2] == slash {
      (before, behind) = (pattern[..<start], pattern[(start + 3)...])
      break
    }
    let (base, wanted) = (cleanNames(of: before), cleanNames(of: behind))
    let included = wanted.isEmpty ? nil : try compiled(joined(wanted), .folders, index)
    if !isLiteral, let wild = base.firstIndex(where: hasWildcards) {
      for place in try places(base, wild, index) {
        if let one = try below(place, included, index) { try body(one) }
      }
      return
    }
    guard let one = try below(base, included, index) else { throw missing(base, index) }
    // A name without wildcards is one of something.
    if !wanted.contains(where: hasWildcards), try select(base + wanted, index) == nil {
      throw missing(base + wanted, index)
    }
    try body(one)
  }

  private func below(_ base: [[UInt8]], _ included: PathPattern?, _ index: Int) throws -> Selected?
  {
    guard case .folder(let way) = try find(base, below: root) else { return nil }
    return Selected(
      thing: .contents(of: way.folder), name: [],
      filter: SourceFilter(
        ignored: ignored, place: joined(way.names), excluded: excluded, included: included),
      pattern: index)
  }

  private func compiled(_ pattern: [UInt8], _ wildcards: PathPattern.Wildcards, _ index: Int)
    throws(LayerFailure) -> PathPattern
  {
    do throws(PatternFault) {
      return try PathPattern(pattern, wildcards: wildcards)
    } catch {
      throw LayerFailure(
        "`\(text(pattern))` is not a pattern: \(error.reason)", hint: error.hint, pattern: index)
    }
  }

  private func hasWildcards(_ name: [UInt8]) -> Bool {
    name.contains { byte in
      switch byte {
      case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "\\"): true
      default: false
      }
    }
  }
}

// MARK: - Nothing there

extension Selection {
  private func missing(_ names: [[UInt8]], _ index: Int) -> LayerFailure {
    let path = text([slash] + joined(names))
    switch try? find(names, below: root) {  // that it cannot be looked at is as good as not there
    case .folder?, .other?: return leftOut(names, index)
    case .missing(let way, let name, _)?:
      // A hint is worth no second failure.
      let there = (try? Layering.names(in: way.folder.raw)) ?? []
      let similar = nearest(to: text(name), among: there.map { text($0) })
      return notThere(
        path,
        similar.map { "there is `\(text([slash] + joined(way.names + [Array($0.utf8)])))`" }, index)
    case .blocked(let way, let name)?:
      return notThere(
        path, "`\(text([slash] + joined(way.names + [name])))` is not a folder", index)
    case nil: return notThere(path, nil, index)
    }
  }

  private func notThere(_ path: String, _ hint: String?, _ index: Int) -> LayerFailure {
    let leadsOut = copy.patterns[index].raw.split(separator: slash).contains {
      $0.elementsEqual([0x2E, 0x2E])
    }
    var failure = LayerFailure(
      "`\(path)` is not there",
      hint: hint ?? (leadsOut ? "`..` does not lead out of what is copied from" : nil),
      pattern: index)
    failure.missing = path
    return failure
  }

  /// What is there and is not copied.
  private func leftOut(_ names: [[UInt8]], _ index: Int) -> LayerFailure {
    let path = joined(names)
    let shown = text([slash] + path)
    if let ignored, let rule = ignored.rule(behind: ignored.verdict(on: path)),
      ignored.excludes(path)
    {
      return LayerFailure(
        "`\(shown)` is left out by line \(rule.line) of the ignore file, `\(text(rule.text))`",
        hint: "add a line `!\(text(path))` behind it", pattern: index)
    }
    if let excluded, let name = names.last,
      let rule = excluded.rule(behind: excluded.verdict(on: name)), excluded.excludes(name)
    {
      return LayerFailure(
        "`\(shown)` is left out by `--exclude=\(text(rule.text))`", pattern: index)
    }
    return LayerFailure("`\(shown)` is a socket, which no layer holds", pattern: index)
  }
}
