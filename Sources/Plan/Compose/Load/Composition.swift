// From the resolved tree to the typed project: profiles, consistency, env files, what is used.

import Diagnostics

struct Composition<Reader: ComposeReader> {
  var root: Node
  let name: String
  let location: Location
  let options: ProjectOptions
  var sources: Sources
  let environment: Variables
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
      Consistency(root: root, enabled: enabled, findings: findings).check()
    }
    guard !findings.isFaulty else { return nil }
    // Variables may name files that are not known yet.
    if !options.skipsInterpolation { foldFiles(enabled) }
    guard !findings.isFaulty else { return nil }
    let selected = selectedNames(enabled)
    var model = root
    if !options.skipsInterpolation {
      model["services"] = kept(root["services"]) { selected.contains($0) }
      if !options.keepsUnusedResources { prune(&model) }
    }
    let reading = ModelReader(
      sources: sources, enabled: enabled, findings: Findings(), folder: location.folder,
      home: environment["HOME"])
    return reading.project(
      model,
      // Known all the same: their containers are no orphans.
      disabled: kept(root["services"]) {
        !(options.skipsInterpolation ? enabled : selected).contains($0)
      }, name: name,
      location: location, sources: sources)
  }

  private mutating func foldFiles(_ enabled: Set<String>) {
    var files = ServiceFiles(
      files: EnvFiles(reader: reader, options: options, findings: findings),
      environment: environment, folder: location.folder,
      findings: findings, sources: sources)
    if !options.skipsEnvironmentResolution { files.foldEnvironment(into: &root, of: enabled) }
    files.foldLabels(into: &root, of: enabled)
    sources = files.sources
  }

  private func kept(_ services: Node?, _ keeps: (String) -> Bool) -> Node {
    guard var services, case .map(var fields) = services.value else {
      return Node(.map(Fields()), .none)
    }
    fields.rewrite { keeps($0.key) }
    services.value = .map(fields)
    return services
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

  /// These services and those that their images are built from, whether selected or not.
  private func built(_ names: [String]) -> [Node] {
    var services: [Node] = []
    var seen = Set(names)
    var queue = names
    while let name = queue.popLast() {
      guard let service = root["services"]?[name] else { continue }
      services.append(service)
      for context in service["build"]?["additional_contexts"]?.map?.entries ?? [] {
        guard let text = context.node.string, text.hasPrefix("service:") else { continue }
        let source = String(text.dropFirst("service:".count))
        if seen.insert(source).inserted { queue.append(source) }
      }
    }
    return services
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
    }
    for service in built(model["services"]?.map?.entries.map(\.key) ?? []) {
      for grant in service["build"]?["secrets"]?.list ?? [] {
        if let source = grant["source"]?.string { used["secrets", default: []].insert(source) }
      }
    }
    for kind in ["networks", "volumes", "configs", "secrets", "models"] where model[kind] != nil {
      model[kind] = kept(model[kind]) { used[kind]?.contains($0) ?? false }
    }
  }
}
