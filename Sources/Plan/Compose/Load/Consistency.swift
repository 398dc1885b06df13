// What must fit together across services and resources (reference S115 to S119, S96).

import Diagnostics

struct Consistency {
  let root: Node
  let enabled: Set<String>
  let findings: Findings

  private var services: [Fields.Entry] { root["services"]?.map?.entries ?? [] }

  func check() {
    // A file is missing: what is undefined may stand there.
    guard !findings.isIncomplete, !findings.lacksVariables else { return }
    for service in services where enabled.contains(service.key) && service.node.map != nil {
      // What it extends could not be found: what it lacks is not its own fault.
      guard service.node["extends"] == nil, !findings.lacking.contains(service.key) else {
        continue
      }
      image(service)
      build(service)
      networks(service)
      health(service)
      dependencies(service)
      grants(service)
      mounts(service)
      mountTargets(service)
      scale(service)
      limits(service)
      watch(service)
    }
    secrets()
    containerNames()
    cycles()
  }

  /// A replica is an address and a process at least; more than this is no wish but a slip.
  private static let mostReplicas = 10_000

  private func add(
    _ kind: FaultKind, _ text: String, _ origin: Origin, hint: @autoclosure () -> String? = nil
  ) {
    guard !findings.isFull else { return }
    findings.add(Fault(kind, text, at: origin, hint: hint()))
  }

  private func image(_ service: Fields.Entry) {
    let node = service.node
    guard node["image"] == nil || node["image"]?.string?.isEmpty == true, node["build"] == nil,
      node["provider"] == nil
    else { return }
    // A key that is mistyped is told already.
    let isMistyped = (node.map?.entries ?? []).contains { entry in
      Tables.service[entry.key] == nil && !entry.key.hasPrefix("x-")
        && nearest(to: entry.key, among: ["image", "build"]) != nil
    }
    guard !isMistyped else { return }
    if let image = node["image"] {
      return add(
        .missingImage, "the image of service `\(service.key)` is empty", image.origin,
        hint: "set its variable, or give a default: `${NAME:-…}`")
    }
    add(
      .missingImage, "service `\(service.key)` has neither an image nor a build context",
      service.keyOrigin,
      hint: meantService(service.key) ?? "add `image:` or `build:`")
  }

  /// The service that an override may be meant for.
  private func meantService(_ name: String) -> String? {
    let others = services.lazy.filter { $0.node["image"] != nil || $0.node["build"] != nil }
    return suggestion(name, others.map(\.key))
  }

  private func build(_ service: Fields.Entry) {
    guard let build = service.node["build"] else { return }
    if let inline = build["dockerfile_inline"], inline.string?.isEmpty == false,
      build["dockerfile"]?.string?.isEmpty == false
    {
      add(
        .conflict,
        "service `\(service.key)` has both `dockerfile` and `dockerfile_inline`", inline.origin,
        hint: "keep one of them")
    }
    if let platform = service.node["platform"]?.string, !platform.isEmpty,
      let platforms = build["platforms"]?.list, !platforms.isEmpty,
      !platforms.contains(where: { $0.string == platform })
    {
      add(
        .conflict, "`platform` of service `\(service.key)` is not among its `build.platforms`",
        service.node["platform"]?.origin ?? service.keyOrigin)
    }
    for context in build["additional_contexts"]?.map?.entries ?? [] {
      guard let text = context.node.string, text.hasPrefix("service:") else { continue }
      let name = String(text.dropFirst("service:".count))
      if root["services"]?[name]?["build"] == nil || !enabled.contains(name) {
        add(
          .undefinedReference,
          "service `\(service.key)` builds from `\(name)`, which "
            + (root["services"]?[name]?["build"] == nil ? "has no `build`" : "is disabled"),
          context.node.origin, hint: suggestion(name, services.map(\.key)))
      }
    }
  }

  private func networks(_ service: Fields.Entry) {
    let attached = service.node["networks"]?.map?.entries ?? []
    if let mode = service.node["network_mode"], !(mode.string ?? "").isEmpty, !attached.isEmpty {
      add(
        .conflict, "service `\(service.key)` has both `network_mode` and `networks`", mode.origin,
        hint: "keep one of them")
    }
    for network in attached { defined(network.key, "networks", service, network.keyOrigin) }
    for model in service.node["models"]?.map?.entries ?? [] {
      defined(model.key, "models", service, model.keyOrigin)
    }
  }

