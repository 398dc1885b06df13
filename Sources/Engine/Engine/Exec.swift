// `exec`: finds the container, then becomes `berth-shim exec`.

import Runtime
import Compose
import SystemPackage
import Host
import Blueprint
import Diagnostics
import Glibc
import Linux
import Store

package struct ExecRequest: Sendable {
  package var service: String
  package var command: [String]
  /// 0 is the lowest number that runs.
  package var index = 0
  package var environment: [String] = []
  package var user: String?
  package var workingDirectory: String?
  package var isPrivileged = false
  package var hasTerminal = false
  package var isDetached = false
  package var takesInput = true

  package init(service: String, command: [String]) {
    self.service = service
    self.command = command
  }
}

extension Session {
  /// Replaces this program; comes back only by throwing.
  package func exec(_ request: ExecRequest) async throws {
    let record = try runningContainer(of: request.service, index: request.index)
    var arguments = [
      "berth-shim", "exec", "--container", layout.container(record.id).string,
      "--run", layout.run.string,
    ]
    if request.hasTerminal { arguments.append("--tty") }
    if request.isPrivileged { arguments.append("--privileged") }
    if request.isDetached { arguments.append("--detach") }
    if let user = request.user { arguments += ["--user", user] }
    if let folder = request.workingDirectory { arguments += ["--workdir", folder] }
    for entry in request.environment { arguments += ["--env", entry] }
    let execution = randomID()
    arguments += ["--event", projectName, execution, "--"]
    arguments += request.command
    let words = request.command.joined(separator: " ")
    for step in ["exec_create", "exec_start"] {
      note("\(step): \(words)", record.blueprint, [("execID", execution)])
    }
    if !request.takesInput { try closeInput() }
    try become(arguments)
  }

  /// What is executed reads nothing, and does not take what the next program is to read.
  private func closeInput() throws {
    let null = try Descriptor.open("/dev/null", O_RDONLY)
    try checking("dup2") { dup2(null.raw, STDIN_FILENO) }
  }

  /// The running container with this number, or the lowest; one-offs come last.
  func runningContainer(of service: String, index: Int) throws -> ContainerRecord {
    let records = try containers.list(project: projectName).filter { $0.service == service }
    if records.isEmpty, let project = loaded?.project, project.service(service) == nil {
      throw NoSuchService(name: service, known: project.services.map(\.name))
    }
    // One that stands still is meant all the same, before a one-off that nobody named.
    let running = records.filter {
      $0.isSupervised
        && ($0.state.status == .running || $0.state.status == .paused && !$0.isOneOff)
    }
    let ranked = running.sorted {
      ($0.isOneOff ? 1 : 0, $0.number) < ($1.isOneOff ? 1 : 0, $1.number)
    }
    let found =
      index > 0 ? ranked.first { !$0.isOneOff && $0.number == index } : ranked.first
    guard let found, found.state.status == .running else {
      if let frozen = found {
        throw Faults([
          Diagnostic(
            "container `\(frozen.name)` is paused",
            hint: "let it go on with `berth unpause \(service)`")
        ])
      }
      throw Faults([
        Diagnostic(
          index > 0
            ? "service \"\(service)\" is not running container #\(index)"
            : "service \"\(service)\" is not running",
          hint: "start it with `berth up -d \(service)`")
      ])
    }
    return found
  }

  private func become(_ arguments: [String]) throws {
    var pointers = arguments.map { strdup($0) as UnsafeMutablePointer<CChar>? } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    // The shim starts with the signals that the user's shell gave berth.
    signal(SIGPIPE, SIG_DFL)
    var nothing = sigset_t()
    sigemptyset(&nothing)
    pthread_sigmask(SIG_SETMASK, &nothing, nil)
    // As for a container's own shim: what enters a container cannot be written to from there.
    let program = try ShimProgram.open(host.shim)
    let path = program.path
    try checking("execv", host.shim.string) {
      path.withPlatformString { execv($0, &pointers) }
    }
  }
}
