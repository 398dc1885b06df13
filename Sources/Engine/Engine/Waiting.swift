// Waiting for containers to run, to be healthy, to have ended well.

import Store
import Compose
import Blueprint
import Diagnostics
import Planning

/// A dependency did not come to what was asked of it.
struct DependencyFailure: Diagnosable {
  var reason: String

  var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "dependency failed to start: \(reason)", hint: "see what it says with `berth logs`")
    ]
  }
}

/// How often a state is looked at. Reading it is one small file on a tmpfs.
private let pollInterval = Duration.milliseconds(5)

extension Session {
  func wait(
    for dependency: Planning.Dependency, containers: () -> [ContainerBlueprint]
  ) async throws {
    guard dependency.condition != .started else { return }
    for blueprint in containers() {
      let id = "Container \(blueprint.name)"
      tell(.progress(ProgressEvent(id, "Waiting", .working)))
      do {
        switch dependency.condition {
        case .started: break
        case .healthy: try await waitUntilHealthy(blueprint)
        case .completed: try await waitUntilCompleted(blueprint, service: dependency.service)
        }
      } catch {
        tell(.progress(ProgressEvent(id, "Error", dependency.isRequired ? .error : .warning)))
        throw error
      }
      let word = dependency.condition == .healthy ? "Healthy" : "Exited"
      tell(.progress(ProgressEvent(id, word, .done)))
    }
  }

  private func waitUntilHealthy(_ blueprint: ContainerBlueprint) async throws {
    guard blueprint.health != nil else {
      throw DependencyFailure(
        reason: "container \(blueprint.name) has no healthcheck configured")
    }
    while true {
      let (state, _) = containers.state(of: blueprint.id)
      switch (state.status, state.health?.status) {
      case (.running, .healthy), (.paused, .healthy): return
      case (_, .unhealthy) where state.status == .running:
        throw DependencyFailure(reason: "container \(blueprint.name) is unhealthy")
      case (.exited, _), (.dead, _):
        throw DependencyFailure(
          reason: "container \(blueprint.name) exited (\(state.exitCode ?? 0))")
      default: try await Task.sleep(for: pollInterval)
      }
    }
  }

  private func waitUntilCompleted(_ blueprint: ContainerBlueprint, service: String) async throws {
    while true {
      let (state, _) = containers.state(of: blueprint.id)
      if state.status == .exited || state.status == .dead {
        let code = state.exitCode ?? 0
        if code == 0 { return }
        throw DependencyFailure(
          reason: "service \"\(service)\" didn't complete successfully: exit \(code)")
      }
      try await Task.sleep(for: pollInterval)
    }
  }

  /// `--wait`: everything of these services runs, and is healthy where it has a check. A container
  /// that others need completed may have ended well.
  func waitForAll(_ services: Set<String>, limit: UpOptions.Wait) async throws {
    let deadline: ContinuousClock.Instant? =
      switch limit {
      case .forever: nil
      case .atMost(let seconds): ContinuousClock.now + .seconds(seconds)
      }
    let oneShots = Set(
      (loaded?.project.services ?? []).flatMap(\.dependsOn)
        .filter { $0.condition == .completed }.map(\.service))
    for record in try containers.list(project: projectName)
    where services.contains(record.service) && !record.isOneOff {
      try await waitUntilReady(
        record.blueprint, mayExit: oneShots.contains(record.service), deadline: deadline)
    }
  }

  private func waitUntilReady(
    _ blueprint: ContainerBlueprint, mayExit: Bool, deadline: ContinuousClock.Instant?
  ) async throws {
    while true {
      let (state, _) = containers.state(of: blueprint.id)
      switch state.status {
      case .running where blueprint.health == nil || state.health?.status == .healthy: return
      case .running where state.health?.status == .unhealthy:
        throw Faults([Diagnostic("container \(blueprint.name) is unhealthy")])
      case .exited where mayExit && state.exitCode == 0: return
      case .exited, .dead:
        throw Faults([
          Diagnostic("container \(blueprint.name) exited (\(state.exitCode ?? 0))")
        ])
      default: break
      }
      if let deadline, ContinuousClock.now > deadline {
        throw Faults([Diagnostic("application not healthy in time: \(blueprint.name)")])
      }
      try await Task.sleep(for: pollInterval)
    }
  }
}
