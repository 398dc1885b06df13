// What limits and kernel settings of one service must be to each other (reference A60 to A79).

struct SandboxRules {
  let service: Fields.Entry
  let findings: Findings

  private static let leastMemory = 6 << 20

  func check() {
    processors()
    memory()
    kernelSettings()
  }

  private func add(_ kind: FaultKind, _ text: String, _ node: Node, hint: String? = nil) {
    let place = node.origin.line > 0 ? node.origin : service.keyOrigin
    findings.add(Fault(kind, "service `\(service.key)` \(text)", at: place, hint: hint))
  }

  /// What is set, and not to nothing.
  private func number(_ node: Node?) -> (node: Node, value: Int)? {
    guard let node, let value = node.text.flatMap({ Int($0) }), value != 0 else { return nil }
    return (node, value)
  }

  private func deployed(_ group: String, _ name: String) -> Node? {
    service.node["deploy"]?["resources"]?[group]?[name]
  }

  private func processors() {
    guard let cpus = service.node["cpus"] ?? deployed("limits", "cpus"),
      let count = cpus.text.flatMap({ Double($0) }), count != 0
    else { return }
    for key in ["cpu_period", "cpu_quota"] {
      guard let other = number(service.node[key]) else { continue }
      add(
        .conflict, "sets both `cpus` and `\(key)`", other.node,
        hint: "keep `cpus`, or the pair `cpu_period` and `cpu_quota`")
    }
  }

  private func memory() {
    let limit = number(service.node["mem_limit"]) ?? number(deployed("limits", "memory"))
    let reservation =
      number(service.node["mem_reservation"]) ?? number(deployed("reservations", "memory"))
    for (name, value) in [("limit", limit), ("reservation", reservation)] {
      guard let value, value.value < Self.leastMemory else { continue }
      add(
        .outOfRange, "has a memory \(name) of \(value.value) bytes", value.node,
        hint: "the least is 6 MiB")
    }
    if let limit, let reservation, reservation.value > limit.value {
      add(
        .conflict, "reserves more memory (\(reservation.value)) than its limit (\(limit.value))",
        reservation.node)
    }
    guard let swap = number(service.node["memswap_limit"]) else { return }
    guard let limit else {
      if swap.value != -1 {
        add(
          .conflict, "sets `memswap_limit` without `mem_limit`", swap.node,
          hint: "`memswap_limit` is memory and swap together; set `mem_limit` too")
      }
      return
    }
    if swap.value < -1 {
      add(.outOfRange, "has a `memswap_limit` below -1, which is without limit", swap.node)
    } else if swap.value >= 0, swap.value < limit.value {
      add(
        .conflict, "has a `memswap_limit` (\(swap.value)) below its `mem_limit` (\(limit.value))",
        swap.node, hint: "`memswap_limit` is memory and swap together")
    }
  }

  private func kernelSettings() {
    for entry in service.node["sysctls"]?.map?.entries ?? [] {
      guard let reason = reason(against: entry.key) else { continue }
      add(
        .unsupported, "cannot set `\(entry.key)`: \(reason)",
        Node(.null, entry.keyOrigin.line > 0 ? entry.keyOrigin : entry.node.origin))
    }
  }

  private func reason(against name: String) -> String? {
    // With slashes between, parts may have dots in them.
    let dotted = String(name.map { $0 == "/" ? "." : $0 })
    if dotted.hasPrefix("net.") {
      return isHost("network_mode") ? "the network is the host's" : nil
    }
    let ofMessages =
      dotted.hasPrefix("kernel.msg") || dotted.hasPrefix("kernel.shm") || dotted == "kernel.sem"
      || dotted.hasPrefix("fs.mqueue.")
    if ofMessages { return isHost("ipc") ? "the ipc namespace is the host's" : nil }
    if dotted == "kernel.domainname" {
      return isHost("uts") ? "the host name is the host's" : nil
    }
    return "it is not the container's own: setting it would change the host"
  }

  private func isHost(_ key: String) -> Bool { service.node[key]?.text == "host" }
}
