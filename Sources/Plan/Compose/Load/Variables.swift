// What variables are looked up in: the caller's environment, then env files, each value with where
// it is from.

import Diagnostics
import YAML

struct Variables: Sendable {
  private(set) var values: [String: String]
  /// The places of those that an env file gave.
  private var origins: [String: Origin] = [:]

  init(_ environment: [String: String]) { values = environment }

  subscript(name: String) -> String? { values[name] }

  mutating func set(_ name: String, _ value: String) {
    values[name] = value
    origins[name] = nil
  }

  /// Adds what is not set yet.
  mutating func add(_ others: [EnvFileValue]) {
    for other in others where values[other.key] == nil {
      values[other.key] = other.value
      origins[other.key] = other.origin
    }
  }

  /// Where a value is from, in words: `.env:3`; nil when it is not set.
  func source(_ name: String, _ sources: Sources) -> String? {
    guard values[name] != nil else { return nil }
    guard let origin = origins[name], let span = sources.span(origin) else {
      return "the environment"
    }
    return "\(span.file):\(span.line)"
  }
}

/// Reads env files that stand for themselves or for a service. Their texts are kept in the sources,
/// so that faults and values in them have places.
struct EnvFiles<Reader: ComposeReader> {
  let reader: Reader
  let options: ProjectOptions
  let findings: Findings

  /// The values of several files; later ones win, `over` serves as variables. What is wrong with a
  /// file is among the findings, and the others are read.
  ///
  /// - Parameter files: each with the place that names it.
  func values(
    _ files: [(path: String, origin: Origin)], over: Variables, sources: inout Sources
  ) -> [EnvFileValue] {
    var parser = EnvFileParser(lookup: { over[$0] })
    for (path, origin) in files where path != "/dev/null" {
      do throws(Fault) {
        let bytes = try bytes(of: path, at: origin)
        try findings.growth.take(bytes.count, of: .read, at: origin)
        try read(bytes, of: path, &parser, isRaw: false, sources: &sources)
      } catch {
        findings.add(error)
        findings.lacksVariables = true
      }
    }
    return parser.values
  }

  private func bytes(of path: String, at origin: Origin) throws(Fault) -> [UInt8] {
    do throws(ComposeReadFault) {
      return try reader.read(path)
    } catch {
      throw Fault(
        .environmentFile, "env file `\(options.shown(path))` cannot be read: \(error.text)",
        at: origin)
    }
  }

  /// One file that has been read, its faults told at their place in it.
  func read(
    _ bytes: [UInt8], of path: String, _ parser: inout EnvFileParser, isRaw: Bool,
    sources: inout Sources
  ) throws(Fault) {
    let file = sources.add(
      path: path, shown: options.shown(path), bytes: bytes, isEnvironment: true)
    do throws(EnvFileFault) {
      if isRaw {
        try parser.parseRaw(bytes, file: file)
      } else {
        try parser.parse(bytes, file: file)
      }
    } catch {
      let place = Origin(file: file, line: Int32(clamping: error.line), column: 1, length: 1)
      var lines: [Int32: YAMLLines] = [:]
      let width = sources.excerpt(place, &lines)?.unicodeScalars.count ?? 1
      throw Fault(
        .environmentFile, error.summary,
        at: Origin(file: file, line: place.line, column: 1, length: Int32(clamping: width)),
        hint: error.hint)
    }
  }
}

extension ProjectOptions {
  /// A path as messages show it: below the folder that the caller stands in without that folder.
  func shown(_ path: String) -> String {
    if path == "-" { return "<stdin>" }
    let prefix = workingDirectory == "/" ? "/" : workingDirectory + "/"
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }
}
