// One file of the Container Device Interface, JSON or YAML, to its value.

import JSON
import YAML

extension DeviceFile {
  static let mostBytes = 4 << 20

  init(_ bytes: [UInt8], path: String) throws(DeviceInterfaceError) {
    let reader = DeviceFileReader(file: path)
    let value = path.hasSuffix(".json") ? try reader.json(bytes) : try reader.yaml(bytes)
    self = try reader.file(value)
  }
}

private struct DeviceFileReader {
  let file: String

  private func wrong(_ place: String, _ reason: String) -> DeviceInterfaceError {
    DeviceInterfaceError(file: file, place: place, reason: reason)
  }

  func json(_ bytes: [UInt8]) throws(DeviceInterfaceError) -> JSONValue {
    do throws(JSONError) {
      return try JSONValue(parsing: bytes)
    } catch {
      throw wrong("", "\(error)")
    }
  }

  func yaml(_ bytes: [UInt8]) throws(DeviceInterfaceError) -> JSONValue {
    let text = readYAML(bytes)
    if let fault = text.faults.first {
      throw wrong("", "\(fault.summary) at line \(fault.mark.line)")
    }
    guard text.documents.count == 1, let document = text.documents.first else {
      throw wrong("", "it is not one document")
    }
    return value(document)
  }

  /// The parser has bounded the depth.
  private func value(_ node: YAMLNode) -> JSONValue {
    switch node.content {
    case .sequence(let items): return .array(items.map(value))
    case .mapping(let entries):
      return .object(JSONObject(entries.map { ($0.key.text, value($0.value)) }))
    case .scalar(let scalar):
      guard scalar.isPlain else { return .string(scalar.text) }
      switch scalar.text {
      case "", "~", "null": return .null
      case "true": return .bool(true)
      case "false": return .bool(false)
      default:
        if let number = Int64(scalar.text) { return .number(JSONNumber(number)) }
        if scalar.text.hasPrefix("0o"), let number = Int64(scalar.text.dropFirst(2), radix: 8) {
          return .number(JSONNumber(number))
        }
        return .string(scalar.text)
      }
    }
  }

  func file(_ value: JSONValue) throws(DeviceInterfaceError) -> DeviceFile {
    guard value.object != nil else { throw wrong("", "it is no mapping") }
    guard let version = value["cdiVersion"]?.string,
      version.hasPrefix("0.") || version.hasPrefix("1.")
    else { throw wrong("cdiVersion", "it is none that is known: 0.x or 1.x") }
    guard let kind = value["kind"]?.string, kind.split(separator: "/").count == 2 else {
      throw wrong("kind", "it is not `vendor/class`")
    }
    var devices: [DeviceFile.Device] = []
    for (index, item) in try list(value["devices"], "devices").enumerated() {
      let place = "devices[\(index)]"
      // Names may look like numbers in YAML.
      guard let name = item["name"]?.string ?? item["name"]?.number?.text, !name.isEmpty else {
        throw wrong(place + ".name", "it is missing")
      }
      devices.append(
        DeviceFile.Device(
          name: name, edits: try edits(item["containerEdits"], place + ".containerEdits")))
    }
    return DeviceFile(
      path: file, kind: kind, edits: try edits(value["containerEdits"], "containerEdits"),
      devices: devices)
  }

  private func edits(_ value: JSONValue?, _ place: String) throws(DeviceInterfaceError)
    -> DeviceEdits
  {
    var edits = DeviceEdits()
    guard let value, !value.isNull else { return edits }
    for entry in try list(value["env"], place + ".env") {
      guard let text = entry.string, text.contains("="), !text.hasPrefix("="),
        !text.utf8.contains(0)
      else { throw wrong(place + ".env", "it is no list of `NAME=value`") }
      edits.environment.append(text)
    }
    for (index, item) in try list(value["deviceNodes"], place + ".deviceNodes").enumerated() {
      edits.nodes.append(try node(item, place + ".deviceNodes[\(index)]"))
    }
    for (index, item) in try list(value["mounts"], place + ".mounts").enumerated() {
      edits.mounts.append(try mount(item, place + ".mounts[\(index)]"))
    }
    for item in try list(value["additionalGids"], place + ".additionalGids") {
      guard let group = item.number?.integer(UInt32.self) else {
        throw wrong(place + ".additionalGids", "it is no list of numbers")
      }
      // The root group is everybody's who may not have it.
      if group != 0 { edits.groups.append(group) }
    }
    for (key, what) in [
      ("hooks", "hooks on the host"), ("intelRdt", "classes of Intel RDT"),
      ("netDevices", "network devices"),
    ] {
      guard let asked = value[key], !asked.isNull, asked != .array([]) else { continue }
      edits.unsupported = edits.unsupported ?? what
    }
    return edits
  }

  private func node(_ value: JSONValue, _ place: String) throws(DeviceInterfaceError)
    -> DeviceEdits.Node
  {
    let path = try absolute(value["path"], place + ".path")
    let permissions = value["permissions"]?.string ?? ""
    guard permissions.allSatisfy("rwm".contains) else {
      throw wrong(place + ".permissions", "they are not of `rwm`")
    }
    if let type = value["type"]?.string, !["", "b", "c", "u"].contains(type) {
      throw wrong(place + ".type", "berth makes nodes of devices alone, not `\(type)`")
    }
    let source = value["hostPath"]?.string ?? ""
    return DeviceEdits.Node(
      path: path, source: source.isEmpty ? path : source,
      permissions: permissions.isEmpty ? "rwm" : permissions,
      mode: try number(value["fileMode"], place + ".fileMode"),
      user: try number(value["uid"], place + ".uid"),
      group: try number(value["gid"], place + ".gid"))
  }

  private func mount(_ value: JSONValue, _ place: String) throws(DeviceInterfaceError)
    -> DeviceEdits.Mount
  {
    if let type = value["type"]?.string, !["", "bind", "none"].contains(type) {
      throw wrong(place + ".type", "berth binds alone, not `\(type)`")
    }
    var options: [String] = []
    for item in try list(value["options"], place + ".options") {
      options.append(item.string ?? "")
    }
    return DeviceEdits.Mount(
      source: try absolute(value["hostPath"], place + ".hostPath"),
      target: try absolute(value["containerPath"], place + ".containerPath"),
      isReadOnly: options.contains("ro"))
  }

  private func absolute(_ value: JSONValue?, _ place: String) throws(DeviceInterfaceError)
    -> String
  {
    guard let path = value?.string, path.hasPrefix("/"), !path.utf8.contains(0),
      !path.split(separator: "/").contains("..")
    else { throw wrong(place, "it is no absolute path") }
    return path
  }

  private func number(_ value: JSONValue?, _ place: String) throws(DeviceInterfaceError)
    -> UInt32?
  {
    guard let value, !value.isNull else { return nil }
    guard let number = value.number?.integer(UInt32.self) else {
      throw wrong(place, "it is no number")
    }
    return number
  }

  private func list(_ value: JSONValue?, _ place: String) throws(DeviceInterfaceError)
    -> [JSONValue]
  {
    guard let value, !value.isNull else { return [] }
    guard let items = value.array else { throw wrong(place, "it is no list") }
    return items
  }
}
