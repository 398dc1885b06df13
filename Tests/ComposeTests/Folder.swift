// A folder of files in memory, and loads from it.

import Compose
import Diagnostics
import JSON

struct Folder: ComposeReader {
  var files: [String: String] = [:]
  var foreign: Set<String> = []
  var links: [String: String] = [:]

  func read(_ path: String) throws(ComposeReadFault) -> [UInt8] {
    guard let text = files[path] else { throw kind(path) == .folder ? .isFolder : .missing }
    return Array(text.utf8)
  }

  func kind(_ path: String) -> ComposePathKind {
    if files[path] != nil { return .file }
    return files.keys.contains { $0.hasPrefix(path + "/") } ? .folder : .missing
  }

  func resolvingLinks(_ path: String) -> String { links[path] ?? path }

  func isTrusted(_ folder: String) -> Bool { !foreign.contains(folder) }
}

extension Folder {
  /// Files by name below `/shop`.
  init(_ files: [String: String]) {
    for (name, text) in files { self.files[name.hasPrefix("/") ? name : "/shop/" + name] = text }
  }

  func load(
    environment: [String: String] = [:], _ change: (inout ProjectOptions) -> Void = { _ in }
  ) throws -> LoadedProject {
    var options = ProjectOptions(workingDirectory: "/shop", environment: environment)
    change(&options)
    return try ProjectLoader.load(options, reading: self)
  }

  func faults(
    environment: [String: String] = [:], _ change: (inout ProjectOptions) -> Void = { _ in }
  ) -> [Diagnostic] {
    do {
      _ = try load(environment: environment, change)
      return []
    } catch {
      return (error as? Faults)?.diagnostics ?? []
    }
  }
}

/// One compose file at `/shop/compose.yaml`.
func loaded(_ text: String, environment: [String: String] = [:]) throws -> LoadedProject {
  try Folder(["compose.yaml": text]).load(environment: environment)
}

func faults(_ text: String, environment: [String: String] = [:]) -> [Diagnostic] {
  Folder(["compose.yaml": text]).faults(environment: environment)
}

/// The canonical JSON below a path of keys, compact with sorted names.
func json(_ project: Project, _ path: String...) throws -> String { try json(project, path) }

func json(_ project: Project, _ path: [String]) throws -> String {
  var value = try JSONValue(parsing: project.canonicalJSON())
  for key in path {
    guard let inner = value[key] else { return "absent" }
    value = inner
  }
  return value.sortedByName().text()
}

/// As the terminal shows them, without colour.
func shown(_ diagnostics: [Diagnostic]) -> String {
  diagnostics.map { diagnostic in
    var lines = ["\(diagnostic.severity.rawValue): \(diagnostic.summary)"]
    if let span = diagnostic.span {
      lines.append("  --> \(span.file):\(span.line):\(span.column)")
      if let excerpt = diagnostic.excerpt {
        lines.append("  | \(excerpt)")
        let pad = String(repeating: " ", count: span.column - 1)
        lines.append("  | \(pad)\(String(repeating: "^", count: span.length))")
      }
    }
    if let hint = diagnostic.hint { lines.append("hint: \(hint)") }
    return lines.joined(separator: "\n")
  }.joined(separator: "\n")
}
