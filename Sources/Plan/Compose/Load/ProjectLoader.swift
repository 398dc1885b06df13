// The story of a load: locate → read → (interpolate → include → extend → merge → check → long
// form) for each document → defaults → paths → names → services → one project.

package import Diagnostics

package enum ProjectLoader {
  /// Loads a project. Throws all faults of all files at once, in file order.
  package static func load(
    _ options: ProjectOptions, reading reader: some ComposeReader
  ) throws(Faults) -> LoadedProject {
    let outcome = attempt(options, reading: reader)
    guard let loaded = outcome.loaded else { throw Faults(outcome.faults) }
    return loaded
  }

  /// Loads a project, or tells why not, with the files that were looked into.
  package static func attempt(
    _ options: ProjectOptions, reading reader: some ComposeReader
  ) -> LoadOutcome {
    let findings = Findings(keepsStories: options.keepsStories)
    var locator = Locator(options: options, reader: reader, findings: findings)
    let location: Location
    do throws(Fault) {
      location = try locator.locate()
      guard !location.files.isEmpty else {
        throw Fault(
          .noFile, "no configuration file provided: not found",
          hint: "run it in a folder with a `compose.yaml`, or name the file with `-f`")
      }
    } catch {
      findings.add(error)
      return LoadOutcome(nil, findings, locator.sources)
    }
    let assembly = Assembly(
      options: options, location: location, reader: reader, findings: findings,
      sources: locator.sources)
    guard let project = assembly.project(), !findings.isFaulty else {
      return LoadOutcome(nil, findings, assembly.sources, model: assembly.model)
    }
    var outcome = LoadOutcome(nil, findings, assembly.sources)
    outcome.loaded = LoadedProject(
      project: project, warnings: outcome.warnings, files: project.files,
      environment: assembly.environment.values, variables: assembly.variables)
    return outcome
  }
}

/// What came of a load.
package struct LoadOutcome: Sendable {
  package var loaded: LoadedProject?
  /// In file order; empty when the project was loaded.
  package var faults: [Diagnostic]
  package var warnings: [Diagnostic]
  /// So many faults, and so many warnings, are told at most.
  package static let limit = 100
  /// Every compose and env file that was read, in order: as it stands on the disk, and as
  /// diagnostics name it.
  package var files: [(path: String, shown: String, isEnvironment: Bool)]

  private let model: Node?
  private let sources: Sources

  /// What `up` would refuse, and what it would leave out, of all that could be read.
  package var refusals: [Diagnostic] {
    loaded?.project.unsupportedByUp()
      ?? model.map { UpRefusals(model: $0).diagnostics(sources) } ?? []
  }

  /// - Parameter model: the merged files, where they did not become a project.
  init(
    _ loaded: LoadedProject?, _ findings: Findings, _ sources: Sources, model: Node? = nil
  ) {
    self.loaded = loaded
    self.model = model
    self.sources = sources
    faults = findings.diagnostics(sources)
    warnings = findings.warningDiagnostics(sources)
    files = sources.files.map { ($0.path, $0.shown, $0.isEnvironment) }
  }
}

/// One load in progress: what all stages share.
final class Assembly<Reader: ComposeReader> {
  let options: ProjectOptions
  let location: Location
  let reader: Reader
  let findings: Findings
  var sources: Sources
  var environment: Variables
  private(set) var variables: [VariableUse] = []
  /// The merged files, as far as they go.
  private(set) var model: Node?
  /// What configs and secrets of included files were given by their own environment.
  var includedValues: [IncludedValue] = []
  private var knownVariables: Set<VariableUse> = []
  private var usesSize = 0
  /// Bytes that uses of variables may hold together: nested defaults repeat what is in them.
  private static var usesLimit: Int { 4 << 20 }
  /// The services of files that others extend, by file: each is read once.
  var extendedFiles: [String: Node] = [:]
  /// Files that include each other crosswise must not be read without end.
  private static var fileLimit: Int { 1_000 }
  private var reads = 0
  /// Where a file names the project.
  private var nameOrigin = Origin.none

