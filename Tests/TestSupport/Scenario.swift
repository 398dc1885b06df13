// A scenario: a project in a folder of its own, a registry with its images, the built `berth`,
// and the promise that afterwards nothing is left of any of them.

import Glibc
import Linux
import Synchronization
import SystemPackage

/// Runs `body` with a `berth` whose project, state and run folders and registry are private.
///
/// `compose` is the text of compose.yaml; `${IMAGE}` in it is the first of `images` in the registry,
/// and each image is also `${BUSYBOX_IMAGE}`, `${NGINX_IMAGE}`, `${REDIS_IMAGE}`. `files` lie
/// beside it, by their relative paths. With `sample`, a copy of that folder of `samples/` comes first.
/// The registry is shared with other scenarios unless `ownsRegistry`. Few scenarios run at once, the
/// others wait for their turn.
/// Afterwards, also when `body` throws: `down -v`, and a failure when something is left behind.
package func scenario(
  _ compose: String? = nil, files: [String: String] = [:], sample: String? = nil,
  images: [TestImage] = [.busybox], ownsRegistry: Bool = false,
  _ body: (Berth) async throws -> Void
) async throws {
  await Turns.shared.take()
  defer { Turns.shared.giveBack() }
  let berth = try await Berth.prepare(images: images, ownsRegistry: ownsRegistry)
  do {
    try await berth.fill(compose: compose, files: files, sample: sample)
    try await body(berth)
  } catch {
    // The first failure is the one to tell.
    try? await berth.finish()
    throw error
  }
  try await berth.finish()
}

/// The built command in the place of one scenario.
package final class Berth: Sendable {
  /// Holds all the others; gone after the scenario.
  package let root: String
  package let project: String
  package let state: String
  package let run: String
  package let registry: Registry
  private let ownsRegistry: Bool
  /// What every command of the scenario gets, beside PATH.
  package let environment: [String: String]
  let footprint = Mutex(Footprint())

  private init(
    root: String, registry: Registry, ownsRegistry: Bool, environment: [String: String]
  ) {
    self.ownsRegistry = ownsRegistry
    self.root = root
    project = root + "/shop"
    state = root + "/state"
    run = root + "/run"
    self.registry = registry
    self.environment = environment
  }

  /// Runs `berth` in the project's folder and waits for its end.
  @discardableResult
  package func callAsFunction(
    _ arguments: String..., environment: [String: String] = [:], input: [UInt8]? = nil,
    within limit: Duration = .seconds(30)
  ) async throws -> CommandResult {
    let command = try start(arguments, environment: environment, input: input)
    let result = try await command.wait(within: limit)
    remember()
    return result
  }

  /// As above; a failure that shows all when the exit code is not 0 or a process keeps the output.
  @discardableResult
  package func succeeds(
    _ arguments: String..., environment: [String: String] = [:], input: [UInt8]? = nil,
    within limit: Duration = .seconds(30)
  ) async throws -> CommandResult {
    let command = try start(arguments, environment: environment, input: input)
    let result = try await command.wait(within: limit)
    remember()
    guard result.exitCode == 0 else { throw TestFailure("failed: \(result)") }
    guard !result.isOutputHeld else { throw TestFailure("its output is still held: \(result)") }
    return result
  }

  /// Starts `berth` and goes on: for attached verbs, for signals, for two at once.
  package func start(
    _ arguments: [String], environment: [String: String] = [:], input: [UInt8]? = nil
  ) throws -> Command {
    try Command(
      [Self.program] + arguments, folder: project, environment: all(environment), input: input)
  }

  /// Runs a program of this machine (`curl`, `nft`, …) in the project's folder.
  @discardableResult
  package func tool(_ arguments: String..., within limit: Duration = .seconds(30)) async throws
    -> CommandResult
  {
    try await Command(arguments, folder: project, environment: all([:])).wait(within: limit)
  }

  /// Writes a file of the project.
  package func write(_ text: String, to path: String) throws {
    let path = FilePath(project + "/" + path)
    try makeFolders(path.removingLastComponent(), mode: 0o755)
    try TestSupport.write(text, to: path.string)
  }

  /// The text of a file, by a path relative to the scenario's root; nil when there is none.
  package func text(of path: String) -> String? {
    guard let file = try? Descriptor.open(FilePath(root + "/" + path), O_RDONLY) else { return nil }
    return (try? file.readAll(limit: 16 << 20)).map { String(decoding: $0, as: UTF8.self) }
  }

  private func all(_ more: [String: String]) -> [String: String] {
    environment.merging(more) { _, new in new }
  }

  /// The `berth` that was built beside the running tests; BERTH_PROGRAM names another.
  package static let program = variable("BERTH_PROGRAM") ?? builtProgram("berth")
}

