// `login` and `logout`: a registry is asked before its password is kept.

import Diagnostics
import Linux
import Registry
import SystemPackage

/// A registry as credentials are kept for it.
package struct LoginTarget: Sendable {
  let key: CredentialKey

  /// - Parameter server: as typed; nil is Docker Hub.
  package init(_ server: String?) throws {
    guard let key = CredentialKey(parsing: server ?? "docker.io") else {
      throw Faults([
        Diagnostic(
          "`\(server ?? "")` names no registry", hint: "a registry is HOST or HOST:PORT")
      ])
    }
    self.key = key
  }

  /// `docker.io`, `localhost:5000`
  package var name: String { key.registry }
}

package struct LoginRequest: Sendable {
  package var target: LoginTarget
  package var username: String
  package var password: String
  package var environment: [String: String]

  package init(
    _ target: LoginTarget, username: String, password: String, environment: [String: String]
  ) {
    self.target = target
    self.username = username
    self.password = password
    self.environment = environment
  }
}

/// Where a password went.
package enum LoginPlace: Hashable, Sendable {
  /// Nobody but its owner can read it there.
  case helper
  /// This file, which holds it in readable form.
  case file(String)
}

/// Tries a name and password at the registry and stores them when it takes them.
package func login(_ request: LoginRequest) async throws -> LoginPlace {
  let key = request.target.key
  let config = try DockerConfig(environment: request.environment)
  let client = try RegistryClient(environment: request.environment)
  let credential = Credential(username: request.username, password: request.password)
  let accepted = try await client.verify(credential, at: key)
  let store = CredentialStore(config, environment: request.environment)
  switch try await blocking({ try store.store(accepted, for: key) }) {
  case .helper: return .helper
  case .file(let path): return .file(path.string)
  }
}

/// Tries what is stored for the registry.
/// - Returns: whose it is, empty where a token stands for a name; nil when nothing is stored.
/// - Throws: when the registry does not take it any more.
package func loginAgain(_ target: LoginTarget, environment: [String: String]) async throws
  -> String?
{
  let config = try DockerConfig(environment: environment)
  let stored = Credentials(config, environment: environment)
  guard let credential = try await stored.find(target.name) else { return nil }
  let client = try RegistryClient(environment: environment)
  _ = try await client.verify(credential, at: target.key)
  return credential.username
}

/// Forgets what is kept for the registry; nothing kept is no fault.
package func logout(_ target: LoginTarget, environment: [String: String]) async throws {
  let store = CredentialStore(
    try DockerConfig(environment: environment), environment: environment)
  try await blocking { try store.erase(target.key) }
}
