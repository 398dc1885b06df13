// `run`: a one-off container of a service, with its own command.

import Networking
package import Blueprint
import Compose
import Control
import Diagnostics
import Glibc
import Images
package import Linux
import Planning
import Store
import SystemPackage

package struct RunRequest: Sendable {
  package var service: String
  /// Empty keeps the service's.
  package var command: [String]
  package var entrypoint: String?
  /// `NAME=VALUE`; these outweigh those of the files.
  package var environment: [String] = []
  package var environmentFiles: [String] = []
  package var labels: [String] = []
  package var name: String?
  package var user: String?
  package var workingDirectory: String?
  package var volumes: [String] = []
  package var publish: [String] = []
  package var publishesServicePorts = false
  package var usesAliases = false
  package var includesDependencies = true
  package var removesOnExit = false
  package var capAdd: [String] = []
  package var capDrop: [String] = []
  package var pull: PullChoice?
  package var build = BuildChoice.asNeeded
  package var removesOrphans = false
  package var hasTerminal = false
  package var keepsInputOpen = true

  package init(service: String, command: [String]) {
    self.service = service
    self.command = command
  }
}

/// A one-off container that was made but not started.
package struct PreparedRun: Sendable {
  package var blueprint: ContainerBlueprint
  package var removesOnExit: Bool
}

extension Session {
  /// Starts what the service depends on, then makes the container.
  package func prepareRun(_ request: RunRequest) async throws -> PreparedRun {
    let project = try project()
    guard var service = project.service(request.service) else {
      throw NoSuchService(name: request.service, known: project.services.map(\.name))
    }
    // One that is optional may be of a profile that is off.
    let dependencies = service.dependsOn.filter {
      $0.isRequired || project.service($0.service) != nil
    }
    let needed = dependencies.map(\.service)
    if request.includesDependencies, !needed.isEmpty {
      var options = UpOptions()
      options.services = needed
      options.pull = request.pull
      options.build = request.build
      options.removesOrphans = request.removesOrphans
      _ = try await up(options)
      for dependency in dependencies.map(Planning.Dependency.init) {
        try await wait(for: dependency, of: service.name, limit: nil) {
          (try? containers.list(project: projectName))?.filter {
            $0.service == dependency.service && !$0.isOneOff
          }.map(\.blueprint) ?? []
        }
      }
    }
    try change(&service, request, project)
    try refuseUnsupported(in: project)
    try checkGivenFiles(of: [service], made: [service.name], in: project)
    try checkSources(of: [service], in: project)
    let base = try await ensureImages([service], pull: request.pull, build: request.build)[0]
    defer { base.lease?.end() }
    let lock = try await lockProject("run")
    defer { lock.release() }
    return try await blocking { try self.make(base, request, project) }
  }

  private func change(_ service: inout Service, _ request: RunRequest, _ project: Project) throws {
    if let entrypoint = request.entrypoint {
      service.entrypoint = entrypoint.isEmpty ? [] : try CommandLineParts.words(entrypoint)
      service.command = request.command.isEmpty ? [] : request.command
    } else if !request.command.isEmpty {
      service.command = request.command
    }
    for entry in try environment(of: request.environmentFiles) + request.environment {
      let pair = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let key = String(pair[0])
      service.environment.removeAll { $0.key == key }
      service.environment.append(
        EnvironmentEntry(key: key, value: pair.dropFirst().first.map(String.init)))
    }
    for label in request.labels {
      let pair = label.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      service.labels.removeAll { $0.key == pair[0] }
      service.labels.append(KeyValue(String(pair[0]), String(pair.last ?? "")))
    }
    service.user = request.user ?? service.user
    service.workingDirectory = request.workingDirectory ?? service.workingDirectory
    service.capAdd += request.capAdd
    service.capDrop += request.capDrop
    service.hasTerminal = request.hasTerminal
    service.keepsStdinOpen = request.keepsInputOpen
    service.containerName = nil
    if !request.publishesServicePorts { service.ports = [] }
    service.ports += try request.publish.flatMap { try CommandLineParts.ports($0) }
    if !request.publish.isEmpty, service.sharedNetwork != nil {
      throw UnsupportedSetting(
        service: service, setting: "`--publish` beside `network_mode`",
        hint: "publish the port of the container whose network this one shares")
    }
    for volume in request.volumes {
      let mount = try CommandLineParts.mount(
        volume, folder: self.request.workingDirectory, home: self.request.environment["HOME"])
      service.mounts.removeAll { $0.target == mount.target }
      service.mounts.append(mount)
    }
  }

  /// The variable that the project's files see.
  package func variable(_ name: String) -> String? {
    loaded?.environment[name] ?? self.request.environment[name]
  }

