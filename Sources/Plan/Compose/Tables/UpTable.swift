// What is loaded and shown by `config` but not acted on by `up`. One line for each attribute, so
// that a line goes when the engine learns it. Refused ones are errors; ignored ones warnings, as
// the reference has it (column "Applies" of its tables).

package import Diagnostics
import OCI

struct UpRow: Sendable {
  /// Keys from the root; `*` stands for every item of a list or mapping.
  let path: [String]
  let severity: Diagnostic.Severity
  /// Whether the value asks for something that is not there.
  let asks: @Sendable (Node) -> Bool
  /// What to say instead of "is not supported": the rule, behind the attribute's name.
  var note: String?
  /// Says what is wrong with a value, behind the attribute's name; nil when nothing is.
  var reason: (@Sendable (Node) -> String?)?
  /// What to write instead, beside the reason.
  var advice: (@Sendable (Node) -> String?)?
  /// Where `up` acts on some words only: these, for the schema.
  var allowed: [String] = []

  var isOfPull: Bool {
    path.count == 3 && path[0] == "services" && ["image", "platform"].contains(path[2])
  }

  /// The words that `up` acts on.
  struct Words: Sendable {
    let all: [String]
  }

  static func refused(
    _ path: String, _ asks: @escaping @Sendable (Node) -> Bool = isSet
  ) -> UpRow {
    UpRow(path: split(path), severity: .error, asks: asks)
  }

  static func refused(_ path: String, _ words: Words) -> UpRow {
    UpRow(
      path: split(path), severity: .error,
      asks: { node in isSet(node) && !words.all.contains(node.text ?? "") }, allowed: words.all)
  }

  static func ignored(
    _ path: String, _ asks: @escaping @Sendable (Node) -> Bool = isSet
  ) -> UpRow {
    UpRow(path: split(path), severity: .warning, asks: asks)
  }

  /// What only a swarm keeps.
  static func elsewhere(_ path: String) -> UpRow {
    UpRow(
      path: split(path), severity: .error, asks: isSet,
      note: "is for a swarm, which keeps secrets and configs elsewhere: give it a `file`, an "
        + "`environment` or, for a config, a `content`")
  }

  private static func split(_ path: String) -> [String] {
    path.split(separator: ".").map(String.init)
  }

  @Sendable static func isSet(_ node: Node) -> Bool {
    switch node.value {
    case .null: false
    case .bool(let flag): flag
    case .int(let number): number != 0
    case .float(let number): number != 0
    case .string(let text): !text.isEmpty
    case .list(let items): !items.isEmpty
    case .map(let fields): !fields.isEmpty
    }
  }

  static func isNone(of words: String...) -> Words { Words(all: words) }

  static func begins(with prefixes: String...) -> @Sendable (Node) -> Bool {
    { node in prefixes.contains { (node.text ?? "").hasPrefix($0) } }
  }
}

