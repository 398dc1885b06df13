// Hooks run: `post_start` and `pre_stop` in the container itself, `pre_start` in one of its own.

import Blueprint
import CLinux
import Control
import Diagnostics
import Glibc
import Host
import Journal
import Linux
import Networking
import Planning
import Runtime
import Store
import Synchronization
import SystemPackage

/// How much of what a hook has written is shown when it fails.
private let tailLines = 10
private let tailBytes = 2 << 10

/// Ends hooks that run, from another task: they may take any time.
final class HookStop: Sendable {
  private let asked = Atomic(false)

  var isAsked: Bool { asked.load(ordering: .acquiring) }

  /// Gives `body` one that stops with the cancellation of the task.
  static func with(_ body: (HookStop) async throws -> Void) async throws {
    let stop = HookStop()
    try await withTaskCancellationHandler {
      try await body(stop)
    } onCancel: {
      stop.asked.store(true, ordering: .releasing)
    }
  }

  /// Blocks until `fd` is readable. False when the hook is to end instead.
  func waits(for fd: CInt) throws -> Bool {
    var watched = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    while !isAsked {
      let ready = try retrying("poll") { poll(&watched, 1, lookInterval) }
      if ready > 0 { return true }
    }
    return false
  }
}

/// Milliseconds between two looks at whether a hook is to end.
private let lookInterval: Int32 = 100

extension Session {
  /// Runs the hooks of a container that has just started, one after the other. Blocks.
  func runPostStart(_ blueprint: ContainerBlueprint, _ stop: HookStop) throws {
    try run(.postStart, hooks(of: blueprint.id).postStart, in: blueprint, stop)
  }

  /// Runs the hooks of a container that is about to be stopped. Blocks. One that does not run, or that
  /// stands still, has none to run.
  func runPreStop(_ blueprint: ContainerBlueprint, _ stop: HookStop) throws {
    let hooks = try hooks(of: blueprint.id).preStop
    if hooks.isEmpty { return }
    let (state, isSupervised) = containers.state(of: blueprint.id)
    guard isSupervised, state.status == .running else { return }
    try run(.preStop, hooks, in: blueprint, stop)
  }

  private func run(
    _ kind: HookKind, _ hooks: [HookCommand], in blueprint: ContainerBlueprint, _ stop: HookStop
  ) throws {
    for (index, hook) in hooks.enumerated() {
      let (status, output) = try run(hook, in: blueprint, stop)
      if status == 0 { continue }
      // `nginx -s quit`, `redis-cli shutdown`: what was to be stopped has stopped, and took the hook along.
      if kind == .preStop, hasEnded(blueprint) { return }
      let service = blueprint.labels[Label.service] ?? blueprint.name
      throw HookFailure(
        service: service, kind: kind, command: hook.command.joined(separator: " "),
        status: status, output: output, span: place(of: kind, index, in: service))
    }
  }

  /// Whether the container is no more, now that a hook in it has failed. Its supervisor notes the end a
  /// moment after the kernel has killed all that ran in there, so it is looked at for up to two seconds.
  private func hasEnded(_ blueprint: ContainerBlueprint) -> Bool {
    for _ in 0..<200 {
      let (state, isSupervised) = containers.state(of: blueprint.id)
      if !isSupervised || state.status != .running { return true }
      usleep(10_000)
    }
    return false
  }

  /// Its exit code and the last lines that it has written: of stderr, or else of stdout.
  private func run(_ hook: HookCommand, in blueprint: ContainerBlueprint, _ stop: HookStop) throws
    -> (status: Int32, output: [String])
  {
    var arguments = [
      "berth-shim", "exec", "--container", layout.container(blueprint.id).string,
      "--run", layout.run.string,
    ]
    if hook.isPrivileged { arguments.append("--privileged") }
    if let user = hook.user { arguments += ["--user", user] }
    if let folder = hook.workingDirectory { arguments += ["--workdir", folder] }
    for entry in hook.environment { arguments += ["--env", entry] }
    arguments.append("--")
    arguments += hook.command
    let program = try ShimProgram.open(host.shim)
    return try runKeepingTail(program.path, arguments, stop)
  }
}

