// One command at a time changes a project; others wait and say for whom. `down` does not wait for who
// is bringing the project up: it asks that command to stop.

import CLinux
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

  func release() {
    lock.withLock { lock in
      // Who comes after must not take this command for one that is at work still. What cannot be
      // emptied says no more than a killed command's does.
      try? lock?.describe("")
      lock = nil
    }
  }
}

/// Who holds a project, as it writes itself into the lock: `PID START VERB`.
struct ProjectHolder: Hashable, CustomStringConvertible {
  var pid: pid_t
  /// The kernel's stamp of the process: its number alone may be another's by now.
  var started: UInt64
  var verb: String

  init(self verb: String) throws(SystemCallError) {
    pid = getpid()
    started = try ProcessStart(of: "self").time
    self.verb = verb
  }

  init?(_ text: String) {
    let parts = text.split(separator: " ", maxSplits: 2)
    guard parts.count == 3, let pid = pid_t(parts[0]), pid > 0, let started = UInt64(parts[1])
    else { return nil }
    self.pid = pid
    self.started = started
    verb = String(parts[2])
  }

  var record: String { "\(pid) \(started) \(verb)" }
  var description: String { "`berth \(verb)` (pid \(pid))" }

  /// Whether what it is about would only be undone by a `down`.
  var makesContainers: Bool { ["up", "create", "scale", "start", "restart"].contains(verb) }

  /// Sends SIGTERM to this very process, or to nobody.
  func askToEnd() throws(SystemCallError) {
    let raw = CInt(berth_pidfd_open(pid, 0))
    if raw < 0 { return }  // it has ended
    let handle = Descriptor(owning: raw)
    // Looked at after the handle was opened: what it says is of the process that the handle is of.
    guard let now = try? ProcessStart(of: "\(pid)"), now.time == started else {
      return  // it has ended, and its number is nobody's or another's
    }
    _ = berth_pidfd_send_signal(handle.raw, SIGTERM)
  }
}

extension Session {
  /// Takes the project's lock for `verb`; a dry run changes nothing and takes none.
  /// - Parameter ending: asks those that are bringing the project up to stop, in place of waiting until
  ///   they are done.
  func lockProject(_ verb: String, dryRun: Bool = false, ending: Bool = false) async throws
    -> HeldProject
  {
    if dryRun { return HeldProject(nil) }
    let lock = ProjectLock(folder: layout.project(projectName), verb: verb)
    if let held = try lock.attempt() { return HeldProject(held) }
    let holder = try lock.holder()
    let name = holder?.description ?? "another command"
    guard request.waitsForOthers else { throw ProjectBusy(project: projectName, holder: name) }
    if !ending || holder?.makesContainers == false {
      tell(.note("waiting for \(name) on project `\(projectName)`"))
    }
    return try await blocking {
      guard ending else { return HeldProject(try lock.wait()) }
      return HeldProject(
        try lock.waitEndingOthers { holder in
          tell(.note("asking \(holder) on project `\(projectName)` to stop"))
        })
    }
  }
}

struct ProjectBusy: Diagnosable {
  var project: String
  var holder: String

  var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "project `\(project)` is in use", causes: ["\(holder) is at work on it"],
        hint: "leave out `--no-wait` to wait until it is done")
    ]
  }
}

/// The file that stands for a project. Whole `down`s remove it with its folder, so a lock counts only on
/// the file that is there when it is held.
struct ProjectLock {
  var folder: FilePath
  var verb: String

  private var path: FilePath { folder.appending("lock") }

  /// How often it may be removed under somebody who waits, and how long one waits to look again.
  private static let attempts = 10_000
  private static let pause: UInt32 = 10_000

  /// Nil when somebody else holds it.
  func attempt() throws -> FileLock? {
    try settled {
      guard let lock = try FileLock.attempt(path) else { return .none }
      return lock
    }
  }

  /// Blocks.
  func wait() throws -> FileLock {
    guard let lock = try settled({ try FileLock.wait(path) }) else {
      throw SystemCallError("flock", path.string, .wouldBlock)
    }
    return lock
  }

  /// Asks each holder that makes containers to end, once, until the lock is free. Blocks.
  func waitEndingOthers(telling: (ProjectHolder) -> Void) throws -> FileLock {
    var asked: Set<ProjectHolder> = []
    while true {
      if let lock = try attempt() { return lock }
      if let holder = try holder(), holder.makesContainers, asked.insert(holder).inserted {
        telling(holder)
        try holder.askToEnd()
      }
      usleep(Self.pause)
    }
  }

  /// Nil when it cannot be told: it has only just taken the lock.
  func holder() throws -> ProjectHolder? {
    ProjectHolder(String(decoding: try readFile(path, limit: 256) ?? [], as: UTF8.self))
  }

  private func settled(_ take: () throws -> FileLock?) throws -> FileLock? {
    for _ in 0..<Self.attempts {
      try makeFolders(folder)
      do {
        guard let lock = try take() else { return nil }
        guard lock.isOn(path) else { continue }
        try lock.describe(ProjectHolder(self: verb).record)
        return lock
      } catch let error as SystemCallError where error.errno == .noSuchFileOrDirectory {
        continue  // the folder went before the file was made
      }
    }
    throw SystemCallError("flock", path.string, .wouldBlock)
  }
}
