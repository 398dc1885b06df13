// One run of the command: its environment, flags and how it speaks to the terminal.

import ArgumentParser
import Console
import Diagnostics
import Engine
import Glibc
import Host

struct Invocation: Sendable {
  @TaskLocal static var current: Invocation?

  let global: GlobalSettings
  let environment: [String: String]
  /// The environment with the `COMPOSE_…` variables of `.env`: what flags that were not typed are.
  let defaults: [String: String]
  let workingDirectory: String
  let outputStyle: Style
  let errorStyle: Style
  let progressMode: ProgressMode
  let calledAs: CalledAs
  /// Set by `--verbose`.
  private let tracer: Tracer?

  init(global: GlobalSettings, calledAs: CalledAs = .berth) throws {
    self.calledAs = calledAs
    tracer = global.isVerbose ? Tracer() : nil
    environment = Self.processEnvironment()
    workingDirectory = Self.currentFolder(environment)
    var settings = global
    var request = settings.request(environment: environment, in: workingDirectory)
    request.trace = tracer?.sink
    defaults = environment.merging(projectSettings(request)) { first, _ in first }
    try settings.fill(from: defaults)
    self.global = settings
    let ansi =
      try Self.choice(
        global.ansi ?? defaults["COMPOSE_ANSI"], of: AnsiMode.self, flag: "--ansi") ?? .auto
    let progress = try Self.choice(
      global.progress ?? defaults["COMPOSE_PROGRESS"], of: ProgressMode.self, flag: "--progress")
    if progress == .tty, ansi == .never {
      throw UsageFault("`--progress tty` cannot be used with `--ansi never`")
    }
    if progress == .plain, ansi == .always {
      throw UsageFault("`--progress plain` cannot be used with `--ansi always`")
    }
    // A terminal that cannot go back to a line is written to as a file.
    let isPlain = ansi == .never || environment["TERM"] == "dumb"
    let isAuto = progress == nil || progress == .auto
    progressMode = isAuto && isPlain ? .plain : (progress ?? .auto)
    outputStyle = Style(ansi, output: .standard, environment: environment)
    errorStyle = Style(ansi, output: .error, environment: environment)
  }

  /// The invocation of the running command.
  static func now() throws -> Invocation {
    guard let current else { throw UsageFault("no command is running") }
    return current
  }

  private static func choice<Choice: RawRepresentable & CaseIterable>(
    _ text: String?, of type: Choice.Type, flag: String
  ) throws -> Choice? where Choice.RawValue == String {
    guard let text, !text.isEmpty else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    let known = Choice.allCases.map(\.rawValue)
    throw UsageFault(
      "`\(flag) \(text)` is none of \(known.joined(separator: ", "))",
      hint: nearest(to: text, among: known).map { "did you mean `\($0)`?" })
  }

  private static func processEnvironment() -> [String: String] {
    var result: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let pair = String(cString: text)
      if let equals = pair.firstIndex(of: "=") {
        result[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
      }
      entry += 1
    }
    return result
  }

  /// PWD where it names this folder, so that a linked folder keeps its name, else the real path.
  private static func currentFolder(_ environment: [String: String]) -> String {
    var here = stat()
    var claimed = stat()
    if let name = environment["PWD"], name.hasPrefix("/"), stat(".", &here) == 0,
      stat(name, &claimed) == 0, here.st_ino == claimed.st_ino, here.st_dev == claimed.st_dev
    {
      return name
    }
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }

  /// Says what is done, when `--verbose` asks for it.
  func trace(_ text: @autoclosure () -> String) { tracer?.say(text()) }

  /// What `--verbose` has a session say to.
  var tracing: (@Sendable (String) -> Void)? { tracer?.sink }

  func show(_ diagnostics: [Diagnostic]) {
    for diagnostic in diagnostics {
      if progressMode == .json {
        Output.error.line(jsonLine(of: diagnostic))
      } else {
        Output.error.write(text(of: diagnostic, style: errorStyle))
      }
    }
  }

