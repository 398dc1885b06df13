// Waiting for containers to run, to be healthy, to have ended well.

import Blueprint
import Compose
import Diagnostics
import Linux
import Planning
import Store

/// A dependency did not come to what was asked of it.
struct DependencyFailure: Diagnosable {
  var reason: String
  /// What the container says itself.
  var causes: [String] = []

  var diagnostics: [Diagnostic] {
    [Diagnostic(reason, causes: causes)]
  }
}

/// `--wait-timeout` has gone by.
struct NotReadyInTime: Diagnosable {
  var limit: Duration
  var waiting: String
  var causes: [String]

  var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "application not healthy after \(goText(limit))", causes: [waiting] + causes,
        hint: "give it more time with `--wait-timeout`, or mend the check")
    ]
  }
}

/// How long somebody waits at most.
struct WaitLimit: Sendable {
  let span: Duration
  private let end: ContinuousClock.Instant

  /// Begins now; nil where there is no end. No seconds are none to count.
  init?(_ wait: UpOptions.Wait?) {
    guard case .atMost(let seconds)? = wait, seconds > 0 else { return nil }
    span = .seconds(seconds)
    end = .now + span
  }

  var isOver: Bool { ContinuousClock.now >= end }
  var rest: Duration { max(.zero, end - .now) }
}

/// A state is read again after so long even when nobody has told of a change: a shim that is killed
/// closes its lock a moment before it lets go of it.
private let longestWait = Duration.milliseconds(200)

extension Session {
  /// Waits for what a dependent asks of its dependency.
  /// Waits on behalf of `service`; without a dependency that is optional it starts all the same.
  func wait(
    for dependency: Planning.Dependency, of service: String, limit: WaitLimit?,
    containers: () -> [ContainerBlueprint]
  ) async throws {
    do {
      try await wait(for: dependency, limit: limit, containers: containers)
    } catch let failure as DependencyFailure where !dependency.isRequired {
      tell(
        .warning(
          Diagnostic(
            "`\(service)` starts without its optional dependency", severity: .warning,
            causes: [failure.reason] + failure.causes)))
    }
  }

  func wait(
    for dependency: Planning.Dependency, limit: WaitLimit?, containers: () -> [ContainerBlueprint]
  ) async throws {
    guard dependency.condition != .started else { return }
    for blueprint in containers() {
      try await told(blueprint, dependency) {
        try await self.wait(for: blueprint, limit) { state in
          switch dependency.condition {
          case .started: return true
          case .healthy:
            return try isHealthy(
              blueprint, state, mayLackCheck: false, "dependency failed to start: ")
          case .completed:
            return try hasCompleted(blueprint, state, dependency.service)
          }
        }
      }
    }
  }

  private func told(
    _ blueprint: ContainerBlueprint, _ dependency: Planning.Dependency,
    _ body: () async throws -> Void
  ) async throws {
    let id = "Container \(blueprint.name)"
    tell(.progress(ProgressEvent(id, "Waiting", .working)))
    do {
      try await body()
    } catch {
      tell(.progress(ProgressEvent(id, "Error", dependency.isRequired ? .error : .warning)))
      throw error
    }
    let word = dependency.condition == .healthy ? "Healthy" : "Exited"
    tell(.progress(ProgressEvent(id, word, .done)))
  }

  /// `--wait`: everything of these services runs, and is healthy where it has a check. A container
  /// that others need completed may have ended well.
  func waitForAll(_ services: Set<String>, limit: WaitLimit?) async throws {
    let oneShots = Set(
      (loaded?.project.services ?? []).flatMap(\.dependsOn)
        .filter { $0.condition == .completed }.map(\.service))
    for record in try await blocking({ try self.containers.list(project: self.projectName) })
    where services.contains(record.service) && !record.isOneOff {
      let blueprint = record.blueprint
      let id = "Container \(blueprint.name)"
      let mayEnd = oneShots.contains(record.service)
      tell(.progress(ProgressEvent(id, "Waiting", .working)))
      do {
        try await wait(for: blueprint, limit) { state in
          if mayEnd, state.status == .exited, state.exitCode == 0 { return true }
          let isThere = try isHealthy(blueprint, state, mayLackCheck: true, "")
          return isThere && (blueprint.health != nil || hasSettled(state))
        }
      } catch {
        tell(.progress(ProgressEvent(id, "Error", .error)))
        throw error
      }
      let word = blueprint.health == nil ? (mayEnd ? "Exited" : "Started") : "Healthy"
      tell(.progress(ProgressEvent(id, word, .done)))
    }
  }

