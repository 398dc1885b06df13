// Every value to its long form, as the tables say. Bringing a long form into its long form
// changes nothing, so that trees can be merged after it and brought there again.

struct Canonical {
  let findings: Findings
  /// Variables are still in the values: they stay as they are, and only what they stand in gets its
  /// long form.
  let isRaw: Bool

  func apply(_ root: inout Node) {
    var path: [String] = []
    record(&root, Tables.file, &path)
  }

  private func walk(_ node: inout Node, _ shape: Shape, _ path: inout [String]) {
    switch shape {
    case .record(let record): self.record(&node, record, &path)
    case .map(let value, _):
      guard value.isStructured, case .map(var fields) = node.value else { return }
      node.value = .null
      fields.rewrite { entry in
        path.append(entry.key)
        walk(&entry.node, value, &path)
        path.removeLast()
        return true
      }
      node.value = .map(fields)
    case .list(let item, _):
      guard item.isStructured, case .list(var items) = node.value else { return }
      node.value = .null
      for index in items.indices {
        path.append("\(index)")
        walk(&items[index], item, &path)
        path.removeLast()
      }
      node.value = .list(items)
    case .either(let shapes):
      guard let shape = shapes.first(where: { $0.fits(node) }) else { return }
      walk(&node, shape, &path)
    case .scalar(let kinds):
      // `1e3` where only whole numbers may stand is one.
      guard kinds.contains(.integer), !kinds.contains(.number),
        case .float(let number) = node.value, let whole = Int(exactly: number)
      else { return }
      node.value = .int(whole)
    default: break
    }
  }

  private func record(_ node: inout Node, _ record: Record, _ path: inout [String]) {
    guard case .map(var fields) = node.value else { return }
    node.value = .null
    fields.rewrite { entry in
      guard let attribute = record[entry.key], entry.node.mark != .reset else { return true }
      path.append(entry.key)
      let (story, mark) = (entry.node.story, entry.node.mark)
      do throws(Fault) {
        if !isRaw { try number(&entry.node, attribute.cast, path) }
        if !isRaw || attribute.form.isOfStructure {
          try form(&entry.node, attribute.form, path)
        }
      } catch {
        if !isRaw { findings.add(error) }
      }
      if entry.node.story.isEmpty { entry.node.story = story }
      entry.node.mark = mark
      walk(&entry.node, attribute.shape, &path)
      path.removeLast()
      return true
    }
    if let external = fields["external"], external.map != nil {
      flatten(external, &fields)
    }
    node.value = .map(fields)
  }

  /// `external: {name: x}` is `external: true` and `name: x`.
  private func flatten(_ external: Node, _ fields: inout Fields) {
    guard let name = external["name"] else {
      fields["external"] = Node(.bool(true), external.origin)
      return
    }
    findings.warn(
      Fault(
        .obsolete, "`external.name` is deprecated", at: name.origin,
        hint: "write `external: true` and `name: \(name.text ?? "")`"))
    fields["external"] = Node(.bool(true), external.origin)
    if let own = fields["name"], own.text != name.text {
      findings.add(
        Fault(.conflict, "`name` and `external.name` differ", at: name.origin, hint: "keep `name`"))
    }
    fields["name"] = name
  }

