// Names and passwords for registries, from docker's config.json; each is bound to one registry.

import Glibc
import JSON
import Linux
import OCI
package import SystemPackage

package struct Credential: Hashable, Sendable {
  package var username: String
  package var password: String
  /// Traded for a token by POST instead of a name and password.
  package var identityToken: String?

  package init(username: String, password: String, identityToken: String? = nil) {
    self.username = username
    self.password = password
    self.identityToken = identityToken
  }
}

package struct Credentials: Sendable {
  /// By registry as references name it: `docker.io`, `localhost:5000`.
  private var byRegistry: [String: Credential] = [:]

  package init() {}

  /// Reads `auths` of `<folder>/config.json`; none when the file is not there.
  package init(configFolder: FilePath) throws {
    guard let bytes = try Self.content(of: configFolder.appending("config.json")) else { return }
    let config = try JSONValue(parsing: bytes)
    for member in config["auths"]?.object?.members ?? [] {
      if let credential = Self.read(member.value) { self[Self.registry(member.name)] = credential }
    }
  }

  package subscript(registry: String) -> Credential? {
    get { byRegistry[registry] }
    set { byRegistry[registry] = newValue }
  }

  private static func content(of path: FilePath) throws -> [UInt8]? {
    let file: Linux.Descriptor
    do throws(SystemCallError) {
      file = try Linux.Descriptor.open(path, O_RDONLY)
    } catch {
      if error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory { return nil }
      throw error
    }
    return try file.readAll(limit: 1 << 20)
  }

  private static func read(_ entry: JSONValue) -> Credential? {
    let identity = entry["identitytoken"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    if let encoded = entry["auth"]?.string, let pair = Base64.decode(encoded),
      let colon = pair.firstIndex(of: UInt8(ascii: ":"))
    {
      return Credential(
        username: String(decoding: pair[..<colon], as: UTF8.self),
        password: String(decoding: pair[(colon + 1)...].prefix { $0 != 0 }, as: UTF8.self),
        identityToken: identity)
    }
    if let username = entry["username"]?.string, let password = entry["password"]?.string {
      return Credential(username: username, password: password, identityToken: identity)
    }
    return identity.map { Credential(username: "", password: "", identityToken: $0) }
  }

  /// Keys are hosts or addresses: `https://index.docker.io/v1/` is Docker Hub's.
  private static func registry(_ key: String) -> String {
    var rest = key[...]
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) {
      rest = rest.dropFirst(scheme.count)
    }
    let host = String(rest.prefix { $0 != "/" })
    let hub = ["index.docker.io", "docker.io", "registry-1.docker.io"]
    return hub.contains(host) ? ImageReference.dockerHub : host
  }
}

/// RFC 4648 with padding.
enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits: UInt32 = 0
      for byte in group { bits = bits << 8 | UInt32(byte) }
      bits <<= UInt32(8 * (3 - group.count))
      for index in 0..<4 {
        let digit = alphabet[Int(bits >> UInt32(18 - 6 * index) & 63)]
        text.append(index <= group.count ? digit : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  static func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count: UInt32 = 0
    for character in text.utf8 where character != UInt8(ascii: "=") {
      guard let digit = alphabet.firstIndex(of: character) else { return nil }
      bits = (bits << 6 | UInt32(digit)) & 0xFFFF
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> count))
      }
    }
    return bytes
  }
}
