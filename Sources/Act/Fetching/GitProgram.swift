// The git program, with an environment of its own: it reads no settings of the machine or of the user, asks
// nobody anything, and speaks only to servers.

import CLinux
package import Diagnostics
import Dockerfile
import Glibc
import Linux
import OCI
import Synchronization
import SystemPackage

/// What git may use to prove who asks.
package struct GitAccess: Sendable, Hashable {
  /// The socket of an agent.
  package var agent: String?
  /// Files of keys.
  package var keys: [String] = []
  /// For servers of http, by their hosts; that of "" is for all others.
  package var tokens: [String: String] = [:]

  package init() {}
}

struct GitProgram: Sendable {
  /// Large repositories take their time; silence ends a transfer much earlier.
  private static let patience = Duration.seconds(30 * 60)
  private static let silentSeconds = 30
  private static let outputLimit = 8 << 20

  private let program: FilePath
  private let environment: [String]
  private let credential: GitCredential?
  /// What it is about, as messages show it.
  let shown: String

  /// Looks the program up. Blocks.
  init(
    _ access: GitAccess, environment: [String: String], shown: String,
    credential: GitCredential? = nil
  ) throws(GitFault) {
    self.shown = shown
    self.credential = credential
    let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    guard let program = findProgram("git", path: path) else { throw .noProgram(shown) }
    self.program = program
    var variables = [
      "PATH": path, "LC_ALL": "C", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
      "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_CONFIG_GLOBAL": "/dev/null",
      "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false", "SSH_ASKPASS": "/bin/false",
      // Of repositories within the repository too: no files of the host, no programs.
      "GIT_ALLOW_PROTOCOL": "https:http:ssh:git", "GIT_ATTR_NOSYSTEM": "1",
      "GIT_SSH_COMMAND": sshCommand(access), "GIT_SSH_VARIANT": "ssh",
    ]
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
      variables[name] = environment[name.uppercased()] ?? environment[name]
    }
    variables.merge(credential?.variables ?? [:]) { $1 }
    self.environment = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  }

  private static let settings = [
    "core.hooksPath=/dev/null", "core.logAllRefUpdates=false", "core.fsmonitor=false",
    "advice.detachedHead=false", "gc.auto=0", "maintenance.auto=false",
    "submodule.recurse=false", "http.followRedirects=false", "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=\(silentSeconds)",
  ]

  /// Runs it to its end. It is killed with all that it has started when the task is cancelled.
  /// - Returns: what it writes.
  func run(_ arguments: [String], in folder: FilePath) async throws -> String {
    let own = credential.map { [$0.setting] } ?? []
    let settings = (Self.settings + own).flatMap { ["-c", $0] }
    let words = ["git", "-C", folder.string] + settings + arguments
    let running = RunningProgram()
    let output = try await withTaskCancellationHandler {
      try await blocking {
        try running.run(
          program, words, environment, limit: Self.outputLimit, patience: Self.patience)
      }
    } onCancel: {
      running.cancel()
    }
    try Task.checkCancellation()
    guard output.status == 0 else {
      throw GitFault.failed(shown, reason: reason(output), isTooLong: output.isTooLong)
    }
    return String(decoding: output.text, as: UTF8.self)
  }

  /// What it complains of, without what introduces it, and without secrets of addresses.
  private func reason(_ output: RunningProgram.Output) -> String {
    let lines = String(decoding: output.errors, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { line in
        line.split(separator: " ", omittingEmptySubsequences: false).map { word in
          let quote = word.first == "'" ? "'" : ""
          return quote + withoutSecrets(String(word.dropFirst(quote.count)))
        }.joined(separator: " ")
      }
    let told = lines.filter { $0.hasPrefix("fatal: ") || $0.hasPrefix("error: ") }
    let chosen = (told.isEmpty ? lines.suffix(3) : told.prefix(3)).map { line in
      line.hasPrefix("fatal: ") || line.hasPrefix("error: ") ? String(line.dropFirst(7)) : line
    }
    return chosen.isEmpty ? "it ended with \(output.status)" : chosen.joined(separator: ", ")
  }
}

