// What the shim tells the world on disk: its state, the exit, and the names that answer.

import Blueprint
import CLinux
import EventLog
import Glibc
import JSON
import Linux
import Store
import SystemPackage

struct Records {
  let layout: Layout
  let id: String
  /// Nil for a container of no project, which only tests make.
  private let events: EventLog?
  private let networks: [NamesRecord]

  /// `<run>/networks/<network>/names/<id>`: read by the name services of that network.
  private struct NamesRecord {
    var folder: FilePath
    var json: JSONValue
  }

  init(layout: Layout, blueprint: ContainerBlueprint) {
    self.layout = layout
    id = blueprint.id
    events = blueprint.project.map { EventLog(run: layout.run, project: $0) }
    networks = blueprint.network.endpoints.map { endpoint in
      var file = JSONObject()
      if let address = endpoint.address { file.append("address", .string(address)) }
      if let address = endpoint.address6 { file.append("address6", .string(address)) }
      file.append("names", .array(endpoint.names.map { .string($0) }))
      return NamesRecord(
        folder: layout.run.appending("networks").appending(endpoint.network).appending("names"),
        json: .object(file))
    }
  }

  var runFolder: FilePath { layout.running(id) }

  func write(_ state: ContainerState) throws {
    try writeFile(state.json.bytes(), to: layout.stateRecord(id), .volatile)
  }

  /// Tells whoever follows the project's events.
  func tell(_ event: SupervisedEvent) {
    events?.append(event.action, of: id, attributes: event.attributes)
  }

  func publishNames() throws {
    for network in networks {
      try makeFolders(network.folder)
      try writeFile(network.json.bytes(), to: network.folder.appending(id), .volatile)
    }
  }

  func withdrawNames() {
    for network in networks {
      // A name that cannot be removed answers with an address where nobody listens.
      try? removeFile(network.folder.appending(id))
    }
  }

  /// Another run has begun: what was true at the last end is not any more.
  func forgetExit() throws { try removeFile(layout.exitRecord(id)) }

  func writeExit(_ state: ContainerState) throws {
    try writeFile(state.json.bytes(), to: layout.exitRecord(id), .volatile)
  }

  /// Makes the exit record survive a power loss. Takes a disk's time; nobody waits for it.
  func syncExit() {
    let record = layout.exitRecord(id)
    for path in [record, record.removingLastComponent()] {
      // Removed meanwhile by who waited for the exit: then there is nothing to keep.
      if let file = try? Descriptor.open(path, O_RDONLY) { fsync(file.raw) }
    }
  }

  /// All of the run folder; the lock in it is held on by its descriptor.
  func removeRunFolder() {
    // What stays says by its lock that nobody runs.
    try? removeTree(runFolder)
  }
}

/// The blueprint of the container whose folder this is.
func readBlueprint(_ folder: FilePath) throws -> ContainerBlueprint {
  let path = folder.appending("blueprint.json")
  guard let bytes = try readFile(path, limit: 8 << 20) else {
    throw SystemCallError("open", path.string, .noSuchFileOrDirectory)
  }
  return try ContainerBlueprint(json: JSONValue(parsing: bytes))
}

func readBootID() -> String {
  // A kernel without it makes all records of other boots look like this one's.
  let bytes = try? Descriptor.open("/proc/sys/kernel/random/boot_id", O_RDONLY).readAll(limit: 128)
  return String(decoding: (bytes ?? []).prefix { $0 != 0x0A }, as: UTF8.self)
}