extension Tables {
  static let up: [UpRow] =
    buildRows + [
      .ignored("services.*.cpu_count"),
      .ignored("services.*.cpu_percent"),
      UpRow(
        path: ["services", "*", "container_name"], severity: .error,
        asks: { !isContainerName($0.text ?? "") },
        note: "may hold letters, digits, `_`, `.` and `-`, and begins with a letter or digit"),
      .ignored("services.*.credential_spec"),
      .ignored("services.*.deploy.endpoint_mode"),
      .ignored("services.*.deploy.labels"),
      .ignored("services.*.deploy.mode") { UpRow.isSet($0) && $0.text != "replicated" },
      .ignored("services.*.deploy.placement"),
      .ignored("services.*.deploy.resources.reservations.cpus"),
      .ignored("services.*.deploy.resources.reservations.devices.*.options"),
      .ignored("services.*.deploy.resources.reservations.generic_resources"),
      .ignored("services.*.deploy.restart_policy.delay"),
      .ignored("services.*.deploy.restart_policy.window"),
      .ignored("services.*.deploy.rollback_config"),
      .ignored("services.*.deploy.update_config"),
      .ignored("services.*.gpus.*.options"),
      UpRow(
        path: ["services", "*", "hostname"], severity: .error, asks: { !isHostName($0.text ?? "") },
        note: "may hold letters, digits, `.`, `-` and `_`, at most 63 of them"),
      UpRow(
        path: ["services", "*", "domainname"], severity: .error,
        asks: { !isHostName($0.text ?? "") },
        note: "may hold letters, digits, `.`, `-` and `_`, at most 63 of them"),
      UpRow(
        path: ["services", "*", "image"], severity: .error, asks: { imageReason($0) != nil },
        note: "must name an image that there can be", reason: imageReason),
      .refused("services.*.isolation", UpRow.isNone(of: "default")),
      UpRow(
        path: ["services", "*", "logging", "driver"], severity: .error,
        asks: { LoggingDrivers.reason($0) != nil }, note: "must name a driver that there is",
        reason: LoggingDrivers.reason, advice: LoggingDrivers.advice, allowed: LoggingDrivers.known),
      UpRow(
        path: ["services", "*", "healthcheck"], severity: .error,
        asks: { $0["start_interval"] != nil && $0["start_period"] == nil },
        note: "needs a `start_period` when it has a `start_interval`"),
      .refused("services.*.models"),
      UpRow(
        path: ["services", "*", "platform"], severity: .error, asks: { platformReason($0) != nil },
        note: "must be a platform of Linux", reason: platformReason),
      .refused("services.*.provider"),
      UpRow(
        path: ["services", "*", "restart"], severity: .error,
        asks: { !isRestartRule($0.text ?? "") },
        note: "must be `no`, `always`, `on-failure[:N]` or `unless-stopped`"),
      .refused("services.*.runtime", UpRow.isNone(of: "runc", "crun")),
      UpRow(
        path: ["services", "*", "storage_opt"], severity: .error,
        asks: { storageReason($0) != nil }, note: "knows `size` only", reason: storageReason),
      .refused("services.*.use_api_socket"),
      .refused("services.*.userns_mode", UpRow.isNone(of: "host")),
      .refused(
        "services.*.volumes.*.bind.propagation",
        UpRow.isNone(of: "private", "rprivate", "shared", "rshared", "slave", "rslave")),
      .refused("services.*.volumes.*.type", UpRow.isNone(of: "volume", "bind", "tmpfs", "image")),
      .refused("networks.*.driver", UpRow.isNone(of: "bridge", "default", "macvlan", "ipvlan")),
      .refused("networks.*.ipam.driver", UpRow.isNone(of: "default")),
      .elsewhere("configs.*.external"),
      .elsewhere("configs.*.template_driver"),
      .elsewhere("secrets.*.external"),
      .elsewhere("secrets.*.driver"),
      .elsewhere("secrets.*.driver_opts"),
      .elsewhere("secrets.*.template_driver"),
      .refused("volumes.*.driver", UpRow.isNone(of: "local")),
    ]
}

/// `[a-zA-Z0-9][a-zA-Z0-9_.-]+`, by bytes; empty means that none is given.
private func isContainerName(_ name: String) -> Bool {
  guard let first = name.utf8.first else { return true }
  return isLetterOrDigit(first) && name.utf8.count > 1 && Names.resource.allow(name)
}

/// RFC 1123 with `_`, which hosts have all the same; the kernel takes no more than 64 bytes.
private func isHostName(_ name: String) -> Bool {
  guard let first = name.utf8.first else { return true }
  return isLetterOrDigit(first) && name.utf8.count <= 63 && Names.resource.allow(name)
}

@Sendable private func imageReason(_ node: Node) -> String? {
  // A dollar sign is left of a variable that is told already.
  guard let text = node.text, !text.isEmpty, !text.contains("$") else { return nil }
  do throws(ImageFault) {
    _ = try ImageReference(parsing: text)
    return nil
  } catch {
    if case .invalidReference(_, let reason) = error {
      return "is no image that there can be: \(reason)"
    }
    return "is no image that there can be"
  }
}

@Sendable private func platformReason(_ node: Node) -> String? {
  guard let text = node.text, !text.isEmpty else { return nil }
  guard let wanted = try? Platform(parsing: text) else { return "is no platform: `\(text)`" }
  return wanted.os == Platform.host.os ? nil : "is `\(wanted)`, and only images for Linux run here"
}

private func isRestartRule(_ text: String) -> Bool {
  let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
  if text.isEmpty { return true }
  guard parts.count == 2 else { return RestartRule.Condition(rawValue: text) != nil }
  return parts[0] == "on-failure" && (decimal(parts[1]) ?? -1) >= 0
}

