// The image store as `images --all`, `history`, `rmi`, `prune` and `du` show it.

package import Blueprint
package import Engine
import JSON

package struct StockTableStyle: Sendable {
  package var showsDigests: Bool
  package var isFull: Bool

  package init(showsDigests: Bool, isFull: Bool) {
    self.showsDigests = showsDigests
    self.isFull = isFull
  }
}

/// One line of the table: an image by one of its names.
private struct StockRow {
  var image: StoredImage
  var repository = "<none>"
  var tag = "<none>"
  var digest = "<none>"
}

private func rows(_ images: [StoredImage], byDigest: Bool) -> [StockRow] {
  images.flatMap { image -> [StockRow] in
    var rows: [StockRow] = []
    for tag in image.tags {
      let row = StockRow(image: image, repository: tag.repository, tag: tag.tag ?? "<none>")
      let digests = image.digests.filter { $0.repository == tag.repository }.compactMap(\.digest)
      for digest in byDigest ? digests : [] {
        var copy = row
        copy.digest = digest
        rows.append(copy)
      }
      if !byDigest || digests.isEmpty { rows.append(row) }
    }
    let tagged = Set(image.tags.map(\.repository))
    var shown: Set<String> = []
    for name in image.digests where !tagged.contains(name.repository) {
      guard byDigest || shown.insert(name.repository).inserted else { continue }
      rows.append(
        StockRow(image: image, repository: name.repository, digest: name.digest ?? "<none>"))
    }
    return rows.isEmpty ? [StockRow(image: image)] : rows
  }
}

package func stockTable(_ images: [StoredImage], now: Timestamp, style: StockTableStyle) -> String {
  let digest = style.showsDigests ? ["DIGEST"] : []
  var table = Table(["REPOSITORY", "TAG"] + digest + ["IMAGE ID", "CREATED", "SIZE"])
  for row in rows(images, byDigest: style.showsDigests) {
    table.rows.append(
      [row.repository, row.tag] + (style.showsDigests ? [row.digest] : []) + [
        shownID(row.image.id, full: style.isFull), ageText(row.image.created, now),
        humanSize(row.image.size),
      ])
  }
  return table.text
}

/// With the reference's keys, and the size in bytes beside them.
package func stockListing(_ images: [StoredImage], now: Timestamp, style: StockTableStyle)
  -> RowListing
{
  RowListing(
    rows(images, byDigest: style.showsDigests).map { row in
      let created = row.image.created.flatMap { Timestamp(rfc3339: $0) }
      return [
        "Containers": "N/A", "CreatedAt": .string(created.map(dateText) ?? "N/A"),
        "CreatedSince": .string(ageText(row.image.created, now)), "Digest": .string(row.digest),
        "ID": .string(shownID(row.image.id, full: style.isFull)),
        "Platform": .string(row.image.platform), "Repository": .string(row.repository),
        "SharedSize": "N/A", "Size": .string(humanSize(row.image.size)),
        "SizeBytes": JSONValue(row.image.size), "Tag": .string(row.tag), "UniqueSize": "N/A",
      ]
    },
    fields: [
      "Containers", "CreatedAt", "CreatedSince", "Digest", "ID", "Platform", "Repository",
      "SharedSize", "Size", "SizeBytes", "Tag", "UniqueSize",
    ], headings: ["ID": "IMAGE ID", "CreatedSince": "CREATED"])
}

/// `sha256:…` whole, or twelve digits.
package func shownID(_ id: String, full: Bool) -> String {
  full ? id : String(imageID(id).prefix(12))
}

func ageText(_ created: String?, _ now: Timestamp) -> String {
  created.flatMap { Timestamp(rfc3339: $0) }.map { time in
    humanDuration(seconds: (now.nanoseconds - time.nanoseconds) / 1_000_000_000) + " ago"
  } ?? "N/A"
}

// MARK: - History

package func historyTable(_ steps: [ImageStep], now: Timestamp, full: Bool) -> String {
  var table = Table(["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"])
  for step in steps {
    let command = step.createdBy.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    table.rows.append([
      step.id.map { shownID($0, full: full) } ?? "<missing>", ageText(step.created, now),
      full ? command : shortened(command, to: 45), humanSize(step.size), step.comment,
    ])
  }
  return table.text
}

package func historyListing(_ steps: [ImageStep], now: Timestamp, full: Bool) -> RowListing {
  RowListing(
    steps.map { step in
      let created = step.created.flatMap { Timestamp(rfc3339: $0) }
      return [
        "Comment": .string(step.comment), "CreatedAt": .string(created?.rfc3339 ?? ""),
        "CreatedBy": .string(full ? step.createdBy : shortened(step.createdBy, to: 45)),
        "CreatedSince": .string(ageText(step.created, now)),
        "ID": .string(step.id.map { shownID($0, full: full) } ?? "<missing>"),
        "Size": .string(humanSize(step.size)), "SizeBytes": JSONValue(step.size),
      ]
    },
    fields: [
      "Comment", "CreatedAt", "CreatedBy", "CreatedSince", "ID", "Size", "SizeBytes",
    ], headings: ["ID": "IMAGE", "CreatedSince": "CREATED"])
}

/// The newest first; what is not known is said so.
package func historyIDs(_ steps: [ImageStep], full: Bool) -> String {
  steps.map { ($0.id.map { shownID($0, full: full) } ?? "<missing>") + "\n" }.joined()
}

// MARK: - Removal

/// `Untagged: busybox:latest`, as `rmi` says it.
package func changeLine(_ change: StockChange) -> String {
  switch change {
  case .untagged(let name): "Untagged: \(name)"
  case .deleted(let id): "Deleted: \(id)"
  }
}

package func pruningText(_ pruning: StockPruning) -> String {
  let lines = pruning.changes.map { change in
    switch change {
    case .untagged(let name): "untagged: \(name)"
    case .deleted(let id): "deleted: \(id)"
    }
  }
  let list = lines.isEmpty ? "" : "Deleted Images:\n" + lines.joined(separator: "\n") + "\n\n"
  return list + "Total reclaimed space: \(humanSize(pruning.freed))\n"
}

package func cachePruningText(_ pruning: BuildCachePruning) -> String {
  let list =
    pruning.ids.isEmpty
    ? "" : "Deleted build cache objects:\n" + pruning.ids.map { $0 + "\n" }.joined() + "\n"
  return list + "Total reclaimed space: \(humanSize(pruning.freed))\n"
}
