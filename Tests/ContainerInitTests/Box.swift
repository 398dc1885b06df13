// A container for one test: a root made of busybox in a temporary folder, and the small program
// that starts it. Everything is gone afterwards.

import Blueprint
import Glibc
import JSON
import Linux
import Runtime
import SystemPackage
import TestSupport
import Testing

final class Box {
  let top: FilePath
  var blueprint: ContainerBlueprint
  var layer: FilePath { top.appending("layer") }
  private var container: FilePath { top.appending("container") }
  private var run: FilePath { top.appending("run") }

  /// What berth's own name for the test's container is everywhere.
  var id: String { blueprint.id }

  init() throws {
    var template = Array("/tmp/berth-box-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(errno)") }
    top = FilePath(platformString: template)
    blueprint = Self.standard(layer: top.appending("layer"))
    for folder in ["layer/bin", "layer/etc", "container", "run", "state"] {
      try makeFolders(top.appending(folder), mode: 0o755)
    }
    try copyBusybox()
    try write("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n", "etc/passwd")
    try write("root:x:0:\napp:x:1001:\nmedia:x:77:app,other\nvideo:x:44:\n", "etc/group")
    blueprint.security.seccompFilter = Bytes(
      try SeccompProfiles(state: top.appending("state")).defaultFilter(
        capabilities: blueprint.security.capabilities
      ).string)
  }

  private static func standard(layer: FilePath) -> ContainerBlueprint {
    var generator = SystemRandomNumberGenerator()
    let id = (0..<64).map { _ in String(generator.next() as UInt64 % 16, radix: 16) }.joined()
    // The names are all known, so this does not throw.
    let security =
      (try? SecurityProfile.blueprint(adding: [], dropping: [], isPrivileged: false))
      ?? SecurityBlueprint(capabilities: [])
    return ContainerBlueprint(
      id: id, name: "box-1", createdAt: Timestamp(nanoseconds: 0),
      image: ImageIdentity(reference: "box", id: "sha256:0", platform: "linux/amd64"),
      root: RootBlueprint(layers: [Bytes(layer.string)]),
      process: ProcessBlueprint(
        arguments: ["true"], environment: ["PATH=/usr/bin:/bin", "COLOUR=blue"]),
      hostname: "box", network: NetworkBlueprint(mode: .none), security: security)
  }

  private func copyBusybox() throws {
    let source = try Descriptor.open("/usr/bin/busybox", O_RDONLY)
    let target = try Descriptor.open(
      layer.appending("bin/busybox"), O_WRONLY | O_CREAT, mode: 0o755)
    try target.writeAll(source.readAll(limit: 16 << 20))
    let names =
      "sh cat ls id mount true false sleep env ps touch mkdir mknod dd stat readlink hostname "
      + "umount chmod tty wc grep head kill echo test tail"
    for name in names.split(separator: " ") { link(String(name), to: "busybox", in: "bin") }
  }

  func write(_ text: String, _ path: String, mode: mode_t = 0o644) throws {
    let file = try Descriptor.open(
      layer.appending(path), O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    try file.writeAll(Array(text.utf8))
  }

  /// A symbolic link in the image.
  func link(_ name: String, to target: String, in folder: String = "") {
    _ = symlink(target, layer.appending(folder).appending(name).string)
  }

  /// A folder of the host, outside of the image.
  func hostFolder(_ name: String) throws -> FilePath {
    let folder = top.appending("host").appending(name)
    try makeFolders(folder, mode: 0o755)
    return folder
  }

  /// Runs a shell script as the container's program.
  func shell(_ script: String, before wrapper: [String] = []) async throws -> CommandResult {
    blueprint.process.arguments = ["sh", "-c", Bytes(script)]
    return try await start(["run", container.string, run.string], before: wrapper)
  }

  func start() async throws -> CommandResult {
    try await start(["run", container.string, run.string])
  }

  /// Starts a container that sleeps, and joins `command` to it.
  func join(_ command: [String], _ options: [String] = []) async throws -> CommandResult {
    blueprint.process.arguments = ["sleep", "60"]
    return try await start(
      ["join", container.string, run.string] + options + ["--"] + command)
  }

  private func start(_ words: [String], before wrapper: [String] = []) async throws
    -> CommandResult
  {
    let record = try Descriptor.open(
      container.appending("blueprint.json"), O_WRONLY | O_CREAT | O_TRUNC)
    try record.writeAll(JSONValue(encoding: blueprint).bytes())
    let probe = repositoryTop + "/.build/debug/container-probe"
    let command = try Command(
      wrapper + [probe] + words, folder: "/", environment: ["PATH": "/usr/bin:/bin"])
    let result = try await command.wait(within: .seconds(20))
    try expectNothingLeft()
    return result
  }

  /// No mount of the container on the host, no group.
  private func expectNothingLeft() throws {
    let mounts = String(
      decoding: try Descriptor.open("/proc/self/mountinfo", O_RDONLY).readAll(limit: 1 << 20),
      as: UTF8.self)
    #expect(!mounts.contains(top.string))
    for hierarchy in ["memory", "pids", "cpu", "devices", "freezer", "cpuset", ""] {
      let group = "/sys/fs/cgroup/\(hierarchy)/berth/\(id)"
      #expect(access(group, F_OK) != 0)
    }
  }

  deinit {
    // A folder that stays would be seen by the next look into /tmp, not by a test.
    try? removeTree(top)
  }
}
