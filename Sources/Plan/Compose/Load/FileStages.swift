// The stages of each file: interpolate → include → extend → merge → unique → check → long form.

extension Assembly {
  /// Loads files into one tree with defaults in place and paths resolved.
  func load(_ set: FileSet, texts: [(path: String, documents: [Node])]) -> Node? {
    var root = Node(.map(Fields()), .none)
    for text in texts {
      if text.documents.isEmpty { continue }
      for document in text.documents {
        merge(document, from: text.path, into: &root, set)
      }
    }
    setDefaults(&root)
    checkResources(root)
    resolvePaths(&root, of: set.folder)
    return root
  }

  private func merge(_ document: Node, from path: String, into root: inout Node, _ set: FileSet) {
    guard document.map != nil else {
      findings.add(
        Fault(
          .wrongType, "a compose file is a mapping, not \(document.kindName)",
          at: document.origin, hint: "begin with `services:`"))
      return
    }
    do throws(Fault) {
      try findings.growth.take(root.size, of: .merged, at: document.origin)
    } catch {
      return findings.add(error)
    }
    var document = document
    interpolate(&document, set.environment)
    guard findingsAllow(document) else { return }
    applyIncludes(&document, from: path, set)
    applyExtends(&document, from: path, set)
    root = Merging(findings: findings, keepsMarks: false).merge(root, document)
    let uniqueness = Uniqueness(findings: findings)
    uniqueness.apply(&root, .record(Tables.file))
    Validation(findings: findings).apply(root)
    if let version = root["version"] {
      findings.warn(
        Fault(
          .obsolete, "the attribute `version` is obsolete, it will be ignored",
          at: version.origin, hint: "remove it"))
      root["version"] = nil
    }
    Canonical(findings: findings, isRaw: options.skipsInterpolation).apply(&root)
    uniqueness.apply(&root, .record(Tables.file))
  }

  /// `services` and its members must be mappings before anything looks into them.
  private func findingsAllow(_ document: Node) -> Bool {
    guard let services = document["services"] else { return true }
    guard services.map != nil else {
      findings.add(
        Fault(
          .wrongType, "`services` must be a mapping, not \(services.kindName)",
          at: document.map?.entry("services")?.keyOrigin ?? services.origin))
      return false
    }
    return true
  }

  func interpolate(_ document: inout Node, _ environment: Variables) {
    guard !options.skipsInterpolation else { return }
    var interpolation = Interpolation(findings: findings, lookup: { environment[$0] })
    interpolation.source = { [unowned self] in environment.source($0, sources) }
    interpolation.used = { [unowned self] in note($0) }
    interpolation.apply(&document)
  }

  /// Paths of a file in `folder`. Where they shall stay as they are written, those of other folders
  /// than the project's are written as they would be there.
  private func resolvePaths(_ root: inout Node, of folder: String) {
    let home = environment["HOME"]
    guard options.skipsPathResolution else {
      return resolvePaths(&root, in: folder, home: home)
    }
    guard folder != location.folder else { return }
    let prefix = location.folder == "/" ? "/" : location.folder + "/"
    let below = folder.hasPrefix(prefix) ? String(folder.dropFirst(prefix.count)) : folder
    resolvePaths(&root, in: below, home: home)
  }

  // MARK: include

  private func applyIncludes(_ document: inout Node, from path: String, _ set: FileSet) {
    guard let include = document["include"] else { return }
    document["include"] = nil
    if include.isNull { return }
    guard let items = include.list else {
      findings.add(
        Fault(.wrongType, "`include` must be a list, not \(include.kindName)", at: include.origin))
      return
    }
    for (index, item) in items.enumerated() {
      Validation(findings: findings).keys(item, Tables.include, ["include", "\(index)"])
      do throws(Fault) {
        try self.include(item, from: path, into: &document, set)
      } catch {
        findings.add(error)
      }
    }
  }

