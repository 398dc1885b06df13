// The story of a load: locate → read → (interpolate → include → extend → merge → check → long
// form) for each document → defaults → paths → names → services → one project.

package import Diagnostics

package enum ProjectLoader {
  /// Loads a project. Throws all faults of all files at once, in file order.
  package static func load(
    _ options: ProjectOptions, reading reader: some ComposeReader
  ) throws(Faults) -> LoadedProject {
    let findings = Findings()
    let location: Location
    do throws(Fault) {
      location = try Locator(options: options, reader: reader, findings: findings).locate()
      guard !location.files.isEmpty else {
        throw Fault(
          .noFile, "no configuration file provided: not found",
          hint: "run it in a folder with a `compose.yaml`, or name the file with `-f`")
      }
    } catch {
      findings.add(error)
      throw Faults(findings.diagnostics(Sources()))
    }
    let assembly = Assembly(
      options: options, location: location, reader: reader, findings: findings)
    let project = assembly.project()
    guard let project, !findings.isFaulty else {
      throw Faults(findings.diagnostics(assembly.sources))
    }
    return LoadedProject(
      project: project, warnings: findings.warningDiagnostics(assembly.sources),
      files: project.files, environment: assembly.environment, variables: assembly.variables)
  }
}

/// One load in progress: what all stages share.
final class Assembly<Reader: ComposeReader> {
  let options: ProjectOptions
  let location: Location
  let reader: Reader
  let findings: Findings
  var sources = Sources()
  var environment: [String: String]
  private(set) var variables: [VariableUse] = []
  private var knownVariables: Set<VariableUse> = []
  /// The services of files that others extend, by file: each is read once.
  var extendedFiles: [String: Node] = [:]
  /// Files that include each other crosswise must not be read without end.
  private static var fileLimit: Int { 1_000 }

  init(options: ProjectOptions, location: Location, reader: Reader, findings: Findings) {
    self.options = options
    self.location = location
    self.reader = reader
    self.findings = findings
    environment = location.environment
  }

  func project() -> Project? {
    let main = FileSet(
      paths: location.files, folder: location.folder, environment: environment, chain: [])
    var texts: [(path: String, documents: [Node])] = []
    for path in main.paths {
      if let documents = documents(path) { texts.append((path, documents)) }
    }
    guard let name = name(texts) else { return nil }
    environment["COMPOSE_PROJECT_NAME"] = name
    var set = main
    set.environment = environment
    guard texts.count == main.paths.count, var root = load(set, texts: texts) else { return nil }
    if root.map?.isEmpty ?? true {
      if !findings.isFaulty { findings.add(Fault(.syntax, "empty compose file")) }
      return nil
    }
    root["name"] = Node(name, .none)
    guard !findings.isFaulty || root["services"]?.map != nil else { return nil }
    if !options.skipsNormalization { normalise(&root, project: name, environment: environment) }
    var composition = Composition(
      root: root, name: name, location: location, options: options, sources: sources,
      environment: environment, reader: reader, findings: findings)
    return composition.project()
  }

  /// Reads and parses a file; nil with a finding when that fails.
  func documents(_ path: String, at origin: Origin = .none) -> [Node]? {
    guard sources.files.count < Self.fileLimit else {
      findings.add(Fault(.include, "more than \(Self.fileLimit) files are read", at: origin))
      return nil
    }
    let bytes: [UInt8]
    do throws(ComposeReadFault) {
      bytes = utf8(try reader.read(path))
    } catch {
      findings.add(
        Fault(.unreadable, "cannot read `\(shown(path))`: \(error.text)", at: origin))
      return nil
    }
    do throws(Fault) {
      try findings.growth.take(bytes.count, of: .read, at: origin)
    } catch {
      findings.add(error)
      return nil
    }
    let file = sources.add(path: path, shown: shown(path), bytes: bytes)
    return readDocuments(bytes, file: file, findings)
  }

  func shown(_ path: String) -> String {
    let prefix = options.workingDirectory + "/"
    if path == "-" { return "<stdin>" }
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }

  func note(_ use: VariableUse) {
    if knownVariables.insert(use).inserted { variables.append(use) }
  }

  /// `-p` and COMPOSE_PROJECT_NAME, else the last `name:` of the files, else the folder's name.
  private func name(_ texts: [(path: String, documents: [Node])]) -> String? {
    if let name = location.name { return name }
    let template = Template(lookup: { [environment] in environment[$0] })
    var named = ""
    for document in texts.flatMap(\.documents) {
      guard let text = document["name"]?.string else { continue }
      if let name = try? template.substitute(text) { named = name }
    }
    let own = projectName(from: named)
    if !own.isEmpty { return own }
    let derived = projectName(from: baseName(location.folder))
    guard !derived.isEmpty else {
      findings.add(
        Fault(
          .projectName, "project name must not be empty",
          hint: "the folder's name gives none; name the project with `-p` or `name:`"))
      return nil
    }
    return derived
  }
}

/// Files that are merged into one model, and what they are read with.
struct FileSet {
  var paths: [String]
  var folder: String
  var environment: [String: String]
  /// The files that led here, for cycles of `include`.
  var chain: [String]
}
