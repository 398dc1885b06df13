// How registries are reached: mirrors of Docker Hub, registries without good certificates, and where
// certificates lie. From berth's own config.json, and where that is silent from docker's daemon.json.

import Addressing
package import Diagnostics
import Glibc
import JSON
import Linux
import OCI
package import SystemPackage

package struct RegistrySettings: Sendable, Hashable {
  package static let system = FilePath("/etc/berth/config.json")
  package static let daemon = FilePath("/etc/docker/daemon.json")

  /// Addresses such as `https://mirror.example`, in the order in which they are tried.
  var mirrors: [String] = []
  var insecure: [InsecureRegistry] = []
  var certificates: FilePath = "/etc/docker/certs.d"

  package init() {}

  /// Reads the files that count for this environment. Blocks on the disk.
  package init(environment: [String: String]) throws(SettingsFault) {
    var files: [(FilePath, isNeeded: Bool)] = []
    if let chosen = environment["BERTH_CONFIG"], !chosen.isEmpty {
      files = [(FilePath(chosen), true)]
    } else {
      files = [(Self.system, false)]
      let home = environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 }
      if let home = home ?? environment["HOME"].map({ $0 + "/.config" }) {
        files.append((FilePath(home).appending("berth/config.json"), false))
      }
    }
    try self.init(own: files.map { ($0.0, $0.isNeeded) }, daemon: Self.daemon)
  }

  /// - Parameters:
  ///   - own: later files count more; whether each must be there.
  ///   - daemon: asked for what the others do not set.
  init(own: [(path: FilePath, isNeeded: Bool)], daemon: FilePath) throws(SettingsFault) {
    var given: Set<Key> = []
    for (path, isNeeded) in own {
      guard let document = try Self.read(path) else {
        if isNeeded { throw .missing(path.string) }
        continue
      }
      for member in document.members {
        guard let key = Key(rawValue: member.name) else {
          throw .unknownKey(path.string, member.name)
        }
        try set(key, member.value, path)
        given.insert(key)
      }
    }
    let silent: [Key] = [.mirrors, .insecure].filter { !given.contains($0) }
    guard !silent.isEmpty, let document = try Self.read(daemon) else { return }
    for key in silent {
      if let value = document[key.rawValue] { try set(key, value, daemon) }
    }
  }

  enum Key: String, CaseIterable {
    case mirrors = "registry-mirrors"
    case insecure = "insecure-registries"
    case certificates = "certs-dir"
  }

  private static func read(_ path: FilePath) throws(SettingsFault) -> JSONObject? {
    do {
      let file = try Linux.Descriptor.open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK)
      let bytes = try file.readAll(limit: 1 << 20)
      if bytes.allSatisfy({ $0 <= 0x20 }) { return JSONObject() }
      guard let object = try JSONValue(parsing: bytes).object else {
        throw SettingsFault.unusable(path.string, "it is not a JSON object")
      }
      return object
    } catch let fault as SettingsFault {
      throw fault
    } catch let error as SystemCallError {
      if error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory { return nil }
      throw .unusable(path.string, error.errno.text)
    } catch {
      throw .unusable(path.string, "\(error)")
    }
  }

  private mutating func set(_ key: Key, _ value: JSONValue, _ path: FilePath) throws(SettingsFault)
  {
    func fault(_ reason: String) -> SettingsFault {
      .unusable(path.string, "`\(key.rawValue)` \(reason)")
    }
    if key == .certificates {
      guard let text = value.string, text.hasPrefix("/") else {
        throw fault("is not an absolute folder")
      }
      certificates = FilePath(text)
      return
    }
    var entries: [String] = []
    for entry in value.array ?? [.null] {
      guard let text = entry.string else { throw fault("is not a list of texts") }
      entries.append(text)
    }
    if key == .mirrors {
      mirrors = []
      for entry in entries {
        guard let mirror = Self.mirror(entry) else {
          throw fault("holds `\(entry)`, which is not `https://HOST[:PORT]`")
        }
        mirrors.append(mirror)
      }
    } else {
      insecure = []
      for entry in entries {
        guard let rule = InsecureRegistry(entry) else {
          throw fault("holds `\(entry)`, which is neither `HOST[:PORT]` nor a block of addresses")
        }
        insecure.append(rule)
      }
    }
  }

  /// A mirror's address without the slash at its end; a name, a password or a path has no place in it.
  private static func mirror(_ text: String) -> String? {
    let text = text.hasSuffix("/") ? String(text.dropLast()) : text
    guard let origin = Origin(text), !text.contains("@"),
      text.drop(while: { $0 != "/" }).dropFirst(2).allSatisfy({ !"/?#".contains($0) }),
      text.lowercased().hasPrefix(origin.scheme + "://" + origin.host)
    else { return nil }
    return text
  }
}

/// A registry, or all in a block of addresses, that may have a bad certificate or none.
enum InsecureRegistry: Hashable, Sendable {
  /// `host` or `host:port`, in lower case.
  case host(String)
  case block4(IPv4Subnet)
  case block6(IPv6Address, prefixLength: Int)

  init?(_ text: String) {
    if let block = IPv4Subnet(text) {
      self = .block4(block)
      return
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count == 2, let address = IPv6Address(parts[0]), let length = Int(parts[1]),
      (0...128).contains(length)
    {
      self = .block6(address, prefixLength: length)
      return
    }
    var host = text.lowercased()[...]
    // Docker takes a scheme with a warning: what is meant is clear.
    for scheme in ["https://", "http://"] where host.hasPrefix(scheme) {
      host = host.dropFirst(scheme.count)
    }
    guard Origin("https://\(host)") != nil, host.allSatisfy({ !"/?#@".contains($0) }) else {
      return nil
    }
    self = .host(String(host))
  }

  func contains(_ address: IPAddress) -> Bool {
    switch (self, address) {
    case (.block4(let block), .v4(let address)): block.contains(address)
    case (.block6(let base, let length), .v6(let address)):
      zip(base.octets, address.octets).enumerated().allSatisfy { index, pair in
        let bits = min(8, max(0, length - index * 8))
        let mask = bits == 0 ? 0 : UInt8(truncatingIfNeeded: 0xFF00 >> bits)
        return pair.0 & mask == pair.1 & mask
      }
    default: false
    }
  }
}

package enum SettingsFault: Diagnosable, Hashable {
  case missing(String)
  case unusable(String, String)
  case unknownKey(String, String)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .missing(let path):
      [Diagnostic("`\(path)`, which BERTH_CONFIG names, is not there")]
    case .unusable(let path, let reason):
      [Diagnostic("the settings in `\(path)` cannot be used: \(printable(reason))")]
    case .unknownKey(let path, let name):
      [
        Diagnostic(
          "the settings in `\(path)` have an unknown key `\(printable(name))`",
          hint: nearest(to: name, among: RegistrySettings.Key.allCases.map(\.rawValue))
            .map { "did you mean `\($0)`?" }
            ?? "there are "
            + RegistrySettings.Key.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", "))
      ]
    }
  }
}
