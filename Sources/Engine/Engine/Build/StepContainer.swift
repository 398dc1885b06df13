// One command of a build in a container of its own: as confined as any other, and gone with its end.

import Blueprint
import CLinux
import Diagnostics
import Glibc
import Host
import Images
import Linux
import Networking
import Runtime
import Store
import Synchronization
import SystemPackage

/// What a `RUN` runs in, beside what every container has.
struct StepEnvironment: Sendable {
  var root: [Bytes]
  var arguments: [String]
  /// `NAME=value`.
  var environment: [String]
  /// The same of secrets: handed over in memory, and written nowhere.
  var secretVariables: [Bytes] = []
  var workingDirectory: String
  var user: String
  var hostname = "buildkitsandbox"
  var mounts: [MountStep] = []
  var files: [GivenFile] = []
  /// The values of handed files, in their order.
  var handed: [SharedDescriptor] = []
  var network: NetworkBlueprint.Mode = .bridge
  /// Nil is the bridge that all projects share.
  var networkName: String?
  var extraHosts: [(name: String, address: String)] = []
  var isInsecure = false
  var sharedMemory: UInt64?
  var limits: [ProcessLimit] = []
}

extension Builder {
  /// Runs a command to its end in `folder`, whose `upper` then has what it changed and nothing else.
  /// - Returns: its exit code.
  func run(
    _ environment: StepEnvironment, in folder: FilePath, _ reporter: BuildReporter
  ) async throws -> Int32 {
    let id = randomID()
    let hold = try await blocking { try self.session.beginBuildHold(id) }
    let step = RunningStep()
    do {
      let code = try await withTaskCancellationHandler {
        try await blocking {
          try self.run(environment, id: id, in: folder, step, reporter)
        }
      } onCancel: {
        step.cancel()
      }
      try await blocking { try self.session.endBuildHold(hold) }
      if step.isCancelled { throw CancellationError() }
      return code
    } catch {
      // The first failure is the one to tell; the next build sweeps.
      try? await blocking { try self.session.endBuildHold(hold) }
      if step.isCancelled { throw CancellationError() }
      throw error
    }
  }

  private func run(
    _ environment: StepEnvironment, id: String, in folder: FilePath, _ step: RunningStep,
    _ reporter: BuildReporter
  ) throws -> Int32 {
    let blueprint = try blueprint(environment, id: id)
    try writeRecord(blueprint, to: folder.appending("blueprint.json"), .volatile)
    let output = try Descriptor.pipe()
    let error = try Descriptor.pipe()
    let variables = try Descriptor.sealedMemory(
      "variables", Array(environment.secretVariables.map { $0.raw + [0] }.joined()))
    let ends = [variables.raw, output.writing.raw, error.writing.raw]
    let streams = [
      SharedDescriptor(try output.reading.duplicate()),
      SharedDescriptor(try error.reading.duplicate()),
    ]
    let shim = try ShimProcess.spawn(
      ShimProgram.open(session.host.shim), containerFolder: folder, run: layout.run,
      state: layout.state, cleanup: session.host.berth)
    try step.began(shim)
    let mountPoints: MountPoints
    do {
      try shim.handOver(environment.handed.map(\.raw) + ends)
      let namespace = try shim.born()
      try session.connect(blueprint, namespace: namespace?.raw)
      try shim.networkReady(ports: [])
      for warning in try shim.ready() {
        session.tell(.warning(Diagnostic(warning, severity: .warning)))
      }
      mountPoints = try MountPoints(in: folder.appending("upper"))
      try shim.go()
      _ = try shim.started()
    } catch {
      throw shim.failure() ?? error
    }
    _ = consume variables
    _ = consume output
    _ = consume error
    try forward(streams, reporter)
    let code = try shim.exited()
    try mountPoints.remove(
      from: folder.appending("upper"),
      lowers: environment.root.map { FilePath($0.text) })
    return code
  }

