// Defaults, paths and names: what a file leaves out and the reference puts in (reference C58, S16,
// S112 to S114).

extension Assembly {
  func setDefaults(_ root: inout Node) {
    edit(&root, "services") { service in
      edit(&service.node, key: "build") { build in
        if build["context"] == nil { build["context"] = Node(".", .none) }
      }
      items(&service.node, "secrets") { grant in
        if let source = grant["source"]?.string, grant["target"] == nil {
          grant["target"] = Node("/run/secrets/" + source, grant.origin)
        }
      }
      items(&service.node, "ports") { port in
        if port["protocol"] == nil { port["protocol"] = Node("tcp", .none) }
        if port["mode"] == nil { port["mode"] = Node("ingress", .none) }
      }
      items(&service.node, "gpus", allDevices)
      edit(&service.node, key: "deploy") { deploy in
        edit(&deploy, key: "resources") { resources in
          edit(&resources, key: "reservations") { items(&$0, "devices", allDevices) }
        }
      }
    }
  }

  private func allDevices(_ request: inout Node) {
    guard request.map != nil, request["count"] == nil, request["device_ids"] == nil else { return }
    request["count"] = Node(.int(-1), request.origin)
  }

  /// Faults of resources that need no other part of the model.
  func checkResources(_ root: Node) {
    for kind in ["networks", "volumes"] {
      for entry in root[kind]?.map?.entries ?? [] {
        checkExternal(entry, kind)
      }
    }
    for kind in ["configs", "secrets"] {
      for entry in root[kind]?.map?.entries ?? [] { checkOrigin(entry, kind) }
    }
    for service in root["services"]?.map?.entries ?? [] {
      for port in service.node["ports"]?.list ?? [] { checkPort(port, service.key) }
      for mount in service.node["volumes"]?.list ?? [] { checkMount(mount, service.key) }
      for rule in service.node["develop"]?["watch"]?.list ?? []
      where rule["path"]?.string?.isEmpty == true {
        findings.add(
          Fault(
            .badValue, "a watch rule of service `\(service.key)` has an empty `path`",
            at: rule.origin(of: "path")))
      }
    }
  }

  private func checkExternal(_ entry: Fields.Entry, _ kind: String) {
    guard entry.node["external"]?.bool == true else { return }
    for other in entry.node.map?.entries ?? [] {
      guard other.key != "external", other.key != "name", !other.key.hasPrefix("x-") else {
        continue
      }
      // The reference lets this pass, so files that have it are about.
      if kind == "networks" {
        findings.warn(
          Fault(
            .noEffect,
            "`networks.\(entry.key)` is external, so its `\(other.key)` has no effect",
            at: other.keyOrigin, hint: "remove `\(other.key)` or `external`"))
        continue
      }
      findings.add(
        Fault(
          .conflict, "`\(kind).\(entry.key)` is external, so it cannot have `\(other.key)`",
          at: other.keyOrigin, hint: "remove `\(other.key)` or `external`"))
    }
  }

  private func checkOrigin(_ entry: Fields.Entry, _ kind: String) {
    guard entry.node.map != nil else { return }
    let choices = kind == "configs" ? ["file", "content", "environment"] : ["file", "environment"]
    let set = choices.filter { entry.node[$0] != nil }
    // Even `false` is enough for the reference.
    if entry.node["external"] != nil { return }
    let list = choices.map { "`\($0)`" }.joined(separator: ", ")
    if set.count > 1 {
      findings.add(
        Fault(
          .conflict, "`\(kind).\(entry.key)` can have only one of \(list)", at: entry.keyOrigin))
    } else if set.isEmpty, entry.node["driver"] == nil {
      findings.add(
        Fault(
          .missingKey, "`\(kind).\(entry.key)` must have one of \(list), or `external: true`",
          at: entry.keyOrigin))
    }
  }

  private func checkPort(_ port: Node, _ service: String) {
    if port.map != nil, port["target"] == nil, !hasUnknownKeys(port, Tables.port) {
      findings.add(
        Fault(
          .missingKey, "a port of service `\(service)` has no `target`", at: port.origin,
          hint: "say which port of the container is meant"))
    }
    if let target = port["target"]?.int, target < 1 || target > 65_535 {
      findings.add(
        Fault(
          .outOfRange, "a port of a container is between 1 and 65535, not \(target)",
          at: port.origin(of: "target")))
    }
    guard let text = port["host_ip"]?.string, !options.skipsInterpolation, !isAddress(text)
    else { return }
    findings.add(
      Fault(
        .badValue, text.isEmpty ? "`host_ip` is empty" : "`host_ip` is no address: `\(text)`",
        at: port.origin(of: "host_ip"), hint: "such as `127.0.0.1` or `::1`"))
  }

