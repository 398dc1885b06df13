// The project with its images named by digest (reference C116, C117).

extension Project {
  /// The images that services name, each once, in the order of the file: those of containers, of
  /// hooks, and of mounts.
  package var imageNames: [String] {
    var names: [String] = []
    for service in model["services"]?.map?.entries ?? [] {
      for path in imagePaths(of: service.node) {
        guard let name = service.node.value(at: path)?.string, !name.isEmpty else { continue }
        if !names.contains(where: { sameBytes($0, name) }) { names.append(name) }
      }
    }
    return names
  }

  /// The project with images replaced where there is a name for them.
  package func pinning(_ pins: [String: String]) -> Project {
    var project = self
    edit(&project.model, "services") { service in
      for path in imagePaths(of: service.node) {
        guard let name = service.node.value(at: path)?.string, let pin = pins[name] else {
          continue
        }
        service.node.set(pin, at: path[...])
      }
    }
    return project
  }

  /// An override file that says of the services only which images they have.
  package func onlyImages() -> Project {
    var project = self
    var services = Fields()
    for service in model["services"]?.map?.entries ?? [] {
      var kept = Fields()
      if let image = service.node["image"] { kept["image"] = image }
      let mounts = (service.node["volumes"]?.list ?? []).filter { $0["type"]?.string == "image" }
      if !mounts.isEmpty { kept["volumes"] = Node(.list(mounts), .none) }
      if !kept.isEmpty {
        services.set(service.key, Node(.map(kept), .none), keyOrigin: service.keyOrigin)
      }
    }
    var root = Fields()
    root["services"] = Node(.map(services), .none)
    project.model = Node(.map(root), .none)
    return project
  }

  /// A mount of type image may name a service instead, which has an image of its own.
  private func imagePaths(of service: Node) -> [[String]] {
    var paths = [["image"]]
    for (index, mount) in (service["volumes"]?.list ?? []).enumerated()
    where mount["type"]?.string == "image"
      && model["services"]?.map?.entry(mount["source"]?.string ?? "") == nil
    {
      paths.append(["volumes", "\(index)", "source"])
    }
    for (index, hook) in (service["pre_start"]?.list ?? []).enumerated()
    where hook["image"] != nil {
      paths.append(["pre_start", "\(index)", "image"])
    }
    return paths
  }
}

extension Node {
  /// What stands under keys and numbers of items; nil when it is not there.
  fileprivate func value(at path: [String]) -> Node? {
    path.reduce(self) { node, key in node?.member(key) }
  }

  fileprivate mutating func set(_ text: String, at path: ArraySlice<String>) {
    guard let key = path.first else {
      value = .string(text)
      return
    }
    switch value {
    case .list(var items):
      guard let index = decimal(key), items.indices.contains(index) else { return }
      items[index].set(text, at: path.dropFirst())
      value = .list(items)
    default:
      self[key]?.set(text, at: path.dropFirst())
    }
  }
}
