// The canonical tree to the typed project. The stages before have checked the kinds of values;
// what is still out of range is among the findings.

import Diagnostics

struct ModelReader {
  let sources: Sources
  /// A dependency that is not required is none while its service is not enabled.
  var enabled: Set<String> = []
  let findings: Findings
  /// Of what only builds look at.
  let buildFindings = Findings()
  /// That relative paths are resolved against, as far as they are not.
  var folder = ""
  var home: String?

  func project(
    _ model: Node, disabled: Node, name: String, location: Location, sources: Sources
  ) -> Project {
    var project = Project(
      name: name, directory: location.folder, files: location.files,
      services: (model["services"]?.map?.entries ?? []).map(service),
      disabledServices: (disabled.map?.entries ?? []).map(service),
      networks: (model["networks"]?.map?.entries ?? []).map(network),
      volumes: (model["volumes"]?.map?.entries ?? []).map(volume),
      configs: (model["configs"]?.map?.entries ?? []).map(fileResource),
      secrets: (model["secrets"]?.map?.entries ?? []).map(fileResource),
      model: model, sources: sources, valueFaults: [], buildFaults: [])
    project.valueFaults = findings.faults + buildFindings.faults
    project.buildFaults = buildFindings.faults
    return project
  }

  // MARK: resources

  private func network(_ entry: Fields.Entry) -> Network {
    let node = entry.node
    return Network(
      key: entry.key, name: text(node, "name") ?? entry.key, driver: text(node, "driver"),
      driverOptions: pairs(node["driver_opts"]), ipamDriver: text(node["ipam"], "driver"),
      pools: (node["ipam"]?["config"]?.list ?? []).map { pool in
        Network.Pool(
          subnet: text(pool, "subnet"), ipRange: text(pool, "ip_range"),
          gateway: text(pool, "gateway"), auxAddresses: pairs(pool["aux_addresses"]))
      }, isExternal: flag(node, "external"), isInternal: flag(node, "internal"),
      isAttachable: flag(node, "attachable"), enablesIPv4: node["enable_ipv4"]?.bool,
      enablesIPv6: node["enable_ipv6"]?.bool, labels: pairs(node["labels"]),
      span: sources.span(entry.keyOrigin),
      configHashInput: canonicalJSON(of: node, as: .record(Tables.network)))
  }

  private func volume(_ entry: Fields.Entry) -> Volume {
    let node = entry.node
    return Volume(
      key: entry.key, name: text(node, "name") ?? entry.key, driver: text(node, "driver"),
      driverOptions: pairs(node["driver_opts"]), isExternal: flag(node, "external"),
      labels: pairs(node["labels"]), span: sources.span(entry.keyOrigin),
      configHashInput: canonicalJSON(of: node, as: .record(Tables.volume)))
  }

  private func fileResource(_ entry: Fields.Entry) -> FileResource {
    let node = entry.node
    let origin: FileResource.Origin =
      if flag(node, "external") {
        .external
      } else if let path = text(node, "file") {
        .file(path)
      } else if let name = text(node, "environment") {
        .environment(name)
      } else if let content = node["content"]?.string {
        .content(content)
      } else {
        .undeclared
      }
    return FileResource(
      key: entry.key, name: text(node, "name") ?? entry.key, origin: origin,
      span: sources.span(entry.keyOrigin))
  }

  // MARK: services

  private func service(_ entry: Fields.Entry) -> Service {
    let node = entry.node
    return Service(
      name: entry.key, span: sources.span(entry.keyOrigin), profiles: texts(node["profiles"]),
      image: text(node, "image"), build: build(entry), pullPolicy: pullPolicy(node),
      hasPullPolicy: !(text(node, "pull_policy") ?? "").isEmpty,
      platform: text(node, "platform"), containerName: text(node, "container_name"),
      command: node["command"]?.list.map { $0.compactMap(\.text) },
      entrypoint: node["entrypoint"]?.list.map { $0.compactMap(\.text) },
      environment: environment(node["environment"]), workingDirectory: text(node, "working_dir"),
      user: text(node, "user"),
      groups: texts(node["group_add"]), hostname: text(node, "hostname"),
      domainName: text(node, "domainname"), labels: pairs(node["labels"]),
      annotations: pairs(node["annotations"]), hasTerminal: flag(node, "tty"),
      keepsStdinOpen: flag(node, "stdin_open"), usesInit: flag(node, "init"),
      attaches: node["attach"]?.bool ?? true, stopSignal: text(node, "stop_signal"),
      stopGracePeriod: duration(node["stop_grace_period"]), restart: restart(node),
      healthcheck: healthcheck(node["healthcheck"]), preStart: hooks(entry, "pre_start"),
      postStart: hooks(entry, "post_start"), preStop: hooks(entry, "pre_stop"),
      logging: logging(node["logging"]),
      dependsOn: dependencies(node),
      replicas: max(0, node["scale"]?.int ?? node["deploy"]?["replicas"]?.int ?? 1),
      ports: (node["ports"]?.list ?? []).compactMap(port), exposes: texts(node["expose"]),
      networkMode: text(node, "network_mode"), namespaces: NamespaceModes(node),
      networks: (node["networks"]?.map?.entries ?? []).map(attachment),
      macAddress: text(node, "mac_address"), links: texts(node["links"]).map(Link.init),
      externalLinks: texts(node["external_links"]).map(Link.init),
      extraHosts: hosts(node["extra_hosts"]),
      dns: texts(node["dns"]), dnsSearch: texts(node["dns_search"]),
      dnsOptions: texts(node["dns_opt"]), mounts: (node["volumes"]?.list ?? []).map(mount),
      tmpfs: texts(node["tmpfs"]), volumesFrom: texts(node["volumes_from"]).map(VolumesFrom.init),
      storageSize: text(node["storage_opt"], "size").flatMap(parseBytes).map { ByteCount($0) },
      configs: (node["configs"]?.list ?? []).map(grant),
      secrets: (node["secrets"]?.list ?? []).map(grant), limits: limits(node),
      capAdd: texts(node["cap_add"]), capDrop: texts(node["cap_drop"]),
      isPrivileged: flag(node, "privileged"), securityOptions: texts(node["security_opt"]),
      isReadOnly: flag(node, "read_only"), ulimits: ulimits(node["ulimits"]),
      sysctls: pairs(node["sysctls"]), devices: devices(node),
      deviceRules: texts(node["device_cgroup_rules"]), deviceRequests: deviceRequests(node),
      places: places(node), configHashInput: hashInput(node))
  }

