// One name and password for a registry, or what stands for them; and how registries are called where
// such things are kept.

import JSON
import OCI

package struct Credential: Hashable, Sendable {
  package var username: String
  package var password: String
  /// Traded for a token by POST instead of a name and password.
  package var identityToken: String?
  /// Shown to the registry as it is.
  package var registryToken: String?

  package init(
    username: String, password: String, identityToken: String? = nil, registryToken: String? = nil
  ) {
    self.username = username
    self.password = password
    self.identityToken = identityToken
    self.registryToken = registryToken
  }

  /// The value of a Basic header.
  var basic: String { Base64.encode(Array("\(username):\(password)".utf8)) }

  /// What must appear in no message.
  var secrets: [String] {
    [password, identityToken ?? "", registryToken ?? "", basic].filter { !$0.isEmpty }
  }
}

extension Credential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Without the secrets, wherever it may be printed.
  package var description: String { "credential of `\(username)`" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["username": username]) }
}

/// A registry as credentials are kept for it: docker's word for Docker Hub is the address of an
/// interface that is long gone.
package struct CredentialKey: Hashable, Sendable {
  static let dockerHub = "https://index.docker.io/v1/"
  private static let hubHosts: Set<String> = [
    "docker.io", "index.docker.io", "registry-1.docker.io",
  ]

  /// As references name it: `docker.io`, `localhost:5000`.
  package let registry: String

  init(registry: String) { self.registry = registry }

  /// Any form that a person or a file may use: `host`, `host/v1/`, `https://host`, Docker Hub's
  /// names. Nil when no host is in it.
  package init?(parsing text: String) {
    var rest = text[...]
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) {
      rest = rest.dropFirst(scheme.count)
    }
    let host = String(rest.prefix { $0 != "/" })
    guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    registry = Self.hubHosts.contains(host) ? ImageReference.dockerHub : host
  }

  /// What helper programs are asked for and config.json is keyed with.
  package var server: String {
    registry == ImageReference.dockerHub ? Self.dockerHub : registry
  }
}