  /// Tells what comes from the program until both streams have ended.
  private func forward(_ streams: [SharedDescriptor], _ reporter: BuildReporter) throws {
    var open = [true, true]
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while open.contains(true) {
      var watched = streams.indices.map {
        pollfd(fd: open[$0] ? streams[$0].raw : -1, events: Int16(POLLIN), revents: 0)
      }
      try retrying("poll") { poll(&watched, 2, -1) }
      for index in streams.indices where watched[index].revents != 0 {
        let count = try retrying("read") { read(streams[index].raw, &buffer, buffer.count) }
        if count == 0 {
          open[index] = false
        } else {
          reporter.tell(.output(Array(buffer[..<count]), isError: index == 1))
        }
      }
    }
  }

  private func blueprint(_ environment: StepEnvironment, id: String) throws -> ContainerBlueprint {
    var network = NetworkBlueprint(mode: environment.network)
    if case .bridge = environment.network {
      network.endpoints = [try endpoint(on: environment.networkName, id: id)]
    }
    network.extraHosts = try environment.extraHosts.flatMap { host in
      guard host.address == "host-gateway" else {
        return [HostEntry(name: host.name, address: host.address)]
      }
      let gateways = [network.primary?.gateway, network.primary?.gateway6].compactMap { $0 }
      guard !gateways.isEmpty else {
        throw Faults([
          Diagnostic(
            "`extra_hosts` of a build asks for `host-gateway` where the host is not on its network",
            hint: "leave `network` out, or write an address")
        ])
      }
      return gateways.map { HostEntry(name: host.name, address: $0) }
    }
    if case .none = environment.network {
      network.extraHosts.append(HostEntry(name: environment.hostname, address: "127.0.0.1"))
    }
    var process = ProcessBlueprint(
      arguments: environment.arguments.map { Bytes($0) },
      environment: environment.environment.map { Bytes($0) },
      workingDirectory: Bytes(environment.workingDirectory), user: environment.user)
    process.input = .none
    var blueprint = ContainerBlueprint(
      id: id, name: "build-\(id.prefix(12))", createdAt: Session.now(),
      image: ImageIdentity(reference: "", id: "", platform: ""),
      root: RootBlueprint(layers: environment.root), process: process,
      hostname: environment.hostname, network: network,
      security: try session.stepSecurity(isInsecure: environment.isInsecure))
    blueprint.mounts = environment.mounts
    blueprint.files = environment.files
    blueprint.resources.sharedMemory = environment.sharedMemory
    blueprint.resources.limits = environment.limits
    blueprint.isHeld = true
    return blueprint
  }

  private func endpoint(on name: String?, id: String) throws -> EndpointBlueprint {
    if name == nil { try holdBridge() }
    let record = try session.joinable(name ?? PredefinedNetwork.bridge)
    let lease = try session.networks.lease(record, container: id)
    var endpoint = try EndpointBlueprint(
      on: record, lease, interface: record.interfacePrefix + "0", hardwareAddress: nil, names: [])
    endpoint.isPrimary = true
    return endpoint
  }
}

extension Session {
  /// What a step of a build may do: what any container may, unless its file asks for all.
  fileprivate func stepSecurity(isInsecure: Bool) throws -> SecurityBlueprint {
    var security = try SecurityProfile.blueprint(
      adding: [], dropping: [], isPrivileged: isInsecure)
    if !isInsecure {
      security.seccompFilter = Bytes(
        try SeccompProfiles(state: layout.state).defaultFilter(
          capabilities: security.capabilities
        ).string)
    }
    if AppArmor.isOn {
      security.appArmorProfile =
        isInsecure ? AppArmor.unconfined : try AppArmor(state: layout.state).defaultProfile()
    }
    return security
  }
}

/// A step that may be cancelled from another task.
private final class RunningStep: Sendable {
  private let state = Mutex<(shim: ShimProcess?, isCancelled: Bool)>((nil, false))

  var isCancelled: Bool { state.withLock { $0.isCancelled } }

  func began(_ shim: ShimProcess) throws {
    let isCancelled = state.withLock { state in
      state.shim = shim
      return state.isCancelled
    }
    if isCancelled { throw CancellationError() }
  }

  func cancel() {
    state.withLock { state in
      state.isCancelled = true
      state.shim?.cancel()
    }
  }
}
