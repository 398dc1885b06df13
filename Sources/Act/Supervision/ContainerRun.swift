// One run of the container's program: its first process and its streams, from launch to exit.

import Blueprint
import CLinux
import Cgroups
import ContainerInit
import Control
import Glibc
import Journal
import Linux
import SystemPackage

/// Lives from the clone of the first process until it was reaped.
final class ContainerRun {
  private var launched: LaunchedContainer
  private(set) var outputs: [OutputPump]
  /// The writing end of the program's input, where it stays open.
  private(set) var input: SharedDescriptor?
  private let killsBefore: UInt64
  private let cgroup: Cgroup
  /// Set when the program runs.
  private(set) var startedAt: Int64 = 0
  private(set) var startedWall: Int64 = 0

  var pid: Int32 { launched.pid }
  var pidfd: SharedDescriptor { launched.pidfd }

  /// Clones the first process. Its parts of the streams are closed here: it has its own copies.
  init(
    _ blueprint: ContainerBlueprint, containerFolder: FilePath, runFolder: FilePath,
    network: ContainerNetwork, partners: Partners, cgroup: Cgroup, handed: [SharedDescriptor],
    held: HeldStreams?
  ) throws {
    self.cgroup = cgroup
    killsBefore = cgroup.outOfMemoryKills()
    let streams = try RunStreams(blueprint.process, held)
    var request = LaunchRequest(
      blueprint: blueprint, containerFolder: containerFolder, runFolder: runFolder,
      networkNamespace: network.namespace?.raw, cgroup: cgroup, input: streams.childInput.raw,
      output: streams.childOutput.raw, error: streams.childError.raw)
    request.handedFiles = handed.map(\.raw)
    request.partners = partners
    launched = try launch(request)
    outputs = streams.pumps
    input = streams.input
  }

  /// Waits until the process has set itself up. `whileAlive` is a socket whose end gives up.
  func waitUntilReady(whileAlive socket: CInt?) throws {
    try waitReadable(launched.progress, orEndOf: socket)
    try launched.waitUntilReady()
    if let terminal = launched.terminal {
      input = terminal
      outputs = [OutputPump(terminal, .output, isPipe: false)]
    }
  }

  /// Lets the program run and waits for the proof that it does.
  func start() throws {
    launched.proceed()
    try launched.waitForExec()
    startedAt = monotonicNow()
    startedWall = wallNow()
  }

  func signal(_ number: Int32) {
    // ESRCH: it has ended already, and SIGCHLD says so.
    _ = berth_pidfd_send_signal(pidfd.raw, number)
  }

  /// The first who attaches has the only writing end of an input that closes with them.
  func giveInput(_ mode: ProcessBlueprint.Input) -> SharedDescriptor? {
    defer { if mode == .openOnce, launched.terminal == nil { input = nil } }
    return input
  }

  func forgetOutput(_ pump: OutputPump) { outputs.removeAll { $0 === pump } }

  /// Whether the kernel has killed a process of this run for want of memory.
  var wasOutOfMemory: Bool { cgroup.outOfMemoryKills() > killsBefore }
}

/// Where the output of a held container goes.
struct HeldStreams {
  let error: SharedDescriptor
  let output: SharedDescriptor
}

/// The pipes of one run, both ends.
private struct RunStreams {
  let childInput: SharedDescriptor
  let childOutput: SharedDescriptor
  let childError: SharedDescriptor
  var input: SharedDescriptor?
  var pumps: [OutputPump] = []

  init(_ process: ProcessBlueprint, _ held: HeldStreams?) throws(SystemCallError) {
    if let held {
      childInput = SharedDescriptor(try Descriptor.open("/dev/null", O_RDONLY))
      (childOutput, childError) = (held.output, held.error)
      return
    }
    if process.terminal {
      let null = SharedDescriptor(try Descriptor.open("/dev/null", O_RDWR))
      (childInput, childOutput, childError) = (null, null, null)
      return
    }
    // By pattern: a comparison costs every shim a page of tables.
    if case .none = process.input {
      childInput = SharedDescriptor(try Descriptor.open("/dev/null", O_RDONLY))
    } else {
      let pipe = try pipeEnds()
      (childInput, input) = (pipe.reading, pipe.writing)
    }
    let output = try pipeEnds()
    let error = try pipeEnds()
    (childOutput, childError) = (output.writing, error.writing)
    pumps = [
      OutputPump(output.reading, .output, isPipe: true),
      OutputPump(error.reading, .error, isPipe: true),
    ]
  }
}

/// A pipe whose ends are closed one by one.
func pipeEnds() throws(SystemCallError) -> (reading: SharedDescriptor, writing: SharedDescriptor) {
  var ends: [CInt] = [-1, -1]
  try checking("pipe2") { CInt(berth_pipe2(&ends, O_CLOEXEC)) }
  return (
    SharedDescriptor(Descriptor(owning: ends[0])), SharedDescriptor(Descriptor(owning: ends[1]))
  )
}

/// What happens when the other end of the hand-shake has gone.
struct GivenUp: Error {}

/// Blocks until `fd` is readable; throws `GivenUp` when the peer of `socket` closes before.
func waitReadable(_ fd: CInt, orEndOf socket: CInt?) throws {
  while true {
    var watched = [
      pollfd(fd: fd, events: Int16(POLLIN), revents: 0),
      pollfd(fd: socket ?? -1, events: 0, revents: 0),
    ]
    if poll(&watched, 2, -1) < 0 {
      if Errno.current == .interrupted { continue }
      throw SystemCallError("poll")
    }
    if watched[0].revents != 0 { return }
    if watched[1].revents != 0 { throw GivenUp() }
  }
}

extension ShimFailure {
  /// Any error of a start as it is sent to berth and recorded.
  init(starting error: any Error) {
    if let failure = error as? LaunchFailure {
      self.init(
        stage: failure.stage, errno: failure.errno?.rawValue, message: failure.message,
        exitCode: failure.exitCode)
    } else {
      self.init(stage: "starting the container", error)
    }
  }

  /// For a record's one line.
  var line: String { "\(stage): \(message)" }
}

/// What a shell would say of a wait status.
func exitCode(ofStatus status: CInt) -> Int32 {
  berth_exited(status) != 0 ? berth_exit_status(status) : 128 + berth_term_signal(status)
}
