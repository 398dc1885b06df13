// `build --print`: what would be built, as the file that docker's `bake` reads (reference E82, C123).

import Compose
import JSON

extension Session {
  /// A group `default` of what is built, and a target for each service that has a `build`.
  package func bakeFile(_ request: BuildRequest) throws -> [UInt8] {
    let services = try servicesToBuild(request)
    let project = try project()
    let all = project.services + project.disabledServices
    let names = bakeNames(all.map(\.name))
    let printed = try buildOrder(
      services.map(\.name) + project.services.filter(\.hasBuild).map(\.name), in: project)
    let proxies = try proxyArguments()
    var targets = JSONObject()
    for service in printed.sorted(by: { $0.name < $1.name }) {
      guard let build = service.build, let name = names[service.name] else { continue }
      targets.append(name, .object(target(service, build, request, names, proxies)))
    }
    var group = JSONObject()
    group.append(
      "default", ["targets": .array(services.compactMap { names[$0.name] }.map { .string($0) })])
    let file: JSONObject = ["group": .object(group), "target": .object(targets)]
    return JSONValue.object(file).bytes(JSONStyle(indent: 2)) + [0x0A]
  }

  private func target(
    _ service: Service, _ build: BuildDefinition, _ request: BuildRequest,
    _ names: [String: String],
    _ proxies: [KeyValue]
  ) -> JSONObject {
    var target = BakeTarget()
    target.add("context", build.context.text)
    target.add(
      "contexts",
      build.additionalContexts.map { named in
        if case .service(let name) = named.context {
          return KeyValue(named.name, "target:" + (names[name] ?? name))
        }
        return KeyValue(named.name, named.context.text)
      })
    switch build.dockerfile {
    case .file(let path): target.add("dockerfile", path)
    case .inline(let inline): target.add("dockerfile-inline", escaped(inline.text))
    }
    target.add(
      "args",
      buildArguments(of: service, request, proxies: proxies).map {
        KeyValue($0.key, escaped($0.value))
      })
    target.add("labels", buildLabels(of: service))
    target.add("tags", build.tags + [imageName(of: service)])
    target.add("cache-from", build.cacheFrom.map(\.text))
    target.add("cache-to", build.cacheTo.map(\.text))
    target.add("target", build.target ?? "")
    target.add("secret", build.secrets.compactMap(self.secret))
    target.add(
      "ssh",
      build.ssh.map { "\($0.id)=\($0.paths.joined(separator: ","))" }
        + request.ssh.map { $0.contains("=") ? $0 : $0 + "=" })
    target.add("platforms", build.platforms)
    target.add("pull", build.pulls || request.pulls)
    target.add("no-cache", !build.usesCache || !request.usesCache)
    target.add("network", build.network ?? "")
    target.add("no-cache-filter", build.uncachedStages)
    target.add("shm-size", build.shmSize.map { "\($0.bytes)" } ?? "")
    target.add(
      "ulimits",
      build.ulimits.map { limit in
        limit.soft == limit.hard && limit.soft > 0
          ? "\(limit.name)=\(limit.soft)" : "\(limit.name)=\(limit.soft):\(limit.hard)"
      })
    if request.checksOnly { target.add("call", "lint") }
    target.add("entitlements", build.entitlements)
    target.add("extra-hosts", joinedByHost(build.extraHosts))
    if !request.checksOnly {
      let pushes = request.pushes && service.image != nil
      target.add("output", [pushes ? "type=registry" : "type=docker"])
    }
    target.add("attest", attestations(build))
    return target.object
  }

  private func secret(_ secret: BuildSecret) -> String? {
    switch loaded?.project.secret(secret.source)?.origin {
    case .file(let path): "id=\(secret.id),type=file,src=\(path)"
    case .environment(let name): "id=\(secret.id),type=env,env=\(name)"
    case .content, .external, .undeclared, nil: nil
    }
  }
}

/// Fields in docker's order; what is empty is left out.
private struct BakeTarget {
  private(set) var object = JSONObject()

  mutating func add(_ key: String, _ text: String) {
    if !text.isEmpty { object.append(key, .string(text)) }
  }

  mutating func add(_ key: String, _ flag: Bool) {
    if flag { object.append(key, .bool(true)) }
  }

  mutating func add(_ key: String, _ texts: [String]) {
    if !texts.isEmpty { object.append(key, .array(texts.map { .string($0) })) }
  }

  mutating func add(_ key: String, _ pairs: [KeyValue]) {
    if pairs.isEmpty { return }
    var map = JSONObject()
    for pair in pairs.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      map.append(pair.key, .string(pair.value))
    }
    object.append(key, .object(map))
  }
}

/// Targets are called after services, but a dot would be a path there: each is another name.
func bakeNames(_ services: [String]) -> [String: String] {
  var names: [String: String] = [:]
  var taken: Set<String> = []
  for service in services.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
    var name = String(service.map { $0 == "." ? "_" : $0 })
    while !taken.insert(name).inserted { name += "_" }
    names[service] = name
  }
  return names
}

/// `bake` replaces variables of its own.
private func escaped(_ text: String) -> String { text.replacing("${", with: "$${") }

/// One host may have several addresses.
private func joinedByHost(_ hosts: [KeyValue]) -> [KeyValue] {
  var joined: [KeyValue] = []
  for host in hosts {
    if let place = joined.firstIndex(where: { $0.key == host.key }) {
      joined[place].value += "," + host.value
    } else {
      joined.append(host)
    }
  }
  return joined
}

private func attestations(_ build: BuildDefinition) -> [String] {
  [("provenance", build.provenance), ("sbom", build.sbom)].compactMap { type, value in
    switch value {
    case nil: nil
    case "true": "type=\(type)"
    case "false": "type=\(type),disabled=true"
    case let other?: "type=\(type),\(other)"
    }
  }
}
