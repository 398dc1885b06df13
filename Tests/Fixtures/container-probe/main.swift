// Starts containers for the tests as the shim does, from a program with one thread.
//
//   container-probe run <container folder> <run folder>     runs blueprint.json to its end
//   container-probe join <container folder> <run folder> [--tty] [--privileged] [--user U]
//                        [--workdir D] -- COMMAND…     runs it, joins COMMAND, ends with its code
//   container-probe bench <container folder> <run folder> N  times N starts, prints microseconds

import Blueprint
import CLinux
import Cgroups
import ContainerInit
import Glibc
import JSON
import Linux
import SystemPackage

func say(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = write(2, bytes, bytes.count)
}

func loadBlueprint(_ folder: FilePath) throws -> ContainerBlueprint {
  let file = try Descriptor.open(folder.appending("blueprint.json"), O_RDONLY)
  return try JSONValue(parsing: file.readAll(limit: 1 << 20)).decode(ContainerBlueprint.self)
}

/// A network namespace as the shim makes it: entered, named by a descriptor, left again.
func makeNetwork() throws -> Descriptor {
  let own = try Descriptor.open("/proc/self/ns/net", O_RDONLY)
  try checking("unshare") { berth_unshare(UInt(CLONE_NEWNET)) }
  let made = try Descriptor.open("/proc/self/ns/net", O_RDONLY)
  try checking("setns") { berth_setns(own.raw, CLONE_NEWNET) }
  return made
}

func wait(_ pid: Int32) -> Int32 {
  var status: CInt = 0
  while waitpid(pid, &status, 0) < 0 {
    if errno != EINTR { return 255 }
  }
  return berth_exited(status) != 0 ? berth_exit_status(status) : 128 + berth_term_signal(status)
}

func now() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}

/// Starts the container and gives its exit code, or that of the command that joins it.
func run(
  _ blueprint: ContainerBlueprint, _ container: FilePath, _ runFolder: FilePath,
  joining joinOptions: JoinOptions? = nil
) throws -> Int32 {
  let network = blueprint.network.mode == .host ? -1 : try makeNetwork().release()
  defer { if network >= 0 { close(network) } }
  let cgroup = try Cgroup.create(
    blueprint.id, limits: blueprint.resources, security: blueprint.security)
  defer {
    do {
      try cgroup.kill()
      try cgroup.remove()
    } catch {
      say("cgroup: \(error)")
    }
  }
  var launched = try launch(
    LaunchRequest(
      blueprint: blueprint, containerFolder: container, runFolder: runFolder,
      networkNamespace: network < 0 ? nil : network, cgroup: cgroup, input: 0, output: 1, error: 2))
  do {
    try launched.waitUntilReady()
    launched.proceed()
    try launched.waitForExec()
  } catch {
    _ = wait(launched.pid)
    throw error
  }
  if let terminal = launched.terminal { copyToOutput(terminal.raw) }
  if let joinOptions {
    let code = try join(launched, blueprint, joinOptions)
    try cgroup.kill()
    _ = wait(launched.pid)
    return code
  }
  let code = wait(launched.pid)
  if cgroup.outOfMemoryKills() > 0 { say("oom kills: \(cgroup.outOfMemoryKills())") }
  return code
}

struct JoinOptions {
  var terminal = false
  var privileged = false
  var user: String?
  var workingDirectory: Bytes?
  var command: [Bytes] = []

  init(_ arguments: ArraySlice<String>) {
    var rest = arguments
    while let word = rest.popFirst() {
      switch word {
      case "--tty": terminal = true
      case "--privileged": privileged = true
      case "--user": user = rest.popFirst()
      case "--workdir": workingDirectory = rest.popFirst().map { Bytes($0) }
      default:
        command = rest.map { Bytes($0) }
        return
      }
    }
  }
}

/// Joins a command to a container that runs and gives the command's exit code.
func join(
  _ container: borrowing LaunchedContainer, _ blueprint: ContainerBlueprint,
  _ options: JoinOptions
) throws -> Int32 {
  var joined = try joinContainer(
    JoinRequest(
      pidfd: container.pidfd.raw, blueprint: blueprint, cgroup: try Cgroup.open(blueprint.id),
      arguments: options.command, environment: blueprint.process.environment,
      user: options.user, workingDirectory: options.workingDirectory,
      privileged: options.privileged,
      streams: options.terminal ? .terminal : .inherited(input: 0, output: 1, error: 2)))
  do throws(LaunchFailure) {
    try joined.start()
  } catch {
    _ = wait(joined.pid)
    say("\(error.stage): \(error.message)")
    return error.exitCode
  }
  if let terminal = joined.terminal { copyToOutput(terminal.raw) }
  return wait(joined.pid)
}

/// Everything that the terminal says, to the end.
func copyToOutput(_ terminal: CInt) {
  var buffer = [UInt8](repeating: 0, count: 4096)
  while true {
    let count = read(terminal, &buffer, buffer.count)
    if count <= 0 { return }
    _ = write(1, buffer, count)
  }
}

func bench(
  _ blueprint: ContainerBlueprint, _ container: FilePath, _ runFolder: FilePath, _ count: Int
) throws {
  var starts: [Int] = []
  var totals: [Int] = []
  for _ in 0..<count {
    let network = try makeNetwork()
    let cgroup = try Cgroup.create(
      blueprint.id, limits: blueprint.resources, security: blueprint.security)
    let begin = now()
    var launched = try launch(
      LaunchRequest(
        blueprint: blueprint, containerFolder: container, runFolder: runFolder,
        networkNamespace: network.raw, cgroup: cgroup, input: 0, output: 1, error: 2))
    try launched.waitUntilReady()
    launched.proceed()
    try launched.waitForExec()
    starts.append(now() - begin)
    _ = wait(launched.pid)
    totals.append(now() - begin)
    try cgroup.remove()
  }
  starts.sort()
  totals.sort()
  say(
    "launch to exec: median \(starts[count / 2]) µs, least \(starts[0]), most \(starts[count - 1])")
  say("launch to end: median \(totals[count / 2]) µs")
}

func main() -> Int32 {
  let arguments = CommandLine.arguments
  guard arguments.count >= 4 else {
    say("usage: container-probe run|bench <container folder> <run folder> [count]")
    return 2
  }
  let container = FilePath(arguments[2])
  let runFolder = FilePath(arguments[3])
  do {
    let blueprint = try loadBlueprint(container)
    if arguments[1] == "bench" {
      try bench(blueprint, container, runFolder, Int(arguments[4]) ?? 10)
      return 0
    }
    let options = arguments[1] == "join" ? JoinOptions(arguments[4...]) : nil
    return try run(blueprint, container, runFolder, joining: options)
  } catch let failure as LaunchFailure {
    say("\(failure.stage): \(failure.message)")
    return failure.exitCode
  } catch {
    say("\(error)")
    return 1
  }
}

exit(main())
