// Names and passwords for registries, each bound to one of them: from docker's config.json and the
// programs that it names. Nobody is asked before a registry asks, and then once.

import Linux
import OCI
import Synchronization

package final class Credentials: Sendable {
  private let config: DockerConfig
  private let environment: [String: String]
  private let flights = Flights<String>()
  /// By registry: what was found, nil where nothing is.
  private let found: Mutex<[String: Result<Credential?, any Error>]>

  /// - Parameter environment: of the caller, for helper programs.
  package init(_ config: DockerConfig, environment: [String: String]) {
    self.config = config
    self.environment = environment
    found = Mutex([:])
  }

  /// These and no others, by registry as references name it.
  package init(_ known: [String: Credential] = [:]) {
    config = DockerConfig()
    environment = [:]
    found = Mutex(known.mapValues { .success($0) })
  }

  /// Headers that the user wants registries to see.
  var headers: [(name: String, value: String)] { config.registryHeaders }

  /// - Parameter registry: `docker.io`, `localhost:5000`.
  package func find(_ registry: String) async throws -> Credential? {
    if let known = found.withLock({ $0[registry] }) { return try known.get() }
    return try await flights.alone(registry) {
      if let known = self.found.withLock({ $0[registry] }) { return try known.get() }
      let result: Result<Credential?, any Error>
      do {
        result = .success(try await self.look(CredentialKey(registry: registry)))
      } catch {
        result = .failure(error)
      }
      self.found.withLock { $0[registry] = result }
      return try result.get()
    }
  }

  /// What a helper does not have the file may.
  private func look(_ key: CredentialKey) async throws -> Credential? {
    if let name = config.helper(for: key) {
      let helper = CredentialHelper(name: name, environment: environment)
      if let credential = try await blocking({ try helper.get(key) }) { return credential }
    }
    return try config.entry(for: key)
  }
}