  private func defined(
    _ name: String, _ kind: String, _ service: Fields.Entry, _ origin: Origin
  ) {
    guard root[kind]?.map?.entry(name) == nil else { return }
    add(
      .undefinedReference,
      "service `\(service.key)` refers to undefined \(kind.dropLast()) `\(name)`", origin,
      hint: suggestion(name, root[kind]?.map?.entries.map(\.key) ?? [])
        ?? "define it under `\(kind):` at the top level")
  }

  private func health(_ service: Fields.Entry) {
    guard let health = service.node["healthcheck"] else { return }
    if let test = health["test"], let first = test.list?.first?.string,
      !["NONE", "CMD", "CMD-SHELL"].contains(first)
    {
      add(
        .badValue, "`healthcheck.test` of service `\(service.key)` begins with `\(first)`",
        test.list?.first?.origin ?? test.origin,
        hint: "a list begins with `CMD`, `CMD-SHELL` or `NONE`")
    }
  }

  private func dependencies(_ service: Fields.Entry) {
    for dependency in service.node["depends_on"]?.map?.entries ?? [] {
      let isRequired = dependency.node["required"]?.bool != false
      guard let other = root["services"]?[dependency.key] else {
        add(
          .undefinedReference,
          "service `\(service.key)` depends on undefined service `\(dependency.key)`",
          dependency.keyOrigin,
          hint: suggestion(dependency.key, services.map(\.key).filter { $0 != service.key }))
        continue
      }
      guard isRequired, !enabled.contains(dependency.key) else { continue }
      let profiles = (other["profiles"]?.list ?? []).compactMap(\.text)
      add(
        .disabledDependency,
        "service `\(dependency.key)` is required by `\(service.key)` but is disabled",
        dependency.keyOrigin, hint: "enable it by `--profile \(profiles.first ?? "")`")
    }
  }

  private func grants(_ service: Fields.Entry) {
    for kind in ["configs", "secrets"] {
      for grant in service.node[kind]?.list ?? [] {
        guard let source = grant["source"]?.string, !source.isEmpty else {
          add(
            .undefinedReference, "a \(kind.dropLast()) of service `\(service.key)` has no `source`",
            grant.origin, hint: "name one that stands under `\(kind):` at the top level")
          continue
        }
        defined(source, kind, service, grant.origin)
      }
    }
    for grant in service.node["build"]?["secrets"]?.list ?? [] {
      guard let source = grant["source"]?.string else { continue }
      defined(source, "secrets", service, grant.origin)
    }
  }

  private func mounts(_ service: Fields.Entry) {
    for mount in service.node["volumes"]?.list ?? [] {
      guard mount["type"]?.string == "volume", let source = mount["source"]?.string,
        !source.isEmpty
      else { continue }
      defined(source, "volumes", service, mount.origin(of: "source"))
    }
  }

  /// What stands before the options of a tmpfs is its target.
  private func mountTargets(_ service: Fields.Entry) {
    let entries =
      (service.node["volumes"]?.list ?? []).map { ($0["target"]?.string, $0.origin(of: "target")) }
      + (service.node["tmpfs"]?.list ?? []).map { entry in
        (entry.text.map { String(pieces(of: $0, at: ":")[0]) }, entry.origin)
      }
    var seen: Set<String> = []
    for case (let target?, let origin) in entries
    where !target.isEmpty && !seen.insert(cleanPath(target)).inserted {
      add(
        .conflict, "service `\(service.key)` mounts two things at `\(target)`", origin,
        hint: "keep one of them")
    }
  }