  init(
    options: ProjectOptions, location: Location, reader: Reader, findings: Findings,
    sources: Sources
  ) {
    self.sources = sources
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
    for path in main.paths where path == "-" || reader.kind(path) != .missing {
      if let documents = documents(path) { texts.append((path, documents)) }
    }
    guard let name = name(texts) else { return nil }
    environment.set("COMPOSE_PROJECT_NAME", name)
    var set = main
    set.environment = environment
    guard var root = load(set, texts: texts) else { return nil }
    model = root
    if root.map?.isEmpty ?? true {
      if !findings.isFaulty { findings.add(Fault(.syntax, "empty compose file")) }
      return nil
    }
    root["name"] = nameNode(name)
    guard !findings.isFaulty || root["services"]?.map != nil else { return nil }
    if !options.skipsNormalization { normalise(&root, project: name, environment: environment) }
    var composition = Composition(
      root: root, name: name, location: location, options: options, sources: sources,
      environment: environment, reader: reader, findings: findings)
    var project = composition.project()
    sources = composition.sources
    project?.takeValues(included: includedValues, environment: environment)
    return project
  }

  /// Reads and parses a file; nil with a finding when that fails.
  func documents(_ path: String, at origin: Origin = .none) -> [Node]? {
    reads += 1
    guard reads <= Self.fileLimit else {
      findings.add(Fault(.include, "more than \(Self.fileLimit) files are read", at: origin))
      return nil
    }
    let bytes: [UInt8]
    do throws(ComposeReadFault) {
      bytes = utf8(try reader.read(path))
    } catch {
      findings.add(
        Fault(.unreadable, "cannot read `\(options.shown(path))`: \(error.text)", at: origin))
      return nil
    }
    do throws(Fault) {
      try findings.growth.take(bytes.count, of: .read, at: origin)
    } catch {
      findings.add(error)
      return nil
    }
    let file = sources.add(path: path, shown: options.shown(path), bytes: bytes)
    return readDocuments(bytes, file: file, findings)
  }

  func note(_ use: VariableUse) {
    guard usesSize < Self.usesLimit, knownVariables.insert(use).inserted else { return }
    usesSize += use.name.utf8.count + use.defaultValue.utf8.count + use.alternate.utf8.count
    variables.append(use)
  }

  /// The name with the place in a file that gave it, or the variable or flag that did.
  private func nameNode(_ name: String) -> Node {
    var node = Node(name, nameOrigin)
    guard findings.keepsStories, location.name != nil else { return node }
    let source =
      options.projectName == nil
      ? location.environment.source("COMPOSE_PROJECT_NAME", sources) : "`-p`"
    node.story = [
      Step(
        verb: .set, origin: .none,
        uses: [VariableInput(name: "COMPOSE_PROJECT_NAME", value: name, source: source)])
    ]
    return node
  }

  /// `-p` and COMPOSE_PROJECT_NAME, else the last `name:` of the files, else the folder's name.
  private func name(_ texts: [(path: String, documents: [Node])]) -> String? {
    if let name = location.name { return name }
    let template = Template(lookup: { [environment] in environment[$0] })
    var named = ""
    for document in texts.flatMap(\.documents) {
      guard let node = document["name"], let text = node.string, !text.isEmpty else { continue }
      do throws(TemplateFault) {
        named = try template.substitute(text)
        nameOrigin = node.origin
      } catch {
        // The stages tell of it; until then any name will do.
        return "unnamed"
      }
    }
    let isOfFolder = nameOrigin == .none
    let derived = projectName(from: isOfFolder ? baseName(location.folder) : named)
    guard derived.isEmpty else {
      if isOfFolder { warnOfLink(derived) }
      return derived
    }
    findings.add(
      Fault(
        .projectName, "project name must not be empty", at: nameOrigin,
        hint: isOfFolder
          ? "the folder's name gives none; name the project with `-p` or `name:`"
          : "give the variable a default, or name the project with `-p`"))
    return nil
  }
}

extension Assembly {
  /// Through another link, or none, the project would have another name.
  private func warnOfLink(_ name: String) {
    let own = baseName(reader.resolvingLinks(location.folder))
    guard projectName(from: own) != name else { return }
    findings.warn(
      Fault(
        .linkedFolder, "the project is named `\(name)` after a link to the folder `\(own)`",
        hint: "write `name: \(name)` into the file"))
  }
}

/// Files that are merged into one model, and what they are read with.
struct FileSet {
  var paths: [String]
  var folder: String
  var environment: Variables
  /// The files that led here, for cycles of `include`.
  var chain: [String]
}