/// The program that git speaks ssh by: hosts must be known, keys are only those that were given.
func sshCommand(_ access: GitAccess) -> String {
  var options = [
    "BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10", "ServerAliveInterval=15",
    "ServerAliveCountMax=2", "IdentityAgent=\(access.agent.map(quoted) ?? "none")",
  ]
  if access.keys.isEmpty {
    options.append("IdentityFile=none")
  } else {
    options += access.keys.map { "IdentityFile=\(quoted($0))" }
    if access.agent == nil { options.append("IdentitiesOnly=yes") }
  }
  return "ssh -F none -x -a "
    + options.map { "-o '\($0.replacing("'", with: "'\\''"))'" }.joined(separator: " ")
}

/// A path as ssh reads the value of an option: `%` begins a token there.
private func quoted(_ path: String) -> String {
  "\"" + path.replacing("%", with: "%%").replacing("\"", with: "\\\"") + "\""
}

/// A program that is run once and may be stopped by others.
private final class RunningProgram: Sendable {
  struct Output {
    var status: Int32
    var text: [UInt8]
    var errors: [UInt8]
    var isTooLong: Bool
  }

  private enum State {
    case waiting
    case running(pid_t)
    case over
  }

  private let state = Mutex(State.waiting)

  /// Blocks until it has ended.
  func run(
    _ program: FilePath, _ arguments: [String], _ environment: [String], limit: Int,
    patience: Duration
  ) throws -> Output {
    let output = try Linux.Descriptor.pipe()
    let errors = try Linux.Descriptor.pipe()
    let pid = try state.withLock { state -> pid_t? in
      if case .over = state { return nil }
      let pid = try spawn(
        program, arguments, environment: environment,
        descriptors: [(output.writing.raw, 1), (errors.writing.raw, 2)])
      state = .running(pid)
      return pid
    }
    guard let pid else { throw CancellationError() }
    let said: ProgramOutput
    do {
      said = try gatherOutput(
        of: pid, output.reading, errors.reading, limit: limit, patience: patience)
    } catch {
      _ = end(pid)
      throw error
    }
    let status = end(pid)
    return Output(
      status: said.hasEnded ? status : -1, text: said.output, errors: said.errors,
      isTooLong: !said.hasEnded)
  }

  /// Ends what is left of it: it has a process group of its own. Nobody may signal the number once it can be
  /// another's.
  private func end(_ pid: pid_t) -> Int32 {
    state.withLock { state in
      state = .over
      kill(-pid, SIGKILL)
      var status: CInt = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      return berth_exited(status) != 0 ? berth_exit_status(status) : -1
    }
  }

  func cancel() {
    state.withLock { state in
      if case .running(let pid) = state { kill(-pid, SIGKILL) }
      if case .waiting = state { state = .over }
    }
  }
}

/// Why nothing came of a repository; the first value of each is what was asked for, as it is shown.
package enum GitFault: Diagnosable, Hashable {
  case noProgram(String)
  case failed(String, reason: String, isTooLong: Bool)
  case noRef(String, String)
  case wrongCommit(String, expected: String, found: String)
  case noFolder(String, String)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .noProgram(let shown):
      [
        Diagnostic(
          "fetching the repository `\(shown)` needs the program git, which is not installed",
          hint: "install it with `apt install git`")
      ]
    case .failed(let shown, let reason, let isTooLong):
      [
        Diagnostic(
          "the repository `\(shown)` cannot be fetched: "
            + (isTooLong ? "git takes too long" : printable(reason)),
          hint: Self.hint(reason))
      ]
    case .noRef(let shown, let ref):
      [
        Diagnostic(
          "the repository `\(shown)` has no `\(ref)`",
          hint: "name a branch, a tag, or the whole id of a commit")
      ]
    case .wrongCommit(let shown, let expected, let found):
      [
        Diagnostic(
          "the repository `\(shown)` has the commit `\(found)` there, not `\(expected)`",
          hint: "nothing of it was used; name another commit only if you trust what is there now")
      ]
    case .noFolder(let shown, let folder):
      [Diagnostic("the repository `\(shown)` has no folder `\(folder)`")]
    }
  }

  private static func hint(_ reason: String) -> String? {
    if reason.contains("Permission denied (publickey") {
      return "give it an agent or a key: `ssh: [default]` below `build:`, or --ssh default"
    }
    if reason.contains("Host key verification failed") {
      return "add the host's key to `~/.ssh/known_hosts`: connect to it once with ssh"
    }
    if reason.contains("could not read Username") || reason.contains("Authentication failed") {
      return "check the address; a private repository can be reached with a build secret called"
        + " GIT_AUTH_TOKEN, or by ssh with `ssh: [default]`"
    }
    return nil
  }
}
