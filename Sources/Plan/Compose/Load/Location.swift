// Where the files, the folder, the environment and the name of a project come from (reference
// C19 to C25 and C49 to C56).

import Diagnostics

/// What is known before any compose file is read.
struct Location {
  /// Absolute, or `-`.
  var files: [String] = []
  /// The folder that relative paths are resolved against.
  var folder = ""
  var environment = Variables([:])
  var profiles: [String] = []
  /// Given by the caller, not by a file.
  var name: String?
}

/// The names that are looked for where none is given, first one first.
private let fileNames = [
  "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
]
private let overrideNames = [
  "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml",
  "docker-compose.override.yaml",
]
private let upwardSteps = 256

struct Locator<Reader: ComposeReader> {
  let options: ProjectOptions
  let reader: Reader
  let findings: Findings
  /// The env files that were read on the way.
  var sources = Sources()

  init(options: ProjectOptions, reader: Reader, findings: Findings) {
    self.options = options
    self.reader = reader
    self.findings = findings
  }

  /// The `COMPOSE_…` variables of the env files that are not set yet: flags of the command itself have
  /// their defaults in them (reference C48). A file that cannot be read is for `locate` to tell.
  /// Files that are named are left alone: some can be read only once.
  mutating func settings() -> [String: String] {
    guard options.envFiles.isEmpty, options.environment["COMPOSE_ENV_FILES"] == nil else {
      return [:]
    }
    var location = Location()
    location.environment = Variables(options.environment)
    location.files = options.files.map(absolute)
    do throws(Fault) { try readEnvFiles(&location) } catch { return [:] }
    return location.environment.values.filter { name, _ in
      name.hasPrefix("COMPOSE_") && options.environment[name] == nil
    }
  }

  mutating func locate() throws(Fault) -> Location {
    var location = Location()
    location.environment = Variables(options.environment)
    if location.environment["PWD"] == nil {
      location.environment.set("PWD", options.workingDirectory)
    }
    location.files = options.files.map(absolute)
    try readEnvFiles(&location)
    if location.files.isEmpty { filesFromEnvironment(&location) }
    if location.files.isEmpty { search(&location) }
    if let remote = options.files.first(where: isRemoteFile) {
      throw Fault(
        .remoteFile, "`\(remote)` is remote: compose files are read from this machine only",
        hint: "fetch it first and name the local file")
    }
    for file in location.files where file != "-" && reader.kind(file) == .missing {
      findings.add(
        Fault(
          .noFile, "compose file `\(options.shown(file))` does not exist",
          hint: "check the path given by `-f`"))
    }
    location.folder = folder(location)
    try readEnvFiles(&location)
    location.profiles = options.profiles
    if location.profiles.isEmpty {
      // Empty ones count, as with the reference: a service whose only profile is a variable that is
      // not set has the profile `` and is enabled.
      location.profiles = (location.environment["COMPOSE_PROFILES"] ?? "")
        .split(separator: ",", omittingEmptySubsequences: false).map { trimmed(String($0)) }
    }
    location.name = try givenName(location.environment)
    return location
  }

  private func absolute(_ path: String) -> String {
    path == "-" ? path : resolve(path, in: options.workingDirectory, home: nil)
  }

  private func pieces(_ text: String?, _ separator: String) -> [String] {
    guard let text, let character = separator.first else { return [] }
    return text.split(separator: character).map { trimmed(String($0)) }.filter { !$0.isEmpty }
  }

