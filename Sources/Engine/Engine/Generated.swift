// `alpha generate`: a compose file from containers that there are.

import Blueprint
import Compose
import Diagnostics
import Images
import JSON
import OCI
import Store

package struct GenerateRequest: Sendable {
  /// By name or id; none is all that run.
  package var containers: [String] = []
  /// Of the project.
  package var name: String

  package init(name: String) { self.name = name }
}

/// A compose file in both forms.
package struct GeneratedFile: Sendable {
  fileprivate let value: JSONValue

  package var json: [UInt8] { value.bytes(JSONStyle(indent: 2)) + [0x0A] }
  package var yaml: [UInt8] { yamlText(of: value) }
}

extension Stock {
  package func generate(_ request: GenerateRequest) throws -> GeneratedFile {
    let all = try containers.list()
    let chosen =
      request.containers.isEmpty
      ? all.filter(\.isSupervised) : try request.containers.map { try found($0, among: all) }
    var file = GeneratedProject(name: request.name)
    for record in chosen {
      // One that is gone has said nothing that the file could leave out.
      file.add(record, image: try images.resolve(id: record.blueprint.image.id)?.config)
    }
    return GeneratedFile(value: file.json)
  }

  private func found(_ name: String, among all: [ContainerRecord]) throws -> ContainerRecord {
    let matches = all.filter { $0.name == name || $0.id == name }
    let near = name.utf8.count >= 4 ? all.filter { $0.id.hasPrefix(name) } : []
    let candidates = matches.isEmpty ? near : matches
    guard candidates.count == 1 else {
      throw Faults([
        Diagnostic(
          candidates.isEmpty
            ? "no such container: \(name)" : "more than one container begins with `\(name)`",
          hint: nearest(to: name, among: all.map(\.name)).map { "did you mean `\($0)`?" })
      ])
    }
    return candidates[0]
  }
}

private struct GeneratedProject {
  let name: String
  private var services = JSONObject()
  private var volumes = JSONObject()
  private var networks = JSONObject()

  init(name: String) { self.name = name }

  var json: JSONValue {
    var file: JSONObject = ["name": .string(name), "services": .object(services.sorted())]
    if !networks.isEmpty { file["networks"] = .object(networks.sorted()) }
    if !volumes.isEmpty { file["volumes"] = .object(volumes.sorted()) }
    return escaped(.object(file))
  }

  /// A dollar that is meant is two in a compose file.
  private func escaped(_ value: JSONValue) -> JSONValue {
    switch value {
    case .string(let text): return .string(text.replacing("$", with: "$$"))
    case .array(let items): return .array(items.map(escaped))
    case .object(let object):
      return .object(JSONObject(object.members.map { ($0.name, escaped($0.value)) }))
    case .null, .bool, .number: return value
    }
  }

  mutating func add(_ record: ContainerRecord, image: ImageConfig?) {
    let key = record.service.isEmpty ? record.name : record.service
    if var known = services[key]?.object {
      // Another replica of the same.
      known["scale"] = JSONValue((known["scale"]?.number?.integer(Int.self) ?? 1) + 1)
      services[key] = .object(known)
      return
    }
    let blueprint = record.blueprint
    var service: JSONObject = ["image": .string(blueprint.image.reference)]
    addProcess(blueprint, image, to: &service)
    if record.number == 0 || record.name != "\(record.project)-\(key)-\(record.number)" {
      service["container_name"] = .string(record.name)
    }
    if let restart = restartText(blueprint.restart) { service["restart"] = .string(restart) }
    if blueprint.root.readOnly { service["read_only"] = true }
    let labels = blueprint.labels.filter {
      !$0.key.hasPrefix("com.docker.compose.") && image?.labels[$0.key] != $0.value
    }
    if !labels.isEmpty {
      let pairs = labels.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
      service["labels"] = .object(JSONObject(pairs))
    }
    addNetwork(blueprint.network, of: record.project, to: &service)
    addMounts(blueprint.mounts, of: record.project, to: &service)
    services[key] = .object(service.sorted())
  }