  private func form(_ node: inout Node, _ form: Form, _ path: [String]) throws(Fault) {
    switch form {
    case .asIs, .extends, .external: break
    case .texts: node = listed(node)
    case .filledTexts:
      node = listed(node)
      try items(&node) { item in item.string?.isEmpty == true ? [] : [item] }
    case .text: if !node.isNull, let text = node.text { node.value = .string(text) }
    case .pairs: node = strings(node, nullsStay: false)
    case .contexts:
      try checkContexts(node)
      node = strings(node, nullsStay: false)
    case .environment:
      node = strings(node, nullsStay: true)
      try checkNames(node)
    case .hosts:
      try checkHosts(node)
      if node.list != nil || node.map != nil { node.value = .list(hostItems(node)) }
    case .command: try command(&node, path)
    case .healthTest:
      if case .string = node.value {
        node.value = .list([Node("CMD-SHELL", node.origin), node])
      }
    case .build: node = built(node)
    case .dependsOn: dependsOn(&node)
    case .names, .models: node = named(node)
    case .ports: try items(&node) { item throws(Fault) in try ports(item) }
    case .volumes: try items(&node) { item throws(Fault) in [try mount(item)] }
    case .devices:
      try items(&node) { item throws(Fault) in
        guard let text = item.string else { return [item] }
        return [try parseDevice(text, item.origin)]
      }
    case .grants: try items(&node) { item throws(Fault) in [self.wrap(item, "source")] }
    case .envFiles: try envFiles(&node)
    default: try scalarForm(&node, form, path)
    }
  }

  private func items(
    _ node: inout Node, _ change: (Node) throws(Fault) -> [Node]
  ) throws(Fault) {
    guard case .list(let items) = node.value else { return }
    var changed: [Node] = []
    changed.reserveCapacity(items.count)
    for item in items {
      do throws(Fault) {
        let forms = try change(item)
        guard item.mark != .none || !item.story.isEmpty else {
          changed += forms
          continue
        }
        changed += forms.map { form in
          var form = form
          (form.story, form.mark) = (item.story, item.mark)
          return form
        }
      } catch {
        if !isRaw { findings.add(error) }
        changed.append(item)
      }
    }
    node.value = .list(changed)
  }

  private func wrap(_ item: Node, _ key: String) -> Node {
    guard case .string = item.value else { return item }
    var fields = Fields()
    fields[key] = item
    return Node(.map(fields), item.origin)
  }

  private func ports(_ item: Node) throws(Fault) -> [Node] {
    guard case .map(var fields) = item.value else {
      try findings.growth.take(0, of: .ports, at: item.origin)
      let ports = try parsePorts(item.text ?? "", item.origin)
      try findings.growth.take(ports.count, of: .ports, at: item.origin)
      return ports
    }
    switch fields["published"]?.value {
    case .int(let number)?: fields["published"]?.value = .string("\(number)")
    case .float(let number)?:
      if let whole = Int(exactly: number) { fields["published"]?.value = .string("\(whole)") }
    default: break
    }
    return [Node(.map(fields), item.origin)]
  }

  private func mount(_ item: Node) throws(Fault) -> Node {
    guard case .map(var fields) = item.value else {
      return try parseMount(item.string ?? "", item.origin)
    }
    if var target = fields["target"], let text = target.string {
      target.value = .string(cleanPath(text))
      fields["target"] = target
    }
    return Node(.map(fields), item.origin)
  }

  private func command(_ node: inout Node, _ path: [String]) throws(Fault) {
    guard let text = node.string else { return }
    guard let words = splitWords(text) else {
      throw Fault(
        .badValue, "`\(joined(path))` cannot be split into words: `\(text)`", at: node.origin,
        hint: "close the quote, or write a list: [\"sh\", \"-c\", …]")
    }
    if let character = cutOff(text) {
      findings.warn(
        Fault(
          .cutCommand, "what stands behind `\(character)` in `\(joined(path))` is left out",
          at: node.origin, hint: "no shell reads it; write `sh -c '…'` for one that does"))
    }
    node.value = .list(words.map { Node($0, node.origin) })
  }

  private func dependsOn(_ node: inout Node) {
    node = dependencies(node)
    guard case .map(var fields) = node.value else { return }
    fields.rewrite { entry in
      if entry.node.map != nil, entry.node["required"] == nil {
        entry.node["required"] = Node(.bool(true), entry.node.origin)
      }
      return true
    }
    node.value = .map(fields)
  }

