// What `config` shows of a project. Needs no rights and no state.

package import Compose
package import Diagnostics
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

package struct ConfigView: Sendable {
  private let loaded: LoadedProject
  private let escapesDollars: Bool

  package init(_ request: SessionRequest, switches: ConfigSwitches) throws {
    var options = projectOptions(request)
    options.skipsInterpolation = switches.skipsInterpolation
    options.skipsNormalization = switches.skipsNormalization || request.compatibility
    options.skipsPathResolution = switches.skipsPathResolution
    options.skipsConsistency = switches.skipsConsistency
    options.skipsEnvironmentResolution = switches.skipsEnvironmentResolution
    loaded = try ProjectLoader.load(options, reading: DiskReader())
    escapesDollars = !switches.skipsInterpolation
  }

  package var warnings: [Diagnostic] { loaded.warnings }
  package var yaml: [UInt8] {
    lineEnded(loaded.project.canonicalYAML(escapingDollars: escapesDollars))
  }
  package var json: [UInt8] {
    lineEnded(loaded.project.canonicalJSON(escapingDollars: escapesDollars))
  }

  private func lineEnded(_ text: [UInt8]) -> [UInt8] { text.last == 0x0A ? text : text + [0x0A] }

  package var services: [String] { loaded.project.services.map(\.name) }
  package var volumes: [String] { loaded.project.volumes.map(\.key) }
  package var networks: [String] { loaded.project.networks.map(\.key) }

  /// Sorted, of all services.
  package var profiles: [String] {
    let all = loaded.project.services + loaded.project.disabledServices
    return Set(all.flatMap(\.profiles)).sorted()
  }

  package var images: [String] {
    loaded.project.services.map { $0.image ?? "\(loaded.project.name)-\($0.name)" }
  }

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
}
