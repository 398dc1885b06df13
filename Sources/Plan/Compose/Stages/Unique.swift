// Lists whose items have an identity: of items that are the same, the last one wins and stands at
// the place of the first (reference S59 to S65).

struct Uniqueness {
  let findings: Findings

  func apply(_ node: inout Node, _ shape: Shape) {
    switch shape {
    case .record(let record):
      guard case .map(var fields) = node.value else { return }
      node.value = .null
      fields.rewrite { entry in
        guard let attribute = record[entry.key] else { return true }
        if let identity = attribute.unique { dedupe(&entry.node, identity) }
        apply(&entry.node, attribute.shape)
        return true
      }
      node.value = .map(fields)
    case .map(let value, _):
      guard value.record != nil, case .map(var fields) = node.value else { return }
      node.value = .null
      fields.rewrite { entry in
        apply(&entry.node, value)
        return true
      }
      node.value = .map(fields)
    case .either(let shapes):
      guard node.map != nil, let shape = shapes.lazy.compactMap(\.mapShape).first else { return }
      apply(&node, shape)
    default: break
    }
  }

  private func dedupe(_ node: inout Node, _ identity: Identity) {
    guard case .list(let items) = node.value, !items.isEmpty else { return }
    var places: [String: Int] = [:]
    var kept: [Node] = []
    kept.reserveCapacity(items.count)
    for item in items {
      guard let key = key(item, identity) else {
        kept.append(item)
        continue
      }
      if let place = places[key] {
        var item = item
        if findings.keepsStories { item.story = item.told(on: kept[place], as: .overrode) }
        kept[place] = item
      } else {
        places[key] = kept.count
        kept.append(item)
      }
    }
    node.value = .list(kept)
  }

  /// nil when the item has no identity, which later stages then say.
  private func key(_ item: Node, _ identity: Identity) -> String? {
    switch identity {
    case .value: return item.text
    case .key: return item.text.map { String(pieces(of: $0, at: "=")[0]) }
    case .path: return item["path"]?.string ?? item.string
    case .mountTarget:
      if let text = item.string { return try? parseMount(text, item.origin)["target"]?.string }
      if item.map != nil, item["target"]?.string == nil, item["type"] != nil {
        findings.add(
          Fault(
            .missingKey, "a volume has no `target`", at: item.origin,
            hint: "say where it is mounted in the container"))
      }
      return item["target"]?.string.map(cleanPath)
    case .devicePath:
      if let text = item.string {
        let parts = pieces(of: text, at: ":")
        return String(parts.count > 1 ? parts[1] : parts[0])
      }
      return item["target"]?.string ?? item["source"]?.string
    case .port: return portKey(item)
    case .grant(let folder):
      return item.string.map { folder + $0 } ?? item["target"]?.string
        ?? item["source"]?.string.map { folder + $0 }
    }
  }

  private func portKey(_ item: Node) -> String? {
    guard item.map != nil else { return item.text }
    guard let target = item["target"]?.text else { return nil }
    let host = item["host_ip"]?.string ?? "0.0.0.0"
    return "\(host):\(item["published"]?.text ?? ""):\(target)/\(item["protocol"]?.string ?? "tcp")"
  }
}