  private func include(
    _ item: Node, from path: String, into document: inout Node, _ set: FileSet
  ) throws(Fault) {
    let home = environment["HOME"]
    let given = texts(item.map == nil ? item : item["path"])
    if let remote = given.first(where: isRemoteFile) { throw remoteFault(remote, item.origin) }
    let paths = given.map {
      resolve($0, in: set.folder, home: home)
    }
    guard let main = paths.first else {
      throw Fault(.include, "an include names no `path`", at: item.origin)
    }
    let chain = set.chain + [path]
    if let again = paths.first(where: chain.contains) {
      let circle = (chain + [again]).map(options.shown).joined(separator: " → ")
      throw Fault(.cycle, "include cycle: \(circle)", at: item.origin)
    }
    guard chain.count < Template.depth else {
      throw Fault(
        .cycle, "files include each other deeper than \(Template.depth)", at: item.origin)
    }
    var folder = parentFolder(main)
    if let own = item["project_directory"]?.string {
      folder = resolve(own, in: set.folder, home: home)
    }
    var included = FileSet(
      paths: paths, folder: folder, environment: set.environment, chain: chain)
    let values = includedEnvironment(item, folder, set)
    if !values.isEmpty {
      try findings.growth.take(
        values.count + set.environment.values.count, of: .environments, at: item.origin)
    }
    included.environment.add(values)
    let places = nodes(item.map == nil ? item : item["path"]).map(\.origin)
    let documents = zip(paths, places).compactMap { path, place in
      self.documents(path, at: place).map { (path: path, documents: $0) }
    }
    guard var model = load(included, texts: documents) else { return }
    try findings.growth.take(model.size, of: .included, at: item.origin)
    // Its own env files are for its own texts.
    edit(&model, "services") { service in
      inherit(&service.node, "environment", included.environment, keepsUnset: true)
    }
    includedValues += IncludedValue.all(of: model, included.environment)
    importModel(model, into: &document)
  }

  private func includedEnvironment(
    _ item: Node, _ folder: String, _ set: FileSet
  ) -> [EnvFileValue] {
    var files = nodes(item["env_file"]).map { node in
      (path: resolve(node.string ?? "", in: set.folder), origin: node.origin)
    }
    if files.isEmpty {
      let own = folder + "/.env"
      if reader.kind(own) == .file { files = [(path: own, origin: item.origin)] }
    }
    return EnvFiles(reader: reader, options: options, findings: findings)
      .values(files, over: set.environment, sources: &sources)
  }

  private func texts(_ node: Node?) -> [String] { nodes(node).compactMap(\.string) }

  /// A text, or those of a list.
  private func nodes(_ node: Node?) -> [Node] {
    guard let node else { return [] }
    return (node.list ?? [node]).filter { $0.string != nil }
  }

  /// Resources that are there already must say the same, or be what this file adds on top.
  private func importModel(_ model: Node, into document: inout Node) {
    for kind in ["services", "networks", "volumes", "configs", "secrets", "models"] {
      guard let imported = model[kind]?.map else { continue }
      var own = document[kind] ?? Node(.map(Fields()), .none)
      for entry in imported.entries {
        guard let conflict = own.map?.entry(entry.key) else {
          own[entry.key] = entry.node
          continue
        }
        guard !sameValue(conflict.node, entry.node) else { continue }
        var path = [kind, entry.key]
        let shape = Tables.file[kind]?.shape.member(entry.key)?.0
        own[entry.key] = Merging(findings: findings, keepsMarks: true)
          .merge(entry.node, conflict.node, shape, .deep, &path)
      }
      if document.map?.entry(kind) == nil {
        guard case .map(var fields) = document.value else { return }
        fields.set(kind, own, keyOrigin: .none)
        document.value = .map(fields)
      } else {
        document[kind] = own
      }
    }
  }

  private func remoteFault(_ path: String, _ origin: Origin) -> Fault {
    Fault(
      .remoteFile, "`\(path)` is remote: compose files are read from this machine only",
      at: origin, hint: "fetch it first and name the local file")
  }

  // MARK: extends

  private func applyExtends(_ document: inout Node, from path: String, _ set: FileSet) {
    guard let services = document["services"], let fields = services.map else { return }
    var extended = services
    for entry in fields.entries where entry.node["extends"] != nil {
      do throws(Fault) {
        extended[entry.key] = try extend(
          entry.key, in: services, path: path, folder: set.folder, set, chain: [])
      } catch {
        findings.add(error)
        findings.lacking.insert(entry.key)
        extended[entry.key]?["extends"] = nil
      }
    }
    document["services"] = extended
  }

