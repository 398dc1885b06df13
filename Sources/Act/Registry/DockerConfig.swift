// docker's config.json, as `docker login` writes it: who keeps the passwords, and those that it keeps
// itself. Reading is here, writing in CredentialStore.

package import Diagnostics
import Glibc
import JSON
import Linux
import OCI
package import SystemPackage

package struct DockerConfig: Sendable {
  /// Larger ones are not read.
  private static let limit = 1 << 20

  /// Where it is or would be; nil when there is no home.
  package let path: FilePath?
  let document: JSONObject

  /// None at all.
  package init() { (path, document) = (nil, JSONObject()) }

  /// The file in `$DOCKER_CONFIG`, else in `~/.docker`; empty when it is not there. Blocks.
  package init(environment: [String: String]) throws(CredentialFault) {
    let chosen = environment["DOCKER_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 + "/.docker" }
    guard let folder = chosen ?? home else {
      self.init()
      return
    }
    try self.init(at: FilePath(folder).appending("config.json"))
  }

  package init(at path: FilePath) throws(CredentialFault) {
    self.path = path
    document = try Self.read(path) ?? JSONObject()
  }

  static func read(_ path: FilePath) throws(CredentialFault) -> JSONObject? {
    do {
      guard let bytes = try content(of: path) else { return nil }
      if bytes.allSatisfy({ $0 <= 0x20 }) { return nil }
      guard let object = try JSONValue(parsing: bytes).object else {
        throw CredentialFault.unusableFile(path.string, "it is not a JSON object")
      }
      return object
    } catch let fault as CredentialFault {
      throw fault
    } catch let error as SystemCallError {
      throw .unusableFile(path.string, error.errno.text)
    } catch {
      throw .unusableFile(path.string, "\(error)")
    }
  }

  private static func content(of path: FilePath) throws(SystemCallError) -> [UInt8]? {
    let file: Linux.Descriptor
    do throws(SystemCallError) {
      file = try Linux.Descriptor.open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK)
    } catch {
      if error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory { return nil }
      throw error
    }
    return try file.readAll(limit: limit)
  }

  /// The keys that take a user away from a container, where the file names any.
  package var detachKeys: String? {
    document["detachKeys"]?.string.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Variables that tell builds of proxies, in both spellings.
  package var proxyVariables: [(name: String, value: String)] {
    let settings = document["proxies"]?["default"]
    let names = ["http", "https", "ftp", "no", "all"]
    return names.flatMap { name -> [(name: String, value: String)] in
      guard let value = settings?[name + "Proxy"]?.string, !value.isEmpty else { return [] }
      return [(name.uppercased() + "_PROXY", value), (name + "_proxy", value)]
    }
  }

  /// The `--format` of `ps` where none is typed.
  package var psFormat: String? {
    document["psFormat"]?.string.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The program that keeps this registry's password, without `docker-credential-`; nil when the file
  /// itself does. An entry for the registry counts more than the one for all.
  func helper(for key: CredentialKey) -> String? {
    let helpers = document["credHelpers"]?.object?.members ?? []
    let own =
      helpers.first { $0.name == key.server }
      ?? helpers.first { CredentialKey(parsing: $0.name) == key }
    let name = own.map { $0.value.string } ?? document["credsStore"]?.string
    return name.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// What the file itself has for the registry.
  func entry(for key: CredentialKey) throws(CredentialFault) -> Credential? {
    let entries = document["auths"]?.object?.members ?? []
    let found =
      entries.first { $0.name == key.server }
      ?? entries.first { CredentialKey(parsing: $0.name) == key }
    guard let found else { return nil }
    return try credential(found.value, named: found.name)
  }

  private func credential(_ entry: JSONValue, named name: String) throws(CredentialFault)
    -> Credential?
  {
    func text(_ member: String) -> String? {
      entry[member]?.string.flatMap { $0.isEmpty ? nil : $0 }
    }
    var credential = Credential(
      username: text("username") ?? "", password: text("password") ?? "",
      identityToken: text("identitytoken"), registryToken: text("registrytoken"))
    if let encoded = text("auth") {
      guard let pair = Base64.decode(encoded), let colon = pair.firstIndex(of: UInt8(ascii: ":"))
      else {
        throw .unusableFile(
          path?.string ?? "config.json",
          "`auth` of `\(printable(name))` is not the base64 form of `user:password`")
      }
      credential.username = String(decoding: pair[..<colon], as: UTF8.self)
      credential.password = String(
        decoding: pair[(colon + 1)...].prefix { $0 != 0 }, as: UTF8.self)
    }
    let isEmpty =
      credential.username.isEmpty && credential.identityToken == nil
      && credential.registryToken == nil
    return isEmpty ? nil : credential
  }

  /// Headers of `HttpHeaders` that registries get to see. docker gives all of them to its engine, which
  /// hands on those whose names begin with `X-Meta-`.
  var registryHeaders: [(name: String, value: String)] {
    (document["HttpHeaders"]?.object?.members ?? []).compactMap { member in
      guard member.name.lowercased().hasPrefix("x-meta-"), let value = member.value.string,
        member.name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }),
        value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
      else { return nil }
      return (member.name, value)
    }
  }
}

package enum CredentialFault: Diagnosable, Hashable {
  case unusableFile(String, String)
  case noFolder
  case helperMissing(helper: String, registry: String)
  /// `reason` is the program's own.
  case helperFailed(helper: String, verb: String, registry: String, reason: String)
  case helperSlow(helper: String, registry: String, seconds: Int)
  case notStored(String, String)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .unusableFile(let path, let reason):
      [
        Diagnostic(
          "docker's configuration `\(path)` cannot be used: \(printable(reason))",
          hint: "correct the file, or name another folder with DOCKER_CONFIG")
      ]
    case .noFolder:
      [
        Diagnostic(
          "there is no folder to keep credentials in", hint: "set HOME or DOCKER_CONFIG")
      ]
    case .helperMissing(let helper, let registry):
      [
        Diagnostic(
          "`docker-credential-\(printable(helper))`, which keeps the password for `\(registry)`, is "
            + "not in PATH",
          hint:
            "install it, or remove `\(printable(helper))` from `credsStore` and `credHelpers` in "
            + "docker's config.json")
      ]
    case .helperFailed(let helper, let verb, let registry, let reason):
      [
        Diagnostic(
          "`docker-credential-\(printable(helper)) \(verb)` failed for `\(registry)`: "
            + printable(reason))
      ]
    case .helperSlow(let helper, let registry, let seconds):
      [
        Diagnostic(
          "`docker-credential-\(printable(helper))` did not answer for `\(registry)` within "
            + "\(seconds) seconds")
      ]
    case .notStored(let path, let reason):
      [Diagnostic("the credentials cannot be stored in `\(path)`: \(printable(reason))")]
    }
  }
}