  /// A program that ends in its first half second was not up: the reference looks at it no sooner.
  private func hasSettled(_ state: ContainerState) -> Bool {
    guard let start = state.startedAt else { return false }
    let age = Self.now().nanoseconds - start.nanoseconds
    return age < 0 || age >= 500_000_000
  }

  /// Waits until `isThere` says so of the container's state.
  private func wait(
    for blueprint: ContainerBlueprint, _ limit: WaitLimit?,
    _ isThere: (ContainerState) throws -> Bool
  ) async throws {
    // No folder: it does not run, and its records say all there is to say.
    let watch = try? StateWatch(layout.running(blueprint.id))
    while true {
      let (state, _) = containers.state(of: blueprint.id)
      if try isThere(state) { return }
      if let limit, limit.isOver {
        throw NotReadyInTime(
          limit: limit.span,
          waiting:
            "container \(blueprint.name) is \(state.health?.status.rawValue ?? state.status.rawValue)",
          causes: lastWords(of: blueprint, state))
      }
      try Task.checkCancellation()
      let span = min(longestWait, limit?.rest ?? longestWait)
      guard let watch else {
        try await Task.sleep(for: min(span, .milliseconds(20)))
        continue
      }
      let milliseconds = Int32(span / .milliseconds(1)) + 1
      try await blocking { watch.wait(milliseconds: milliseconds) }
    }
  }

  /// - Parameters:
  ///   - mayLackCheck: running is enough for a container without a check.
  ///   - prefix: of the message when it is not, and will not be.
  private func isHealthy(
    _ blueprint: ContainerBlueprint, _ state: ContainerState, mayLackCheck: Bool, _ prefix: String
  ) throws -> Bool {
    if blueprint.health == nil, !mayLackCheck {
      throw DependencyFailure(
        reason: "\(prefix)container \(blueprint.name) has no healthcheck configured")
    }
    switch (state.status, state.health?.status) {
    case (.running, _) where blueprint.health == nil: return true
    case (.running, .healthy), (.paused, .healthy): return true
    case (.running, .unhealthy):
      throw DependencyFailure(
        reason: "\(prefix)container \(blueprint.name) is unhealthy",
        causes: lastWords(of: blueprint, state))
    case (.exited, _), (.dead, _):
      throw DependencyFailure(
        reason: "\(prefix)container \(blueprint.name) exited (\(state.exitCode ?? 0))",
        causes: lastWords(of: blueprint, state))
    default: return false
    }
  }

  private func hasCompleted(
    _ blueprint: ContainerBlueprint, _ state: ContainerState, _ service: String
  ) throws -> Bool {
    guard state.status == .exited || state.status == .dead else { return false }
    let code = state.exitCode ?? 0
    if code == 0 { return true }
    throw DependencyFailure(
      reason: "service \"\(service)\" didn't complete successfully: exit \(code)",
      causes: lastWords(of: blueprint, state))
  }
}

/// `30s`, `1m30s`, `1h0m0s`, as the reference writes spans of whole seconds.
func goText(_ span: Duration) -> String {
  let seconds = span.components.seconds
  if seconds < 60 { return "\(seconds)s" }
  if seconds < 3600 { return "\(seconds / 60)m\(seconds % 60)s" }
  return "\(seconds / 3600)h\(seconds % 3600 / 60)m\(seconds % 60)s"
}