/// Runs a program to its end; its exit code and the last lines of its stderr, or else of its stdout.
private func runKeepingTail(_ program: FilePath, _ arguments: [String], _ stop: HookStop) throws
  -> (status: Int32, output: [String])
{
  var streams: [(from: SharedDescriptor, tail: OutputTail)] = []
  let pid: pid_t
  do {
    var ends: [SharedDescriptor] = []
    for _ in 0..<2 {
      let pipe = try Descriptor.pipe()
      let reading = SharedDescriptor(try pipe.reading.duplicate())
      _ = berth_fcntl(reading.raw, F_SETFL, Int(O_NONBLOCK))
      streams.append((reading, OutputTail(lines: tailLines, bytes: tailBytes)))
      ends.append(SharedDescriptor(try pipe.writing.duplicate()))
    }
    pid = try spawn(
      program, arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
      descriptors: [(from: ends[0].raw, to: 1), (from: ends[1].raw, to: 2)])
  }
  let pidfd = SharedDescriptor(
    Descriptor(owning: CInt(try checking("pidfd_open") { berth_pidfd_open(pid, 0) })))
  // What the hook has left in the background may keep the pipes open: its own end is the end.
  while true {
    var watched = [pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0)]
    watched += streams.map {
      pollfd(fd: $0.tail.isComplete ? -1 : $0.from.raw, events: Int16(POLLIN), revents: 0)
    }
    try retrying("poll") { poll(&watched, nfds_t(watched.count), lookInterval) }
    if stop.isAsked {
      // Passed on to the hook, whose end nobody waits for.
      _ = berth_pidfd_send_signal(pidfd.raw, SIGTERM)
      throw CancellationError()
    }
    for index in streams.indices { streams[index].tail.take(from: streams[index].from.raw) }
    if watched[0].revents != 0 { break }
  }
  for index in streams.indices { streams[index].tail.take(from: streams[index].from.raw) }
  var status: CInt = 0
  try retrying("waitpid") { waitpid(pid, &status, 0) }
  let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
  let (output, error) = (streams[0].tail.text, streams[1].tail.text)
  return (code, error.isEmpty ? output : error)
}

extension OutputTail {
  /// Takes what is there, and the end where it has come.
  fileprivate mutating func take(from fd: CInt) {
    if isComplete { return }
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(fd, &bytes, bytes.count)
      if count > 0 {
        append(bytes[..<count])
      } else if count == 0 || ![.wouldBlock, .interrupted].contains(Errno.current) {
        isComplete = true
        return
      } else if Errno.current == .wouldBlock {
        return
      }
    }
  }
}

extension Session {
  /// Runs the `pre_start` hooks of a service, each to its end, unless one of its containers runs.
  ///
  /// - Parameter replica: the first of the service's containers, of which none runs.
  func runPreStart(
    _ hooks: [ContainerBlueprint], beside replica: ContainerBlueprint, _ stop: HookStop
  ) async throws {
    let service = replica.labels[Label.service] ?? replica.name
    let others = try await blocking {
      try self.containers.list(project: self.projectName).filter { $0.service == service }
    }
    if others.contains(where: { !$0.isOneOff && $0.isSupervised }) { return }
    // What an earlier failure has left.
    for old in others where old.isHook {
      try await blocking {
        try self.stop(old.blueprint, timeout: 0)
        try self.remove(old.blueprint, withVolumes: false)
      }
    }
    for (index, hook) in hooks.enumerated() {
      try await run(hook, index, service, beside: replica, stop)
    }
  }