  private func trimmed(_ piece: String) -> String {
    String(piece.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  /// The given project directory, else that of the first file, else where the caller stands.
  private func folder(_ location: Location) -> String {
    if let folder = options.projectDirectory { return absolute(folder) }
    if let first = location.files.first(where: { $0 != "-" }) { return parentFolder(first) }
    return options.workingDirectory
  }

  private func filesFromEnvironment(_ location: inout Location) {
    let separator = location.environment["COMPOSE_PATH_SEPARATOR"] ?? ":"
    location.files = pieces(
      location.environment["COMPOSE_FILE"], separator.isEmpty ? ":" : separator
    )
    .map(absolute)
  }

  /// Upwards from the folder to the first that holds a file of the usual names.
  private func search(_ location: inout Location) {
    var folder = options.projectDirectory.map(absolute) ?? options.workingDirectory
    for _ in 0..<upwardSteps {
      let found = fileNames.filter { reader.kind(resolve($0, in: folder)) == .file }
      if let first = found.first, reader.isTrusted(folder) {
        if found.count > 1 { warnOfSeveral(found, in: folder) }
        location.files = [resolve(first, in: folder)]
        let overrides = overrideNames.filter { reader.kind(resolve($0, in: folder)) == .file }
        if let override = overrides.first {
          location.files.append(resolve(override, in: folder))
          if overrides.count > 1 { warnOfSeveral(overrides, in: folder) }
        }
        return
      }
      if let first = found.first {
        findings.warn(
          Fault(
            .foreignFolder, "`\(folder)/\(first)` is left out: the folder belongs to another user",
            hint: "name the file with `-f` if you trust it"))
      }
      if folder == "/" { return }
      folder = parentFolder(folder)
    }
  }

  private func warnOfSeveral(_ names: [String], in folder: String) {
    findings.warn(
      Fault(
        .severalFiles, "several compose files in `\(folder)`: \(names.joined(separator: ", "))",
        hint: "`\(names[0])` is used; name another with `-f`"))
  }

  /// `.env` or the files that stand for it. What is set already stays.
  private mutating func readEnvFiles(_ location: inout Location) throws(Fault) {
    var files = options.envFiles
    if files.isEmpty { files = pieces(location.environment["COMPOSE_ENV_FILES"], ",") }
    let home = location.environment["HOME"]
    var paths = files.map { resolve($0, in: options.workingDirectory, home: home) }
    if paths.isEmpty {
      switch location.environment["COMPOSE_DISABLE_ENV_FILE"]?.lowercased() {
      case "1", "t", "true": return
      case nil, "", "0", "f", "false": break
      case let value?:
        throw Fault(.environmentFile, "COMPOSE_DISABLE_ENV_FILE is no boolean: `\(value)`")
      }
      let path = cleanPath(folder(location) + "/.env")
      if reader.kind(path) == .file { paths = [path] }
    }
    let values = EnvFiles(reader: reader, options: options, findings: findings)
      .values(
        paths.map { (path: $0, origin: .none) }, over: location.environment, sources: &sources)
    location.environment.add(values)
  }

  private func givenName(_ environment: Variables) throws(Fault) -> String? {
    guard let name = options.projectName ?? environment["COMPOSE_PROJECT_NAME"], !name.isEmpty
    else { return nil }
    guard isProjectName(name) else {
      let better = projectName(from: name)
      throw Fault(
        .projectName,
        "project name `\(name)` must be lower-case letters, digits, `-` and `_`, and start with"
          + " a letter or digit",
        hint: better.isEmpty ? nil : "`-p \(better)` would do")
    }
    return name
  }
}

/// `[a-z0-9][a-z0-9_-]*`, by bytes.
package func isProjectName(_ name: String) -> Bool {
  guard let first = name.utf8.first, isLowerOrDigit(first) else { return false }
  return name.utf8.allSatisfy { isLowerOrDigit($0) || $0 == 0x5F || $0 == 0x2D }
}

/// What is left of a text when it must become a project name; may be empty.
package func projectName(from text: String) -> String {
  let kept = text.lowercased().utf8.filter { isLowerOrDigit($0) || $0 == 0x5F || $0 == 0x2D }
  return String(decoding: kept.drop { $0 == 0x5F || $0 == 0x2D }, as: UTF8.self)
}

private func isLowerOrDigit(_ byte: UInt8) -> Bool {
  byte >= 0x30 && byte <= 0x39 || byte >= 0x61 && byte <= 0x7A
}
