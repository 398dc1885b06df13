// `env_file` and `label_file` of services, folded into `environment` and `labels` (reference S45 to
// S48).

struct ServiceFiles<Reader: ComposeReader> {
  let files: EnvFiles<Reader>
  let environment: Variables
  /// What paths are relative to when they were left as written.
  let folder: String
  let findings: Findings
  var sources: Sources

  /// What stands in the service itself wins over its files.
  mutating func foldEnvironment(into root: inout Node, of enabled: Set<String>) {
    edit(&root, "services") { service in
      guard enabled.contains(service.key), let list = service.node["env_file"]?.list else {
        return
      }
      let caller = environment
      let own = service.node["environment"]?.map ?? Fields()
      var parser = EnvFileParser(lookup: { caller[$0] ?? own[$0]?.string })
      for file in list { read(file, &parser) }
      fold(parser.values, into: &service.node, "environment")
      service.node["env_file"] = nil
    }
  }

  mutating func foldLabels(into root: inout Node, of enabled: Set<String>) {
    edit(&root, "services") { service in
      guard enabled.contains(service.key), let list = service.node["label_file"]?.list else {
        return
      }
      var parser = EnvFileParser(lookup: { _ in nil })
      for file in list { read(file, &parser) }
      fold(parser.values, into: &service.node, "labels")
      service.node["label_file"] = nil
    }
  }

  private func fold(_ values: [EnvFileValue], into service: inout Node, _ key: String) {
    var merged = Fields()
    for value in values {
      merged.set(value.key, Node(value.value, value.origin), keyOrigin: value.origin)
    }
    for entry in service[key]?.map?.entries ?? [] {
      var node = entry.node
      if findings.keepsStories, let earlier = merged[entry.key] {
        node.story = node.told(on: earlier, as: .overrode)
      }
      merged.set(entry.key, node, keyOrigin: entry.keyOrigin)
    }
    guard !merged.isEmpty else { return }
    var node = service[key] ?? Node(.null, .none)
    node.value = .map(merged)
    service[key] = node
  }

  private mutating func read(_ file: Node, _ parser: inout EnvFileParser) {
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
    let isOptional = file["required"]?.bool == false
    if path.isEmpty, isOptional { return nil }
    do throws(ComposeReadFault) {
      return try files.reader.read(
        resolve(path, in: folder, home: environment["HOME"]))
    } catch {
      if case .missing = error, isOptional { return nil }
      throw Fault(
        .environmentFile,
        "\(file.map == nil ? "label" : "env") file `\(files.options.shown(path))` cannot be read: "
          + error.text, at: file.origin(of: "path"),
        hint: hint(error, isOptional: file.map != nil))
    }
  }

  private func hint(_ fault: ComposeReadFault, isOptional: Bool) -> String? {
    switch fault {
    case .missing: isOptional ? "create it, or write `required: false`" : "create it"
    case .isFolder: "name a file in it"
    case .denied, .tooLarge, .other: nil
    }
  }

  private mutating func parse(
    _ bytes: [UInt8], of path: String, named file: Node, _ parser: inout EnvFileParser
  ) throws(Fault) {
    switch file["format"]?.string {
    case nil, "", "raw":
      try files.read(
        bytes, of: path, &parser, isRaw: file["format"]?.string == "raw", sources: &sources)
    case let format?:
      throw Fault(
        .notOneOf, "env file format cannot be `\(format)`", at: file.origin(of: "format"),
        hint: "it is `raw` or left out")
    }
  }
}
