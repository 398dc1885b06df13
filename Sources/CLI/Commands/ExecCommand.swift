// `berth exec`: hands over to `berth-shim exec` and never comes back.

import ArgumentParser
import Console
import Engine

struct ExecCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec", abstract: "Run a command in a running container")

  @Flag(name: .shortAndLong, help: "Run in the background")
  var detach = false
  @Option(name: .shortAndLong, help: "Environment: NAME=VALUE, or NAME to pass yours on")
  var env: [String] = []
  @Option(help: "Number of the container")
  var index = 0
  @Flag(
    name: [.customShort("T"), .customLong("no-tty"), .customLong("no-TTY")], help: "No terminal")
  var noTTY = false
  @Flag(name: .shortAndLong, help: .hidden)
  var tty = false
  @Flag(name: .shortAndLong, inversion: .prefixedNo, help: .hidden)
  var interactive = true
  @Flag(help: "All capabilities")
  var privileged = false
  @Option(name: .shortAndLong, help: "User, as in `user:` of a service")
  var user: String?
  @Option(name: .shortAndLong, help: "Working folder")
  var workdir: String?
  @Argument(help: "Service", completion: .custom(completeServices))
  var service: String
  @Argument(parsing: .captureForPassthrough, help: "Command")
  var command: [String]

  func run() async throws {
    let invocation = try Invocation.now()
    if tty, noTTY { throw UsageFault("`--tty` and `--no-tty` are incompatible") }
    let work = try invocation.open("exec", file: .optional)
    let terminal = !noTTY && !detach && (tty || Output.standard.isTerminal)
    if terminal, interactive, !isInputTerminal() {
      throw UsageFault(
        "cannot attach stdin to a TTY-enabled container because stdin is not a terminal",
        hint: "add -T")
    }
    var request = ExecRequest(service: service, command: plainCommand(command))
    request.index = index
    request.environment = resolvedEnvironment(env) { invocation.environment[$0] }
    request.user = user
    request.workingDirectory = workdir
    request.isPrivileged = privileged
    request.hasTerminal = terminal
    request.isDetached = detach
    request.takesInput = interactive
    try await work.session.exec(request)
  }
}

/// `NAME` alone takes the caller's value; one that is not set is left out.
func resolvedEnvironment(_ entries: [String], _ lookup: (String) -> String?) -> [String] {
  entries.compactMap { entry in
    entry.contains("=") ? entry : lookup(entry).map { "\(entry)=\($0)" }
  }
}
