// The secrets of a build, read when a step asks for them.

import CLinux
import Compose
import Diagnostics
import Fetching
import Glibc
import Linux
import SystemPackage

/// The most bytes that one secret may have, as with docker.
private let secretLimit = 500 << 10

extension Session {
  /// Blocks.
  /// - Throws: `Faults`.
  func value(of secret: BuildSecret) throws -> [UInt8] {
    func fault(_ summary: String, hint: String? = nil) -> Faults {
      Faults([Diagnostic("secret `\(secret.id)`: \(summary)", hint: hint)])
    }
    let resource = loaded?.project.secret(secret.source)
    switch resource?.origin {
    case .environment(let name):
      guard let value = value(of: resource, name) else {
        throw fault("the variable `\(name)` is not set")
      }
      return value
    case .content(let text): return Array(text.utf8)
    case .file(let path):
      do throws(SystemCallError) {
        return try Descriptor.open(FilePath(path), O_RDONLY | O_NOCTTY).readAll(limit: secretLimit)
      } catch {
        throw fault("`\(path)` cannot be read: \(error.errno.text)")
      }
    case .external, .undeclared, nil:
      throw fault(
        "its value is kept elsewhere and is not to be had",
        hint: "give it a `file` or an `environment` below `secrets`")
    }
  }

  /// What git may use of the agents and the secrets that a build was given: the agent or the keys called
  /// `default`, and tokens called GIT_AUTH_TOKEN or GIT_AUTH_TOKEN.HOST. Blocks.
  func gitAccess(_ definition: BuildDefinition, _ sources: [SSHSource]) throws -> GitAccess {
    var access = GitAccess()
    for secret in definition.secrets {
      let parts = secret.id.split(separator: ".", maxSplits: 1)
      guard parts.first == "GIT_AUTH_TOKEN" else { continue }
      let text = String(decoding: try value(of: secret), as: UTF8.self)
      access.tokens[parts.count > 1 ? String(parts[1]) : ""] =
        String(text.prefix { !$0.isNewline })
    }
    guard let source = sources.last(where: { $0.id == "default" }) else { return access }
    if source.paths.isEmpty { access.agent = variable("SSH_AUTH_SOCK") }
    for path in source.paths {
      if isSocket(path) { access.agent = path } else { access.keys.append(path) }
    }
    return access
  }
}

func isSocket(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
}