/// A program that was built beside the running tests.
package func builtProgram(_ name: String) -> String {
  var buffer = [UInt8](repeating: 0, count: 4096)
  let count = readlink("/proc/self/exe", &buffer, buffer.count)
  let tests = FilePath(String(decoding: buffer[..<max(0, count)], as: UTF8.self))
  return tests.removingLastComponent().appending(name).string
}

extension Berth {
  fileprivate static func prepare(images: [TestImage], ownsRegistry: Bool) async throws -> Berth {
    var template = Array("/tmp/berth-scenario-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(errno)") }
    let root = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    do {
      return try await prepare(in: root, images: images, ownsRegistry: ownsRegistry)
    } catch {
      // The first failure is the one to tell.
      try? removeTree(FilePath(root))
      throw error
    }
  }

  private static func prepare(
    in root: String, images: [TestImage], ownsRegistry: Bool
  ) async throws -> Berth {
    let registry =
      ownsRegistry
      ? try await Registry.start(in: root + "/registry")
      : try await Registry.shared(with: .busybox).0
    var environment = [
      "PATH": variable("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": root,
      "TERM": "dumb", "BERTH_STATE": root + "/state", "BERTH_RUN": root + "/run",
      "REGISTRY": registry.address,
    ]
    for image in images {
      let reference =
        ownsRegistry
        ? try await registry.push(image) : try await Registry.shared(with: image).1
      environment[image.rawValue.uppercased() + "_IMAGE"] = reference
      if environment["IMAGE"] == nil { environment["IMAGE"] = reference }
    }
    return Berth(
      root: root, registry: registry, ownsRegistry: ownsRegistry, environment: environment)
  }

  fileprivate func fill(compose: String?, files: [String: String], sample: String?) async throws {
    if let sample {
      try await runTool(["cp", "-R", "\(repositoryTop)/samples/\(sample)", project])
    }
    try makeFolders(FilePath(project), mode: 0o755)
    if let compose { try write(compose, to: "compose.yaml") }
    for (path, text) in files { try write(text, to: path) }
  }

  /// Takes everything down and away. What `down -v` left is told, and then removed all the same.
  fileprivate func finish() async throws {
    var failures: [String] = []
    do {
      let down = try await callAsFunction("down", "-v", "-t", "0", "--remove-orphans")
      let hasProject = access(project + "/compose.yaml", F_OK) == 0
      if hasProject, down.exitCode != 0 { failures.append(down.description) }
    } catch {
      failures.append("\(error)")
    }
    var left: [String] = []
    do {
      try await eventually("nothing left", within: .seconds(5)) {
        left = leftovers()
        return left.isEmpty
      }
    } catch {
      failures += left.map { "left behind: \($0)" }
      removeByForce()
    }
    if ownsRegistry { try await registry.stop() }
    try removeTree(FilePath(root))
    if !failures.isEmpty { throw TestFailure(failures.joined(separator: "\n")) }
  }
}

/// Makes or replaces a file.
func write(_ text: String, to path: String) throws {
  let file = try Descriptor.open(FilePath(path), O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
  try file.writeAll(Array(text.utf8))
}