  /// What lacks is mistyped then, as a rule, and that is told.
  private func hasUnknownKeys(_ node: Node, _ record: Record) -> Bool {
    (node.map?.entries ?? []).contains { record[$0.key] == nil && !$0.key.hasPrefix("x-") }
  }

  private func checkMount(_ mount: Node, _ service: String) {
    if mount["type"]?.string == "bind", mount["source"] == nil,
      !hasUnknownKeys(mount, Tables.mount)
    {
      findings.add(
        Fault(
          .missingKey, "a bind mount of service `\(service)` has no `source`", at: mount.origin))
    }
  }

  // MARK: paths

  func resolvePaths(_ root: inout Node, in folder: String, home: String?) {
    func path(_ node: inout Node) {
      guard let text = node.string, !text.isEmpty else { return }
      node.value = .string(resolve(text, in: folder, home: home))
    }
    /// Paths of another system are nothing of this machine's, and stay.
    func foreignPath(_ node: inout Node) {
      guard let text = node.string, !isWindowsPath(text) else { return }
      node.value = .string(resolve(text, in: folder, home: home))
    }
    func context(_ node: inout Node) {
      guard let text = node.string, !isRemote(text) else { return }
      path(&node)
    }
    func linkedPath(_ node: inout Node) {
      path(&node)
      if let text = node.string { node.value = .string(reader.resolvingLinks(text)) }
    }
    edit(&root, "services") { service in
      edit(&service.node, key: "build") { build in
        edit(&build, key: "context", context)
        edit(&build, "additional_contexts") { context(&$0.node) }
      }
      edit(&service.node, key: "extends") { edit(&$0, key: "file", path) }
      items(&service.node, "env_file") { edit(&$0, key: "path", path) }
      items(&service.node, "label_file", path)
      edit(&service.node, key: "develop") {
        items(&$0, "watch") { edit(&$0, key: "path", linkedPath) }
      }
      items(&service.node, "volumes") { mount in
        if mount["type"]?.string == "bind" {
          edit(&mount, key: "source") { source in
            convertWindowsPath(&source)
            foreignPath(&source)
          }
        }
      }
    }
    for kind in ["configs", "secrets"] {
      edit(&root, kind) { edit(&$0.node, key: "file", foreignPath) }
    }
    edit(&root, "volumes") { volume in
      guard volume.node["driver"]?.string == "local",
        volume.node["driver_opts"]?["o"]?.string == "bind"
      else { return }
      edit(&volume.node, key: "driver_opts") { edit(&$0, key: "device", foreignPath) }
    }
  }

  /// `C:\x` and `\\server\share`.
  private func isWindowsPath(_ path: String) -> Bool {
    if path.hasPrefix("\\\\") { return true }
    let start = Array(path.utf8.prefix(3))
    return start.count == 3 && isLetter(start[0])
      && start[1] == UInt8(ascii: ":") && [0x5C, 0x2F].contains(start[2])
  }

  /// `C:\x` as `/c/x`, where a machine of that kind shares its disks so.
  private func convertWindowsPath(_ node: inout Node) {
    let wish = environment["COMPOSE_CONVERT_WINDOWS_PATHS"]?.lowercased() ?? ""
    guard ["1", "true", "t"].contains(wish), let text = node.string, isWindowsPath(text),
      !text.hasPrefix("\\\\")
    else { return }
    let path = text.dropFirst(2).map { $0 == "\\" ? "/" : $0 }
    node.value = .string("/" + text.prefix(1).lowercased() + String(path))
  }

  private func isRemote(_ context: String) -> Bool {
    isRemoteContext(context) || ["service:", "target:"].contains { context.hasPrefix($0) }
  }

  // MARK: names

  func normalise(_ root: inout Node, project: String, environment: Variables) {
    attachNetworks(&root)
    edit(&root, "services") { service in
      guard service.node.map != nil else { return }
      if service.node["pull_policy"]?.string == "if_not_present" {
        service.node["pull_policy"]?.value = .string("missing")
      }
      edit(&service.node, key: "build") { build in
        guard build.map != nil else { return }
        if build["context"] == nil { build["context"] = Node(".", .none) }
        if build["dockerfile"] == nil, build["dockerfile_inline"] == nil {
          build["dockerfile"] = Node("Dockerfile", build.origin)
        }
        inherit(&build, "args", environment, keepsUnset: false)
      }
      if let scale = service.node["scale"], service.node["deploy"]?.map != nil,
        service.node["deploy"]?["replicas"] == nil
      {
        service.node["deploy"]?["replicas"] = scale
      }
      inherit(&service.node, "environment", environment, keepsUnset: true)
      addImpliedDependencies(&service.node)
    }
    for kind in ["networks", "volumes", "configs", "secrets"] {
      edit(&root, kind) { entry in
        if entry.node.isNull { entry.node.value = .map(Fields()) }
        guard entry.node.map != nil, entry.node["name"] == nil else { return }
        let isExternal = entry.node["external"]?.bool == true
        entry.node["name"] = Node(isExternal ? entry.key : "\(project)_\(entry.key)", .none)
      }
    }
  }

