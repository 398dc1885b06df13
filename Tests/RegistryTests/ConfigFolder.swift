// A folder like ~/.docker with programs beside it, gone after the test.

import Glibc
import Linux
import SystemPackage
import TestSupport

@testable import Registry

struct ConfigFolder {
  let path: FilePath
  /// DOCKER_CONFIG is the folder, PATH begins with its programs.
  var environment: [String: String] {
    ["DOCKER_CONFIG": path.string, "PATH": "\(path)/bin:/usr/bin:/bin", "LOG": "\(path)/log"]
  }

  static func using(_ config: String?, _ body: (ConfigFolder) async throws -> Void) async throws {
    var template = Array("/tmp/berth-config-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(errno)") }
    let name = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let folder = ConfigFolder(path: FilePath(name))
    do {
      try makeFolders(folder.path.appending("bin"))
      if let config { try folder.write(config, to: "config.json") }
      try await body(folder)
    } catch {
      try removeTree(folder.path)
      throw error
    }
    try removeTree(folder.path)
  }

  func write(_ text: String, to name: String, mode: mode_t = 0o600) throws {
    let file = try Linux.Descriptor.open(
      path.appending(name), O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    try file.writeAll(Array(text.utf8))
  }

  func text(_ name: String) throws -> String {
    let file = try Linux.Descriptor.open(path.appending(name), O_RDONLY)
    return String(decoding: try file.readAll(limit: 1 << 20), as: UTF8.self)
  }

  /// A helper program that runs `script` with what it was asked on its input in `$asked`. Each call is
  /// a line of `log`.
  func helper(_ name: String, _ script: String) throws {
    let text = """
      #!/bin/sh
      asked=$(cat)
      echo "$1 $asked" >> "$LOG"
      \(script)
      """
    try write(text, to: "bin/docker-credential-\(name)", mode: 0o755)
  }

  func calls() throws -> [String] {
    guard access(path.appending("log").string, F_OK) == 0 else { return [] }
    return try text("log").split(separator: "\n").map(String.init)
  }

  func credentials() throws -> Credentials {
    Credentials(try DockerConfig(environment: environment), environment: environment)
  }
}

/// Whether a process is there and no zombie.
func isAlive(_ pid: pid_t) -> Bool {
  guard kill(pid, 0) == 0,
    let file = try? Linux.Descriptor.open(FilePath("/proc/\(pid)/stat"), O_RDONLY),
    let bytes = try? file.readAll(limit: 4096)
  else { return false }  // it is gone, which is what is asked
  return !String(decoding: bytes, as: UTF8.self).contains(") Z ")
}

func endProcess(_ pid: pid_t) { kill(pid, SIGKILL) }
