// The hooks of a container's service as they were when it was made: they are kept beside its record, so
// that `stop` and `start` run them with or without the compose file.

import Blueprint
import Compose
import Diagnostics
import Store

/// `<state>/containers/<id>/hooks.json`. Only commands read it; the shim does not know of hooks.
struct HooksRecord: Codable, Sendable {
  /// The containers in which `pre_start` runs, whole but for name, id, addresses and mounts.
  var preStart: [ContainerBlueprint] = []
  var postStart: [HookCommand] = []
  var preStop: [HookCommand] = []
}

/// A command that runs in the container itself.
struct HookCommand: Codable, Hashable, Sendable {
  var command: [String]
  var user: String?
  var isPrivileged: Bool
  var workingDirectory: String?
  /// `NAME=value`.
  var environment: [String]
}

extension HookCommand {
  init(_ hook: Hook) {
    self.init(
      command: hook.command, user: hook.user, isPrivileged: hook.isPrivileged,
      workingDirectory: hook.workingDirectory,
      environment: hook.environment.compactMap { entry in
        entry.value.map { "\(entry.key)=\($0)" }
      })
  }
}

/// When a hook runs, in the words of the file.
enum HookKind: String {
  case preStart = "pre_start"
  case postStart = "post_start"
  case preStop = "pre_stop"
}

extension Session {
  /// Writes down the hooks of a container that is being made. A one-off has none.
  func writeHooks(
    of base: ServiceBase, _ identity: ContainerIdentity, project: Project,
    _ blueprint: ContainerBlueprint
  ) throws {
    let service = base.service
    if identity.slug != nil || (service.preStart + service.postStart + service.preStop).isEmpty {
      return
    }
    var record = HooksRecord()
    record.preStart = try service.preStart.map {
      try container(for: $0, base, identity, project, beside: blueprint)
    }
    record.postStart = service.postStart.map(HookCommand.init)
    record.preStop = service.preStop.map(HookCommand.init)
    try writeRecord(record, to: layout.hooks(identity.id), .volatile)
  }

  /// The hooks that a container was made with.
  func hooks(of id: String) throws -> HooksRecord {
    try readRecord(HooksRecord.self, at: layout.hooks(id)) ?? HooksRecord()
  }

  /// Where a hook stands, if the file still has it.
  func place(of kind: HookKind, _ index: Int, in service: String) -> SourceSpan? {
    let service = loaded?.project.service(service)
    let hooks =
      switch kind {
      case .preStart: service?.preStart
      case .postStart: service?.postStart
      case .preStop: service?.preStop
      }
    guard let hooks, hooks.indices.contains(index) else { return service?.span }
    return hooks[index].span
  }

  /// All that the hook leaves out is as in the service's own containers.
  private func container(
    for hook: Hook, _ base: ServiceBase, _ identity: ContainerIdentity, _ project: Project,
    beside replica: ContainerBlueprint
  ) throws -> ContainerBlueprint {
    var base = base
    if let name = hook.image {
      guard let image = base.mountedImages[name] else {
        throw Faults([Diagnostic("image `\(name)` is not here", span: hook.span)])
      }
      base.image = image
      base.service.image = name
    }
    base.service.command = hook.command
    base.service.user = hook.user ?? base.service.user
    base.service.workingDirectory = hook.workingDirectory ?? base.service.workingDirectory
    base.service.isPrivileged = hook.isPrivileged || base.service.isPrivileged
    base.service.hasTerminal = false
    base.service.keepsStdinOpen = false
    for entry in hook.environment {
      base.service.environment.removeAll { $0.key == entry.key }
      base.service.environment.append(entry)
    }
    var made = try blueprint(
      of: base, identity: identity, project: project, mounts: [], network: replica.network)
    made.restart = .no
    made.health = nil
    made.network.ports = []
    made.network.endpoints = []
    made.labels[Label.oneOff] = "True"
    made.labels[Label.hook] = HookKind.preStart.rawValue
    made.labels[Label.number] = nil
    made.labels[Label.configHash] = nil
    return made
  }
}

/// A hook that ended with another status than 0, or could not be run at all.
struct HookFailure: Diagnosable {
  var service: String
  var kind: HookKind
  var command: String
  var status: Int32
  /// The last lines that it has written.
  var output: [String]
  /// The container that was kept for who wants to know more.
  var kept: String?
  var span: SourceSpan?

  var diagnostics: [Diagnostic] {
    var causes = output.isEmpty ? [] : [(["it wrote:"] + output).joined(separator: "\n")]
    if let kept { causes.append("its container `\(kept)` is kept") }
    return [
      Diagnostic(
        "service `\(service)`: \(kind.rawValue) hook `\(command)` exited with status \(status)",
        causes: causes, span: span,
        hint: kind == .preStop
          ? "mend the hook, or end it without hooks: `berth kill \(service)`" : nil)
    ]
  }
}

extension ContainerRecord {
  /// A hook runs, or has run, in it.
  var isHook: Bool { blueprint.labels[Label.hook] != nil }
}