  /// Services without networks are on `default`, which exists when anyone is on it.
  private func attachNetworks(_ root: inout Node) {
    var usesDefault = false
    edit(&root, "services") { service in
      guard service.node.map != nil, service.node["provider"] == nil,
        service.node["network_mode"] == nil
      else { return }
      if service.node["networks"]?.map?.isEmpty ?? true {
        var fields = Fields()
        fields["default"] = Node(.null, .none)
        service.node["networks"] = Node(.map(fields), .none)
      }
      if service.node["networks"]?.map?.entry("default") != nil { usesDefault = true }
    }
    guard usesDefault, root["networks"]?.map?.entry("default") == nil else { return }
    // What is no mapping has been refused already; that `default` is not in it says nothing new.
    if root["networks"]?.map == nil { root["networks"] = Node(.map(Fields()), .none) }
    root["networks"]?["default"] = Node(.null, .none)
  }

  /// Keys without a value take the caller's.
  func inherit(
    _ node: inout Node, _ key: String, _ environment: Variables, keepsUnset: Bool
  ) {
    guard case .map(var fields)? = node[key]?.value else { return }
    fields.rewrite { entry in
      guard entry.node.isNull else { return true }
      guard let value = environment[entry.key] else { return keepsUnset }
      entry.node.value = .string(value)
      if findings.keepsStories { noteInherited(&entry.node, entry.key, environment) }
      return true
    }
    node[key]?.value = .map(fields)
  }

  private func noteInherited(_ node: inout Node, _ name: String, _ environment: Variables) {
    var steps = node.steps
    steps[steps.count - 1].uses.append(
      VariableInput(
        name: name, value: environment[name], source: environment.source(name, sources)))
    node.story = steps
  }

  private func addImpliedDependencies(_ service: inout Node) {
    var implied: [(String, restarts: Bool, Origin)] = []
    for link in service["links"]?.list ?? [] {
      let parts = (link.string ?? "").split(separator: ":", omittingEmptySubsequences: false)
      implied.append((parts.count == 2 ? String(parts[0]) : link.string ?? "", true, link.origin))
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
      guard let node = service[key], let text = node.string, text.hasPrefix("service:") else {
        continue
      }
      implied.append((String(text.dropFirst("service:".count)), true, node.origin))
    }
    for source in service["volumes_from"]?.list ?? [] {
      guard let text = source.string, !text.hasPrefix("container:") else { continue }
      implied.append((String(text.prefix { $0 != ":" }), false, source.origin))
    }
    guard !implied.isEmpty else { return }
    var all = service["depends_on"]?.map ?? Fields()
    for (name, restarts, origin) in implied where all.entry(name) == nil {
      var dependency = Fields()
      dependency["condition"] = Node("service_started", origin)
      dependency["restart"] = Node(.bool(restarts), origin)
      dependency["required"] = Node(.bool(true), origin)
      all.set(name, Node(.map(dependency), origin), keyOrigin: origin)
    }
    var dependencies = service["depends_on"] ?? Node(.null, .none)
    dependencies.value = .map(all)
    service["depends_on"] = dependencies
  }
}

// MARK: editing in place

/// Changes the value under a key, if there is one.
func edit(_ node: inout Node, key: String, _ change: (inout Node) -> Void) {
  guard case .map(var fields) = node.value, var inner = fields[key] else { return }
  node.value = .null
  change(&inner)
  fields[key] = inner
  node.value = .map(fields)
}

/// Changes every entry of the mapping under a key.
func edit(_ node: inout Node, _ key: String, _ change: (inout Fields.Entry) -> Void) {
  edit(&node, key: key) { inner in
    guard case .map(var fields) = inner.value else { return }
    inner.value = .null
    fields.rewrite { entry in
      change(&entry)
      return true
    }
    inner.value = .map(fields)
  }
}

/// Changes every item of the list under a key.
func items(_ node: inout Node, _ key: String, _ change: (inout Node) -> Void) {
  edit(&node, key: key) { inner in
    guard case .list(var list) = inner.value else { return }
    inner.value = .null
    for index in list.indices { change(&list[index]) }
    inner.value = .list(list)
  }
}
