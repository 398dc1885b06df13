// What `up` asks of mounts and of the options of volumes, beyond what the tables can say.

import Diagnostics

/// Why a mount in long form cannot be made; nil when it can.
private func mountReason(_ mount: Node) -> String? {
  let type = mount["type"]?.text ?? ""
  if mount["x-berth"]?["bind_owner"] != nil, type != "bind" {
    return "has `bind_owner`, which is for a `bind` only"
  }
  if mount["bind"]?["recursive"]?.text == "readonly" {
    if mount["read_only"]?.bool != true {
      return "has `bind.recursive: readonly`, which needs `read_only: true`"
    }
    let propagation = mount["bind"]?["propagation"]?.text ?? ""
    if !["", "rprivate"].contains(propagation) {
      return "has `bind.recursive: readonly`, which needs the propagation `rprivate`"
    }
  }
  for (key, kind) in [("volume", "volume"), ("image", "image")] {
    guard let subpath = mount[key]?["subpath"]?.text, !subpath.isEmpty else { continue }
    if type != kind { return "has `\(key).subpath` but is no \(kind)" }
    if isAbsolute(subpath) || pieces(of: subpath, at: "/").contains("..") {
      return "has the `subpath` `\(subpath)`, which is not below its source"
    }
  }
  return nil
}

@Sendable func storageReason(_ options: Node) -> String? {
  for entry in options.map?.entries ?? [] {
    guard entry.key == "size" else { return "knows `size` only, not `\(entry.key)`" }
    guard let bytes = entry.node.text.flatMap(parseBytes), bytes > 0 else {
      return "has no size in `size: \(entry.node.text ?? "")`"
    }
  }
  return nil
}

extension Project {
  /// Mounts whose options do not fit together.
  func mountFaults() -> [Fault] {
    (model["services"]?.map?.entries ?? []).flatMap { service in
      (service.node["volumes"]?.list ?? []).enumerated().compactMap { index, mount in
        mountReason(mount).map { reason in
          Fault(
            .unsupported, "`services.\(service.key).volumes.\(index)` \(reason)", at: mount.origin)
        }
      }
    }
  }

  /// What volumes of the driver `local` are told and it does not understand.
  func driverOptionFaults() -> [Fault] {
    var faults: [Fault] = []
    for volume in model["volumes"]?.map?.entries ?? [] {
      let driver = volume.node["driver"]?.text ?? ""
      guard let options = volume.node["driver_opts"], driver.isEmpty || driver == "local" else {
        continue
      }
      let before = faults.count
      for entry in options.map?.entries ?? [] {
        if let fault = fault(of: entry, volume.key) { faults.append(fault) }
      }
      if faults.count == before, let reason = lacking(options) {
        faults.append(
          Fault(
            .unsupported, "`volumes.\(volume.key).driver_opts` \(reason)",
            at: volume.node["driver_opts"]?.map?.entries.first?.keyOrigin ?? volume.keyOrigin))
      }
    }
    return faults
  }

  private func fault(of entry: Fields.Entry, _ volume: String) -> Fault? {
    let known = ["type", "o", "device", "size"]
    guard known.contains(entry.key) else {
      return Fault(
        .unsupported, "the driver `local` of volume `\(volume)` has no option `\(entry.key)`",
        at: entry.keyOrigin,
        hint: suggestion(entry.key, known) ?? "it has `type`, `o`, `device` and `size`")
    }
    guard entry.key == "size", (entry.node.text.flatMap(parseBytes) ?? 0) <= 0 else { return nil }
    return Fault(
      .unsupported, "volume `\(volume)` has no size in `size: \(entry.node.text ?? "")`",
      at: entry.node.origin)
  }

  private func lacking(_ options: Node) -> String? {
    func text(_ key: String) -> String { options[key]?.text ?? "" }
    let words = pieces(of: text("o"), at: ",")
    let isBind = words.contains("bind") || words.contains("rbind")
    let isMounted = !text("type").isEmpty || !text("o").isEmpty || !text("device").isEmpty
    if !text("size").isEmpty, isMounted {
      return "has both `size` and a file system of its own, whose size is its own affair"
    }
    guard isMounted else { return nil }
    if text("type").isEmpty, !isBind { return "has no `type`" }
    if text("device").isEmpty, text("type") != "tmpfs" || isBind { return "has no `device`" }
    return nil
  }
}
