// `berth-shim exec`: one more process in a running container, with our own streams or a terminal of
// its own that is bridged to ours. Ends as the process ends.

import Blueprint
import CLinux
import Cgroups
import ContainerInit
import Control
import Diagnostics
import EventLog
import Glibc
import Linux
import Store
import SystemPackage

/// - Returns: the process's exit code; 126 and 127 when it could not be started, as shells do.
func execInContainer(_ options: ExecOptions) -> Int32 {
  do {
    let signals = try ForwardedSignals()
    if options.detached { return try execDetached(options, signals) }
    var session = try ExecSession(options, signals)
    return tellEnd(of: options, try session.run())
  } catch {
    return tellEnd(of: options, report(error))
  }
}

/// Tells whoever follows the project's events that the command is over.
private func tellEnd(of options: ExecOptions, _ code: Int32) -> Int32 {
  guard let event = options.event, let id = options.containerFolder.lastComponent else {
    return code
  }
  EventLog(run: options.run, project: event.project).append(
    "exec_die", of: id.string,
    attributes: "{\"execID\":\"\(event.execution)\",\"exitCode\":\"\(code)\"}")
  return code
}

/// The command goes on without us: a process that watches over it stays until it ends, so that it
/// has a parent and dies with nobody's terminal.
private func execDetached(_ options: ExecOptions, _ signals: ForwardedSignals) throws -> Int32 {
  let outcome = try pipeEnds()
  let watcher = fork()
  if watcher < 0 { throw SystemCallError("fork") }
  if watcher > 0 {
    // Our copy: the end of the watcher shall be the end of the pipe.
    dup2(STDERR_FILENO, outcome.writing.raw)
    return try outcomeOf(watcher, outcome.reading)
  }
  setsid()
  do {
    let null = SharedDescriptor(try Descriptor.open("/dev/null", O_RDWR))
    var session = try ExecSession(options, signals, streams: null)
    try session.start()
    for stream in CInt(0)...2 { dup2(null.raw, stream) }
    _ = write(outcome.writing.raw, [0] as [UInt8], 1)
    _exit(tellEnd(of: options, try session.wait()))
  } catch {
    _exit(tellEnd(of: options, report(error)))
  }
}

private func outcomeOf(_ watcher: pid_t, _ reading: SharedDescriptor) throws -> Int32 {
  var byte: UInt8 = 1
  if try retrying("read", "", { read(reading.raw, &byte, 1) }) == 1 { return 0 }
  var status: CInt = 0
  try retrying("waitpid") { waitpid(watcher, &status, 0) }
  return exitCode(ofStatus: status)
}

func report(_ error: any Error) -> Int32 {
  let (summary, cause, code): (String, String?, Int32) =
    switch error {
    case let failure as LaunchFailure: (failure.stage, failure.message, failure.exitCode)
    case let failure as ShimFailure: (failure.stage, failure.message, 1)
    case let known as any Diagnosable:
      (known.diagnostics.first?.summary ?? "exec failed", nil, known.exitStatus)
    default: ("\(error)", nil, 1)
    }
  let text = "error: \(summary)\n" + (cause.map { "  cause: \($0)\n" } ?? "")
  _ = Array(text.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  return code
}

/// Signals that are taken from a descriptor and passed on.
struct ForwardedSignals {
  let descriptor: SharedDescriptor

  private static let numbers = [
    SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH,
  ]

  init() throws(SystemCallError) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in Self.numbers { sigaddset(&set, number) }
    sigprocmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
    let flags = CInt(SFD_CLOEXEC | SFD_NONBLOCK)
    descriptor = SharedDescriptor(
      Descriptor(owning: try checking("signalfd") { signalfd(-1, &set, flags) }))
  }

  /// The next one that came; nil when there is none.
  func next() -> Int32? {
    var information = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    return read(descriptor.raw, &information, size) == size ? Int32(information.ssi_signo) : nil
  }
}

/// One process, from joining to its end.
struct ExecSession: ~Copyable {
  private let options: ExecOptions
  private let signals: ForwardedSignals
  private var process: LaunchedContainer
  private var bridge: TerminalBridge?
  private let pipes: StreamBridge?

  /// - Parameter streams: stands for all three standard streams instead of our own.
  init(_ options: ExecOptions, _ signals: ForwardedSignals, streams: SharedDescriptor? = nil)
    throws
  {
    let pipes = options.terminal || streams != nil ? nil : try StreamBridge()
    self.init(options, signals, try join(options, streams, pipes), pipes)
  }