  /// `NAME=VALUE` of the files that `--env-from-file` names.
  private func environment(of files: [String]) throws -> [String] {
    try files.flatMap { file in
      let path = file.hasPrefix("/") ? file : self.request.workingDirectory + "/" + file
      let bytes: [UInt8]
      do {
        bytes = try Descriptor.open(FilePath(path), O_RDONLY | O_NOCTTY).readAll(limit: 16 << 20)
      } catch {
        throw Failure("environment file `\(file)` cannot be read", error)
      }
      return try CommandLineParts.environment(bytes, file: file) { self.variable($0) }
        .map { "\($0.key)=\($0.value)" }
    }
  }

  private func make(_ base: ServiceBase, _ request: RunRequest, _ project: Project) throws
    -> PreparedRun
  {
    let id = randomID()
    let slug = String(id.prefix(12))
    let identity = ContainerIdentity(
      id: id, name: request.name ?? joined(projectName, request.service, "run", slug), number: 0,
      slug: slug, usesAliases: request.usesAliases)
    try ensureResources(of: base, project: project)
    let blueprint = try makeContainer(base, identity, project: project, previous: nil) { made in
      made.removeOnExit = request.removesOnExit
      if made.process.input == .open { made.process.input = .openOnce }
    }
    return PreparedRun(blueprint: blueprint, removesOnExit: request.removesOnExit)
  }

  /// Networks and volumes that the container needs, made or made again.
  private func ensureResources(of base: ServiceBase, project: Project) throws {
    for attached in attachments(of: base.service, in: project) {
      if let network = attached.network, !network.isExternal {
        try makeNetwork(network)
      } else if attached.name != PredefinedNetwork.bridge {
        _ = try networks.repair(attached.name)
      }
    }
    tellOfNetworks()
    for name in volumeNames(of: base.service, in: project) {
      let volume = project.volumes.first { $0.name == name }
      if volume?.isExternal ?? false { continue }
      try createVolume(name, volume)
    }
  }

  /// Starts it and answers its id.
  package func runDetached(_ run: PreparedRun) async throws -> String {
    try await blocking {
      do {
        let wishes = try portWishes(of: run.blueprint.network)
        _ = try self.start(run.blueprint, ports: try self.reserve(wishes))
      } catch {
        try? self.remove(run.blueprint, withVolumes: true)
        throw error
      }
    }
    return run.blueprint.id
  }

  /// Starts it for an attached caller, who reads the journal and writes to `input`.
  package func runStart(_ run: PreparedRun) async throws -> AttachedRun {
    let hold = try RunHold(layout.attached(run.blueprint.id))
    note("attach", run.blueprint)
    _ = try await runDetached(run)
    let client = ShimClient(runFolder: layout.running(run.blueprint.id))
    let process = run.blueprint.process
    guard process.terminal || process.input != .none else {
      return AttachedRun(run: run, input: nil, hold: hold)
    }
    let input: SharedDescriptor? = try await blocking {
      do {
        return try client.input()
      } catch ControlError.notRunning, ControlError.lost {
        // A short command may be over before anyone could type.
        return nil
      }
    }
    return AttachedRun(run: run, input: input, hold: hold)
  }

  /// The output of a one-off container until its end.
  package func runOutput(_ run: AttachedRun, sink: @escaping LogSink) async throws {
    var query = LogQuery()
    query.oneOff = run.run.blueprint.id
    query.isAttached = true
    query.follows = true
    try await logs(query, sink: sink)
  }

  package func runSignal(_ run: AttachedRun, _ signal: Int32) throws {
    try kill(run.run.blueprint, signal: signal)
  }

  /// Waits for the end, removes the container where that was asked for; its exit code.
  package func runFinish(_ run: AttachedRun) async throws -> Int32 {
    let blueprint = run.run.blueprint
    return try await blocking {
      let client = ShimClient(runFolder: self.layout.running(blueprint.id))
      do {
        _ = try client.wait()
      } catch ControlError.notRunning, ControlError.lost {
        // Over already: its record says how.
      }
      try self.unpublish(blueprint)
      let code = self.containers.state(of: blueprint.id).0.exitCode ?? 137
      if run.run.removesOnExit { try self.remove(blueprint, withVolumes: true) }
      return code
    }
  }
}

/// A one-off container with somebody in front of it.
package struct AttachedRun: Sendable {
  package var run: PreparedRun
  /// Its input: a pipe, or the master of its terminal.
  package var input: SharedDescriptor?
  /// While it lives, the exit record of a container that is removed at its end stays for the caller.
  let hold: RunHold

  package var hasTerminal: Bool { run.blueprint.process.terminal }
  /// Whether what is typed goes to the program.
  package var isTypedTo: Bool { run.blueprint.process.input != .none }

  /// Gives the input away, so that it closes when its new owner lets go of it.
  package mutating func takeInput() -> SharedDescriptor? {
    defer { input = nil }
    return input
  }
}

/// Says that somebody in front of a one-off container removes it themselves, for as long as they live.
final class RunHold: Sendable {
  private let lock: FileLock

  init(_ path: FilePath) throws { lock = try FileLock.wait(path) }
}
