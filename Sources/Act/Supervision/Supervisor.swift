// The shim's life: one container from its first start to its final exit. Decisions are those of
// `RestartMachine` and `HealthMachine`; here they meet the processes.

import Blueprint
import CLinux
import Cgroups
import ContainerInit
import Control
import Glibc
import Journal
import Linux
import Store
import SystemPackage

final class Supervisor {
  enum Phase {
    case starting
    case running(ContainerRun)
    /// Waits for its next start.
    case restarting(at: Int64)
    case ended
  }

  let options: RunOptions
  private(set) var blueprint: ContainerBlueprint
  private(set) var records: Records
  let cgroup: Cgroup
  let network: ContainerNetwork
  let loop: EventLoop
  let output: OutputSink
  /// Sockets that reserve the published ports.
  var ports: [SharedDescriptor] = []
  private var forwarder: PortForwarder?
  /// The values of `blueprint.handedFiles`: kept for new starts, and nowhere else.
  let handed: [SharedDescriptor]
  private let groupGuard: GroupGuard

  var state: ContainerState
  var phase = Phase.starting
  var restart: RestartMachine
  var health: HealthMonitor?
  var killAt: Int64?
  /// Whether its end is what somebody waits for who stops it.
  var isStopping = false
  /// False when who stopped it sees to its network.
  var releasesNetwork = true
  private var server: ControlServer?
  private let buffer: ReadBuffer
  private var giveBackAt: Int64?

  init(
    options: RunOptions, blueprint: ContainerBlueprint, cgroup: Cgroup, network: ContainerNetwork,
    handed: [SharedDescriptor], groupGuard: GroupGuard
  ) throws {
    self.handed = handed
    self.groupGuard = groupGuard
    self.options = options
    self.blueprint = blueprint
    self.cgroup = cgroup
    self.network = network
    records = Records(
      layout: Layout(state: options.state, run: options.run), blueprint: blueprint)
    loop = try EventLoop()
    buffer = try ReadBuffer()
    restart = RestartMachine(policy: blueprint.restart)
    state = ContainerState(bootID: readBootID(), status: .created)
    state.shimPid = getpid()
    output = OutputSink(
      JournalWriter(
        folder: options.containerFolder.appending("journal"),
        segmentSize: blueprint.log.segmentSize, segmentCount: blueprint.log.segmentCount),
      blueprint.log.forward)
  }

  /// Clones the first process of a run.
  /// - Parameter held: where its output goes, if not into its journal.
  func launchRun(_ held: HeldStreams? = nil) throws -> ContainerRun {
    try ContainerRun(
      blueprint, containerFolder: options.containerFolder, runFolder: records.runFolder,
      network: network, partners: try Partners(of: blueprint, records.layout), cgroup: cgroup,
      handed: handed, held: held)
  }

  /// Ends the container when the other end of `socket` is closed.
  func endWithPeer(of socket: CInt) throws {
    try loop.watch(socket) { [unowned self] _ in
      var byte: UInt8 = 0
      let flags = CInt(truncatingIfNeeded: Int(MSG_PEEK) | Int(MSG_DONTWAIT))
      guard recv(socket, &byte, 1, flags) == 0 else { return }
      loop.forget(socket)
      end(signal: SIGKILL, grace: 0)
    }
  }

  /// The program of `run` runs: records say so and its descriptors are watched.
  func began(_ run: ContainerRun) throws {
    phase = .running(run)
    state.status = .running
    state.pid = run.pid
    state.startedAt = Timestamp(nanoseconds: run.startedWall)
    state.finishedAt = nil
    state.exitCode = nil
    state.failure = nil
    state.oomKilled = false
    if let health = blueprint.health {
      self.health = HealthMonitor(
        blueprint, health, cgroup: cgroup, pidfd: run.pidfd, loop: loop
      ) { [unowned self] in healthChanged() }
      state.health = self.health?.state
    }
    try records.write(state)
    records.tell(.start)
    for pump in run.outputs {
      try loop.watch(pump.descriptor.raw) { [unowned self] _ in move(pump, of: run) }
    }
  }

