// `build` of a service, from the canonical tree to types.

import Diagnostics
import YAML

extension ModelReader {
  func build(_ service: Fields.Entry) -> BuildDefinition? {
    guard let node = service.node["build"], node.map != nil else { return nil }
    let context = text(node, "context").map(context) ?? .folder(folder)
    let privileges = flag(node, "privileged") ? ["security.insecure"] : []
    let entitlements = texts(node["entitlements"])
    return BuildDefinition(
      context: context, dockerfile: dockerfile(node, context), arguments: pairs(node["args"]),
      target: text(node, "target"),
      additionalContexts: (node["additional_contexts"]?.map?.entries ?? []).map { entry in
        NamedContext(
          name: entry.key, context: self.context(entry.node.text ?? ""),
          span: sources.span(entry.node.origin))
      },
      cacheFrom: (node["cache_from"]?.list ?? []).compactMap { cachePlace($0, folder: "src") },
      cacheTo: (node["cache_to"]?.list ?? []).compactMap { cachePlace($0, folder: "dest") },
      usesCache: !flag(node, "no_cache"), uncachedStages: texts(node["no_cache_filter"]),
      pulls: flag(node, "pull"), network: text(node, "network"),
      extraHosts: hosts(node["extra_hosts"]), labels: pairs(node["labels"]),
      secrets: (node["secrets"]?.list ?? []).map(secret),
      ssh: (node["ssh"]?.list ?? []).compactMap(ssh), tags: texts(node["tags"]),
      platforms: texts(node["platforms"]).filter { !$0.isEmpty },
      shmSize: size(node, "shm_size"), ulimits: ulimits(node["ulimits"]),
      entitlements: entitlements + privileges.filter { !entitlements.contains($0) },
      isolation: text(node, "isolation"), provenance: text(node, "provenance"),
      sbom: text(node, "sbom"), span: place(of: "build", in: service.node),
      places: places(node))
  }

  private func place(of key: String, in node: Node) -> SourceSpan? {
    node.map?.entry(key).flatMap { sources.span($0.keyOrigin) ?? sources.span($0.node.origin) }
  }

  // MARK: contexts

  private func context(_ text: String) -> BuildContext {
    func rest(_ prefix: String) -> String? {
      text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
    }
    if let name = rest("docker-image://") { return .image(name) }
    if let place = rest("oci-layout://") { return layout(place) }
    if let name = rest("service:") { return .service(name) }
    if let name = rest("target:") { return .target(name) }
    return isRemoteContext(text) ? .address(text) : .folder(resolve(text, in: folder, home: home))
  }

  private func layout(_ text: String) -> BuildContext {
    let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let parts = halves[0].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    return .layout(
      folder: resolve(String(parts[0]), in: folder, home: home),
      tag: parts.count == 2 ? String(parts[1]) : nil,
      digest: halves.count == 2 ? String(halves[1]) : nil)
  }

  private func dockerfile(_ node: Node, _ context: BuildContext) -> DockerfileSource {
    if let inline = node["dockerfile_inline"], let text = inline.text, !text.isEmpty {
      return .inline(
        InlineDockerfile(
          text: text, span: sources.span(inline.origin), first: firstLine(of: inline.origin)))
    }
    let path = text(node, "dockerfile") ?? "Dockerfile"
    guard case .folder(let folder) = context else { return .file(path) }
    return .file(resolve(path, in: folder))
  }

  /// Where the text of a literal block begins: below the line of its `|`, behind the indent.
  private func firstLine(of origin: Origin) -> SourceSpan? {
    guard origin.file >= 0, origin.line > 0, Int(origin.file) < sources.files.count else {
      return nil
    }
    let file = sources.files[Int(origin.file)]
    let lines = YAMLLines(file.bytes)
    func line(_ number: Int) -> Substring? {
      lines.range(of: number, end: file.bytes.count).map {
        Substring(String(decoding: file.bytes[$0], as: UTF8.self))
      }
    }
    let number = Int(origin.line)
    guard let head = line(number)?.unicodeScalars.dropFirst(max(0, Int(origin.column) - 1)),
      head.first == "|"
    else { return nil }
    var next = number + 1
    while let text = line(next), text.allSatisfy(\.isWhitespace) { next += 1 }
    let indent = line(next)?.utf8.prefix { $0 == UInt8(ascii: " ") }.count ?? 0
    return SourceSpan(file: file.shown, line: number + 1, column: indent + 1)
  }

  // MARK: the rest

  private func secret(_ node: Node) -> BuildSecret {
    let grant = grant(node)
    return BuildSecret(
      id: grant.target ?? grant.source, source: grant.source, uid: grant.uid, gid: grant.gid,
      mode: grant.mode, span: grant.span)
  }

  private func ssh(_ node: Node) -> SSHSource? {
    let text = node.text ?? ""
    if let source = SSHSource(text, in: folder, home: home, span: sources.span(node.origin)) {
      return source
    }
    buildFindings.add(
      Fault(
        .badValue, "`\(text)` names no key and no agent", at: node.origin,
        hint: "write `default`, or `ID=PATH`"))
    return nil
  }

  /// `REFERENCE`, or `type=TYPE,KEY=VALUE,…`.
  private func cachePlace(_ node: Node, folder key: String) -> CachePlace? {
    let text = node.text ?? ""
    let span = sources.span(node.origin)
    let fields = text.split(separator: ",").map { $0.split(separator: "=", maxSplits: 1) }
    if fields.count == 1, fields[0].count == 1 {
      return CachePlace(
        kind: .registry(reference: text), options: [], text: text, span: span)
    }
    var options = fields.map { field in
      KeyValue(field[0].lowercased(), field.count == 2 ? String(field[1]) : "")
    }
    func take(_ key: String) -> String? {
      defer { options.removeAll { $0.key == key } }
      return options.last { $0.key == key && !$0.value.isEmpty }?.value
    }
    func refuse(_ reason: String, _ hint: String) -> CachePlace? {
      buildFindings.add(
        Fault(.badValue, "cache `\(text)` \(reason)", at: node.origin, hint: hint))
      return nil
    }
    let kind: CachePlace.Kind
    switch take("type") {
    case nil: return refuse("has no type", "write `type=registry,ref=NAME`")
    case "registry":
      guard let reference = take("ref") else {
        return refuse("names no image", "write `type=registry,ref=NAME`")
      }
      kind = .registry(reference: reference)
    case "local":
      guard let path = take(key) else {
        return refuse("names no folder", "write `type=local,\(key)=FOLDER`")
      }
      kind = .local(folder: resolve(path, in: folder, home: home))
    case "inline": kind = .inline
    case let other?: kind = .other(other)
    }
    if let mode = options.last(where: { $0.key == "mode" })?.value, !["min", "max"].contains(mode) {
      return refuse("cannot have the mode `\(mode)`", "choose `min` or `max`")
    }
    return CachePlace(kind: kind, options: options, text: text, span: span)
  }
}

/// Whether a context is no folder of this machine.
func isRemoteContext(_ context: String) -> Bool {
  context.contains("://") || ["git@", "github.com/"].contains { context.hasPrefix($0) }
}