  private func scale(_ service: Fields.Entry) {
    let scale = service.node["scale"]
    let replicas = service.node["deploy"]?["replicas"]
    if let a = scale?.int, let b = replicas?.int, a != b {
      add(
        .conflict,
        "service `\(service.key)` sets `scale` to \(a) and `deploy.replicas` to \(b)",
        scale?.origin ?? service.keyOrigin, hint: "keep one of them")
    }
    for node in [scale, replicas] {
      if let node, let number = node.int, number < 0 {
        add(
          .outOfRange, "service `\(service.key)` cannot have \(number) containers", node.origin)
      }
      if let node, let number = node.int, number > Self.mostReplicas {
        add(
          .outOfRange, "service `\(service.key)` cannot have \(number) containers", node.origin,
          hint: "at most \(Self.mostReplicas) can be asked for")
      }
    }
    let count = scale?.int ?? replicas?.int ?? 1
    if count > 1, let name = service.node["container_name"], !(name.string ?? "").isEmpty {
      add(
        .conflict,
        "service `\(service.key)` has \(count) containers but one `container_name`", name.origin,
        hint: "remove `container_name`")
    }
  }

  private func limits(_ service: Fields.Entry) {
    let resources = service.node["deploy"]?["resources"]
    let rows = [
      ("cpus", "limits", "cpus"), ("mem_limit", "limits", "memory"),
      ("pids_limit", "limits", "pids"), ("mem_reservation", "reservations", "memory"),
    ]
    for (key, group, name) in rows {
      guard let own = service.node[key], let number = own.text, Double(number) != 0,
        let others = resources?[group], others.map != nil
      else { continue }
      let other = others[name]
      guard other?.text != number else { continue }
      // Where one limit stands in `deploy`, all must.
      add(
        .conflict,
        other == nil
          ? "service `\(service.key)` sets `\(key)` beside `deploy.resources.\(group)`"
            + " without `\(name)`"
          : "service `\(service.key)` sets `\(key)` and `deploy.resources.\(group).\(name)`"
            + " differently",
        own.origin,
        hint: other == nil ? "move it to `deploy.resources.\(group).\(name)`" : "keep one of them")
    }
  }

  private func watch(_ service: Fields.Entry) {
    for rule in service.node["develop"]?["watch"]?.list ?? [] {
      let action = rule["action"]?.string ?? ""
      if action != "rebuild", action != "restart", rule["target"]?.string?.isEmpty ?? true {
        add(
          .missingKey, "a watch rule of service `\(service.key)` with `\(action)` has no `target`",
          rule.origin)
      }
    }
  }

  /// A driver is no place that a secret could come from here.
  private func secrets() {
    for secret in root["secrets"]?.map?.entries ?? [] where secret.node["external"]?.bool != true {
      let places = ["file", "environment"].compactMap { secret.node[$0]?.string }
      guard secret.node.map != nil, places.allSatisfy(\.isEmpty) else { continue }
      add(
        .missingKey,
        "`secrets.\(secret.key)` must have one of `file`, `environment`, "
          + "or `external: true`", secret.keyOrigin)
    }
  }

  private func containerNames() {
    var owners: [String: String] = [:]
    for service in services where enabled.contains(service.key) {
      guard let node = service.node["container_name"], let name = node.string, !name.isEmpty else {
        continue
      }
      if let owner = owners[name] {
        add(
          .conflict,
          "services `\(owner)` and `\(service.key)` have the same `container_name`: `\(name)`",
          node.origin)
      }
      owners[name] = service.key
    }
  }

  /// Depth first; the first cycle found is named in full.
  private func cycles() {
    var done: Set<String> = []
    for service in services where enabled.contains(service.key) {
      var trail: [String] = []
      var places: [String: Int] = [:]
      var stack: [(name: String, next: Int)] = [(service.key, 0)]
      while let (name, next) = stack.last {
        if next == 0 {
          places[name] = trail.count
          trail.append(name)
        }
        let edges = root["services"]?[name]?["depends_on"]?.map?.entries ?? []
        guard next < edges.count, !done.contains(name) else {
          done.insert(name)
          stack.removeLast()
          trail.removeLast()
          places[name] = nil
          continue
        }
        stack[stack.count - 1].next += 1
        let other = edges[next]
        if other.node["required"]?.bool == false, !enabled.contains(other.key) { continue }
        if let start = places[other.key] {
          let circle = (trail[start...] + [other.key]).joined(separator: " -> ")
          add(.cycle, "dependency cycle detected: \(circle)", other.keyOrigin)
          return
        }
        if !done.contains(other.key), root["services"]?[other.key] != nil {
          stack.append((other.key, 0))
        }
      }
    }
  }
}