  /// Opens the control socket in the run folder.
  func listen() throws {
    let folder = try Descriptor.open(records.runFolder, O_RDONLY | O_DIRECTORY)
    server = try ControlServer(listener: .listen(in: folder), loop: loop) {
      [unowned self] request, connection in answer(request, connection)
    }
  }

  /// The loop: until nothing of the container is left.
  func supervise(_ signals: borrowing Descriptor) throws {
    let raw = signals.raw
    try loop.watch(raw) { [unowned self] _ in takeSignals(raw) }
    if let names = network.names {
      try loop.watch(names.descriptor) { [unowned names] _ in names.ready() }
    }
    try forwardPorts()
    giveBackAt = monotonicNow() + quiet
    // What has ended since the clone is not told again.
    reap()
    while true {
      if case .ended = phase { break }
      let wasBusy = try loop.turn(until: nextDeadline)
      if wasBusy, giveBackAt == nil { giveBackAt = monotonicNow() + quiet }
      expire(monotonicNow())
    }
    finish()
  }

  private func forwardPorts() throws {
    if let forwarder { loop.forget(forwarder.descriptor) }
    forwarder = try PortForwarder(ports, blueprint.network)
    if let forwarder {
      try loop.watch(forwarder.descriptor) { [unowned forwarder] _ in forwarder.ready() }
    }
  }

  /// Takes the networks of the blueprint as it stands on disk now.
  func takeNetworks() throws {
    let old = blueprint
    blueprint.network = try readBlueprint(options.containerFolder).network
    try rewriteHosts(from: old, to: blueprint, in: records.runFolder)
    records.withdrawNames()
    records = Records(layout: records.layout, blueprint: blueprint)
    if case .running = phase { try records.publishNames() }
    network.names?.take(NameServiceSettings(blueprint.network, run: options.run))
    let hasMoved = blueprint.network.primary != old.network.primary
    if hasMoved, !ports.isEmpty { try forwardPorts() }
  }

  private var nextDeadline: Int64? {
    var deadlines = [
      killAt, giveBackAt, health?.deadline, network.names?.deadline, forwarder?.deadline,
    ]
    if case .restarting(let at) = phase { deadlines.append(at) }
    return deadlines.compactMap { $0 }.min()
  }

  private func expire(_ now: Int64) {
    if let killAt, now >= killAt {
      self.killAt = nil
      records.tell(.kill(SIGKILL))
      killAll()
    }
    if let giveBackAt, now >= giveBackAt {
      self.giveBackAt = nil
      giveBackMemory()
    }
    health?.expire(now)
    if let deadline = network.names?.deadline, now >= deadline { network.names?.expire(now) }
    if let deadline = forwarder?.deadline, now >= deadline { forwarder?.expire(now) }
    if case .restarting(let at) = phase, now >= at { startAgain() }
  }

  /// What has been touched and is not wanted any more, for it counts in every shim: the buffer, the
  /// heap's free end, the program's own pages. Done a moment after something has happened.
  private func giveBackMemory() {
    if buffer.isLarge { buffer.giveBack() }
    malloc_trim(0)
    berth_forget_used_pages()
  }

  private let quiet: Int64 = 1_000_000_000

  private func healthChanged() {
    let before = state.health?.status
    state.health = health?.state
    save()
    // By pattern, as all that every shim may do.
    switch (before, state.health?.status) {
    case (.starting, .healthy), (.unhealthy, .healthy): records.tell(.healthy)
    case (.starting, .unhealthy), (.healthy, .unhealthy): records.tell(.unhealthy)
    default: break
    }
  }

  /// A run folder that cannot be written (a full tmpfs) must not end the container.
  func save() { try? records.write(state) }

  // MARK: - Output

  private func move(_ pump: OutputPump, of run: ContainerRun) {
    if pump.drain(into: output, buffer) == .ended {
      loop.forget(pump.descriptor.raw)
      run.forgetOutput(pump)
    }
  }

  /// What the run has left to say.
  private func drain(_ run: ContainerRun) {
    for pump in run.outputs {
      loop.forget(pump.descriptor.raw)
      pump.drainToEnd(into: output, buffer)
    }
  }

  private func markEnd(_ decision: RestartMachine.Decision, at now: Int64, _ code: Int32) {
    var restarts = false
    if case .restart = decision { restarts = true }
    output.endRun(at: now, code: code, restarts: restarts)
  }

