// From an invocation to a session with progress shown and warnings said.

import Console
import Diagnostics
import Engine
import Host

/// A session and what shows its events.
struct Work: Sendable {
  let session: Session
  let progress: Progress
}

extension Invocation {
  func hostProfile() throws -> HostProfile { try HostProfile(environment: environment) }

  func request(file: FileNeed, services: [String] = []) -> SessionRequest {
    var request = global.request(environment: environment, in: workingDirectory)
    request.file = file
    request.services = services
    request.trace = tracing
    return request
  }

  /// - Parameters:
  ///   - title: of the progress display: the verb.
  ///   - file: whether the compose file is needed, or the project's name is enough.
  ///   - services: named behind the verb.
  ///   - quiet: no progress.
  ///   - quietPull: no progress of images.
  ///   - quietBuild: nothing of the steps of builds.
  ///   - needsRoot: whether it does more than read files.
  ///   - mode: typed behind the verb, where it is another than before it.
  func open(
    _ title: String, file: FileNeed = .required, services: [String] = [], quiet: Bool = false,
    quietPull: Bool = false, quietBuild: Bool = false, needsRoot: Bool = true,
    progress mode: ProgressMode? = nil
  ) throws -> Work {
    try refuseUnheeded(by: title)
    let host = try hostProfile()
    if needsRoot { try host.requirePrivilege(for: title) }
    trace("state in \(host.state), run in \(host.run)")
    let progress = progress(title, quiet: quiet, mode)
    let session = try Session(request(file: file, services: services), host: host) { event in
      if case .progress(let event) = event {
        trace("\(event.id) \(event.status) \(event.detail)")
        if quietPull, event.isOfImage { return }
      }
      if quietBuild, event.isOfBuild { return }
      show(event, progress)
    }
    trace("project \(session.projectName)")
    return Work(session: session, progress: progress)
  }

  func progress(_ title: String, quiet: Bool = false, _ mode: ProgressMode? = nil) -> Progress {
    Progress(
      quiet ? .quiet : mode ?? progressMode, title: title, style: errorStyle, dryRun: global.dryRun)
  }

  func show(_ event: EngineEvent, _ progress: Progress) {
    switch event {
    case .progress(let event): progress.show(event)
    case .warning(let diagnostic): progress.interrupt { show([diagnostic]) }
    case .remark(let diagnostic):
      if !progress.isQuiet { progress.interrupt { remark(diagnostic) } }
    case .note(let text): progress.interrupt { Output.error.line(text) }
    case .build(let event): progress.show(event)
    }
  }

  /// For verbs that work on the store alone: no compose file is looked at.
  func stock(_ title: String) throws -> Stock {
    try refuseUnheeded(by: title)
    let host = try hostProfile()
    try host.requirePrivilege(for: title)
    return Stock(host)
  }

  /// A global flag that the verb would not heed: `--dry-run stop` must not stop.
  private func refuseUnheeded(by verb: String) throws {
    if global.dryRun, Self.changing.contains(verb) {
      throw UsageFault(
        "`berth \(verb)` cannot be tried with `--dry-run`",
        hint: verb == "build"
          ? dryBuildHint
          : "verbs that carry out a plan can, such as `up` and `down`; leave out the flag")
    }
  }

  private static let changing: Set<String> = [
    "attach", "build", "exec", "run", "cp", "pull", "push", "tag",
    "rmi", "prune", "builder prune", "load", "import", "commit", "wait", "network create",
    "network rm",
    "network prune", "network connect", "network disconnect",
  ]

  /// Whether attached `up` listens to keys: at a terminal, unless COMPOSE_MENU says no.
  var wantsMenu: Bool { (defaults["COMPOSE_MENU"] ?? "").isEmpty || flag("COMPOSE_MENU") }

  /// Where lines such as `No stopped containers` go.
  var status: Output { flag("COMPOSE_STATUS_STDOUT") ? Output.standard : Output.error }

  /// A variable of the environment that says yes.
  func flag(_ name: String) -> Bool { saysYes(defaults[name]) }
}