  private func run(
    _ hook: ContainerBlueprint, _ index: Int, _ service: String,
    beside replica: ContainerBlueprint, _ stop: HookStop
  ) async throws {
    let name = "\(projectName)-\(service)-\(HookKind.preStart.rawValue)-\(index)"
    tell(.progress(ProgressEvent("Container \(name)", "Starting", .working)))
    do {
      try await blocking {
        let made = try self.make(hook, name, beside: replica)
        do {
          _ = try self.start(made, ports: try self.networks.reserve([]))
        } catch {
          // The failure to start is the one that is told; the next command sweeps what stays.
          try? self.remove(made, withVolumes: false)
          throw Failure(
            "service `\(service)`: starting its \(HookKind.preStart.rawValue) hook", error)
        }
        try self.finish(made, index, service, stop)
      }
    } catch {
      tell(.progress(ProgressEvent("Container \(name)", "Error", .error)))
      throw error
    }
    tell(.progress(ProgressEvent("Container \(name)", "Exited", .done)))
  }

  private func finish(
    _ made: ContainerBlueprint, _ index: Int, _ service: String, _ stop: HookStop
  ) throws {
    guard let code = try end(of: made, stop) else {
      try self.stop(made, timeout: 0)
      try remove(made, withVolumes: false)
      throw CancellationError()
    }
    if code == 0 { return try remove(made, withVolumes: false) }
    var tail = OutputTail(lines: tailLines, bytes: tailBytes)
    for entry in lastEntries(of: made, tailLines, from: .error) { tail.append(entry + [0x0A]) }
    if tail.text.isEmpty {
      for entry in lastEntries(of: made, tailLines, from: .output) { tail.append(entry + [0x0A]) }
    }
    throw HookFailure(
      service: service, kind: .preStart,
      command: made.process.arguments.map(\.text).joined(separator: " "), status: code,
      output: tail.text, kept: made.name, span: place(of: .preStart, index, in: service))
  }

  /// The hook's container with the replica's mounts, and addresses of its own on its networks.
  private func make(
    _ template: ContainerBlueprint, _ name: String, beside replica: ContainerBlueprint
  ) throws -> ContainerBlueprint {
    var made = template
    made.id = randomID()
    made.name = name
    made.createdAt = Self.now()
    made.mounts = replica.mounts
    made.files = replica.files
    try containers.begin(id: made.id, name: name, project: projectName)
    do {
      made.network.endpoints = try replica.network.endpoints.map { endpoint in
        guard let record = try networks.record(endpoint.network) else {
          throw NetworkError.missing(name: endpoint.network)
        }
        var own = try EndpointBlueprint(
          on: record, try networks.lease(record, container: made.id),
          interface: endpoint.interface, hardwareAddress: nil, names: [name, made.shortID])
        own.isPrimary = endpoint.isPrimary
        return own
      }
      try copyKeptFiles(from: replica, to: made.id)
      try containers.write(made)
    } catch {
      // The first failure is the one that is told; the next command sweeps what stays.
      try? networks.release(made.network.endpoints, container: made.id)
      try? containers.remove(id: made.id, name: name)
      throw error
    }
    return made
  }

  private func copyKeptFiles(from replica: ContainerBlueprint, to id: String) throws {
    for case .kept(let name) in replica.files.map(\.source) {
      let files = layout.container(id).appending("files")
      try makeFolders(files)
      let source = layout.container(replica.id).appending("files").appending(name)
      try writeFile(
        try readFile(source, limit: 16 << 20) ?? [], to: files.appending(name), .volatile)
    }
  }

  /// Nil when the hook is to end before it does.
  private func end(of made: ContainerBlueprint, _ stop: HookStop) throws -> Int32? {
    // One that has ended is not waited for.
    guard let reply = try? ShimClient(runFolder: layout.running(made.id)).startWait() else {
      return try waitForEnd(of: made.id)
    }
    return try stop.waits(for: reply.raw) ? try waitForEnd(of: made.id) : nil
  }

  /// Waits for the end of a container; its exit code. Blocks.
  func waitForEnd(of id: String) throws -> Int32 {
    do {
      return try ShimClient(runFolder: layout.running(id)).wait()
    } catch ControlError.notRunning, ControlError.lost {
      // It ended before it could be asked, or its shim was killed.
      return containers.state(of: id).0.exitCode ?? 137
    }
  }
}
