// What `config` shows of a project. Needs no rights and no state.

package import Compose
package import Diagnostics
import JSON
import OCI

/// The `--no-…` flags of `config`.
package struct ConfigSwitches: Sendable {
  package var skipsInterpolation = false
  package var skipsNormalization = false
  package var skipsPathResolution = false
  package var skipsConsistency = false
  package var skipsEnvironmentResolution = false

  package init(
    skipsInterpolation: Bool = false, skipsNormalization: Bool = false,
    skipsPathResolution: Bool = false, skipsConsistency: Bool = false,
    skipsEnvironmentResolution: Bool = false
  ) {
    self.skipsInterpolation = skipsInterpolation
    self.skipsNormalization = skipsNormalization
    self.skipsPathResolution = skipsPathResolution
    self.skipsConsistency = skipsConsistency
    self.skipsEnvironmentResolution = skipsEnvironmentResolution
  }
}

/// How much of the images' digests is wanted.
package enum DigestWish: Sendable {
  /// The whole project, images named by digest.
  case resolve
  /// Only what pins the images: a file to be laid on top of the others.
  case lock
}

package struct ConfigView: Sendable {
  private var loaded: LoadedProject
  private let request: SessionRequest
  private let isRaw: Bool

  /// - Parameter keepsStories: whether `explain` will be asked.
  package init(
    _ request: SessionRequest, switches: ConfigSwitches, keepsStories: Bool = false
  ) throws {
    self.request = request
    var options = projectOptions(request)
    options.skipsInterpolation = switches.skipsInterpolation
    options.skipsNormalization = switches.skipsNormalization || request.compatibility
    options.skipsPathResolution = switches.skipsPathResolution
    options.skipsConsistency = switches.skipsConsistency
    options.skipsEnvironmentResolution = switches.skipsEnvironmentResolution
    options.keepsStories = keepsStories
    isRaw = switches.skipsInterpolation
    if isRaw { options.services = [] }
    loaded = try ProjectLoader.load(
      options, reading: DiskReader(trace: request.trace))
  }

  /// Asks the registries for the digests of all images.
  package mutating func pinImages(_ wish: DigestWish) async throws {
    let pins = try await pinnedNames(
      of: loaded.project.imageNames, environment: request.environment,
      limit: request.transfers)
    loaded.project = loaded.project.pinning(pins)
    if wish == .lock { loaded.project = loaded.project.onlyImages() }
  }

  package var warnings: [Diagnostic] { loaded.warnings }
  package var yaml: [UInt8] {
    lineEnded(isRaw ? loaded.project.rawYAML : loaded.project.canonicalYAML())
  }
  package var json: [UInt8] {
    lineEnded(isRaw ? loaded.project.rawJSON : loaded.project.canonicalJSON())
  }

  /// Which service depends on which.
  package func graph(_ options: GraphOptions) -> String {
    Engine.graph(of: loaded.project, options)
  }

  /// How the value at a path came to be, and all that is in it.
  package func explain(_ path: String) throws -> [ValueStory] {
    try loaded.project.explain(path)
  }

  private func lineEnded(_ text: [UInt8]) -> [UInt8] { text.last == 0x0A ? text : text + [0x0A] }

  /// Dependencies first; as they stand in the file when variables are kept.
  package var services: [String] {
    isRaw
      ? loaded.project.services.map(\.name)
      : loaded.project.servicesInDependencyOrder().map(\.name)
  }
  package var volumes: [String] { loaded.project.volumes.map(\.key) }
  package var networks: [String] { loaded.project.networks.map(\.key) }

  /// Sorted, of all services.
  package var profiles: [String] {
    let all = loaded.project.services + loaded.project.disabledServices
    return Set(all.flatMap(\.profiles)).sorted()
  }

  package var images: [String] {
    let separator = request.compatibility ? "_" : "-"
    return loaded.project.services.flatMap { service in
      [service.image ?? loaded.project.name + separator + service.name]
        + service.preStart.compactMap(\.image)
    }
  }

  /// What the models of the project are called where they come from.
  package var models: [String] { loaded.project.modelNames }

  /// For `*` all services, else those of a list separated by commas.
  package func hashes(_ selection: String) throws -> [(service: String, hash: String)] {
    let names =
      selection == "*" ? services.sorted() : selection.split(separator: ",").map(String.init)
    return try names.map { name in
      guard let service = loaded.project.service(name) else {
        throw NoSuchService(name: name, known: services)
      }
      return (name, Digest(of: service.configHashInput).hex)
    }
  }

  package var environment: [(key: String, value: String)] {
    loaded.environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  package var variables: [VariableUse] { loaded.variables }

  package var variablesJSON: [UInt8] { lineEnded(variableTable.bytes(JSONStyle(indent: 2))) }

  package var variablesYAML: [UInt8] { yamlText(of: variableTable) }

  private var variableTable: JSONValue {
    .object(
      JSONObject(
        variables.map { use in
          (
            use.name,
            .object(
              JSONObject([
                ("name", .string(use.name)), ("required", .bool(use.isRequired)),
                ("defaultvalue", .string(use.defaultValue)),
                ("presencevalue", .string(use.alternate)),
              ]))
          )
        }))
  }
}