  /// The service with what it extends merged under it.
  private func extend(
    _ name: String, in services: Node, path: String, folder: String, _ set: FileSet,
    chain: [String]
  ) throws(Fault) -> Node {
    guard var service = services[name] else { return Node(.null, .none) }
    guard let extends = service["extends"] else { return service }
    let link = "\(options.shown(path)):\(name)"
    guard !chain.contains(link) else {
      throw Fault(
        .cycle, "services extend each other: \((chain + [link]).joined(separator: " → "))",
        at: extends.origin)
    }
    guard chain.count < Template.depth else {
      throw Fault(.cycle, "services extend deeper than \(Template.depth)", at: extends.origin)
    }
    Validation(findings: findings).keys(extends, Tables.extends, ["services", name, "extends"])
    guard let reference = extends.string ?? extends["service"]?.string else {
      throw Fault(.extends, "`extends` of `\(name)` lacks `service`", at: extends.origin)
    }
    var base = services
    var basePath = path
    var baseFolder = folder
    if let file = extends["file"]?.string {
      if isRemoteFile(file) { throw remoteFault(file, extends.origin(of: "file")) }
      basePath = resolve(file, in: folder, home: environment["HOME"])
      baseFolder = parentFolder(basePath)
      base = try baseServices(basePath, name, extends.origin, set)
    }
    // The file cannot be read, which has been said.
    if base.isNull { return service }
    guard base[reference] != nil else {
      throw Fault(
        .extends,
        "service `\(name)` extends `\(reference)`, which \(options.shown(basePath)) lacks",
        at: extends.origin(of: "service"),
        hint: findings.isFull
          ? nil : nearestName(reference, base, besides: basePath == path ? name : nil))
    }
    let parent = try extend(
      reference, in: base, path: basePath, folder: baseFolder, set, chain: chain + [link])
    service["extends"] = nil
    try findings.growth.take(parent.size, of: .extended, at: extends.origin)
    var trail = ["services", name]
    let settled = Merging(findings: findings, keepsMarks: false).settle(parent)
    return Merging(findings: findings, keepsMarks: true)
      .merge(settled, service, .record(Tables.service), .deep, &trail) ?? service
  }

  private func nearestName(_ name: String, _ services: Node, besides own: String?) -> String? {
    let others = (services.map?.entries ?? []).lazy.map(\.key).filter { $0 != own }
    return suggestion(name, others)
  }

  /// The services of another file, in long form, with their paths resolved against its folder.
  private func baseServices(
    _ path: String, _ name: String, _ origin: Origin, _ set: FileSet
  ) throws(Fault) -> Node {
    let key = "\(set.chain.last ?? "")|\(path)"
    if let known = extendedFiles[key] { return known }
    guard let documents = documents(path, at: origin) else { return Node(.null, .none) }
    var root = Node(.map(Fields()), .none)
    for var document in documents {
      interpolate(&document, set.environment)
      // What its services extend in turn comes under it only later.
      root = Merging(findings: findings, keepsMarks: true).merge(root, document)
      Uniqueness(findings: findings).apply(&root, .record(Tables.file))
      Canonical(findings: findings, isRaw: options.skipsInterpolation).apply(&root)
    }
    guard let services = root["services"] else {
      // The part that cannot be read may have them.
      if findings.isIncomplete { return Node(.null, .none) }
      throw Fault(
        .extends, "service `\(name)` extends \(options.shown(path)), which has no `services`",
        at: origin)
    }
    guard services.map != nil else {
      throw Fault(.extends, "`services` of \(options.shown(path)) must be a mapping", at: origin)
    }
    resolvePaths(&root, of: parentFolder(path))
    let resolved = root["services"] ?? services
    extendedFiles[key] = resolved
    return resolved
  }
}

/// Whether two trees say the same, wherever they were written.
func sameValue(_ left: Node, _ right: Node) -> Bool {
  switch (left.value, right.value) {
  case (.null, .null): true
  case (.bool(let a), .bool(let b)): a == b
  case (.int(let a), .int(let b)): a == b
  case (.float(let a), .float(let b)): a == b
  case (.string(let a), .string(let b)): sameBytes(a, b)
  case (.list(let a), .list(let b)): a.count == b.count && zip(a, b).allSatisfy(sameValue)
  case (.map(let a), .map(let b)):
    a.count == b.count
      && a.entries.allSatisfy { entry in
        b[entry.key].map { sameValue(entry.node, $0) } ?? false
      }
  default: false
  }
}