  private func addProcess(
    _ blueprint: ContainerBlueprint, _ image: ImageConfig?, to service: inout JSONObject
  ) {
    let process = blueprint.process
    let words = process.arguments.map(\.text)
    func list(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map { .string($0) }) }
    let entrypoint = image?.entrypoint ?? []
    if words != entrypoint + (image?.cmd ?? []) {
      if words.starts(with: entrypoint) {
        service["command"] = list(words.dropFirst(entrypoint.count))
      } else {
        service["entrypoint"] = list(words)
      }
    }
    let inherited = Set(image?.env ?? [])
    let names = Set(inherited.map { $0.prefix { $0 != "=" } })
    let own = process.environment.map(\.text).filter { entry in
      let name = entry.prefix { $0 != "=" }
      // Set for each container where nobody says otherwise.
      return !inherited.contains(entry)
        && (names.contains(name) || !["PATH", "HOSTNAME", "TERM"].contains(name))
    }
    if !own.isEmpty {
      service["environment"] = .object(
        JSONObject(
          own.sorted().map { entry in
            let pair = entry.split(
              separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(pair[0]), .string(String(pair.last ?? "")))
          }))
    }
    let folder = process.workingDirectory.text
    if folder != (image?.workingDir ?? "/"), folder != "/" {
      service["working_dir"] = .string(folder)
    }
    if process.user != image?.user ?? "" { service["user"] = .string(process.user) }
    if process.terminal { service["tty"] = true }
    if process.input != .none { service["stdin_open"] = true }
    if process.usesInit { service["init"] = true }
    if !blueprint.id.hasPrefix(blueprint.hostname) {
      service["hostname"] = .string(blueprint.hostname)
    }
  }

  private func restartText(_ policy: RestartPolicy) -> String? {
    switch policy {
    case .no: nil
    case .always: "always"
    case .unlessStopped: "unless-stopped"
    case .onFailure(let attempts): "on-failure" + (attempts.map { ":\($0)" } ?? "")
    }
  }

  private mutating func addNetwork(
    _ network: NetworkBlueprint, of project: String, to service: inout JSONObject
  ) {
    switch network.mode {
    case .host: service["network_mode"] = "host"
    case .none: service["network_mode"] = "none"
    case .container(let id): service["network_mode"] = .string("container:\(id)")
    case .bridge:
      var joined = JSONObject()
      for endpoint in network.endpoints {
        let key = short(endpoint.network, project)
        joined[key] = .null
        networks[key] = ["name": .string(endpoint.network)]
      }
      if !joined.isEmpty { service["networks"] = .object(joined.sorted()) }
    }
    if network.ports.isEmpty { return }
    service["ports"] = .array(
      network.ports.map { port in
        var entry: JSONObject = [
          "mode": "ingress", "protocol": .string(port.transport.rawValue),
          "published": .string("\(port.hostPort)"), "target": JSONValue(port.containerPort),
        ]
        if !port.hostAddress.isEmpty { entry["host_ip"] = .string(port.hostAddress) }
        return .object(entry.sorted())
      })
  }

  private mutating func addMounts(
    _ mounts: [MountStep], of project: String, to service: inout JSONObject
  ) {
    var entries: [JSONValue] = []
    for step in mounts {
      var entry: JSONObject = ["target": .string(step.target.text)]
      var readsOnly = false
      switch step {
      case .volume(let name, _, _, let readOnly, _, _, _):
        entry["type"] = "volume"
        readsOnly = readOnly
        // A volume without a name of its own is made anew.
        if isAnonymous(name) { break }
        let key = short(name, project)
        entry["source"] = .string(key)
        volumes[key] = ["name": .string(name)]
      case .bind(let source, _, let readOnly, _, _, _, _):
        entry["type"] = "bind"
        entry["source"] = .string(source.text)
        readsOnly = readOnly
      case .tmpfs: entry["type"] = "tmpfs"
      case .image(let id, _, _, _):
        entry["type"] = "image"
        entry["source"] = .string(id)
      }
      if readsOnly { entry["read_only"] = true }
      entries.append(.object(entry.sorted()))
    }
    if !entries.isEmpty { service["volumes"] = .array(entries) }
  }

  private func short(_ name: String, _ project: String) -> String {
    name.hasPrefix(project + "_") ? String(name.dropFirst(project.utf8.count + 1)) : name
  }
}
