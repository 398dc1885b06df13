// What scenarios look at: the rows of `ps` as values, and one wait for each of their columns.

import Glibc
import JSON
import TestSupport
import Testing

/// A container as `ps --format json` tells it.
struct Row: Equatable {
  var id: String
  var name: String
  var service: String
  var state: String
  var status: String
  var health: String
  var exitCode: Int

  init(_ object: JSONValue) throws {
    func text(_ key: String) throws -> String {
      guard let text = object[key]?.string else { throw TestFailure("no \(key) in \(object)") }
      return text
    }
    id = try text("ID")
    name = try text("Name")
    service = try text("Service")
    state = try text("State")
    status = try text("Status")
    health = try text("Health")
    exitCode = object["ExitCode"]?.number?.integer(Int.self) ?? -1
  }
}

extension Berth {
  /// All containers of the project, by name.
  func rows() async throws -> [String: Row] {
    let output = try await succeeds("ps", "--all", "--no-trunc", "--format", "json").lines
    let rows = try output.map { try Row(JSONValue(parsing: Array($0.utf8))) }
    return Dictionary(rows.map { ($0.name, $0) }) { first, _ in first }
  }

  func row(_ name: String) async throws -> Row {
    let rows = try await rows()
    guard let row = rows[name] else { throw TestFailure("no \(name) among \(rows.keys.sorted())") }
    return row
  }

  /// Names of containers by state: `["shop-web-1": "running"]`.
  func states() async throws -> [String: String] { try await rows().mapValues(\.state) }

  func waitForState(_ state: String, of name: String, within limit: Duration = .seconds(15))
    async throws
  {
    try await eventually("\(name) to be \(state)", within: limit) {
      try await rows()[name]?.state == state
    }
  }

  func waitForLog(
    _ text: String, of service: String, within limit: Duration = .seconds(15)
  ) async throws {
    try await eventually("`\(text)` in the log of \(service)", within: limit) {
      try await succeeds("logs", "--no-log-prefix", service).output.contains(text)
    }
  }

  /// What a shell in a running container prints, without the end of its last line.
  func inside(_ service: String, _ script: String) async throws -> String {
    let result = try await callAsFunction("exec", "-T", service, "sh", "-c", script)
    guard result.exitCode == 0 else { throw TestFailure(result.description) }
    return trimmed(result.output)
  }

  /// The host's number of a container's PID 1, as its shim records it.
  func pidOfFirstProcess(_ name: String) async throws -> pid_t {
    let id = try await row(name).id
    let record = text(of: "run/containers/\(id)/state.json") ?? "{}"
    guard
      let pid = try JSONValue(parsing: Array(record.utf8))["pid"]?.number?.integer(pid_t.self),
      pid > 1
    else { throw TestFailure("no pid in \(record)") }
    return pid
  }

  /// How many shims the scenario has: one for each running container, and no more.
  func shims() -> [pid_t] {
    var found: [pid_t] = []
    for pid in processes() {
      guard let command = commandLine(pid) else { continue }
      if command.first?.hasSuffix("berth-shim") == true, command.dropFirst().first == "run",
        command.contains(where: { $0.hasPrefix(root + "/") })
      {
        found.append(pid)
      }
    }
    return found
  }
}

func trimmed(_ text: String) -> String {
  var text = Substring(text)
  while text.last?.isNewline == true { text.removeLast() }
  return String(text)
}

private func processes() -> [pid_t] {
  guard let folder = opendir("/proc") else { return [] }
  defer { closedir(folder) }
  var found: [pid_t] = []
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if let pid = pid_t(name) { found.append(pid) }
  }
  return found
}

private func commandLine(_ pid: pid_t) -> [String]? {
  guard let file = fopen("/proc/\(pid)/cmdline", "r") else { return nil }
  defer { fclose(file) }
  var buffer = [UInt8](repeating: 0, count: 4096)
  let count = fread(&buffer, 1, buffer.count, file)
  return buffer[..<count].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
}
