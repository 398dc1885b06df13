// The words that berth starts its shims with. An internal program: berth writes them, so mistakes are
// told in one line and end with 125.

import Blueprint
import SystemPackage

enum ShimCommand {
  case run(RunOptions)
  /// By a guard whose shim is gone, with the shim's own options.
  case end(RunOptions)
  case exec(ExecOptions)
  case copy(CopyOptions)
}

struct RunOptions {
  /// `<state>/containers/<id>`.
  var containerFolder: FilePath
  var run: FilePath
  var state: FilePath
  /// The program that releases network things when nobody else does.
  var cleanup: FilePath
}

struct ExecOptions {
  var containerFolder: FilePath
  var run: FilePath
  var terminal = false
  var environment: [Bytes] = []
  var user: String?
  var workingDirectory: Bytes?
  var privileged = false
  var detached = false
  /// Whom its end is told to; nil for nobody.
  var event: ExecEvent?
  var command: [Bytes] = []
}

/// What the project's events say of one command in a container.
struct ExecEvent {
  var project: String
  var execution: String
}

struct CopyOptions {
  enum Direction {
    case out
    case into
    /// All of the container's root, without what is mounted in it.
    case whole
    /// What the container has changed, as a layer of an image.
    case layer
  }

  var containerFolder: FilePath
  var run: FilePath
  var direction = Direction.out
  var keepsOwners = false
  /// Of files that are made on the host, unless they keep theirs.
  var owner: (uid: UInt32, gid: UInt32) = (0, 0)
  var followsLinks = false
  /// Paths that are no part of a layer.
  var leftOut: [Bytes] = []
  var containerPath: Bytes = ""
  /// Absolute, or `-` for a tar stream on a standard stream.
  var hostPath: Bytes = ""
}

struct UsageError: Error {
  var message: String
}

/// Reads the words after the program's name.
func parse(_ arguments: [Bytes]) throws(UsageError) -> ShimCommand {
  // As text, here and in `parseRun`: tables of the runtime for comparing `Bytes` would stay in every
  // shim.
  switch arguments.first?.text {
  case "run": return .run(try parseRun(arguments.dropFirst()))
  case "end": return .end(try parseRun(arguments.dropFirst()))
  case "exec": return .exec(try parseExec(arguments.dropFirst()))
  case "cp": return .copy(try parseCopy(arguments.dropFirst()))
  case .some(let word): throw UsageError(message: "unknown command `\(word)`")
  case .none: throw UsageError(message: "berth-shim is started by berth")
  }
}

private func parseRun(_ arguments: ArraySlice<Bytes>) throws(UsageError) -> RunOptions {
  var words = Words(arguments)
  var container: FilePath?
  var run: FilePath?
  var state: FilePath?
  var cleanup: FilePath?
  while let word = words.next() {
    switch word.text {
    case "--container": container = try words.path(of: word)
    case "--run": run = try words.path(of: word)
    case "--state": state = try words.path(of: word)
    case "--cleanup": cleanup = try words.path(of: word)
    default: throw UsageError(message: "unknown option `\(word.text)`")
    }
  }
  return RunOptions(
    containerFolder: try required("--container", container), run: try required("--run", run),
    state: try required("--state", state), cleanup: try required("--cleanup", cleanup))
}

private func parseExec(_ arguments: ArraySlice<Bytes>) throws(UsageError) -> ExecOptions {
  var words = Words(arguments)
  var paths: [Bytes: FilePath] = [:]
  var options = ExecOptions(containerFolder: "", run: "")
  reading: while let word = words.next() {
    switch word {
    case "--container", "--run": paths[word] = try words.path(of: word)
    case "--tty": options.terminal = true
    case "--env": options.environment.append(try words.value(of: word))
    case "--user": options.user = try words.value(of: word).text
    case "--workdir": options.workingDirectory = try words.value(of: word)
    case "--privileged": options.privileged = true
    case "--detach": options.detached = true
    case "--event":
      let project = try words.value(of: word).text
      options.event = ExecEvent(project: project, execution: try words.value(of: word).text)
    case "--": break reading
    default: throw UsageError(message: "unknown option `\(word.text)`")
    }
  }
  options.containerFolder = try required("--container", paths["--container"])
  options.run = try required("--run", paths["--run"])
  options.command = words.rest
  if options.command.isEmpty { throw UsageError(message: "a command is missing after `--`") }
  return options
}

private func parseCopy(_ arguments: ArraySlice<Bytes>) throws(UsageError) -> CopyOptions {
  var words = Words(arguments)
  var paths: [Bytes: FilePath] = [:]
  var options = CopyOptions(containerFolder: "", run: "")
  reading: while let word = words.next() {
    switch word {
    case "--container", "--run": paths[word] = try words.path(of: word)
    case "--archive": options.keepsOwners = true
    case "--owner":
      let parts = try words.value(of: word).text.split(separator: ":").map { UInt32($0) }
      guard parts.count == 2, let uid = parts[0], let gid = parts[1] else {
        throw UsageError(message: "`--owner` needs UID:GID")
      }
      options.owner = (uid, gid)
    case "--follow-link": options.followsLinks = true
    case "--out": options.direction = .out
    case "--into": options.direction = .into
    case "--whole": options.direction = .whole
    case "--layer": options.direction = .layer
    case "--leave-out": options.leftOut.append(try words.value(of: word))
    case "--": break reading
    default: throw UsageError(message: "unknown option `\(word.text)`")
    }
  }
  options.containerFolder = try required("--container", paths["--container"])
  options.run = try required("--run", paths["--run"])
  guard words.rest.count == 2 else { throw UsageError(message: "`cp` wants two paths") }
  (options.containerPath, options.hostPath) = (words.rest[0], words.rest[1])
  return options
}

private func required(_ option: String, _ path: FilePath?) throws(UsageError) -> FilePath {
  guard let path else { throw UsageError(message: "`\(option)` is missing") }
  return path
}

private struct Words {
  var rest: [Bytes]

  init(_ arguments: ArraySlice<Bytes>) { rest = Array(arguments) }

  mutating func next() -> Bytes? { rest.isEmpty ? nil : rest.removeFirst() }

  mutating func value(of option: Bytes) throws(UsageError) -> Bytes {
    guard let value = next() else {
      throw UsageError(message: "`\(option.text)` needs a value")
    }
    return value
  }

  mutating func path(of option: Bytes) throws(UsageError) -> FilePath {
    let bytes = try value(of: option)
    let path = filePath(bytes)
    guard path.isAbsolute else {
      throw UsageError(message: "`\(option.text)` needs an absolute path, not `\(bytes.text)`")
    }
    return path
  }
}

func filePath(_ bytes: Bytes) -> FilePath {
  let characters = bytes.raw.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
  return FilePath(platformString: characters)
}