extension Project {
  /// What the enabled services and their resources ask for and `up` does not do: errors for what
  /// it refuses, warnings for what it leaves out as the reference does. In file order.
  package func unsupportedByUp() -> [Diagnostic] {
    let refusals = UpRefusals(model: model)
    for fault in valueFaults + driverOptionFaults() + mountFaults() { refusals.findings.add(fault) }
    return refusals.diagnostics(sources)
  }

  /// As `unsupportedByUp`, for what a build of these services looks at.
  package func unsupportedByBuild(of services: Set<String>) -> [Diagnostic] {
    let refusals = UpRefusals(model: model, rows: Tables.buildRows, services: services)
    for fault in buildFaults { refusals.findings.add(fault) }
    return refusals.diagnostics(sources)
  }

  /// As `unsupportedByUp`, for what `pull` of these services looks at.
  package func unsupportedByPull(of services: Set<String>) -> [Diagnostic] {
    UpRefusals(model: model, rows: Tables.up.filter(\.isOfPull), services: services)
      .diagnostics(sources)
  }
}

/// The rows of the table that a model meets.
struct UpRefusals {
  let findings = Findings()
  private let services: Set<String>?

  /// - Parameter services: nothing is said of others; nil is all.
  init(
    model: Node, rows: [UpRow] = Tables.up + Tables.sandboxValues, services: Set<String>? = nil
  ) {
    self.services = services
    for row in rows {
      collect(model, row, depth: 0, shown: [], origin: .none, findings)
    }
    guard services == nil else { return }
    for fault in sharingFaults(model) { findings.add(fault) }
    for fault in loggingFaults(model) { findings.add(fault) }
    for fault in sharingWarnings(model) { findings.warn(fault) }
    for service in model["services"]?.map?.entries ?? [] {
      SandboxRules(service: service, findings: findings).check()
    }
  }

  func diagnostics(_ sources: Sources) -> [Diagnostic] {
    findings.diagnostics(sources) + findings.warningDiagnostics(sources)
  }

  private func fault(of row: UpRow, _ node: Node, _ name: String, _ key: Origin) -> Fault {
    guard row.severity == .error else {
      guard let reason = row.reason?(node) else {
        return Fault(.noEffect, "`\(name)` has no effect", at: key)
      }
      return Fault(.noEffect, "`\(name)` \(reason)", at: key)
    }
    let value = node.origin.line > 0 ? node.origin : key
    if let reason = row.reason?(node) {
      return Fault(.unsupported, "`\(name)` \(reason)", at: value, hint: row.advice?(node))
    }
    if let note = row.note {
      return Fault(.unsupported, "`\(name)` \(note)", at: value)
    }
    guard !row.allowed.isEmpty, let word = node.text else {
      return Fault(
        .unsupported, "`\(name)` is not supported by `up`", at: key,
        hint: "remove it, or leave the service out")
    }
    let list = row.allowed.map { "`\($0)`" }.joined(separator: ", ")
    return Fault(
      .unsupported, "`\(name)` cannot be `\(word)` for `up`", at: value,
      hint: suggestion(word, row.allowed) ?? "it acts on \(list)")
  }

  private func collect(
    _ node: Node, _ row: UpRow, depth: Int, shown: [String], origin: Origin,
    _ findings: Findings
  ) {
    guard depth < row.path.count else {
      guard row.asks(node) else { return }
      let fault = fault(of: row, node, joined(shown), origin)
      row.severity == .error ? findings.add(fault) : findings.warn(fault)
      return
    }
    let step = row.path[depth]
    guard step == "*" else {
      guard let entry = node.map?.entry(step) else { return }
      let place = entry.keyOrigin.line > 0 ? entry.keyOrigin : entry.node.origin
      return collect(
        entry.node, row, depth: depth + 1, shown: shown + [step], origin: place, findings)
    }
    for entry in node.map?.entries ?? [] {
      if shown == ["services"], let services, !services.contains(entry.key) { continue }
      collect(
        entry.node, row, depth: depth + 1, shown: shown + [entry.key], origin: entry.keyOrigin,
        findings)
    }
    for (index, item) in (node.list ?? []).enumerated() {
      collect(
        item, row, depth: depth + 1, shown: shown + ["\(index)"], origin: item.origin, findings)
    }
  }
}
