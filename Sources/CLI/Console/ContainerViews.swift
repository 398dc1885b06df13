// Containers as `ps` shows them: table and JSON, in the reference's shapes (C102, C103).

package import Blueprint
import Engine
import JSON
package import Store

/// The label by which the reference's scripts mark who runs a container; a column where one has it.
private let engineLabel = "com.docker.compose.engine"

package func psTable(_ rows: [ContainerRecord], now: Timestamp, full: Bool) -> String {
  let hasEngine = rows.contains { $0.blueprint.labels[engineLabel] != nil }
  let headings = ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"]
  var table = Table(headings + (hasEngine ? ["ENGINE"] : []))
  for row in rows {
    let engine = row.blueprint.labels[engineLabel] ?? ""
    table.rows.append(
      [
        row.name, row.blueprint.image.reference, commandText(row.blueprint, full: full),
        row.service, "\(age(row.blueprint.createdAt, now)) ago", statusText(row, now: now),
        portsText(row),
      ] + (hasEngine ? [engine] : []))
  }
  return table.text
}

package func psListing(_ rows: [ContainerRecord], now: Timestamp, full: Bool) -> RowListing {
  RowListing(
    rows.map { json($0, now: now, full: full) },
    fields: [
      "Command", "CreatedAt", "Engine", "ExitCode", "Health", "ID", "Image", "Labels",
      "LocalVolumes", "Mounts", "Name", "Names", "Networks", "OOMKilled", "Ports", "Project",
      "Publishers", "RunningFor", "Service", "Size", "State", "Status",
    ],
    headings: ["ID": "CONTAINER ID", "RunningFor": "CREATED", "OOMKilled": "OOM KILLED"],
    labels: rows.map(\.blueprint.labels))
}

private func json(_ row: ContainerRecord, now: Timestamp, full: Bool) -> JSONValue {
  let blueprint = row.blueprint
  let volumes = blueprint.mounts.compactMap(\.volumeName)
  let mounts = blueprint.mounts.compactMap { step -> String? in
    switch step {
    case .volume(let name, _, _, _, _, _, _): name
    case .bind(let source, _, _, _, _, _, _): source.text
    case .image(let id, _, _, _): id
    case .tmpfs: nil
    }
  }
  return [
    "Command": .string(commandText(blueprint, full: full)),
    "CreatedAt": .string(dateText(blueprint.createdAt)),
    "Engine": .string(blueprint.labels[engineLabel] ?? ""),
    "ExitCode": JSONValue(row.state.exitCode ?? 0),
    "Health": .string(row.state.health?.status.rawValue ?? ""),
    "ID": .string(full ? row.id : blueprint.shortID),
    "Image": .string(blueprint.image.reference),
    "Labels": .string(labelsText(blueprint.labels)),
    "LocalVolumes": .string("\(volumes.count)"),
    "Mounts": .string(
      mounts.map { full ? $0 : shortened($0, to: 15) }.joined(separator: ",")),
    "Name": .string(row.name),
    "Names": .string(row.name),
    "Networks": .string(blueprint.network.endpoints.map(\.network).joined(separator: ",")),
    "OOMKilled": .bool(row.state.oomKilled),
    "Ports": .string(portsText(row)),
    "Project": .string(row.project),
    "Publishers": .array(publishers(row)),
    "RunningFor": .string("\(age(blueprint.createdAt, now)) ago"),
    "Service": .string(row.service),
    "Size": "0B",
    "State": .string(row.state.status.rawValue),
    "Status": .string(statusText(row, now: now)),
  ]
}

private func publishers(_ row: ContainerRecord) -> [JSONValue] {
  guard row.isSupervised else { return [] }
  let published = row.blueprint.network.ports.flatMap(\.byFamily).map { port in
    publisher(port.hostAddress, port.containerPort, port.hostPort, port.transport.rawValue)
  }
  return published
    + row.exposedOnly.map { publisher("", $0.port, 0, $0.transport) }
}

private func publisher(
  _ address: String, _ target: UInt16, _ published: UInt16, _ transport: String
) -> JSONValue {
  [
    "URL": .string(address), "TargetPort": JSONValue(target),
    "PublishedPort": JSONValue(published), "Protocol": .string(transport),
  ]
}

