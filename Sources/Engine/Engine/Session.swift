// One command's view of the world: the host, the project as meant, and whom to tell.

package import Blueprint
import Networking
import CLinux
package import Compose
import Diagnostics
import Glibc
package import Host
import Images
import Store

package enum FileNeed: Sendable {
  /// The verb works on the compose file.
  case required
  /// The project's name is enough: containers tell the rest by their labels.
  case optional
  /// The verb is about no project: no file is looked at.
  case unused
}

/// What the user typed before the verb, and where.
package struct SessionRequest: Sendable {
  package var files: [String]
  package var projectName: String?
  package var projectDirectory: String?
  package var envFiles: [String]
  package var profiles: [String]
  package var environment: [String: String]
  package var workingDirectory: String
  package var keepsUnusedResources: Bool
  package var compatibility: Bool
  package var parallelism: Int?
  package var file: FileNeed
  /// Named behind the verb: enabled whatever their profiles.
  package var services: [String] = []
  /// Told what is read, when somebody wants to know.
  package var trace: (@Sendable (String) -> Void)?
  /// Whether a command that finds its project in use waits, or fails at once.
  package var waitsForOthers = true

  /// How many transfers are under way at once. -1 asks for no limit and gets one that no registry
  /// minds.
  var transfers: Int {
    guard let parallelism else { return 4 }
    return parallelism > 0 ? parallelism : 64
  }

  package init(
    files: [String], projectName: String?, projectDirectory: String?, envFiles: [String],
    profiles: [String], environment: [String: String], workingDirectory: String,
    keepsUnusedResources: Bool, compatibility: Bool, parallelism: Int?, file: FileNeed
  ) {
    self.files = files
    self.projectName = projectName
    self.projectDirectory = projectDirectory
    self.envFiles = envFiles
    self.profiles = profiles
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.keepsUnusedResources = keepsUnusedResources
    self.compatibility = compatibility
    self.parallelism = parallelism
    self.file = file
  }
}

package struct Session: Sendable {
  let host: HostProfile
  let layout: Layout
  let request: SessionRequest
  let containers: ContainerStore
  let images: ImageStore
  let networks: NetworkStore
  let volumes: VolumeStore
  let tell: EventSink
  /// The files as loaded; nil when there are none and none are needed.
  package let loaded: LoadedProject?
  package let projectName: String

  /// Loads the project's files. Warnings of the loader are told.
  ///
  /// - Parameter name: of a project that is known by its containers alone: no file is looked at.
  package init(
    _ request: SessionRequest, host: HostProfile, events: @escaping EventSink,
    named name: String? = nil
  ) throws {
    self.host = host
    self.request = request
    tell = tellingWarningsOnce(events)
    layout = Layout(state: host.state, run: host.run)
    containers = ContainerStore(layout: layout, bootID: host.bootID)
    images = ImageStore(root: layout.images)
    networks = NetworkStore(layout: layout)
    volumes = VolumeStore(layout: layout)
    if let name {
      loaded = nil
      projectName = name
      return
    }
    let (loaded, name) = try loadProject(request)
    self.loaded = loaded
    projectName = name
    for warning in loaded?.warnings ?? [] { tell(.warning(warning)) }
  }

  /// The project, for verbs that cannot do without its file.
  func project() throws -> Project {
    guard let loaded else { throw NoConfiguration() }
    return loaded.project
  }

  /// The parts of a name of what the project has: `shop-web-1`, with `--compatibility` `shop_web_1`.
  func joined(_ parts: String...) -> String { parts.joined(separator: separator) }

  var separator: String { request.compatibility ? "_" : "-" }

  package static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}

struct NoConfiguration: Diagnosable {
  var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "no configuration file provided: not found",
        hint: "run berth in the folder of a compose.yaml, or name one with -f")
    ]
  }
}

/// A service has none of the containers that were asked for.
struct NoContainer: Diagnosable {
  var service: String
  /// 0 is any.
  var index: Int

  var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        index > 0
          ? "service \"\(service)\" has no container #\(index)"
          : "no container found for service \"\(service)\"",
        hint: "make one with `berth up \(service)`")
    ]
  }
}

struct NoSuchService: Diagnosable {
  var name: String
  var known: [String]

  var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "no such service: \(name)",
        hint: nearest(to: name, among: known).map { "did you mean `\($0)`?" }
          ?? (known.isEmpty ? nil : "the project has \(known.joined(separator: ", "))"))
    ]
  }
}
