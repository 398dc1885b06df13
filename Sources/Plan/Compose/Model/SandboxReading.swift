// Limits and devices of a service, from the canonical tree to types.

import Diagnostics

extension ModelReader {
  func limits(_ node: Node) -> Limits {
    let limits = node["deploy"]?["resources"]?["limits"]
    let reservations = node["deploy"]?["resources"]?["reservations"]
    return Limits(
      cpus: number(node["cpus"]) ?? number(limits?["cpus"]),
      cpuShares: nonZero(node["cpu_shares"]), cpuPeriod: nonZero(node["cpu_period"]),
      cpuQuota: nonZero(node["cpu_quota"]), cpuSet: text(node, "cpuset"),
      realtimePeriod: nonZero(node["cpu_rt_period"]),
      realtimeRuntime: nonZero(node["cpu_rt_runtime"]),
      memory: size(node, "mem_limit") ?? size(limits, "memory"),
      memoryReservation: size(node, "mem_reservation") ?? size(reservations, "memory"),
      memoryAndSwap: size(node, "memswap_limit"),
      swappiness: node["mem_swappiness"]?.text.flatMap { Int($0) },
      isOutOfMemoryKillDisabled: flag(node, "oom_kill_disable"),
      blockWeight: nonZero(node["blkio_config"]?["weight"]), blockDevices: blockDevices(node),
      pids: nonZero(node["pids_limit"]) ?? nonZero(limits?["pids"]),
      shmSize: size(node, "shm_size"), oomScoreAdjustment: nonZero(node["oom_score_adj"]))
  }

  func ulimits(_ node: Node?) -> [Ulimit] {
    (node?.map?.entries ?? []).map { entry in
      let single = entry.node.int ?? 0
      return Ulimit(
        name: entry.key, soft: entry.node["soft"]?.int ?? single,
        hard: entry.node["hard"]?.int ?? single)
    }
  }

  private func blockDevices(_ node: Node) -> [BlockDeviceLimit] {
    BlockDeviceLimit.Kind.allCases.flatMap { kind in
      (node["blkio_config"]?[kind.rawValue]?.list ?? []).compactMap { item in
        let value = item[kind == .weight ? "weight" : "rate"]?.text.flatMap { Int($0) }
        guard let path = text(item, "path"), let value, value != 0 else { return nil }
        return BlockDeviceLimit(
          kind: kind, path: path, value: value, span: sources.span(item.origin(of: "path")))
      }
    }
  }

  func devices(_ node: Node) -> [DeviceGrant] {
    (node["devices"]?.list ?? []).map { item in
      let source = text(item, "source") ?? ""
      return DeviceGrant(
        source: source, target: text(item, "target") ?? source,
        permissions: text(item, "permissions") ?? "rwm",
        span: sources.span(item.origin(of: "source")))
    }
  }

  func deviceRequests(_ node: Node) -> [DeviceRequest] {
    let gpus = (node["gpus"]?.list ?? []).map { request($0, adding: ["gpu"]) }
    let reserved = node["deploy"]?["resources"]?["reservations"]?["devices"]?.list ?? []
    return gpus + reserved.map { request($0, adding: []) }
  }

  private func request(_ node: Node, adding more: [String]) -> DeviceRequest {
    let capabilities = texts(node["capabilities"])
    let ids = texts(node["device_ids"])
    return DeviceRequest(
      capabilities: capabilities + more.filter { !capabilities.contains($0) },
      driver: text(node, "driver") ?? "",
      count: ids.isEmpty ? node["count"]?.text.flatMap { Int($0) } ?? -1 : nil, ids: ids,
      span: sources.span(node.origin))
  }

  /// Where the attributes of a service stand.
  func places(_ node: Node) -> [String: SourceSpan] {
    var places: [String: SourceSpan] = [:]
    for entry in node.map?.entries ?? [] {
      let place = entry.keyOrigin.line > 0 ? entry.keyOrigin : entry.node.origin
      places[entry.key] = sources.span(place)
    }
    return places
  }
}
