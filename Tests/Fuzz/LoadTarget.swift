// The whole load: faults have places, what is accepted prints as a text that means the same.

import Diagnostics
import JSON

@testable import Compose

/// The files of one input, below `/shop`. Parts of the input begin with a line `#file NAME`; what
/// stands before the first one is `compose.yaml`.
private struct InputFolder: ComposeReader {
  var files: [String: [UInt8]] = [:]

  init(_ bytes: [UInt8]) {
    let opening = Array("#file ".utf8)
    var name = "compose.yaml"
    for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      if line.starts(with: opening) {
        name = text(Array(line.dropFirst(opening.count)))
      } else {
        files["/shop/" + name, default: []] += Array(line) + [0x0A]
      }
    }
  }

  func read(_ path: String) throws(ComposeReadFault) -> [UInt8] {
    guard let bytes = files[path] else { throw .missing }
    return bytes
  }

  func kind(_ path: String) -> ComposePathKind {
    files[path] != nil ? .file : path == "/shop" ? .folder : .missing
  }

  func load() throws(Faults) -> LoadedProject {
    let options = ProjectOptions(
      workingDirectory: "/shop", environment: ["HOME": "/home/u", "A": "a", "E": ""])
    return try ProjectLoader.load(options, reading: self)
  }
}

func tryLoad(_ bytes: [UInt8]) {
  let folder = InputFolder(bytes)
  do throws(Faults) {
    let loaded = try folder.load()
    for warning in loaded.warnings {
      require(warning.severity == .warning, "a warning is an error")
      checkPlace(warning, folder)
    }
    let json = loaded.project.canonicalJSON()
    require((try? folder.load())?.project.canonicalJSON() == json, "a project has two meanings")
    checkOrder(loaded.project)
    checkPrinted(loaded.project, json)
  } catch {
    require(!error.diagnostics.isEmpty, "refused without a word")
    for diagnostic in error.diagnostics {
      require(diagnostic.severity == .error, "an error is a warning")
      checkPlace(diagnostic, folder)
    }
  }
}

/// Faults that are about no place of a compose file: files that cannot be read, env files that
/// nobody named, the project's name, a text without content.
private let placeless: Set<String> = ["B0150", "B0151", "B0152", "B0153"]

private func checkPlace(_ diagnostic: Diagnostic, _ folder: InputFolder) {
  let code = required(diagnostic.code, "`\(diagnostic.summary)` has no code")
  require(!diagnostic.summary.isEmpty, "a fault says nothing")
  guard let span = diagnostic.span else {
    require(
      placeless.contains(code) || diagnostic.summary == "empty compose file",
      "`\(diagnostic.summary)` has no place")
    return
  }
  let bytes = required(folder.files["/shop/" + span.file], "`\(span.file)` is no file")
  // Env files are bytes as they are.
  let read = span.file.hasSuffix(".env") ? bytes : utf8(bytes)
  require(
    Places(read).hold(line: span.line, column: span.column),
    "`\(diagnostic.summary)` is outside of the text: \(span)")
  require(diagnostic.excerpt != nil, "`\(diagnostic.summary)` shows no text")
}

private func checkOrder(_ project: Project) {
  let ordered = project.servicesInDependencyOrder().map(\.name)
  require(
    Set(ordered) == Set(project.services.map(\.name)) && ordered.count == project.services.count,
    "the order has other services")
}

private func checkPrinted(_ project: Project, _ json: [UInt8]) {
  let value = required(try? JSONValue(parsing: json), "no JSON: \(text(json))")
  // Every `$` is doubled, in keys too, as the reference does; keys are not interpolated when read.
  guard !hasDollarKey(value), !hasOddHost(value) else { return }
  let yaml = project.canonicalYAML()
  var printed = InputFolder([])
  printed.files["/shop/compose.yaml"] = yaml
  do throws(Faults) {
    let again = try printed.load().project.canonicalJSON()
    require(again == json, "another project:\n\(text(json))\n\(text(yaml))\n\(text(again))")
  } catch {
    let faults = error.diagnostics.map(\.summary).joined(separator: "\n")
    fatalError("property violated: what is printed is refused: \(faults)\n\(text(yaml))")
  }
}

/// Addresses with commas or brackets are no addresses. As the reference does, a mapping takes them as
/// they are, but a list, which is what is printed, is split at commas and loses brackets.
private func hasOddHost(_ value: JSONValue) -> Bool {
  (value["services"]?.object?.members ?? []).contains { service in
    (service.value["extra_hosts"]?.array ?? []).contains { item in
      (item.string ?? "").utf8.contains { [0x2C, 0x5B].contains($0) }
    }
  }
}

private func hasDollarKey(_ value: JSONValue) -> Bool {
  switch value {
  case .object(let object):
    object.members.contains {
      $0.name.utf8.contains(UInt8(ascii: "$")) || hasDollarKey($0.value)
    }
  case .array(let items): items.contains(where: hasDollarKey)
  default: false
  }
}
