// Folders with texts that mean harm: bytes that are no text, links, and what must hold for each.

import Compose
import Diagnostics
import Testing

/// Files of bytes below `/shop`, and links from paths to paths.
struct HostileFolder: ComposeReader {
  var files: [String: [UInt8]] = [:]
  /// A path that begins with the first one is at the second one.
  var links: [(from: String, to: String)] = []

  init(_ files: [String: [UInt8]], links: [(from: String, to: String)] = []) {
    for (name, bytes) in files { self.files["/shop/" + name] = bytes }
    self.links = links
  }

  func resolvingLinks(_ path: String) -> String {
    var path = path
    for _ in 0..<100 {
      guard let link = links.first(where: { path == $0.from || path.hasPrefix($0.from + "/") })
      else { break }
      path = link.to + path.dropFirst(link.from.count)
    }
    return path
  }

  func read(_ path: String) throws(ComposeReadFault) -> [UInt8] {
    guard let bytes = files[resolvingLinks(path)] else { throw .missing }
    return bytes
  }

  func kind(_ path: String) -> ComposePathKind {
    let path = resolvingLinks(path)
    if files[path] != nil { return .file }
    return files.keys.contains { $0.hasPrefix(path + "/") } ? .folder : .missing
  }

  func load() throws(Faults) -> LoadedProject {
    try ProjectLoader.load(
      ProjectOptions(workingDirectory: "/shop", environment: ["A": "a", "HOME": "/root"]),
      reading: self)
  }
}

/// What became of a text.
enum Outcome: CustomStringConvertible {
  case accepted(Project)
  case refused([Diagnostic])

  var description: String {
    switch self {
    case .accepted: "accepted"
    case .refused(let diagnostics): diagnostics.first?.summary ?? "refused without a word"
    }
  }

  var project: Project? { if case .accepted(let project) = self { project } else { nil } }
  var diagnostics: [Diagnostic] {
    if case .refused(let diagnostics) = self { diagnostics } else { [] }
  }
}

/// Loads and holds the result to what every text must keep: a refusal says something, at a place in a
/// file of the folder; what is accepted prints as a text that means the same.
func outcome(_ folder: HostileFolder, hasPlace: Bool = true, _ label: String) -> Outcome {
  do throws(Faults) {
    let project = try folder.load().project
    if let difference = difference(project) {
      Issue.record("\(label): prints as another project: \(difference)")
    }
    return .accepted(project)
  } catch {
    #expect(!error.diagnostics.isEmpty, "\(label): refused without a word")
    #expect(error.diagnostics.count <= 100, "\(label)")
    for diagnostic in error.diagnostics {
      #expect(diagnostic.code != nil, "\(label)")
      #expect(diagnostic.summary.utf8.count <= 1_010, "\(label): a message without end")
      #expect((diagnostic.span != nil) == hasPlace, "\(label): \(diagnostic.summary)")
      guard let span = diagnostic.span else { continue }
      let bytes = folder.files[folder.resolvingLinks("/shop/" + span.file)] ?? []
      let lines = bytes.count { $0 == 0x0A || $0 == 0x0D } + 1
      #expect(span.line >= 1 && span.line <= lines && span.column >= 1, "\(label): \(span)")
    }
    return .refused(error.diagnostics)
  }
}

/// What is wrong with the text that a project is printed as; nil when it means the same.
private func difference(_ project: Project) -> String? {
  let printed = HostileFolder(["compose.yaml": project.canonicalYAML()])
  do throws(Faults) {
    let again = try printed.load().project.canonicalJSON()
    return again == project.canonicalJSON() ? nil : String(decoding: again, as: UTF8.self)
  } catch {
    return error.diagnostics.map(\.summary).joined(separator: ", ")
  }
}

func outcome(_ text: String, _ label: String) -> Outcome {
  outcome(HostileFolder(["compose.yaml": Array(text.utf8)]), label)
}
