// What containers use and which processes they have, as `stats` and `top` show them.

package import Blueprint
package import Engine
import JSON
import Store

/// As ps(1) lists them on the host, one table for all containers; nothing for no process.
package func topTable(_ containers: [ContainerProcesses], now: Timestamp) -> String {
  var table = Table(
    ["SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"], narrowest: 4,
    gap: 2)
  for container in containers {
    for row in container.rows {
      table.rows.append([
        container.record.service, "\(container.record.number)", row.user, "\(row.pid)",
        "\(row.parent)", "\(row.share)", startText(row.startedAt, now), row.terminal,
        clockText(row.cpuSeconds), row.command,
      ])
    }
  }
  return table.rows.isEmpty ? "" : table.text
}

private func clockText(_ seconds: UInt64) -> String {
  [seconds / 3600, seconds / 60 % 60, seconds % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
    .joined(separator: ":")
}

/// One line of `stats`.
package struct UsageRow: Sendable {
  private let record: ContainerRecord
  private let usage: ResourceUsage?
  /// In percent of one processor.
  private let processor: Double

  /// - Parameter earlier: the same container a while before.
  package init(_ now: ContainerUsage, since earlier: ContainerUsage?) {
    record = now.record
    usage = now.usage
    guard let usage = now.usage, let before = earlier?.usage,
      let elapsed = earlier.map({ now.countedAt - $0.countedAt }), elapsed > 0,
      usage.cpuNanoseconds >= before.cpuNanoseconds
    else {
      processor = 0
      return
    }
    processor = Double(usage.cpuNanoseconds - before.cpuNanoseconds) / Double(elapsed) * 100
  }

  private var memoryShare: Double {
    guard let usage, usage.memoryLimit > 0 else { return 0 }
    return Double(usage.memory) / Double(usage.memoryLimit) * 100
  }

  fileprivate func cells(full: Bool) -> [String] {
    let id = full ? record.id : record.blueprint.shortID
    guard let usage else { return [id, record.name] + Array(repeating: "--", count: 6) }
    return [
      id, record.name, percentText(processor),
      "\(binarySize(usage.memory)) / \(binarySize(usage.memoryLimit))", percentText(memoryShare),
      "\(humanSize(usage.received)) / \(humanSize(usage.sent))",
      "\(humanSize(usage.read)) / \(humanSize(usage.written))", "\(usage.processes)",
    ]
  }
}

package func usageTable(_ rows: [UsageRow], full: Bool) -> String {
  var table = Table([
    "CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS",
  ])
  table.rows = rows.map { $0.cells(full: full) }
  return table.text
}

package func usageListing(_ rows: [UsageRow], full: Bool) -> RowListing {
  RowListing(
    rows.map { row in
      let cells = row.cells(full: full)
      return [
        "BlockIO": .string(cells[6]), "CPUPerc": .string(cells[2]), "Container": .string(cells[0]),
        "ID": .string(cells[0]), "MemPerc": .string(cells[4]), "MemUsage": .string(cells[3]),
        "Name": .string(cells[1]), "NetIO": .string(cells[5]), "PIDs": .string(cells[7]),
      ]
    },
    fields: [
      "BlockIO", "CPUPerc", "Container", "ID", "MemPerc", "MemUsage", "Name", "NetIO", "PIDs",
    ],
    headings: [
      "ID": "CONTAINER ID", "CPUPerc": "CPU %", "MemUsage": "MEM USAGE / LIMIT",
      "MemPerc": "MEM %", "NetIO": "NET I/O", "BlockIO": "BLOCK I/O", "PIDs": "PIDS",
    ])
}

private func percentText(_ value: Double) -> String { fixed(value, 2) + "%" }
