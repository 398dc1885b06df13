// The shim's side of the hand-shake that starts a container (drawn in Control/Messages.swift).
// Whatever fails, and whenever berth goes away before `go`, all is undone and nothing stays.

import Blueprint
import CLinux
import Cgroups
import ContainerInit
import Control
import Glibc
import Linux
import Store
import SystemPackage

/// The descriptor that a shim is born with.
private let handShakeDescriptor: CInt = 3

/// Another shim of the same container, or its guard, may be about to end: so long it is waited for.
private let claimWait = (rounds: 400, microseconds: UInt32(5_000))

/// Runs one container from hand-shake to final exit.
func runContainer(_ options: RunOptions) -> Int32 {
  let berth = Descriptor(owning: handShakeDescriptor)
  // Not a socket: somebody has typed our name.
  guard (try? berth.setInherited(false)) != nil else {
    complain("`run` is started by berth, with its socket as descriptor 3")
    return 125
  }
  do {
    try start(options, berth)
    return 0
  } catch is GivenUp {
    return 1
  } catch {
    // Berth has gone: nobody to tell.
    try? berth.send(StartReport.failed(ShimFailure(starting: error)))
    return 1
  }
}

private func start(_ options: RunOptions, _ berth: borrowing Descriptor) throws {
  let signals = try becomeSupervisor()
  let layout = Layout(state: options.state, run: options.run)
  let blueprint = try readBlueprint(options.containerFolder)
  // Held to the end, by the guard too: who sees it free sees that all is done.
  let claim = try claimRunFolder(of: blueprint.id, layout)
  defer { withExtendedLifetime(claim) {} }
  do {
    let groupGuard = try GroupGuard(keeping: claim)
    defer { groupGuard.dismiss() }
    // Of the shim alone: who sees it free knows at once that it has ended.
    guard let lock = try FileLock.attempt(layout.shimLock(blueprint.id)) else {
      throw SystemCallError("lock", layout.running(blueprint.id).string, .wouldBlock)
    }
    defer { withExtendedLifetime(lock) {} }
    try start(options, blueprint, berth, signals, groupGuard)
  } catch {
    Records(layout: layout, blueprint: blueprint).withdrawNames()
    // The first failure is the one that is told; a folder that stays is swept by the next command.
    try? removeTree(layout.running(blueprint.id))
    throw error
  }
}

private func start(
  _ options: RunOptions, _ blueprint: ContainerBlueprint, _ berth: borrowing Descriptor,
  _ signals: borrowing Descriptor, _ groupGuard: GroupGuard
) throws {
  let layout = Layout(state: options.state, run: options.run)
  let network = try openNetwork(blueprint, options)
  let own = network.isOwn ? network.namespace.map { [$0.raw] } ?? [] : []
  try berth.send(StartReport.born(pid: getpid()), own)
  var handed = try receiveHanded(
    blueprint.handedFiles.count + (blueprint.isHeld ? 3 : 0), from: berth)
  // Of the program alone once it is cloned: who reads them sees its end.
  var held: HeldStreams?
  var blueprint = blueprint
  if blueprint.isHeld {
    held = HeldStreams(error: handed.removeLast(), output: handed.removeLast())
    blueprint.process.environment += try readVariables(handed.removeLast())
  }
  let cgroup = try Cgroup.create(
    blueprint.id, limits: blueprint.resources, security: blueprint.security,
    place: try CgroupPlace(parents: blueprint.sharing.cgroupParent)
  ) { try berth.send(StartReport.warning($0)) }
  do {
    try writeFile(cgroup.record, to: layout.cgroupRecord(blueprint.id), .volatile)
    let supervisor = try Supervisor(
      options: options, blueprint: blueprint, cgroup: cgroup, network: network,
      handed: handed, groupGuard: groupGuard)
    let run = try supervisor.launchRun(held)
    held = nil
    try supervisor.shakeHands(run, berth)
    if blueprint.isHeld {
      try supervisor.endWithPeer(of: berth.raw)
    } else {
      shutdown(berth.raw, CInt(SHUT_RDWR))
    }
    try supervisor.supervise(signals)
    // Nobody may be left to hear it.
    if blueprint.isHeld {
      try? berth.send(StartReport.exited(code: supervisor.state.exitCode ?? 128 + SIGKILL))
    }
  } catch {
    // The first failure is the one that is told.
    try? cgroup.kill()
    try? cgroup.remove()
    throw error
  }
}

