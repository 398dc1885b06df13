// `images`: one row for each container.

package import Blueprint
package import Engine
import JSON

package func imagesTable(_ rows: [ContainerImage], now: Timestamp) -> String {
  var table = Table(
    ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"], narrowest: 20)
  for row in rows {
    let created = row.created.flatMap { Timestamp(rfc3339: $0) }.map { time in
      humanDuration(seconds: (now.nanoseconds - time.nanoseconds) / 1_000_000_000) + " ago"
    }
    table.rows.append([
      row.container, row.repository, row.tag, row.platform, String(imageID(row.id).prefix(12)),
      humanSize(row.size), created ?? "N/A",
    ])
  }
  return table.text
}

package func imagesListing(_ rows: [ContainerImage]) -> RowListing {
  let items = rows.map { row -> JSONValue in
    var object: JSONObject = [
      "ID": .string(row.id), "ContainerName": .string(row.container),
      "Repository": .string(row.repository), "Tag": .string(row.tag),
      "Platform": .string(row.platform), "Size": JSONValue(row.size),
    ]
    object["Created"] = row.created.map { .string($0) }
    object["LastTagTime"] = .string(row.taggedAt.map(nanoText) ?? "0001-01-01T00:00:00Z")
    return .object(object)
  }
  return RowListing(
    items,
    fields: [
      "ID", "ContainerName", "Repository", "Tag", "Platform", "Size", "Created", "LastTagTime",
    ], headings: ["ID": "IMAGE ID", "ContainerName": "CONTAINER"])
}

/// An image id without its `sha256:`.
package func imageID(_ id: String) -> String {
  id.hasPrefix("sha256:") ? String(id.dropFirst(7)) : id
}
