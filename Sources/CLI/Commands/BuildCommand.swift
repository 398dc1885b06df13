// `berth build`.

import ArgumentParser
import Console
import Diagnostics
import Engine

struct BuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build", abstract: "Build the images of services",
    discussion: """
      Without arguments, the images of all services that have a `build`. What a service is built from \
      by `additional_contexts: service:NAME` is built before it.
      """)

  @Option(help: "Argument of the build: NAME=VALUE, or NAME to pass yours on")
  var buildArg: [String] = []
  @Flag(help: "Check the Dockerfiles, and build nothing")
  var check = false
  @Flag(help: "Run every step anew")
  var noCache = false
  @Flag(help: "Print what would be built, as docker's `bake` reads it")
  var print = false
  @Flag(help: "Look up base images anew")
  var pull = false
  @Flag(help: "Push the images that have names when all are built")
  var push = false
  @Flag(name: .shortAndLong, help: "No output")
  var quiet = false
  @Option(help: "Agent or key for `RUN --mount=type=ssh`: default, or ID=PATH")
  var ssh: String?
  @Flag(help: "Also the images of services that these depend on")
  var withDependencies = false
  @Option(help: "No statements about images are made: false is the only value")
  var provenance: String?
  @Option(help: "No lists of contents are made: false is the only value")
  var sbom: String?
  @Option(help: "Has no effect: berth builds by itself")
  var builder: String?
  @Option(name: .shortAndLong, help: "Has no effect, as with BuildKit")
  var memory: String?
  /// Of docker-compose's first builder; old scripts have them.
  @Flag(help: .hidden)
  var compress = false
  @Flag(help: .hidden)
  var forceRm = false
  @Flag(help: .hidden)
  var noRm = false
  @Flag(help: .hidden)
  var parallel = false
  @Option(help: .hidden)
  var progress: String?
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let request = try request()
    invocation.show(try warnings())
    if self.print { return try show(request, invocation) }
    let mode = try mode(invocation)
    let work = try invocation.open(
      "build", services: services, quiet: quiet, needsRoot: !check, progress: mode)
    _ = try await finishing(work.progress) {
      try await interruptible { try await work.session.build(request) }
    }
  }

  /// Needs no rights: nothing is built.
  private func show(_ request: BuildRequest, _ invocation: Invocation) throws {
    let session = try Session(
      invocation.request(file: .required, services: services), host: invocation.hostProfile()
    ) { event in
      if case .warning(let diagnostic) = event { invocation.show([diagnostic]) }
    }
    Output.standard.write(try session.bakeFile(request))
  }

  private func request() throws -> BuildRequest {
    for (flag, value) in [("--provenance", provenance), ("--sbom", sbom)] {
      guard let value, value != "false", !value.isEmpty else { continue }
      throw UsageFault(
        "`\(flag) \(value)`: no statements about an image are made beside it",
        hint: "leave it out")
    }
    if let bad = buildArg.first(where: { $0.isEmpty || $0.hasPrefix("=") }) {
      throw UsageFault("`--build-arg \(bad)` names no argument", hint: "write NAME=VALUE")
    }
    var request = BuildRequest()
    request.services = services
    request.arguments = buildArg
    request.usesCache = !noCache
    request.pulls = pull
    request.pushes = push
    request.includesDependencies = withDependencies
    request.checksOnly = check
    if let ssh {
      let source = ssh.isEmpty ? "default" : ssh
      guard source == "default" || source.contains("="), !source.hasPrefix("=") else {
        throw UsageFault("invalid --ssh `\(ssh)`", hint: "write `default`, or ID=PATH")
      }
      request.ssh = [source]
    }
    return request
  }

  private func warnings() throws -> [Diagnostic] {
    func warning(_ summary: String, _ hint: String) -> Diagnostic {
      Diagnostic(summary, severity: .warning, hint: hint)
    }
    var warnings: [Diagnostic] = []
    if memory != nil {
      warnings.append(warning("`--memory` has no effect", "steps may use what the machine has"))
    }
    if builder != nil {
      warnings.append(warning("`--builder` has no effect", "berth builds by itself"))
    }
    if let progress {
      warnings.append(
        warning(
          "`--progress` is a flag of all verbs", "write `berth --progress \(progress) build`"))
    }
    return warnings
  }

  /// As typed, or else as docker's builder is told to show its work; nil is that of all verbs.
  private func mode(_ invocation: Invocation) throws -> ProgressMode? {
    guard let text = progress else {
      guard invocation.progressMode == .auto else { return nil }
      return ProgressMode(rawValue: invocation.environment["BUILDKIT_PROGRESS"] ?? "")
    }
    if let mode = ProgressMode(rawValue: text) { return mode }
    let known = ProgressMode.allCases.map(\.rawValue)
    throw UsageFault(
      "`--progress \(text)` is none of \(known.joined(separator: ", "))",
      hint: nearest(to: text, among: known).map { "did you mean `\($0)`?" })
  }
}

extension BuildChoice {
  /// - Parameters: the flags `--build` and `--no-build`, which exclude each other.
  init(build: Bool, noBuild: Bool = false) {
    self = build ? .always : (noBuild ? .never : .asNeeded)
  }
}
