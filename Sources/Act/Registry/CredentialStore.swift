// Where a login is kept: with the helper program that config.json names, else in config.json itself.
// All that berth does not know in that file stays as it is and where it is.

import CLinux
import Glibc
import JSON
import Linux
package import SystemPackage

/// Every call blocks on the disk and on helper programs.
package struct CredentialStore: Sendable {
  package enum Place: Hashable, Sendable {
    case helper(String)
    /// In readable form.
    case file(FilePath)
  }

  private let config: DockerConfig
  private let environment: [String: String]

  package init(_ config: DockerConfig, environment: [String: String]) {
    self.config = config
    self.environment = environment
  }

  /// - Returns: where it was put.
  package func store(_ credential: Credential, for key: CredentialKey) throws -> Place {
    guard let path = config.path else { throw CredentialFault.noFolder }
    guard let name = config.helper(for: key) else {
      try edit(path) { Self.put(Self.entry(credential), for: key, into: &$0) }
      return .file(path)
    }
    try CredentialHelper(name: name, environment: environment).store(credential, for: key)
    // docker too notes that there is something to ask the program for.
    try edit(path) { Self.put([:], for: key, into: &$0) }
    return .helper(name)
  }

  /// Forgets what is kept for the registry under any of its names.
  package func erase(_ key: CredentialKey) throws {
    if let name = config.helper(for: key) {
      try CredentialHelper(name: name, environment: environment).erase(key)
    }
    guard let path = config.path else { return }
    func isMeant(_ name: String) -> Bool { CredentialKey(parsing: name) == key }
    let names = config.document["auths"]?.object?.members.map(\.name) ?? []
    guard names.contains(where: isMeant) else { return }
    try edit(path) { document in
      var entries = document["auths"]?.object ?? JSONObject()
      for member in entries.members where isMeant(member.name) { entries[member.name] = nil }
      document["auths"] = .object(entries)
    }
  }

  private static func entry(_ credential: Credential) -> JSONValue {
    var entry: JSONObject = ["auth": .string(credential.basic)]
    if let identity = credential.identityToken { entry["identitytoken"] = .string(identity) }
    return .object(entry)
  }

  private static func put(
    _ entry: JSONValue, for key: CredentialKey, into document: inout JSONObject
  ) {
    var entries = document["auths"]?.object ?? JSONObject()
    entries[key.server] = entry
    document["auths"] = .object(entries)
  }
}

// MARK: - The file

extension CredentialStore {
  /// Changes the file as it is now, and nobody else's change is lost: who writes holds its folder.
  private func edit(_ path: FilePath, _ change: (inout JSONObject) -> Void) throws {
    do {
      try makeFolders(path.removingLastComponent())
      let target = Self.target(of: path)
      let folder = try Linux.Descriptor.open(
        target.removingLastComponent(), O_RDONLY | O_DIRECTORY)
      try retrying("flock", target.string) { flock(folder.raw, LOCK_EX) }
      var document = try DockerConfig.read(target) ?? JSONObject()
      change(&document)
      try Self.replace(target, with: Self.text(document), in: folder)
    } catch let error as SystemCallError {
      throw CredentialFault.notStored(path.string, error.errno.text)
    }
  }

  /// The file itself when `path` is a link, also one to a file that is not there yet.
  private static func target(of path: FilePath) -> FilePath {
    if let real = path.withPlatformString({ realpath($0, nil) }) {
      defer { free(real) }
      return FilePath(platformString: real)
    }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = path.withPlatformString { readlink($0, &buffer, buffer.count - 1) }
    guard count > 0 else { return path }
    let link = FilePath(
      String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
    return path.removingLastComponent().pushing(link)
  }

  /// Indented by tabs, as docker writes it. Line ends within texts are escapes, so that each line
  /// begins with its indentation alone.
  private static func text(_ document: JSONObject) -> [UInt8] {
    var isIndent = true
    let lines = JSONValue.object(document).bytes(JSONStyle(indent: 1)).map { byte -> UInt8 in
      isIndent = byte == 0x0A || isIndent && byte == 0x20
      return isIndent && byte == 0x20 ? 0x09 : byte
    }
    return lines + [0x0A]
  }

  private static func replace(
    _ path: FilePath, with bytes: [UInt8], in folder: borrowing Linux.Descriptor
  ) throws(SystemCallError) {
    let number = UInt64.random(in: 0...UInt64.max)
    let aside = FilePath("\(path).\(String(number, radix: 16))")
    do throws(SystemCallError) {
      let file = try Linux.Descriptor.open(
        aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
      var former = stat()
      if path.withPlatformString({ stat($0, &former) }) == 0 {
        // Who may not give it away keeps it, as with any file that is replaced.
        _ = fchown(file.raw, former.st_uid, former.st_gid)
      }
      try file.writeAll(bytes)
      try checking("fsync", aside.string) { fsync(file.raw) }
      try checking("rename", path.string) {
        aside.withPlatformString { from in path.withPlatformString { rename(from, $0) } }
      }
      try checking("fsync", path.string) { fsync(folder.raw) }
    } catch {
      _ = aside.withPlatformString { unlink($0) }
      throw error
    }
  }
}
