// After a reboot: what ran and is to run always starts again, in every project of this machine.

import Blueprint
import Diagnostics
package import Host
import Linux
import Planning
import Store
import Synchronization

/// What a boot does. The containers say by themselves what they are; compose files are read only for
/// the values of secrets that stand nowhere.
package struct Resumption: Sendable {
  private let host: HostProfile
  private let request: SessionRequest
  private let tell: EventSink

  /// - Parameter request: the environment of the caller; names no project.
  package init(_ request: SessionRequest, host: HostProfile, events: @escaping EventSink) {
    self.host = host
    self.request = request
    tell = events
  }

  /// The containers that `run` would start, by project, in the order of their names.
  package func due() async throws -> [(project: String, containers: [String])] {
    try await projects().map { ($0.name, $0.records.map(\.name)) }
  }

  /// Starts them. A project or container that fails does not keep the others from starting.
  /// - Throws: all failures together.
  package func run() async throws {
    let projects = try await projects()
    var failures: [any Error] = []
    await withTaskGroup(of: [any Error].self) { group in
      for project in projects {
        group.addTask { await self.resume(project) }
      }
      for await some in group { failures += some }
    }
    if !failures.isEmpty { throw ApplyFailure(failures: failures) }
  }

  private struct Due: Sendable {
    var name: String
    var records: [ContainerRecord]
  }

  private func projects() async throws -> [Due] {
    let store = ContainerStore(
      layout: Layout(state: host.state, run: host.run), bootID: host.bootID)
    let records = try await blocking { try store.list().filter(\.isDueAtBoot) }
    return Dictionary(grouping: records, by: \.project).sorted { $0.key < $1.key }
      .map { Due(name: $0.key, records: $0.value) }
  }

  private func resume(_ project: Due) async -> [any Error] {
    do {
      return try await session(of: project).resume()
        .map { Failure("resuming project `\(project.name)`", $0) }
    } catch {
      return [Failure("resuming project `\(project.name)`", error)]
    }
  }

  private func session(of project: Due) throws -> Session {
    var request = request
    request.projectName = project.name
    request.file = .unused
    if let needy = project.records.first(where: { !$0.blueprint.handedFiles.isEmpty }) {
      let labels = needy.blueprint.labels
      func list(_ label: String) -> [String] {
        (labels[label] ?? "").split(separator: ",").map(String.init)
      }
      request.files = list(Label.configFiles)
      request.envFiles = list(Label.environmentFile)
      request.projectDirectory = labels[Label.workingDirectory]
      request.file = .required
      // A file that cannot be read any more has no values to give: what lacks is told by its name.
      if !request.files.isEmpty, let session = try? Session(request, host: host, events: tell) {
        return session
      }
      request.file = .unused
      request.files = []
    }
    return try Session(request, host: host, events: tell, named: project.name)
  }
}

extension ContainerRecord {
  /// `on-failure` is not among them: the machine's end is no failure of the container. Nor is one that
  /// never ran, or that the user has stopped and that is to stay so.
  fileprivate var isDueAtBoot: Bool {
    if isSupervised || isOneOff || state.status == .created { return false }
    switch blueprint.restart {
    case .always: return true
    case .unlessStopped: return !state.stoppedByUser
    case .no, .onFailure: return false
    }
  }
}

extension Session {
  /// Starts the containers of this project that are due, what is depended on first. Waits are for what
  /// starts here or runs, and what fails keeps nobody back. No hooks run: nobody has asked for a start.
  fileprivate func resume() async throws -> [any Error] {
    let lock = try await lockProject("system resume")
    defer { lock.release() }
    let (records, observed) = try await blocking {
      try self.sweep()
      return try self.observe()
    }
    let due = Set(records.filter(\.isDueAtBoot).map(\.id))
    var chosen = observed
    chosen.containers.removeAll { !$0.isActive && !due.contains($0.id) }
    var dependencies: [String: [Planning.Dependency]] = [:]
    for record in records {
      dependencies[record.service] = record.labelledDependencies.map { dependency in
        var dependency = dependency
        dependency.isRequired = false
        // What is to run always does not complete.
        if dependency.condition == .completed { dependency.condition = .started }
        return dependency
      }
    }
    let plan = planStart(
      chosen, services: Set(records.map(\.service)), dependencies: dependencies)
    var options = UpOptions()
    options.hooks = .none
    // One that never gets well does not keep the boot, nor a `down`, waiting.
    options.wait = .atMost(seconds: 300)
    let runner = StepRunner(
      session: self, project: nil, bases: [], records: records, options: options, plan: plan)
    let failures = Failures()
    try await apply(plan) { step in
      do {
        try await runner.perform(step)
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        failures.add(error)
      }
    }
    return failures.all
  }
}

/// What went wrong while other things went on.
private final class Failures: Sendable {
  private let list = Mutex<[any Error]>([])

  func add(_ error: any Error) { list.withLock { $0.append(error) } }
  var all: [any Error] { list.withLock { $0 } }
}
