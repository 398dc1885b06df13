// What a service is built from: its Dockerfile, the folder around it, and what that folder leaves out.

import CLinux
import Compose
import Diagnostics
import Dockerfile
import Glibc
import Linux
import SystemPackage

/// Largest Dockerfile and ignore file that are read.
private let fileLimit = 4 << 20

/// Where a folder of a build comes from: what others have made may not lead out of it.
enum SourcePlace: Sendable {
  case host
  case elsewhere
}

struct BuildSource: Sendable {
  /// The folder of the host that `COPY` takes from.
  var context: FilePath
  /// As people know it: a folder, or where it was fetched from.
  let shownContext: String
  var dockerfile: Dockerfile
  /// Where the Dockerfile was written.
  private let written: DockerfileSource
  /// As it was read, for excerpts.
  private let text: [UInt8]
  /// Lines of the ignore file; empty where there is none.
  var ignored: [[UInt8]]

  /// Reads what `build` names. All faults of the Dockerfile come at once. Blocks.
  /// - Parameter context: where a context of elsewhere was put; nil: that of the definition, which is a
  ///   folder.
  /// - Parameter arguments: of the build; one of them stands in place of the Dockerfile's own `# check=`.
  /// - Parameter variables: names of variables of an image that is here.
  init(
    _ definition: BuildDefinition, service: String, context: FilePath? = nil,
    arguments: BuildArguments, variables: (String) throws -> Set<String>?
  ) throws {
    let folder = try context ?? Self.folder(of: definition, service)
    let place = context == nil ? SourcePlace.host : .elsewhere
    self.context = folder
    shownContext = definition.context.text
    guard isFolder(folder) else {
      throw Faults([
        Diagnostic(
          "service `\(service)`: the build context `\(folder)` is no folder",
          span: definition.place(of: "context"),
          hint: "name the folder that the Dockerfile copies from")
      ])
    }
    let name: String
    let text: [UInt8]
    var ignoreFile: SourceFile?
    switch definition.dockerfile {
    case .inline(let inline):
      name = "dockerfile_inline of `\(service)`"
      text = Array(inline.text.utf8)
    case .file(let file):
      let source = SourceFile(folder, file, place)
      name = source.shown
      guard let read = try source.read() else {
        throw Self.missing(source.path, folder, definition, service)
      }
      text = read
      ignoreFile = SourceFile(folder, file + ".dockerignore", place)
    }
    self.text = text
    let ignored =
      try ignoreFile.flatMap { try ignoredLines(of: $0) } ?? ignoredLines(in: folder, place)
    self.ignored = ignored
    do {
      let contexts = Set(definition.additionalContexts.map(\.name))
      var dockerfile = try parseDockerfile(text, name: name) { file in
        WordChecks.faults(of: file, contexts: contexts)
          + definition.ungranted(in: file)
      }
      if let checks = arguments.value(of: "BUILDKIT_DOCKERFILE_CHECK") {
        try dockerfile.directives.replaceChecks(with: checks)
      }
      var knowledge = CheckKnowledge()
      knowledge.ignoreRules = try IgnoreRules(lines: ignored)
      try knowledge.look(at: dockerfile, arguments: arguments.values, variables)
      dockerfile.warnings = runChecks(dockerfile, source: text, knowledge: knowledge)
        .map { definition.dockerfile.placed($0, of: name) }
      self.dockerfile = dockerfile
    } catch let faults as Faults {
      throw Faults(faults.diagnostics.map { definition.dockerfile.placed($0, of: name) })
    }
    written = definition.dockerfile
  }

  private static func folder(of definition: BuildDefinition, _ service: String) throws
    -> FilePath
  {
    if case .folder(let own) = definition.context { return FilePath(own) }
    throw Faults([
      Diagnostic(
        "service `\(service)`: the build context `\(definition.context.text)` is no folder",
        span: definition.place(of: "context"),
        hint: "name a folder, or where one can be fetched")
    ])
  }

  private static func missing(
    _ path: FilePath, _ folder: FilePath, _ definition: BuildDefinition, _ service: String
  ) -> Faults {
    // A folder that cannot be listed has no near names.
    let names = ((try? namesInFolder(folder)) ?? []).map(\.string)
    let asked = path.lastComponent?.string ?? "Dockerfile"
    let near =
      names.first { $0.lowercased() == asked.lowercased() } ?? nearest(to: asked, among: names)
    return Faults([
      Diagnostic(
        "service `\(service)`: there is no `\(path)`",
        span: definition.place(of: "dockerfile"),
        hint: near.map { "did you mean `\($0)`?" }
          ?? "write the Dockerfile, or name it with `dockerfile:` below `build:`")
    ])
  }