  private func envFiles(_ node: inout Node) throws(Fault) {
    node = listed(node)
    try items(&node) { item throws(Fault) in
      var item = wrap(item, "path")
      if item["required"] == nil { item["required"] = Node(.bool(true), item.origin) }
      return [item]
    }
  }

  func gpus(_ node: inout Node) throws(Fault) {
    if node.string == "all" { node.value = .list([Node(.map(Fields()), node.origin)]) }
    try items(&node) { item throws(Fault) in
      var item = item
      guard let count = item["count"] else { return [item] }
      if let text = count.string {
        guard let number = text == "all" ? -1 : decimal(text) else {
          throw Fault(
            .badValue, "`count` cannot be `\(text)`", at: count.origin,
            hint: "give a number or `all`")
        }
        item["count"] = Node(.int(number), count.origin)
      }
      if item["device_ids"] != nil {
        throw Fault(
          .conflict, "`count` and `device_ids` exclude each other", at: count.origin)
      }
      return [item]
    }
  }

  func providerOptions(_ node: inout Node) {
    guard case .map(var fields) = node.value else { return }
    fields.rewrite { entry in
      let values = entry.node.list ?? [entry.node]
      entry.node.value = .list(values.map { Node($0.text ?? "", $0.origin) })
      return true
    }
    node.value = .map(fields)
  }

  /// A map of strings, whatever form it was written in.
  private func strings(_ node: Node, nullsStay: Bool) -> Node {
    guard case .map(var fields) = pairsNode(node).value else { return node }
    fields.rewrite { entry in
      if entry.node.isNull, nullsStay { return true }
      if let text = entry.node.text { entry.node.value = .string(text) }
      return true
    }
    return Node(.map(fields), node.origin)
  }

  /// A context that is named in a list says where it is.
  private func checkContexts(_ node: Node) throws(Fault) {
    guard let item = node.list?.first(where: { $0.string?.contains("=") == false }) else { return }
    throw Fault(
      .badValue, "additional context `\(item.string ?? "")` has no place", at: item.origin,
      hint: "write `NAME=PLACE`")
  }

  private func checkNames(_ node: Node) throws(Fault) {
    for entry in node.map?.entries ?? [] where entry.key.hasSuffix(" ") {
      throw Fault(
        .badName, "variable `\(entry.key)` ends with a space", at: entry.keyOrigin,
        hint: "write `\(entry.key.prefix { $0 != " " })=…` without the space")
    }
  }

  private func checkHosts(_ node: Node) throws(Fault) {
    for item in node.list ?? [] {
      guard let text = item.string else { continue }
      guard let cut = text.firstIndex(of: "=") ?? text.firstIndex(of: ":") else {
        throw Fault(
          .badValue, "extra host `\(text)` has no address", at: item.origin,
          hint: "write `HOST=ADDRESS`")
      }
      try checkHost(String(text[..<cut]), item.origin)
    }
    for entry in node.map?.entries ?? [] { try checkHost(entry.key, entry.keyOrigin) }
  }

  private func checkHost(_ host: String, _ origin: Origin) throws(Fault) {
    guard host.isEmpty || host.contains(":") || host.contains("=") else { return }
    throw Fault(
      .badName,
      host.isEmpty ? "an extra host has no name" : "an extra host cannot be named `\(host)`",
      at: origin, hint: "write `HOST=ADDRESS`")
  }
}

extension Form {
  /// Whether the long form is another structure, not another value.
  fileprivate var isOfStructure: Bool {
    switch self {
    case .build, .dependsOn, .names, .models, .ports, .volumes, .devices, .grants, .envFiles,
      .external, .extends, .ssh, .filledTexts:
      true
    default: false
    }
  }
}

extension Shape {
  /// Whether something below may have a long form of its own.
  var isStructured: Bool {
    switch self {
    case .record: true
    case .list(let item, _): item.isStructured
    case .map(let value, _): value.isStructured
    case .either(let shapes): shapes.contains(where: \.isStructured)
    default: false
    }
  }
}
