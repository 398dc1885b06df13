// Messages as JSON: an object with one member, whose name is the case. Written out by hand: the
// generic containers of `Codable` would cost each shim memory for its whole life.

import Blueprint
package import JSON
package import Linux
import SystemPackage

package protocol ControlMessage {
  var json: JSONValue { get }
  init(json: JSONValue) throws(JSONError)
}

/// Larger packets are refused: the messages are a few hundred bytes.
package let packetLimit = 16 << 10

extension Descriptor {
  /// Sends one message as JSON with descriptors.
  package func send(_ message: some ControlMessage, _ descriptors: [CInt] = [])
    throws(SystemCallError)
  {
    try sendPacket(message.json.bytes(), descriptors)
  }

  /// Receives one message; nil when the other end has closed.
  package func receive<Message: ControlMessage>(_ type: Message.Type) throws -> (
    Message, [SharedDescriptor]
  )? {
    guard let packet = try receivePacket(limit: packetLimit) else { return nil }
    let message: Message
    do {
      message = try Message(json: JSONValue(parsing: packet.bytes))
    } catch {
      throw ControlError.unexpected(String(decoding: packet.bytes.prefix(200), as: UTF8.self))
    }
    return (message, packet.descriptors)
  }
}

/// `{"name":{…}}`.
private func form(_ name: String, _ members: [(String, JSONValue)] = []) -> JSONValue {
  var content = JSONObject()
  for (name, value) in members { content.append(name, value) }
  var message = JSONObject()
  message.append(name, .object(content))
  return .object(message)
}

extension StartReport: ControlMessage {
  package var json: JSONValue {
    switch self {
    case .born(let pid): form("born", [("pid", JSONValue(pid))])
    case .warning(let text): form("warning", [("text", .string(text))])
    case .ready: form("ready")
    case .started(let pid, let startedAt):
      form(
        "started", [("pid", JSONValue(pid)), ("startedAt", JSONValue(startedAt.nanoseconds))])
    case .exited(let code): form("exited", [("code", JSONValue(code))])
    case .failed(let failure): form("failed", failure.members)
    }
  }

  package init(json: JSONValue) throws(JSONError) {
    let (name, content) = try RecordReader(json).onlyCase()
    switch name {
    case "born": self = .born(pid: try content.small("pid"))
    case "warning": self = .warning(try content.string("text"))
    case "ready": self = .ready
    case "started":
      self = .started(
        pid: try content.small("pid"),
        startedAt: Timestamp(nanoseconds: try content.integer("startedAt")))
    case "exited": self = .exited(code: try content.small("code"))
    case "failed": self = .failed(try ShimFailure(content))
    default: throw JSONError.mismatch(path: name, expected: "a known message")
    }
  }
}

extension StartCommand: ControlMessage {
  package var json: JSONValue {
    switch self {
    case .files: form("files")
    case .ports: form("ports")
    case .networkReady: form("networkReady")
    case .go: form("go")
    }
  }

  package init(json: JSONValue) throws(JSONError) {
    let (name, _) = try RecordReader(json).onlyCase()
    switch name {
    case "files": self = .files
    case "ports": self = .ports
    case "networkReady": self = .networkReady
    case "go": self = .go
    default: throw JSONError.mismatch(path: name, expected: "a known message")
    }
  }
}

extension ControlRequest: ControlMessage {
  package var json: JSONValue {
    switch self {
    case .stop(let signal, let grace, let cleanup):
      form(
        "stop",
        [
          ("signal", JSONValue(signal)), ("graceNanoseconds", JSONValue(grace)),
          ("cleanup", .bool(cleanup)),
        ])
    case .kill(let signal): form("kill", [("signal", JSONValue(signal))])
    case .pause: form("pause")
    case .unpause: form("unpause")
    case .join: form("join")
    case .view: form("view")
    case .input: form("input")
    case .namespace: form("namespace")
    case .renetwork: form("renetwork")
    case .wait: form("wait")
    }
  }

  package init(json: JSONValue) throws(JSONError) {
    let (name, content) = try RecordReader(json).onlyCase()
    switch name {
    case "stop":
      self = .stop(
        signal: try content.small("signal"),
        graceNanoseconds: try content.integer("graceNanoseconds"),
        cleanup: try content.bool("cleanup"))
    case "kill": self = .kill(signal: try content.small("signal"))
    case "pause": self = .pause
    case "unpause": self = .unpause
    case "join": self = .join
    case "view": self = .view
    case "input": self = .input
    case "namespace": self = .namespace
    case "renetwork": self = .renetwork
    case "wait": self = .wait
    default: throw JSONError.mismatch(path: name, expected: "a known request")
    }
  }
}

extension ControlReply: ControlMessage {
  package var json: JSONValue {
    switch self {
    case .done: form("done")
    case .exited(let code): form("exited", [("code", JSONValue(code))])
    case .joined(let pid): form("joined", [("pid", JSONValue(pid))])
    case .notRunning: form("notRunning")
    case .failed(let failure): form("failed", failure.members)
    }
  }

  package init(json: JSONValue) throws(JSONError) {
    let (name, content) = try RecordReader(json).onlyCase()
    switch name {
    case "done": self = .done
    case "exited": self = .exited(code: try content.small("code"))
    case "joined": self = .joined(pid: try content.small("pid"))
    case "notRunning": self = .notRunning
    case "failed": self = .failed(try ShimFailure(content))
    default: throw JSONError.mismatch(path: name, expected: "a known reply")
    }
  }
}

extension ShimFailure {
  fileprivate var members: [(String, JSONValue)] {
    var members: [(String, JSONValue)] = [("stage", .string(stage))]
    if let errno { members.append(("errno", JSONValue(errno))) }
    return members + [("message", .string(message)), ("exitCode", JSONValue(exitCode))]
  }

  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init(
      stage: try record.string("stage"),
      errno: record.has("errno") ? try record.small("errno") : nil,
      message: try record.string("message"), exitCode: try record.small("exitCode"))
  }
}
