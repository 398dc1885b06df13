// A real container made from busybox, started by a real shim, in folders of its own.

import Blueprint
import CLinux
import Cgroups
import Control
import Glibc
import Journal
import Linux
import Runtime
import Store
import SystemPackage
import Testing

/// Ends what it has started and removes its folders when it goes.
final class TestContainer {
  let layout: Layout
  private let root: FilePath
  private(set) var blueprint: ContainerBlueprint
  private var shim: ShimProcess?
  private var spawned: [Int32] = []

  static let needsRoot = geteuid() == 0 && access("/bin/busybox", X_OK) == 0

  init(_ command: [String], _ change: (inout ContainerBlueprint) -> Void = { _ in }) throws {
    var template = Array("/tmp/berth-shim-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    root = FilePath(platformString: template)
    layout = Layout(state: root.appending("state"), run: root.appending("run"))
    var id = ""
    while id.utf8.count < 64 { id += String(UInt64.random(in: 0...UInt64.max), radix: 16) }
    id = String(id.prefix(64))
    let layer = root.appending("layer")
    try makeFolders(layer.appending("bin"), mode: 0o755)
    try makeFolders(layer.appending("tmp"), mode: 0o755)
    let busybox = layer.appending("bin/busybox")
    try Descriptor.open(busybox, O_WRONLY | O_CREAT | O_EXCL, mode: 0o755).writeAll(
      Descriptor.open("/bin/busybox", O_RDONLY).readAll(limit: 16 << 20))
    for name in [
      "sh", "sleep", "true", "false", "cat", "echo", "kill", "test", "seq", "yes", "stty",
    ] {
      symlink("busybox", layer.string + "/bin/" + name)
    }
    blueprint = ContainerBlueprint(
      id: id, name: "test-\(id.prefix(6))", createdAt: Timestamp(nanoseconds: 1),
      image: ImageIdentity(reference: "busybox", id: "sha256:0", platform: "linux/amd64"),
      root: RootBlueprint(layers: [Bytes(Array(layer.string.utf8))]),
      process: ProcessBlueprint(
        arguments: command.map { Bytes($0) }, environment: ["PATH=/bin", Bytes("MARK=\(id)")]),
      hostname: "test", network: NetworkBlueprint(mode: .none),
      security: SecurityBlueprint(capabilities: ["KILL", "CHOWN"]))
    change(&blueprint)
    try makeFolders(folder)
    try writeRecord(blueprint, to: layout.blueprint(id), .volatile)
  }

  deinit {
    if let client = running {
      _ = try? client.stop(signal: 9, graceNanoseconds: 0, cleanup: false)
    }
    for pid in spawned { waitpid(pid, nil, 0) }
    _ = try? removeTree(root)
  }

  var folder: FilePath { layout.container(blueprint.id) }
  var client: ShimClient { ShimClient(runFolder: layout.running(blueprint.id)) }

  private var running: ShimClient? { client.isAlive ? client : nil }

  /// The shim beside the test's own program.
  static var program: FilePath {
    get throws {
      var buffer = [CChar](repeating: 0, count: 4096)
      try #require(readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0)
      let tests = FilePath(platformString: buffer)
      var folder = tests.removingLastComponent()
      while access(folder.appending("berth-shim").string, X_OK) != 0, !folder.components.isEmpty {
        folder.removeLastComponent()
      }
      // Under the test runner the program is elsewhere: the build folder is named by the package.
      let path = folder.appending("berth-shim")
      if access(path.string, X_OK) == 0 { return path }
      return FilePath(".build/debug/berth-shim")
    }
  }

  /// Through the whole hand-shake; the pid of the first process.
  @discardableResult
  func start() throws -> Int32 {
    let shim = try spawn()
    _ = try shim.born()
    try shim.networkReady(ports: [])
    try shim.ready()
    try shim.go()
    return try shim.started().pid
  }

  func spawn() throws -> ShimProcess {
    let shim = try ShimProcess.spawn(
      ShimProgram.open(Self.program), containerFolder: folder, run: layout.run, state: layout.state,
      cleanup: "/bin/true")
    self.shim = shim
    spawned.append(shim.pid)
    return shim
  }

  /// The shim itself, whose parent is its guard.
  func shimPid() throws -> Int32 { try #require(try state().shimPid) }

  /// What the shim has written down.
  func state() throws -> ContainerState {
    try #require(try readRecord(ContainerState.self, at: layout.stateRecord(blueprint.id)))
  }

  func exitRecord() throws -> ContainerState {
    try #require(try readRecord(ContainerState.self, at: layout.exitRecord(blueprint.id)))
  }

  /// Waits until the state is as wanted, at most ten seconds.
  func state(until wanted: (ContainerState) -> Bool) throws -> ContainerState {
    var last: ContainerState?
    let deadline = monotonic() + 10_000_000_000
    while monotonic() < deadline {
      last = try readRecord(ContainerState.self, at: layout.stateRecord(blueprint.id)) ?? last
      if let last, wanted(last) { return last }
      usleep(5_000)
    }
    return try #require(last)
  }

  func log() throws -> [String] {
    let reader = try JournalReader(
      folder: layout.journal(blueprint.id), from: .beginning, follow: false)
    var lines: [String] = []
    while let batch = try reader.nextBatch() {
      lines += batch.entries.map { String(decoding: $0.bytes, as: UTF8.self) }
    }
    return lines
  }

  /// Processes that carry this container's mark in their environment, and its shims.
  func processes() throws -> [Int32] {
    try namesInFolder("/proc").compactMap { Int32($0.string) }.filter { pid in
      for file in ["environ", "cmdline"] {
        let path = FilePath("/proc/\(pid)/\(file)")
        let content = try? Descriptor.open(path, O_RDONLY).readAll(limit: 1 << 20)
        if let content, String(decoding: content, as: UTF8.self).contains(blueprint.id),
          pid != getpid()
        {
          return true
        }
      }
      return false
    }
  }

  /// Waits until nothing is left of it, at most ten seconds.
  func isGone() throws -> Bool {
    let deadline = monotonic() + 10_000_000_000
    while monotonic() < deadline {
      reapShim()
      if try processes().isEmpty { return true }
      usleep(5_000)
    }
    return false
  }

  private func reapShim() {
    spawned.removeAll { waitpid($0, nil, WNOHANG) != 0 }
  }

  /// Closes berth's end of the hand-shake.
  func letGo() {
    shim?.cancel()
    shim = nil
  }

  /// The code of the final exit, also when it was before anybody could ask.
  func finalCode() throws -> Int32 {
    do {
      return try client.wait()
    } catch is ControlError {
      return try #require(try exitRecord().exitCode)
    }
  }

  /// Waits until `condition` holds, at most ten seconds.
  func wait(_ condition: () throws -> Bool) throws {
    let deadline = monotonic() + 10_000_000_000
    while monotonic() < deadline {
      if try condition() { return }
      usleep(5_000)
    }
    Issue.record("waited in vain")
  }

  /// Cgroup folders that still carry the container's id.
  func leftCgroups() throws -> [String] {
    try Cgroup.open(blueprint.id).views.map(\.name)
  }

  func sweepCgroups() {
    // The next command would do so; the test has none.
    guard let cgroup = try? Cgroup.open(blueprint.id) else { return }
    try? cgroup.kill()
    try? cgroup.remove()
  }
}