  /// On one line.
  func remark(_ diagnostic: Diagnostic) {
    if progressMode == .json { return show([diagnostic]) }
    Output.error.write(line(of: diagnostic, style: errorStyle, in: workingDirectory))
  }

  static func showPlain(_ diagnostics: [Diagnostic]) {
    for diagnostic in diagnostics {
      Output.error.write(text(of: diagnostic, style: Style(coloured: false)))
    }
  }
}

/// Global flags as values that may cross tasks.
struct GlobalSettings: Sendable {
  var files: [String] = []
  var projectName: String?
  var profiles: [String] = []
  var envFiles: [String] = []
  var projectDirectory: String?
  var dryRun = false
  var waitsForOthers = true
  var allResources = false
  var compatibility = false
  var parallel: Int?
  var ansi: String?
  var progress: String?
  var isVerbose = false
  /// Of old names that were used.
  private(set) var warnings: [Diagnostic] = []

  /// As typed before the verb. Nothing typed, which is most of the time, needs no parser: building
  /// one takes more than a millisecond.
  init(parsing arguments: [String]) throws {
    if arguments.isEmpty { return }
    let options = try GlobalOptions.parse(plainSpelling(ofGlobal: arguments))
    files = options.file
    projectName = options.projectName
    profiles = options.profile
    envFiles = options.envFile
    projectDirectory = options.projectDirectory
    dryRun = options.dryRun
    waitsForOthers = !options.noWait
    allResources = options.allResources
    compatibility = options.compatibility
    parallel = options.parallel
    ansi = options.ansi
    progress = options.progress
    isVerbose = options.verbose
    try take(oldNames: options)
  }

  private mutating func take(oldNames options: GlobalOptions) throws {
    if let folder = options.workdir {
      guard projectDirectory == nil else {
        throw UsageFault(
          "`--workdir` and `--project-directory` are incompatible",
          hint: "they are two names of one flag: leave out `--workdir`")
      }
      projectDirectory = folder
      warn("--workdir", "--project-directory")
    }
    if options.noAnsi {
      guard ansi == nil else {
        throw UsageFault(
          "`--no-ansi` and `--ansi` are incompatible", hint: "leave out `--no-ansi`")
      }
      ansi = AnsiMode.never.rawValue
      warn("--no-ansi", "--ansi never")
    }
  }

  private mutating func warn(_ old: String, _ new: String) {
    warnings.append(
      Diagnostic("`\(old)` is deprecated", severity: .warning, hint: "write `\(new)`"))
  }

  /// Flags that were not typed have their values in the environment.
  fileprivate mutating func fill(from environment: [String: String]) throws {
    if parallel == nil, let text = environment["COMPOSE_PARALLEL_LIMIT"], !text.isEmpty {
      guard let limit = Int(text) else {
        throw UsageFault(
          "COMPOSE_PARALLEL_LIMIT is no number: `\(text)`", hint: "-1 is no limit")
      }
      parallel = limit
    }
    compatibility = compatibility || saysYes(environment["COMPOSE_COMPATIBILITY"])
  }

  func request(environment: [String: String], in folder: String) -> SessionRequest {
    var request = SessionRequest(
      files: files, projectName: projectName, projectDirectory: projectDirectory,
      envFiles: envFiles, profiles: profiles, environment: environment, workingDirectory: folder,
      keepsUnusedResources: allResources, compatibility: compatibility, parallelism: parallel,
      file: .required)
    request.waitsForOthers = waitsForOthers
    return request
  }
}

/// Lines of `--verbose`, each with the milliseconds since the program began to read its flags.
private struct Tracer: Sendable {
  private let begin = ContinuousClock.now

  var sink: @Sendable (String) -> Void { { say($0) } }

  func say(_ text: String) {
    let (seconds, attoseconds) = (ContinuousClock.now - begin).components
    let tenths = seconds * 10_000 + attoseconds / 100_000_000_000_000
    Output.error.line("trace: \(tenths / 10).\(tenths % 10) ms  \(printable(text))")
  }
}