  /// Without what a recreate does not depend on (reference S123).
  private func hashInput(_ service: Node) -> [UInt8] {
    var node = service
    for key in ["build", "pull_policy", "scale", "depends_on", "profiles"] { node[key] = nil }
    edit(&node, key: "deploy") { $0["replicas"] = nil }
    return canonicalJSON(of: node, as: .record(Tables.service))
  }

  private func pullPolicy(_ node: Node) -> PullPolicy {
    switch text(node, "pull_policy") {
    case "always": return .always
    case "never": return .never
    case "build": return .build
    case "daily": return .every(.seconds(86_400))
    case "weekly": return .every(.seconds(604_800))
    case let policy? where policy.hasPrefix("every_"):
      return parseDuration(String(policy.dropFirst("every_".count))).map { .every($0) } ?? .missing
    default: return .missing
    }
  }

  /// `deploy.restart_policy` overrides `restart` entirely.
  private func restart(_ node: Node) -> RestartRule? {
    if let policy = node["deploy"]?["restart_policy"] {
      let retries = policy["max_attempts"]?.int
      switch text(policy, "condition") {
      case "none": return RestartRule(condition: .no, maximumRetries: nil)
      case "on-failure": return RestartRule(condition: .onFailure, maximumRetries: retries)
      case "unless-stopped": return RestartRule(condition: .unlessStopped, maximumRetries: nil)
      default:
        return RestartRule(
          condition: retries == nil ? .always : .onFailure, maximumRetries: retries)
      }
    }
    guard let text = text(node, "restart") else { return nil }
    let parts = text.split(separator: ":", maxSplits: 1)
    guard let first = parts.first, let condition = RestartRule.Condition(rawValue: String(first))
    else { return nil }
    return RestartRule(
      condition: condition, maximumRetries: parts.count == 2 ? decimal(parts[1]) : nil)
  }

  private func healthcheck(_ node: Node?) -> Healthcheck? {
    guard let node, node.map != nil else { return nil }
    var test: Healthcheck.Test?
    if let list = node["test"]?.list?.compactMap(\.text), let first = list.first {
      switch first {
      case "NONE": test = Healthcheck.Test.none
      case "CMD-SHELL": test = .shell(list.dropFirst().joined(separator: " "))
      default: test = .exec(Array(list.dropFirst()))
      }
    }
    if flag(node, "disable") { test = Healthcheck.Test.none }
    return Healthcheck(
      test: test, interval: duration(node["interval"]), timeout: duration(node["timeout"]),
      startPeriod: duration(node["start_period"]),
      startInterval: duration(node["start_interval"]), retries: node["retries"]?.int)
  }

  private func logging(_ node: Node?) -> Logging? {
    guard let node, node.map != nil else { return nil }
    return Logging(driver: text(node, "driver"), options: pairs(node["options"]))
  }

  private func dependencies(_ node: Node) -> [Dependency] {
    (node["depends_on"]?.map?.entries ?? []).filter { enabled.contains($0.key) }.map { entry in
      Dependency(
        service: entry.key,
        condition: entry.node["condition"]?.string.flatMap(Dependency.Condition.init) ?? .started,
        isRequired: entry.node["required"]?.bool ?? true,
        restarts: entry.node["restart"]?.bool ?? false)
    }
  }

