// The records of containers: made, found by name and project, read with their present state.

package import Blueprint
import CLinux
package import Diagnostics
import Glibc
package import Linux
import SystemPackage

/// A container as the records tell it.
package struct ContainerRecord: Sendable, Hashable {
  package var project: String
  package var blueprint: ContainerBlueprint
  package var state: ContainerState
  /// Whether its shim lives: running, paused or restarting.
  package var isSupervised: Bool

  package var id: String { blueprint.id }
  package var name: String { blueprint.name }
}

package enum ContainerStoreError: Diagnosable, Hashable {
  case nameTaken(name: String, project: String)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .nameTaken(let name, let project):
      [
        Diagnostic(
          "the container name `\(name)` is already in use by project `\(project)`",
          hint: "remove it with `berth -p \(project) down`, or choose another container_name")
      ]
    }
  }
}

package struct ContainerStore: Sendable {
  package let layout: Layout
  private let bootID: String

  package init(layout: Layout, bootID: String) {
    self.layout = layout
    self.bootID = bootID
  }

  /// All container names with their projects and ids, sorted by name. One readlink each.
  package func names() throws -> [(name: String, project: String, id: String)] {
    try namesInFolder(layout.names).compactMap { component in
      guard let lease = readLease(component.string) else { return nil }
      return (component.string, lease.project, lease.id)
    }.sorted { $0.name < $1.name }
  }

  /// The records of one project, or of all when nil; sorted by name. A container that is to take the
  /// place of another is not among them before that is gone.
  package func list(project: String? = nil) throws -> [ContainerRecord] {
    var records: [ContainerRecord] = []
    let names = try names()
    for lease in names where project == nil || lease.project == project {
      guard let record = try record(id: lease.id, project: lease.project) else { continue }
      let isHidden = record.name != lease.name && names.contains { $0.name == record.name }
      if !isHidden { records.append(record) }
    }
    return records
  }

  /// Containers of a project that were made to take the place of others and have not. The caller holds
  /// the project's lock, so nobody is at work on them.
  package func replacements(project: String) throws -> [(lease: String, record: ContainerRecord)] {
    try names().filter { $0.project == project && isOfReplacement($0.name) }.compactMap { lease in
      guard let record = try record(id: lease.id, project: project), record.name != lease.name
      else { return nil }
      return (lease.name, record)
    }
  }

  /// `<12 digits>_<name>`: a look that spares reading the records of all others.
  private func isOfReplacement(_ name: String) -> Bool {
    let bytes = Array(name.utf8.prefix(13))
    return bytes.count == 13 && bytes[12] == UInt8(ascii: "_")
      && bytes[..<12].allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// Who has a name; nil when nobody has.
  package func holder(of name: String) -> String? { readLease(name)?.id }

  /// Gives a container that was begun under another name its own. A kill in between leaves it both.
  package func giveName(_ name: String, to id: String, of project: String, insteadOf lease: String)
    throws
  {
    if lease == name { return }
    if holder(of: name) != id { try takeName(name, project: project, id: id) }
    try removeFile(layout.names.appending(lease))
  }

  /// Takes the name, then makes the folder: from here on the id counts as a container, so that what
  /// is leased for it is not taken for a leftover. The caller holds the project's lock.
  package func begin(id: String, name: String, project: String) throws {
    try makeFolders(layout.names)
    try takeName(name, project: project, id: id)
    let folder = layout.container(id)
    for part in ["upper", "work", "rootfs"] {
      try makeFolders(folder.appending(part), mode: part == "upper" ? 0o755 : 0o700)
    }
  }

  /// Limits what a container that was just begun may write.
  package func limitSize(of id: String, to bytes: UInt64) throws {
    let folder = layout.container(id)
    // What is written is made in the second and moved to the first, so both are in one project.
    try Store.limitSize(
      of: [folder.appending("upper"), folder.appending("work")], to: bytes,
      for: "`storage_opt.size`")
  }

  /// Whether there is a container of this id, finished or not.
  package func exists(_ id: String) -> Bool {
    layout.container(id).withPlatformString { access($0, F_OK) } == 0
  }

  /// Writes the blueprint of a container that is not running: what `begin` began is then whole.
  package func write(_ blueprint: ContainerBlueprint) throws {
    try writeRecord(blueprint, to: layout.blueprint(blueprint.id), .volatile)
  }

  /// Removes the folder with all that the container wrote, then gives up the name. The folder is put
  /// aside first: a kill leaves a name without one, which `torn` finds, and what `sweepRemoved` takes away.
  package func remove(id: String, name: String) throws {
    releaseSizeLimit(of: layout.container(id).appending("upper"))
    try removeTree(layout.running(id))
    let aside = layout.containers.appending(Self.gone + id)
    let moved = layout.container(id).withPlatformString { from in
      aside.withPlatformString { rename(from, $0) }
    }
    if moved != 0, Errno.current != .noSuchFileOrDirectory {
      throw SystemCallError("rename", layout.container(id).string, .current)
    }
    try removeTree(aside)
    if let lease = readLease(name), lease.id == id {
      try removeFile(layout.names.appending(name))
    }
  }

  /// Names of a project whose container was never finished or only half removed. The caller holds
  /// the project's lock, so nobody is at work on them.
  package func torn(project: String) throws -> [(name: String, id: String)] {
    try names().filter { $0.project == project }
      .filter { (try? readBlueprintRecord(at: layout.blueprint($0.id))) == nil }
      .map { ($0.name, $0.id) }
  }

  /// Whether its making was begun and not finished.
  package func isHalfMade(_ id: String) -> Bool {
    exists(id) && layout.blueprint(id).withPlatformString { access($0, F_OK) } != 0
  }

  /// Takes away the folders of containers whose removal was cut short.
  package func sweepRemoved() throws {
    for name in try namesInFolder(layout.containers) where name.string.hasPrefix(Self.gone) {
      try removeTree(layout.containers.appending(name))
    }
  }

  private static let gone = ".gone-"

  private func takeName(_ name: String, project: String, id: String) throws {
    let path = layout.names.appending(name)
    let made = path.withPlatformString { symlink("\(project)/\(id)", $0) }
    if made == 0 { return }
    let reason = Errno.current
    guard reason == .fileExists else { throw SystemCallError("symlink", path.string, reason) }
    throw ContainerStoreError.nameTaken(name: name, project: readLease(name)?.project ?? "unknown")
  }

  private func readLease(_ name: String) -> (project: String, id: String)? {
    let parts = linkText(layout.names.appending(name))?.split(separator: "/") ?? []
    guard parts.count == 2 else { return nil }
    return (String(parts[0]), String(parts[1]))
  }
}

extension ContainerStore {
  /// One record; nil when its folder or blueprint is gone or torn (a power loss).
  package func record(id: String, project: String) throws -> ContainerRecord? {
    // A torn blueprint can be neither run nor shown; the next `up` makes the container anew.
    guard
      let blueprint = try? readBlueprintRecord(at: layout.blueprint(id))
    else { return nil }
    let (state, supervised) = state(of: id)
    return ContainerRecord(
      project: project, blueprint: blueprint, state: state, isSupervised: supervised)
  }

  /// What is true now: the shim's word while it lives, the exit record after, `created` before.
  package func state(of id: String) -> (ContainerState, isSupervised: Bool) {
    let supervised = FileLock.isHeld(layout.shimLock(id))
    // Unreadable records say as little as missing ones.
    let live = try? readRecord(ContainerState.self, at: layout.stateRecord(id))
    if supervised, let live { return (live, true) }
    // Its run folder goes with its end, file by file, when the end has been recorded; before a first start
    // there is no such record.
    let exit = try? readRecord(ContainerState.self, at: layout.exitRecord(id))
    if supervised { return (exit ?? ContainerState(bootID: bootID, status: .created), true) }
    if let exit { return (exit, false) }
    guard var lost = live, lost.bootID == bootID, lost.status != .created else {
      return (stateWithoutRecord(of: id), false)
    }
    if lost.status != .exited {
      lost.status = .dead
      lost.exitCode = 137
      lost.pid = nil
      lost.failure = "its supervisor was lost"
    }
    return (lost, false)
  }

  /// Nothing is left of its last run: it has had none, or it ran when the machine went down.
  private func stateWithoutRecord(of id: String) -> ContainerState {
    guard let boot = linkText(layout.bootMark(id)), boot != bootID else {
      return ContainerState(bootID: bootID, status: .created)
    }
    var state = ContainerState(bootID: boot, status: .exited)
    state.exitCode = 255
    state.failure = "it ran when the machine went down"
    return state
  }

  /// Notes that the container has begun to run in this boot. The mark is a link, so that a power loss
  /// cannot leave half of it.
  package func markStarted(_ id: String) throws(SystemCallError) {
    let path = layout.bootMark(id)
    if linkText(path) == bootID { return }
    try removeFile(path)
    try checking("symlink", path.string) { path.withPlatformString { symlink(bootID, $0) } }
  }
}

/// Nil when there is no such link.
private func linkText(_ path: FilePath) -> String? {
  var buffer = [UInt8](repeating: 0, count: 512)
  let count = path.withPlatformString { path in
    buffer.withUnsafeMutableBytes { target in
      target.withMemoryRebound(to: CChar.self) { text in
        text.baseAddress.map { readlink(path, $0, text.count) } ?? -1
      }
    }
  }
  return count > 0 && count < buffer.count
    ? String(decoding: buffer[..<count], as: UTF8.self) : nil
}
