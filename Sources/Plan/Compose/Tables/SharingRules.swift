// What `up` refuses of namespaces that are shared: words that name no namespace, and settings beside
// them that would be another container's to decide (reference A86 to A94, E152).

import Diagnostics

/// In the order of services.
func sharingFaults(_ model: Node) -> [Fault] {
  var faults: [Fault] = []
  for service in model["services"]?.map?.entries ?? [] {
    let rules = SharingRules(name: service.key, service: service.node, model: model)
    faults += rules.words() + rules.conflicts() + rules.partners()
  }
  return faults
}

/// The host's network publishes by itself: ports are left out, as the reference does.
func sharingWarnings(_ model: Node) -> [Fault] {
  (model["services"]?.map?.entries ?? []).compactMap { service in
    guard service.node["network_mode"]?.text == "host", let ports = service.node["ports"],
      UpRow.isSet(ports)
    else { return nil }
    let place = ports.list?.first?.origin ?? ports.origin
    return Fault(
      .noEffect, "`services.\(service.key).ports` has no effect with `network_mode: host`",
      at: place,
      hint: "remove it: what the program listens on is open on the host")
  }
}

private struct SharingRules {
  let name: String
  let service: Node
  let model: Node

  // MARK: - Words

  private static let ofContainers = "`service:NAME` or `container:NAME`"

  func words() -> [Fault] {
    let choices = Self.ofContainers
    return [
      word("pid", ["host"], "`host`, \(choices)") { NamespaceModes.Processes($0) != nil },
      word(
        "ipc", ["none", "private", "shareable", "host"],
        "`none`, `private`, `shareable`, `host`, \(choices)"
      ) { NamespaceModes.Interprocess($0) != nil },
      word("uts", ["host"], "`host`") { $0.isEmpty || $0 == "host" },
      // Without a colon it may be any network of this machine.
      word("network_mode", [], "`host`, `none`, `bridge`, a network's name, \(choices)") {
        !$0.contains(":") || ContainerChoice($0) != nil
      },
      word(
        "cgroup_parent", [], "a path of folders, without `..` and spaces, that is not `berth`"
      ) { cgroupFolders($0) != nil },
    ].compactMap { $0 }
  }

  private func word(
    _ key: String, _ words: [String], _ wanted: String, _ isKnown: (String) -> Bool
  ) -> Fault? {
    guard let node = service[key], let text = node.text, !isKnown(text) else { return nil }
    return Fault(
      .unsupported, "`services.\(name).\(key)` cannot be `\(text)` for `up`", at: node.origin,
      hint: suggestion(text, words) ?? "write \(wanted)")
  }

  // MARK: - Conflicts

  private static let ofNetwork = [
    "ports", "hostname", "domainname", "dns", "dns_search", "dns_opt", "extra_hosts",
    "mac_address", "links", "external_links",
  ]

  /// What is decided by the container that the network or host name is of.
  func conflicts() -> [Fault] {
    var faults: [Fault] = []
    if let mode = service["network_mode"]?.text, ContainerChoice(mode) != nil {
      for key in Self.ofNetwork where isSet(key) {
        faults.append(
          conflict(key, "network_mode: \(mode)", hint: "set it where the network is from"))
      }
    }
    if service["uts"]?.text == "host" {
      for key in ["hostname", "domainname"] where isSet(key) {
        faults.append(
          conflict(key, "uts: host", hint: "remove one of them: the host's name stays as it is"))
      }
    }
    return faults
  }

  private func isSet(_ key: String) -> Bool { service[key].map(UpRow.isSet) ?? false }

  private func conflict(_ key: String, _ other: String, hint: String) -> Fault {
    let node = service[key]
    let first = node?.list?.first?.origin ?? node?.map?.entries.first?.keyOrigin
    let place = [node?.origin, first].compactMap { $0 }.first { $0.line > 0 } ?? .none
    return Fault(
      .conflict, "service `\(name)` has both `\(key)` and `\(other)`", at: place, hint: hint)
  }

  // MARK: - Partners

  /// Only an ipc namespace that is offered can be joined.
  func partners() -> [Fault] {
    guard let node = service["ipc"], let text = node.text,
      case .shared(.service(let partner))? = NamespaceModes.Interprocess(text),
      let other = model["services"]?[partner],
      NamespaceModes.Interprocess(other["ipc"]?.text ?? "") != .shareable
    else { return [] }
    return [
      Fault(
        .unsupported,
        "service `\(name)` cannot share the ipc namespace of `\(partner)`, which keeps it to itself",
        at: node.origin, hint: "add `ipc: shareable` to `\(partner)`")
    ]
  }
}