  func port(_ node: Node) -> PublishedPort? {
    let target = UInt16(clamping: integer(node, "target") ?? 0)
    if target == 0 || Int(target) != integer(node, "target") {
      outOfRange(node, "target", "a port of a container is between 1 and 65535")
      return nil
    }
    let text = text(node, "published") ?? "0"
    let published = portRange(text)
    if published == nil, text != "0" {
      outOfRange(node, "published", "`published` is no port or range of ports: `\(text)`")
      return nil
    }
    let name = self.text(node, "protocol") ?? "tcp"
    guard let transport = PublishedPort.Transport(rawValue: name.lowercased()) else {
      outOfRange(node, "protocol", "a port cannot have the protocol `\(name)`")
      return nil
    }
    return PublishedPort(
      target: target, published: published, hostIP: self.text(node, "host_ip"),
      transport: transport, span: sources.span(node.origin))
  }

  private func outOfRange(_ node: Node, _ key: String, _ summary: String) {
    findings.add(Fault(.outOfRange, summary, at: node.origin(of: key)))
  }

  private func integer(_ node: Node, _ key: String) -> Int? {
    guard let inner = node[key] else { return nil }
    return inner.int
  }

  /// `8080` or `8080-8090`; nil for `0`, which is any port, and for what is no range.
  private func portRange(_ text: String) -> ClosedRange<UInt16>? {
    let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard let low = UInt16(ends[0]), let high = UInt16(ends[ends.count - 1]) else { return nil }
    return low > 0 && low <= high ? low...high : nil
  }

  private func attachment(_ entry: Fields.Entry) -> Attachment {
    let node = entry.node
    return Attachment(
      network: entry.key, aliases: texts(node["aliases"]), ipv4Address: text(node, "ipv4_address"),
      ipv6Address: text(node, "ipv6_address"), macAddress: text(node, "mac_address"),
      linkLocalAddresses: texts(node["link_local_ips"]),
      interfaceName: text(node, "interface_name"), driverOptions: pairs(node["driver_opts"]),
      priority: node["priority"]?.int ?? 0, gatewayPriority: node["gw_priority"]?.int ?? 0,
      span: sources.span(entry.keyOrigin))
  }

  func mount(_ node: Node) -> Mount {
    let source = text(node, "source")
    let kind: Mount.Kind =
      switch text(node, "type") {
      case "volume":
        .volume(
          key: source, noCopy: flag(node["volume"], "nocopy"),
          subpath: text(node["volume"], "subpath"))
      case "bind":
        .bind(
          source: source ?? "", createsSource: node["bind"]?["create_host_path"]?.bool ?? true,
          propagation: text(node["bind"], "propagation"),
          recursive: text(node["bind"], "recursive"))
      case "tmpfs":
        .tmpfs(
          size: size(node["tmpfs"], "size"),
          mode: node["tmpfs"]?["mode"]?.int.flatMap { UInt32(exactly: $0) })
      case "image":
        .image(reference: source ?? "", subpath: text(node["image"], "subpath"))
      case let other: .other(other ?? "")
      }
    return Mount(
      kind: kind, target: text(node, "target") ?? "", isReadOnly: flag(node, "read_only"),
      volumeLabels: pairs(node["volume"]?["labels"]),
      mapsOwner: text(node["x-berth"], "bind_owner") == "map",
      span: sources.span(node.origin))
  }

  func grant(_ node: Node) -> FileGrant {
    FileGrant(
      source: text(node, "source") ?? "", target: text(node, "target"), uid: text(node, "uid"),
      gid: text(node, "gid"), mode: text(node, "mode").flatMap { UInt32($0, radix: 8) },
      span: sources.span(node.origin))
  }

  // MARK: values

  /// nil when empty, as an empty text means nothing everywhere.
  func text(_ node: Node?, _ key: String) -> String? {
    guard let text = node?[key]?.text, !text.isEmpty else { return nil }
    return text
  }

  func texts(_ node: Node?) -> [String] { node?.list?.compactMap(\.text) ?? [] }

  func flag(_ node: Node?, _ key: String) -> Bool { node?[key]?.bool ?? false }

  func pairs(_ node: Node?) -> [KeyValue] {
    (node?.map?.entries ?? []).map { KeyValue($0.key, $0.node.text ?? "") }
  }

  func environment(_ node: Node?) -> [EnvironmentEntry] {
    (node?.map?.entries ?? []).map {
      EnvironmentEntry(key: $0.key, value: $0.node.isNull ? nil : $0.node.text)
    }
  }

  func hosts(_ node: Node?) -> [KeyValue] {
    texts(node).map { item in
      let cut = item.firstIndex(of: "=") ?? item.endIndex
      return KeyValue(String(item[..<cut]), String(item[cut...].dropFirst()))
    }
  }

  func duration(_ node: Node?) -> Duration? { node?.string.flatMap(parseDuration) }

  func size(_ node: Node?, _ key: String) -> ByteCount? {
    guard let bytes = node?[key]?.text.flatMap({ Int($0) }), bytes != 0 else { return nil }
    return ByteCount(bytes)
  }

  func nonZero(_ node: Node?) -> Int? {
    guard let node else { return nil }
    let number = number(node).flatMap { Int(exactly: $0.rounded(.towardZero)) }
    return number == 0 ? nil : number
  }

  func number(_ node: Node?) -> Double? {
    switch node?.value {
    case .int(let number)?: number == 0 ? nil : Double(number)
    case .float(let number)?: number == 0 ? nil : number
    default: nil
    }
  }
}