extension Supervisor {
  /// From the clone of the first process to the proof that its program runs.
  fileprivate func shakeHands(_ run: ContainerRun, _ berth: borrowing Descriptor) throws {
    try awaitNetwork(berth)
    try run.waitUntilReady(whileAlive: berth.raw)
    try berth.send(StartReport.ready)
    guard case .go? = try berth.receive(StartCommand.self)?.0 else { throw GivenUp() }
    try listen()
    try records.forgetExit()
    try records.publishNames()
    try run.start()
    try began(run)
    let startedAt = Timestamp(nanoseconds: run.startedWall)
    // Berth may have gone after `go`: the container lives on all the same.
    try? berth.send(StartReport.started(pid: run.pid, startedAt: startedAt))
  }

  private func awaitNetwork(_ berth: borrowing Descriptor) throws {
    while true {
      guard let (command, sockets) = try berth.receive(StartCommand.self) else { throw GivenUp() }
      ports += sockets
      switch command {
      case .ports: continue
      case .networkReady: return
      case .files, .go:
        throw ControlError.unexpected("\(command) before the network was ready")
      }
    }
  }
}

/// The values of secrets that stand nowhere: berth has sent them before all else.
private func receiveHanded(_ count: Int, from berth: borrowing Descriptor) throws
  -> [SharedDescriptor]
{
  var handed: [SharedDescriptor] = []
  while handed.count < count {
    guard let (command, files) = try berth.receive(StartCommand.self) else { throw GivenUp() }
    guard command == .files, !files.isEmpty else {
      throw ControlError.unexpected("\(command) before the values of secrets")
    }
    handed += files
  }
  return handed
}

/// Variables of a held container that stand nowhere, with a NUL behind each.
private func readVariables(_ memory: SharedDescriptor) throws(SystemCallError) -> [Bytes] {
  try memoryContent(memory.raw, 8 << 20).split(separator: 0).map { Bytes(Array($0)) }
}

private func claimRunFolder(of id: String, _ layout: Layout) throws(SystemCallError) -> FileLock {
  for _ in 0..<claimWait.rounds {
    // Made anew in each round: the shim before us removes it with its end.
    try makeFolders(layout.running(id))
    if let claim = try FileLock.attempt(layout.guardLock(id)) {
      if claim.isOn(layout.guardLock(id)) { return claim }
    }
    usleep(claimWait.microseconds)
  }
  throw SystemCallError("lock", layout.running(id).string, .wouldBlock)
}

/// A session, signals and marks of its own; what was inherited beside the hand-shake is closed.
/// - Returns: where SIGCHLD and SIGTERM are read from.
private func becomeSupervisor() throws(SystemCallError) -> Descriptor {
  setsid()
  chdir("/")
  umask(0o077)
  _ = berth_close_range(UInt32(handShakeDescriptor) + 1, UInt32.max, 0)
  for number in [SIGHUP, SIGINT, SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
  var taken = sigset_t()
  sigemptyset(&taken)
  sigaddset(&taken, SIGCHLD)
  sigaddset(&taken, SIGTERM)
  sigprocmask(SIG_BLOCK, &taken, nil)
  nameProcess("berth-shim")
  try checking("prctl") { berth_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }
  // Refused without CAP_SYS_RESOURCE: then the shim is as likely a victim as any process.
  if let score = try? Descriptor.open("/proc/self/oom_score_adj", O_WRONLY) {
    try? score.writeAll(Array("-999".utf8))
  }
  // Nobody reads the shim's memory or descriptors, whatever the container may trace.
  try checking("prctl") { berth_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }
  let flags = CInt(SFD_CLOEXEC | SFD_NONBLOCK)
  return Descriptor(owning: try checking("signalfd") { signalfd(-1, &taken, flags) })
}

private func openNetwork(_ blueprint: ContainerBlueprint, _ options: RunOptions) throws
  -> ContainerNetwork
{
  switch blueprint.network.mode {
  case .host:
    return .host
  case .bridge, .none:
    let asks = !blueprint.network.endpoints.isEmpty
    let (namespace, sockets) = try makeNetworkNamespace {
      asks ? try NameServiceSockets.open() : nil
    }
    let names = try sockets.map {
      try NameService(
        sockets: $0, settings: NameServiceSettings(blueprint.network, run: options.run))
    }
    return ContainerNetwork(namespace: namespace, isOwn: true, names: names)
  case .container(let id):
    let layout = Layout(state: options.state, run: options.run)
    let pidfd = try firstProcess(of: id, sharing: "network", layout)
    let namespace = try entering(pidfd) {
      SharedDescriptor(try Descriptor.open("/proc/self/ns/net", O_RDONLY))
    }
    return ContainerNetwork(namespace: namespace, isOwn: false, names: nil)
  }
}