  private init(
    _ options: ExecOptions, _ signals: ForwardedSignals, _ process: consuming LaunchedContainer,
    _ pipes: StreamBridge?
  ) {
    self.options = options
    self.signals = signals
    self.process = process
    self.pipes = pipes
    pipes?.handedOver()
  }

  mutating func run() throws -> Int32 {
    try start()
    return try wait()
  }

  /// Returns when the program runs.
  mutating func start() throws {
    try process.waitUntilReady()
    if let terminal = process.terminal, !options.detached {
      bridge = try TerminalBridge(terminal)
    }
    process.proceed()
    try process.waitForExec()
  }

  /// Returns with its exit code; our terminal is as it was before.
  mutating func wait() throws -> Int32 {
    while true {
      let raw = signals.descriptor.raw
      try bridge?.waitAndMove(or: raw) ?? pipes?.waitAndMove(or: raw) ?? waitFor(raw)
      while let number = signals.next() {
        switch number {
        case SIGCHLD:
          guard let status = ended() else { continue }
          bridge?.finish()
          pipes?.finish()
          return exitCode(ofStatus: status)
        case SIGWINCH:
          bridge?.resize()
        default:
          // ESRCH: it has ended, and SIGCHLD comes next.
          _ = berth_pidfd_send_signal(process.pidfd.raw, number)
        }
      }
    }
  }

  /// The wait status of the process once it has ended. Others that were left to us are reaped too.
  private func ended() -> CInt? {
    var found: CInt?
    var status: CInt = 0
    while true {
      let pid = waitpid(-1, &status, WNOHANG)
      if pid <= 0 { return found }
      if pid == process.pid { found = status }
    }
  }
}

private func waitFor(_ fd: CInt) throws(SystemCallError) {
  var watched = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
  try retrying("poll") { poll(&watched, 1, -1) }
}

/// Asks the container's shim for its first process, and puts a new one beside it.
private func join(
  _ options: ExecOptions, _ streams: SharedDescriptor?, _ pipes: StreamBridge?
) throws -> LaunchedContainer {
  let blueprint = try readBlueprint(options.containerFolder)
  let layout = Layout(state: "/", run: options.run)
  let runFolder = layout.running(blueprint.id)
  let (_, pidfd) = try ShimClient(runFolder: runFolder).join()
  let ours = pipes?.streams ?? (input: STDIN_FILENO, output: STDOUT_FILENO, error: STDERR_FILENO)
  let own = Streams.inherited(
    input: streams?.raw ?? ours.input, output: streams?.raw ?? ours.output,
    error: streams?.raw ?? ours.error)
  return try joinContainer(
    JoinRequest(
      pidfd: pidfd.raw, blueprint: blueprint, cgroup: try openGroup(blueprint, layout),
      arguments: options.command,
      environment: merge(blueprint.process.environment, options.environment, options.terminal),
      user: options.user, workingDirectory: options.workingDirectory,
      privileged: options.privileged, streams: options.terminal ? .terminal : own))
}

/// By its record: this process may stand in other groups than the container's shim.
func openGroup(_ blueprint: ContainerBlueprint, _ layout: Layout) throws -> Cgroup {
  if let record = try readFile(layout.cgroupRecord(blueprint.id), limit: 64 << 10) {
    return try Cgroup.open(blueprint.id, record: record)
  }
  return try Cgroup.open(
    blueprint.id, place: try CgroupPlace(parents: blueprint.sharing.cgroupParent))
}

/// The container's environment with `changes` in it. A terminal has a kind, as with docker.
private func merge(_ environment: [Bytes], _ changes: [Bytes], _ terminal: Bool) -> [Bytes] {
  func name(_ entry: Bytes) -> ArraySlice<UInt8> {
    entry.raw.prefix { $0 != UInt8(ascii: "=") }
  }
  var merged = environment.filter { entry in !changes.contains { name($0) == name(entry) } }
  // `NAME` alone takes it away.
  merged += changes.filter { $0.raw.contains(UInt8(ascii: "=")) }
  if terminal, !merged.contains(where: { name($0) == Array("TERM".utf8)[...] }) {
    merged.append("TERM=xterm")
  }
  return merged
}
