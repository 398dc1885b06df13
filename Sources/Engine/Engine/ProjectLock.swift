// One command at a time changes a project; others wait and say for whom.

import Diagnostics
import Glibc
import Linux
import Store
import Synchronization
import SystemPackage

/// The project's lock while it is held. `release` may be called once the work is done; the end of
/// the process lets go as well.
final class HeldProject: Sendable {
  private let lock: Mutex<FileLock?>

  init(_ lock: consuming FileLock?) { self.lock = Mutex(lock) }

  func release() { lock.withLock { $0 = nil } }
}

extension Session {
  /// Takes the project's lock for `verb`; a dry run changes nothing and takes none.
  func lockProject(_ verb: String, dryRun: Bool = false) async throws -> HeldProject {
    if dryRun { return HeldProject(nil) }
    let folder = layout.project(projectName)
    let path = folder.appending("lock")
    try makeFolders(folder)
    if let lock = try FileLock.attempt(path) {
      try lock.describe("\(getpid()) \(verb)")
      return HeldProject(lock)
    }
    tell(.note("waiting for \(try lockHolder(path)) on project `\(projectName)`"))
    return try await blocking {
      let lock = try FileLock.wait(path)
      try lock.describe("\(getpid()) \(verb)")
      return HeldProject(lock)
    }
  }

  private func lockHolder(_ path: FilePath) throws -> String {
    let text = String(decoding: try readFile(path, limit: 256) ?? [], as: UTF8.self)
    let parts = text.split(separator: " ")
    guard parts.count == 2 else { return "another command" }
    return "`berth \(parts[1])` (pid \(parts[0]))"
  }
}
