// What berth takes of the disk, as `du` shows it.

package import Blueprint
package import Engine
import JSON
import Store

package func usageTable(_ usage: StockUsage) -> String {
  var table = Table(["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"])
  for kind in usage.kinds {
    table.rows.append([
      kind.name, "\(kind.total)", "\(kind.active)", humanSize(kind.size), reclaimableText(kind),
    ])
  }
  return table.text
}

/// With the reference's keys, and the bytes beside them.
package func usageListing(_ usage: StockUsage) -> RowListing {
  RowListing(
    usage.kinds.map { kind in
      [
        "Active": .string("\(kind.active)"), "Reclaimable": .string(reclaimableText(kind)),
        "ReclaimableBytes": JSONValue(kind.reclaimable), "Size": .string(humanSize(kind.size)),
        "SizeBytes": JSONValue(kind.size), "TotalCount": .string("\(kind.total)"),
        "Type": .string(kind.name),
      ]
    },
    fields: [
      "Active", "Reclaimable", "ReclaimableBytes", "Size", "SizeBytes", "TotalCount", "Type",
    ], headings: ["TotalCount": "TOTAL"])
}

private func reclaimableText(_ kind: StockUsage.Kind) -> String {
  let size = humanSize(kind.reclaimable)
  guard kind.total > 0, kind.size > 0 else { return size }
  return "\(size) (\(kind.reclaimable / max(1, kind.size / 100))%)"
}

/// Every image, container and volume with its part.
package func usageDetails(_ usage: StockUsage, now: Timestamp) -> String {
  "Images space usage:\n\n" + imageTable(usage.images, now)
    + "\nContainers space usage:\n\n" + containerTable(usage.containers, now)
    + "\nLocal Volumes space usage:\n\n" + volumeTable(usage.volumes)
}

private func imageTable(_ rows: [StockUsage.Image], _ now: Timestamp) -> String {
  var table = Table([
    "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS",
  ])
  for row in rows {
    let name = row.image.tags.first ?? row.image.digests.first
    table.rows.append([
      name?.repository ?? "<none>", name?.tag ?? "<none>", shownID(row.image.id, full: false),
      ageText(row.image.created, now), humanSize(row.size), humanSize(row.shared),
      humanSize(row.size - min(row.size, row.shared)), "\(row.containers)",
    ])
  }
  return table.text
}

private func containerTable(_ rows: [StockUsage.Container], _ now: Timestamp) -> String {
  var table = Table([
    "CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES",
  ])
  for row in rows {
    let blueprint = row.record.blueprint
    let created = now.nanoseconds - blueprint.createdAt.nanoseconds
    table.rows.append([
      blueprint.shortID, blueprint.image.reference, commandText(blueprint, full: false),
      "\(row.volumes)", humanSize(row.size),
      humanDuration(seconds: created / 1_000_000_000) + " ago",
      statusText(row.record, now: now), row.record.name,
    ])
  }
  return table.text
}

private func volumeTable(_ rows: [StockUsage.Volume]) -> String {
  var table = Table(["VOLUME NAME", "LINKS", "SIZE"])
  for row in rows { table.rows.append([row.name, "\(row.containers)", humanSize(row.size)]) }
  return table.text
}
