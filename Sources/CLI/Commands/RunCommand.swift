// `berth run`: a one-off container of a service.

import ArgumentParser
import Console
import Engine

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a one-off command on a service")

  @Flag(name: .shortAndLong, help: "Run in the background and print the container's id")
  var detach = false
  @Flag(help: "Remove the container when it exits")
  var rm = false
  @Option(name: .shortAndLong, help: "Environment: NAME=VALUE, or NAME to pass yours on")
  var env: [String] = []
  @Option(help: "File of environment variables, as `env_file` of a service", completion: .file())
  var envFromFile: [String] = []
  @Option(help: "Replaces the entrypoint")
  var entrypoint: String?
  @Option(name: [.short, .long, .customLong("labels")], help: "Label: NAME=VALUE")
  var label: [String] = []
  @Option(help: "Name of the container")
  var name: String?
  @Flag(
    name: [.customShort("T"), .customLong("no-tty"), .customLong("no-TTY")], help: "No terminal")
  var noTTY = false
  @Flag(name: .shortAndLong, help: .hidden)
  var tty = false
  @Flag(name: .shortAndLong, inversion: .prefixedNo, help: "Keep stdin open (default: on)")
  var interactive: Bool?
  @Flag(help: "Do not start the services that this one depends on")
  var noDeps = false
  @Option(name: .shortAndLong, help: "Publish a port")
  var publish: [String] = []
  @Flag(name: [.customShort("P"), .long], help: "Publish the service's ports")
  var servicePorts = false
  @Flag(help: "Use the service's network aliases")
  var useAliases = false
  @Option(name: .shortAndLong, help: "User, as in `user:` of a service")
  var user: String?
  @Option(
    name: [.short, .long, .customLong("volumes")], help: "Mount, as in `volumes:` of a service")
  var volume: [String] = []
  @Option(name: .shortAndLong, help: "Working folder")
  var workdir: String?
  @Flag(help: "Build the image first")
  var build = false
  @Flag(help: "Build without output")
  var quietBuild = false
  @Option(
    help: "Pull images: always, missing, never",
    completion: .list(["always", "missing", "never"]))
  var pull: String?
  @Flag(name: .shortAndLong, help: "No progress")
  var quiet = false
  @Flag(help: "Pull without progress")
  var quietPull = false
  @Flag(help: "Remove containers of services that the file no longer has")
  var removeOrphans = false
  @Option(help: "Add a capability")
  var capAdd: [String] = []
  @Option(help: "Drop a capability")
  var capDrop: [String] = []
  @Argument(help: "Service", completion: .custom(completeServices))
  var service: String
  @Argument(parsing: .captureForPassthrough, help: "Command")
  var command: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    if tty, noTTY { throw UsageFault("`--tty` and `--no-tty` are incompatible") }
    if servicePorts, !publish.isEmpty {
      throw UsageFault("`--service-ports` and `--publish` are incompatible")
    }
    if let bad = label.first(where: { !$0.contains("=") }) {
      throw UsageFault("label `\(bad)` has no value", hint: "write NAME=VALUE")
    }
    let work = try invocation.open(
      "run", services: [service], quiet: quiet, quietPull: quietPull, quietBuild: quietBuild)
    let request = try await request(invocation, work.session)
    let result = try await finishing(work.progress) { try await work.session.prepareRun(request) }
    if detach {
      Output.standard.line(try await work.session.runDetached(result))
      return
    }
    let code = try await runAttached(work.session, result)
    if code != 0 { throw ExitStatus(code) }
  }

  private func request(_ invocation: Invocation, _ session: Session) async throws -> RunRequest {
    var request = RunRequest(service: service, command: plainCommand(command))
    request.entrypoint = entrypoint
    request.environmentFiles = envFromFile
    request.environment = resolvedEnvironment(env) { session.variable($0) }
    request.labels = label
    request.name = name
    request.user = user
    request.workingDirectory = workdir
    request.volumes = volume
    request.publish = publish
    request.publishesServicePorts = servicePorts
    request.usesAliases = useAliases
    request.includesDependencies = !noDeps
    request.removesOnExit = rm
    request.capAdd = capAdd
    request.capDrop = capDrop
    request.build = BuildChoice(build: build)
    request.pull = try pull.map(PullChoice.init(typed:))
    request.removesOrphans = removeOrphans
    request.hasTerminal = hasTerminal
    request.keepsInputOpen = !detach && interactive ?? true
    return request
  }

  /// As the reference: where output goes to a terminal. Input that is none takes it away, unless a flag
  /// has said how it shall be.
  private var hasTerminal: Bool {
    if noTTY || detach { return false }
    if tty { return true }
    return Output.standard.isTerminal && (interactive != nil || isInputTerminal())
  }
}
