// Certificates and passwords for registries of tests, made with openssl in a folder of their own.

import Glibc
import Linux
import SystemPackage

/// A certificate authority and what it has signed for a registry on loopback.
package struct RegistryKeys: Sendable {
  /// Good for Docker Hub's own host, `127.0.0.1`, `localhost` and `registry.localhost`, a name that is no loopback name to
  /// docker and that libcurl resolves all the same.
  package static let host = "registry.localhost"

  package let folder: String
  package var authority: String { folder + "/ca.crt" }
  package var certificate: String { folder + "/server.crt" }
  package var key: String { folder + "/server.key" }
  package var clientCertificate: String { folder + "/client.cert" }
  package var clientKey: String { folder + "/client.key" }

  package static func make(in folder: String) async throws -> RegistryKeys {
    try makeFolders(FilePath(folder))
    let names = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:\(host),DNS:registry-1.docker.io"
    try write(names, to: folder + "/names")
    let newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    func signing(_ name: String, _ file: String, _ more: String = "") -> String {
      """
      openssl req \(newKey) -keyout \(name).key -out \(name).csr -subj /CN=\(name)
      openssl x509 -req -in \(name).csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
        -out \(file) \(more)
      """
    }
    let script = """
      set -eu
      cd '\(folder)'
      openssl req -x509 \(newKey) -keyout ca.key -out ca.crt -days 2 -subj '/CN=test authority'
      \(signing("server", "server.crt", "-extfile names"))
      \(signing("client", "client.cert"))
      openssl req -x509 -newkey rsa:2048 -nodes -keyout sign.key -out sign.crt -days 2 -subj /CN=tokens
      """
    try await runTool(["sh", "-c", script])
    return RegistryKeys(folder: folder)
  }
}

/// Who may do what in a registry.
package enum RegistryDoor: Sendable {
  case open
  /// Name and password, by Basic.
  case password
  /// Tokens that a token server gives to the same name and password.
  case token(TokenServer)

  package static let user = "sinbad"
  package static let secret = "open-s3same"
  /// bcrypt of the password, as `htpasswd -B` writes it.
  static let entry = "sinbad:$2b$04$wYi/Q6mLbIQr1ZRckqNqrOQ2ou7IFCYfDrrhL8YxwtZPzS5EUu72i"
}

/// The program `Tests/Fixtures/token-server.py` on loopback.
package final class TokenServer: Sendable {
  /// Where tokens are had.
  package let realm: String
  let keys: RegistryKeys
  private let process: Command

  private init(realm: String, keys: RegistryKeys, process: Command) {
    self.realm = realm
    self.keys = keys
    self.process = process
  }

  /// - Parameters:
  ///   - lifetime: what it says about its tokens; they are good for longer.
  ///   - givesIdentity: an identity token to those who log in.
  package static func start(
    _ keys: RegistryKeys, lifetime: Duration = .seconds(300), givesIdentity: Bool = false
  ) async throws -> TokenServer {
    var arguments = [
      "python3", "\(repositoryTop)/Tests/Fixtures/token-server.py", keys.folder, RegistryDoor.user,
      RegistryDoor.secret, "\(lifetime.components.seconds)",
    ]
    if givesIdentity { arguments.append("identity") }
    let environment = ["PATH": variable("PATH") ?? "/usr/bin", "HOME": variable("HOME") ?? "/"]
    let process = try Command(arguments, folder: keys.folder, environment: environment)
    try await eventually("the token server's port") {
      process.outputSoFar.contains("\n") || !process.isRunning
    }
    guard let port = UInt16(process.outputSoFar.prefix { $0 != "\n" }) else {
      throw TestFailure("token server: \(process.errorSoFar)")
    }
    return TokenServer(realm: "https://127.0.0.1:\(port)/token", keys: keys, process: process)
  }

  /// Each token that was given: method, user or `-`, scopes.
  package var given: [String] {
    process.outputSoFar.split(separator: "\n").dropFirst().map(String.init)
  }

  package func stop() async throws {
    process.signal(SIGKILL)
    _ = try await process.wait(within: .seconds(5))
  }
}