  /// A diagnostic that points into the Dockerfile.
  func diagnostic(
    _ summary: String, causes: [String] = [], at span: SourceSpan, hint: String? = nil
  ) -> Diagnostic {
    let plain = Diagnostic(summary, causes: causes, span: span, hint: hint)
    let quoted = Faults([plain]).quoting(text, name: dockerfile.name)
    return written.placed(quoted.diagnostics.first ?? plain, of: dockerfile.name)
  }

  func fault(_ summary: String, at span: SourceSpan, hint: String? = nil) -> Faults {
    Faults([diagnostic(summary, at: span, hint: hint)])
  }
}

extension DockerfileSource {
  /// What points into a Dockerfile within a compose file points into that.
  fileprivate func placed(_ diagnostic: Diagnostic, of name: String) -> Diagnostic {
    guard case .inline(let inline) = self, let span = diagnostic.span, span.file == name,
      let place = inline.span(line: span.line, column: span.column, length: span.length)
    else { return diagnostic }
    var placed = diagnostic
    placed.span = place
    if let indent = inline.indent {
      // As the line stands in the compose file, so that the caret is under its word.
      placed.excerpt = diagnostic.excerpt.map { String(repeating: " ", count: indent) + $0 }
    } else {
      if let line = diagnostic.excerpt {
        placed.causes.append("line \(span.line) of it: `\(line)`")
      }
      placed.excerpt = nil
    }
    return placed
  }
}

/// The lines of a folder's ignore file; none where it has no such file.
func ignoredLines(in folder: FilePath, _ place: SourcePlace) throws -> [[UInt8]] {
  try ignoredLines(of: SourceFile(folder, ".dockerignore", place)) ?? []
}

/// Nil where there is no such file; what is no rule in it is told with its place.
private func ignoredLines(of file: SourceFile) throws -> [[UInt8]]? {
  guard let text = try file.read() else { return nil }
  _ = try IgnoreRules(text: text, file: file.shown)
  return IgnoreRules.lines(of: text)
}

/// A file that says how a folder is built.
private struct SourceFile {
  private let folder: FilePath
  private let name: String
  private let place: SourcePlace

  init(_ folder: FilePath, _ name: String, _ place: SourcePlace) {
    self.folder = folder
    self.name = name
    self.place = place
  }

  var path: FilePath { folder.pushing(FilePath(name)) }

  /// As people know it.
  var shown: String {
    switch place {
    case .host: path.string
    case .elsewhere: name
    }
  }

  /// Nil when there is no such file.
  func read() throws -> [UInt8]? {
    do {
      return try content()
    } catch let error as SystemCallError {
      switch error.errno {
      case .noSuchFileOrDirectory, .notDirectory: return nil
      default: throw Failure("`\(shown)` cannot be read", error)
      }
    }
  }

  private func content() throws -> [UInt8] {
    let file = try open()
    var status = stat()
    try checking("fstat", shown) { [raw = file.raw] in fstat(raw, &status) }
    if isHandedOn {
      // Whoever fills it may not have written yet.
      try file.setNonBlocking(false)
    } else if FileKind(mode: status.st_mode) == .fifo {
      throw Faults([Diagnostic("`\(shown)` is a fifo, and no file")])
    }
    return try file.readAll(limit: fileLimit)
  }

  /// Whether it is open already: `/dev/stdin`, and what a shell makes of `<(command)`.
  private var isHandedOn: Bool {
    guard case .host = place else { return false }
    return path.string == "/dev/stdin"
      || path.string.hasPrefix("/dev/fd/")
  }

  private func open() throws(SystemCallError) -> Descriptor {
    // Not to wait for whoever is at the other end of a fifo.
    let flags = O_RDONLY | O_NOCTTY | O_NONBLOCK
    switch place {
    case .host: return try Descriptor.open(path, flags)
    case .elsewhere:
      // Whoever made it has no business with files of this machine.
      let root = try Descriptor.open(folder, O_RDONLY | O_DIRECTORY)
      return try root.resolve(
        FilePath(name), flags, resolve: Int32(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS))
    }
  }
}

func isFolder(_ path: FilePath) -> Bool {
  var status = stat()
  return path.withPlatformString { stat($0, &status) } == 0
    && status.st_mode & S_IFMT == S_IFDIR
}