  // MARK: - Ends and new starts

  func reap() {
    groupGuard.renew()
    while true {
      var status: CInt = 0
      let pid = waitpid(-1, &status, WNOHANG)
      if pid <= 0 { return }
      if groupGuard.renewed(after: pid) { continue }
      if health?.reaped(pid, status: status) == true { continue }
      if case .running(let run) = phase, run.pid == pid { ended(run, exitCode(ofStatus: status)) }
    }
  }

  private func ended(_ run: ContainerRun, _ code: Int32) {
    health?.stop()
    health = nil
    // A pid namespace of its own has ended with its first process; in another's the rest lives on.
    if blueprint.sharing.pid != .own { try? cgroup.kill() }
    drain(run)
    records.withdrawNames()
    state.pid = nil
    state.exitCode = code
    let now = wallNow()
    state.finishedAt = Timestamp(nanoseconds: now)
    state.oomKilled = run.wasOutOfMemory
    if state.oomKilled { records.tell(.outOfMemory) }
    if isStopping { records.tell(.stop) }
    records.tell(.die(code))
    let decision = restart.exited(code: code, after: Nanoseconds(monotonicNow() - run.startedAt))
    markEnd(decision, at: now, code)
    follow(decision)
  }

  private func follow(_ decision: RestartMachine.Decision) {
    state.restartCount = restart.restartCount
    switch decision {
    case .final:
      phase = .ended
    case .restart(let delay):
      phase = .restarting(at: monotonicNow() + delay.count)
      state.status = .restarting
      // What the last run has left in the group would hold its resources and its ports.
      try? cgroup.kill()
      save()
    }
  }

  private func startAgain() {
    do {
      let run = try launchRun()
      try run.waitUntilReady(whileAlive: nil)
      try records.publishNames()
      try run.start()
      try began(run)
    } catch {
      records.withdrawNames()
      let failure = ShimFailure(starting: error)
      state.failure = failure.line
      state.exitCode = failure.exitCode
      let now = wallNow()
      state.finishedAt = Timestamp(nanoseconds: now)
      let decision = restart.exited(code: failure.exitCode, after: Nanoseconds(0))
      markEnd(decision, at: now, failure.exitCode)
      follow(decision)
    }
  }

  /// Every process of the container, whatever it has forked.
  func killAll() {
    if case .running(let run) = phase { run.signal(SIGKILL) }
    // The group may be gone already; the namespace's end takes its processes in any case.
    try? cgroup.kill()
  }

  /// Nothing runs any more and nothing will: tells all who ask and leaves nothing behind.
  private func finish() {
    server?.stopListening()
    records.withdrawNames()
    killAll()
    reap()
    // A group with a dying process in it stays for the next command to sweep, and its record too.
    let isGone = (try? cgroup.remove()) != nil
    ports = []
    state.status = .exited
    state.pid = nil
    state.shimPid = nil
    // Nothing is recorded on a full disk; the run folder's end says that it has ended.
    try? records.writeExit(state)
    if isGone { records.removeRunFolder() }
    if releasesNetwork, !blueprint.network.ports.isEmpty || blueprint.removeOnExit {
      // Without it the next command sweeps what is left.
      _ = try? release(blueprint.id, options)
    }
    server?.tellWaiters(.exited(code: state.exitCode ?? 0))
    records.syncExit()
  }

  // MARK: - Signals and names

  private func takeSignals(_ raw: CInt) {
    var information = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    while read(raw, &information, size) == size {
      if information.ssi_signo == UInt32(SIGTERM) {
        // The machine goes down, not the user's will: `unless-stopped` starts again with the next boot.
        end(signal: blueprint.stop.signal, grace: blueprint.stop.grace.count)
      }
    }
    reap()
  }
}

/// Starts the program that closes the ports of a container that has ended, and removes one that
/// nobody waits for.
@discardableResult
func release(_ id: String, _ options: RunOptions) throws(SystemCallError) -> pid_t {
  try spawn(
    options.cleanup, ["berth", "internal", "release", id],
    environment: [
      "BERTH_STATE=" + options.state.string, "BERTH_RUN=" + options.run.string,
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ])
}
