// From the resolved tree to the typed project: profiles, consistency, env files, what is used.

import Diagnostics

struct Composition<Reader: ComposeReader> {
  var root: Node
  let name: String
  let location: Location
  let options: ProjectOptions
  let sources: Sources
  let environment: [String: String]
  let reader: Reader
  let findings: Findings

  /// nil with findings.
  mutating func project() -> Project? {
    let all = root["services"]?.map ?? Fields()
    for name in options.services where all.entry(name) == nil {
      findings.add(
        Fault(
          .noService, "no such service: `\(name)`", hint: suggestion(name, all.entries.map(\.key)))
      )
    }
    let enabled = enabledNames(all)
    if !options.skipsConsistency, !options.skipsInterpolation {
      Consistency(
        root: root, enabled: enabled,
        // Values that still hold variables are no faults.
        findings: options.skipsInterpolation ? Findings() : findings
      ).check()
    }
    guard !findings.isFaulty else { return nil }
    if !options.skipsEnvironmentResolution { readEnvFiles(enabled) }
    readLabelFiles(enabled)
    guard !findings.isFaulty else { return nil }
    let selected = selectedNames(enabled)
    var model = root
    model["services"] = kept(root["services"]) { selected.contains($0) }
    if !options.keepsUnusedResources { prune(&model) }
    let reading = ModelReader(sources: sources, enabled: enabled, findings: Findings())
    return reading.project(
      model, disabled: kept(root["services"]) { !enabled.contains($0) }, name: name,
      location: location, sources: sources)
  }

  private func kept(_ services: Node?, _ keeps: (String) -> Bool) -> Node {
    guard let services, case .map(var fields) = services.value else {
      return Node(.map(Fields()), .none)
    }
    fields.rewrite { keeps($0.key) }
    return Node(.map(fields), services.origin)
  }

  /// Services without profiles, with an active one, or named on the command line.
  private func enabledNames(_ services: Fields) -> Set<String> {
    var active = Set(location.profiles)
    for name in options.services {
      for profile in services[name]?["profiles"]?.list ?? [] { active.insert(profile.text ?? "") }
    }
    let everything = active.contains("*")
    var enabled: Set<String> = []
    for entry in services.entries {
      let profiles = entry.node["profiles"]?.list ?? []
      if profiles.isEmpty || everything || options.services.contains(entry.key)
        || profiles.contains(where: { active.contains($0.text ?? "") })
      {
        enabled.insert(entry.key)
      }
    }
    return enabled
  }

  /// The named services with all that they depend on; all when none is named.
  private func selectedNames(_ enabled: Set<String>) -> Set<String> {
    guard !options.services.isEmpty else { return enabled }
    var selected: Set<String> = []
    var queue = options.services
    while let name = queue.popLast() {
      guard enabled.contains(name), selected.insert(name).inserted else { continue }
      queue += root["services"]?[name]?["depends_on"]?.map?.entries.map(\.key) ?? []
    }
    return selected
  }

  private func prune(_ model: inout Node) {
    var used: [String: Set<String>] = [:]
    for service in model["services"]?.map?.entries ?? [] {
      for kind in ["networks", "models"] {
        used[kind, default: []].formUnion(service.node[kind]?.map?.entries.map(\.key) ?? [])
      }
      for mount in service.node["volumes"]?.list ?? [] where mount["type"]?.string == "volume" {
        if let source = mount["source"]?.string { used["volumes", default: []].insert(source) }
      }
      for kind in ["configs", "secrets"] {
        for grant in service.node[kind]?.list ?? [] {
          if let source = grant["source"]?.string { used[kind, default: []].insert(source) }
        }
      }
      for grant in service.node["build"]?["secrets"]?.list ?? [] {
        if let source = grant["source"]?.string { used["secrets", default: []].insert(source) }
      }
    }
    for kind in ["networks", "volumes", "configs", "secrets", "models"] where model[kind] != nil {
      model[kind] = kept(model[kind]) { used[kind]?.contains($0) ?? false }
    }
  }

  // MARK: env files

  private mutating func readEnvFiles(_ enabled: Set<String>) {
    let reading = self
    edit(&root, "services") { service in
      guard enabled.contains(service.key), let files = service.node["env_file"]?.list else {
        return
      }
      let own = service.node["environment"]?.map ?? Fields()
      let caller = reading.environment
      var parser = EnvFileParser(lookup: { caller[$0] ?? own[$0]?.string })
      for file in files { reading.read(file, &parser) }
      var merged = Fields()
      for pair in parser.values {
        merged.set(pair.key, Node(pair.value, .none), keyOrigin: .none)
      }
      for entry in own.entries { merged.set(entry.key, entry.node, keyOrigin: entry.keyOrigin) }
      if !merged.isEmpty { service.node["environment"] = Node(.map(merged), .none) }
      service.node["env_file"] = nil
    }
  }

  private mutating func readLabelFiles(_ enabled: Set<String>) {
    let reading = self
    edit(&root, "services") { service in
      guard enabled.contains(service.key), let files = service.node["label_file"]?.list else {
        return
      }
      let caller = reading.environment
      var parser = EnvFileParser(lookup: { caller[$0] })
      for file in files { reading.read(file, &parser) }
      var merged = Fields()
      for pair in parser.values {
        merged.set(pair.key, Node(pair.value, .none), keyOrigin: .none)
      }
      for entry in service.node["labels"]?.map?.entries ?? [] {
        merged.set(entry.key, entry.node, keyOrigin: entry.keyOrigin)
      }
      if !merged.isEmpty { service.node["labels"] = Node(.map(merged), .none) }
      service.node["label_file"] = nil
    }
  }

  private func read(_ file: Node, _ parser: inout EnvFileParser) {
    guard let path = file["path"]?.string ?? file.string else { return }
    let origin = file.origin(of: "path")
    let known = parser.values.count
    do throws(Fault) {
      try findings.growth.take(0, of: .variables, at: origin)
      guard let bytes = try bytes(of: path, named: file) else { return }
      try findings.growth.take(bytes.count, of: .read, at: origin)
      try parse(bytes, of: path, named: file, &parser)
      try findings.growth.take(parser.values.count - known, of: .variables, at: origin)
    } catch {
      findings.add(error)
    }
  }

  /// nil when the file is missing and may be.
  private func bytes(of path: String, named file: Node) throws(Fault) -> [UInt8]? {
    do throws(ComposeReadFault) {
      return try reader.read(path)
    } catch {
      if case .missing = error, file["required"]?.bool == false { return nil }
      throw Fault(
        .environmentFile, "env file `\(path)` cannot be read: \(error.text)",
        at: file.origin(of: "path"), hint: "create it, or write `required: false`")
    }
  }

  private func parse(
    _ bytes: [UInt8], of path: String, named file: Node, _ parser: inout EnvFileParser
  ) throws(Fault) {
    let origin = file.origin(of: "path")
    do throws(EnvFileFault) {
      switch file["format"]?.string {
      case nil, "": try parser.parse(bytes)
      case "raw": try parser.parseRaw(bytes)
      case let format?:
        findings.add(
          Fault(
            .notOneOf, "env file format cannot be `\(format)`", at: origin,
            hint: "it is `raw` or left out"))
      }
    } catch {
      throw Fault(
        .environmentFile, "env file `\(path)`, line \(error.line): \(error.summary)", at: origin)
    }
  }
}
