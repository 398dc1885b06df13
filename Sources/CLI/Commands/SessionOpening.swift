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
    var request = SessionRequest(
      files: global.files, projectName: global.projectName,
      projectDirectory: global.projectDirectory, envFiles: global.envFiles,
      profiles: global.profiles, environment: environment, workingDirectory: workingDirectory,
      keepsUnusedResources: global.allResources, compatibility: global.compatibility,
      parallelism: global.parallel, file: file)
    request.services = services
    return request
  }

  /// - Parameters:
  ///   - title: of the progress display: the verb.
  ///   - file: whether the compose file is needed, or the project's name is enough.
  ///   - services: named behind the verb.
  ///   - quiet: no progress.
  func open(
    _ title: String, file: FileNeed = .required, services: [String] = [], quiet: Bool = false
  ) throws -> Work {
    let host = try hostProfile()
    try host.requirePrivilege(for: title)
    let progress = Progress(
      quiet ? .quiet : progressMode, title: title, style: errorStyle, dryRun: global.dryRun)
    let session = try Session(request(file: file, services: services), host: host) { event in
      switch event {
      case .progress(let event): progress.show(event)
      case .warning(let diagnostic): progress.interrupt { show([diagnostic]) }
      case .note(let text): progress.interrupt { Output.error.line(text) }
      }
    }
    return Work(session: session, progress: progress)
  }

  /// A variable of the environment that says yes.
  func flag(_ name: String) -> Bool {
    ["1", "t", "true", "y", "yes", "on"].contains((environment[name] ?? "").lowercased())
  }
}