extension ContainerRecord {
  /// Ports that a container is said to listen on and that are published nowhere: `80/tcp`. None on the
  /// host's network, where all are open.
  fileprivate var exposedOnly: [(port: UInt16, transport: String)] {
    let network = blueprint.network
    if case .bridge = network.mode {} else { return [] }
    return blueprint.exposes.compactMap { text in
      let parts = text.split(separator: "/")
      guard let first = parts.first, let port = UInt16(first) else { return nil }
      let transport = parts.count > 1 ? String(parts[1]) : "tcp"
      let isPublished = network.ports.contains {
        $0.containerPort == port && $0.transport.rawValue == transport
      }
      return isPublished ? nil : (port, transport)
    }.sorted { ($0.transport, $0.port) < ($1.transport, $1.port) }
  }
}

/// The command in double quotes, cut to twenty characters.
func commandText(_ blueprint: ContainerBlueprint, full: Bool) -> String {
  let text = blueprint.process.arguments.map(\.text).joined(separator: " ")
  return "\"\(full ? text : shortened(text, to: 20))\""
}

private func age(_ time: Timestamp, _ now: Timestamp) -> String {
  humanDuration(seconds: (now.nanoseconds - time.nanoseconds) / 1_000_000_000)
}

/// `Up 2 minutes (healthy)`, `Exited (0) 3 seconds ago`, `Restarting (1) 2 seconds ago`.
package func statusText(_ row: ContainerRecord, now: Timestamp) -> String {
  let state = row.state
  let ended = state.finishedAt.map { " \(age($0, now)) ago" } ?? ""
  switch state.status {
  case .created: return "Created"
  case .running, .paused:
    let up = "Up \(age(state.startedAt ?? now, now))"
    if state.status == .paused { return up + " (Paused)" }
    return switch state.health?.status {
    case .starting: up + " (health: starting)"
    case .healthy: up + " (healthy)"
    case .unhealthy: up + " (unhealthy)"
    case nil: up
    }
  case .restarting: return "Restarting (\(state.exitCode ?? 0))\(ended)"
  case .exited: return "Exited (\(state.exitCode ?? 0))\(ended)"
  case .dead: return "Dead (its supervisor was lost)"
  }
}

extension PublishedPort {
  /// One that is published everywhere stands for both families.
  fileprivate var byFamily: [PublishedPort] {
    guard hostAddress.isEmpty else { return [self] }
    return ["0.0.0.0", "::"].map { address in
      var port = self
      port.hostAddress = address
      return port
    }
  }
}

/// `0.0.0.0:8080->80/tcp, [::]:8080->80/tcp`; ranges of neighbours are joined.
package func portsText(_ row: ContainerRecord) -> String {
  guard row.isSupervised else { return "" }
  let ports = row.blueprint.network.ports.flatMap(\.byFamily).sorted {
    ($0.hostAddress, $0.transport.rawValue, $0.hostPort)
      < ($1.hostAddress, $1.transport.rawValue, $1.hostPort)
  }
  var ranges: [(first: PublishedPort, last: PublishedPort)] = []
  for port in ports {
    if let last = ranges.last?.last, last.hostAddress == port.hostAddress,
      last.transport == port.transport, UInt32(last.hostPort) + 1 == UInt32(port.hostPort),
      UInt32(last.containerPort) + 1 == UInt32(port.containerPort)
    {
      ranges[ranges.count - 1].last = port
    } else {
      ranges.append((port, port))
    }
  }
  let published = ranges.map { range in
    let host = span(range.first.hostPort, range.last.hostPort)
    let target = span(range.first.containerPort, range.last.containerPort)
    let address = range.first.hostAddress
    let place = address.contains(":") ? "[\(address)]" : address
    return "\(place):\(host)->\(target)/\(range.first.transport.rawValue)"
  }
  return (published + exposedText(row.exposedOnly)).joined(separator: ", ")
}

/// `80/tcp`, `8000-8002/tcp`.
private func exposedText(_ ports: [(port: UInt16, transport: String)]) -> [String] {
  var ranges: [(first: UInt16, last: UInt16, transport: String)] = []
  for port in ports {
    if let last = ranges.last, last.transport == port.transport,
      UInt32(last.last) + 1 == UInt32(port.port)
    {
      ranges[ranges.count - 1].last = port.port
    } else {
      ranges.append((port.port, port.port, port.transport))
    }
  }
  return ranges.map { "\(span($0.first, $0.last))/\($0.transport)" }
}

private func span(_ first: UInt16, _ last: UInt16) -> String {
  first == last ? "\(first)" : "\(first)-\(last)"
}
