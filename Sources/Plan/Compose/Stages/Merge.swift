// How a later tree joins an earlier one, attribute by attribute as the tables say (reference S50
// to S73).

struct Merging {
  let findings: Findings
  /// Whether `!reset` and `!override` stay on the result, for the merge that comes after this one.
  let keepsMarks: Bool

  func merge(_ base: Node, _ over: Node) -> Node {
    var path: [String] = []
    return merge(base, over, .record(Tables.file), .deep, &path) ?? base
  }

  /// The tree with nothing under it: what is marked for removal goes.
  func settle(_ node: Node) -> Node {
    guard !keepsMarks else { return node }
    var node = node
    node.mark = .none
    switch node.value {
    case .list(let items):
      node.value = .list(items.compactMap { $0.mark == .reset ? nil : settle($0) })
    case .map(var fields):
      node.value = .null
      var lost: [Step] = []
      fields.rewrite { entry in
        guard entry.node.mark != .reset else {
          lost.append(Step(verb: .removed(entry.key), origin: entry.node.origin))
          return false
        }
        entry.node = settle(entry.node)
        return true
      }
      node.value = .map(fields)
      if findings.keepsStories, !lost.isEmpty { node.story = node.steps + lost }
    default: break
    }
    return node
  }

  /// nil removes the value.
  func merge(
    _ base: Node, _ over: Node, _ shape: Shape?, _ rule: Merge, _ path: inout [String]
  ) -> Node? {
    guard findings.keepsStories else { return laid(over, on: base, shape, rule, &path) }
    guard var result = laid(over, on: base, shape, rule, &path) else { return nil }
    guard over.mark != .none || !over.isNull || rule == .replace, !base.isNull else {
      return result
    }
    let verb: Step.Verb =
      if over.mark == .override {
        .replaced
      } else if rule == .pools || rule == .logging && otherDriver(base, over) {
        .overrode
      } else if result.list != nil, rule != .replace, base.list?.isEmpty == false {
        .appended
      } else if result.map != nil, rule != .replace {
        .merged
      } else {
        .overrode
      }
    // What a mapping lost by `!reset` is already the last of its steps.
    let lost = result.story.filter { if case .removed = $0.verb { true } else { false } }
    result.story = over.told(on: base, as: verb) + lost
    return result
  }

  private func laid(
    _ over: Node, on base: Node, _ shape: Shape?, _ rule: Merge, _ path: inout [String]
  ) -> Node? {
    if over.mark == .reset { return keepsMarks ? over : nil }
    if over.mark == .override { return settle(over) }
    if over.isNull, rule != .replace { return base }
    if base.isNull || base.mark == .reset { return settle(over) }
    switch rule {
    case .replace: return settle(over)
    case .pairs:
      return maps(pairsNode(base), pairsNode(over), shape, &path, values: .replace)
    case .texts: return append(listed(base), listed(over), path)
    case .hosts: return hosts(base, over)
    case .names: return maps(named(base), named(over), shape, &path)
    case .dependsOn:
      return maps(dependencies(base), dependencies(over), shape, &path)
    case .build: return maps(built(base), built(over), shape, &path)
    case .logging: return logging(base, over, shape, &path)
    case .pools: return pools(base, over, shape, &path)
    case .deep: return deep(base, over, shape, &path)
    }
  }

  private func deep(
    _ base: Node, _ over: Node, _ shape: Shape?, _ path: inout [String]
  ) -> Node? {
    switch base.value {
    case .map: return maps(base, over, shape, &path)
    case .list: return append(base, over, path)
    default: return settle(over)
    }
  }

  private func conflict(_ base: Node, _ over: Node, _ path: [String]) -> Node {
    findings.add(
      Fault(
        .merge, "`\(joined(path))` is \(base.kindName) and cannot become \(over.kindName)",
        at: over.origin, hint: "write it in the same form, or replace it with `!override`"))
    return base
  }

  private func append(_ base: Node, _ over: Node, _ path: [String]) -> Node {
    guard let first = base.list, let second = settle(over).list else {
      return conflict(base, over, path)
    }
    return Node(.list(first + second), over.origin)
  }

  private func maps(
    _ base: Node, _ over: Node, _ shape: Shape?, _ path: inout [String], values: Merge = .deep
  ) -> Node? {
    guard case .map(var fields) = base.value, case .map(let others) = over.value else {
      return conflict(base, over, path)
    }
    let shape = shape?.mapShape
    let record = shape?.record
    var lost: [Step] = []
    for other in others.entries {
      guard let earlier = fields[other.key] else {
        if other.node.mark != .reset || keepsMarks {
          var entry = other
          entry.node = settle(other.node)
          fields.append(entry)
        }
        continue
      }
      let attribute = record?[other.key]
      var rule = attribute?.merge ?? values
      if values == .replace { rule = .replace }
      if values == .replace, other.node.mark == .none {
        var node = other.node
        if findings.keepsStories { node.story = node.told(on: earlier, as: .overrode) }
        fields.set(other.key, node, keyOrigin: other.keyOrigin)
        continue
      }
      path.append(other.key)
      let inner = attribute?.shape ?? shape?.member(other.key)?.0
      // A limit is one thing, whichever way it is written.
      if case .map(_, .lowercase)? = shape { rule = .replace }
      let merged = merge(earlier, other.node, inner, rule, &path)
      fields[other.key] = merged
      if merged == nil, findings.keepsStories {
        lost.append(Step(verb: .removed(other.key), origin: other.keyOrigin))
      }
      path.removeLast()
    }
    var result = Node(.map(fields), base.origin)
    result.story = lost
    return result
  }

  private func hosts(_ base: Node, _ over: Node) -> Node {
    var seen: Set<String> = []
    let items = (hostItems(base) + hostItems(settle(over))).filter {
      seen.insert($0.string ?? "").inserted
    }
    return Node(.list(items), over.origin)
  }

  /// Options of two drivers do not mix.
  private func logging(
    _ base: Node, _ over: Node, _ shape: Shape?, _ path: inout [String]
  ) -> Node? {
    otherDriver(base, over) ? settle(over) : maps(base, over, shape, &path)
  }

  private func otherDriver(_ base: Node, _ over: Node) -> Bool {
    guard let earlier = base["driver"]?.string, let later = over["driver"]?.string else {
      return false
    }
    return earlier != later
  }

  /// The later file's pools, each laid on the earlier one of the same subnet; other earlier ones go.
  private func pools(
    _ base: Node, _ over: Node, _ shape: Shape?, _ path: inout [String]
  ) -> Node? {
    guard let earlier = base.list, let others = over.list else {
      return conflict(base, over, path)
    }
    let items = others.map { other in
      let subnet = other["subnet"]?.string
      let pool = earlier.first { $0["subnet"]?.string == subnet }
      return pool.flatMap { maps($0, other, shape?.itemShape, &path) } ?? settle(other)
    }
    return Node(.list(items), over.origin)
  }
}

/// `K=V` lists as mappings; a key alone has no value. Later items win at the first one's place.
func pairsNode(_ node: Node) -> Node {
  guard let items = node.list else { return node }
  var fields = Fields()
  for item in items {
    guard let text = item.text else { continue }
    let cut = text.utf8.firstIndex(of: UInt8(ascii: "="))
    let key = cut.map { String(text[..<$0]) } ?? text
    var value = Node(.null, item.origin)
    if let cut { value.value = .string(String(text[text.utf8.index(after: cut)...])) }
    value.mark = item.mark
    value.story = item.story
    fields.set(key, value, keyOrigin: item.origin)
  }
  return Node(.map(fields), node.origin)
}

/// A single text as a list of one.
func listed(_ node: Node) -> Node {
  if case .string = node.value { return Node(.list([node]), node.origin) }
  if case .map = node.value { return Node(.list([node]), node.origin) }
  return node
}

/// A list of names as a mapping to nothing.
func named(_ node: Node) -> Node {
  guard let items = node.list else { return node }
  var fields = Fields()
  for item in items {
    guard let name = item.text else { continue }
    fields.set(name, Node(.null, item.origin), keyOrigin: item.origin)
  }
  return Node(.map(fields), node.origin)
}

func dependencies(_ node: Node) -> Node {
  guard let items = node.list else { return node }
  var fields = Fields()
  for item in items {
    guard let name = item.text else { continue }
    var dependency = Fields()
    dependency["condition"] = Node("service_started", item.origin)
    dependency["required"] = Node(.bool(true), item.origin)
    fields.set(name, Node(.map(dependency), item.origin), keyOrigin: item.origin)
  }
  return Node(.map(fields), node.origin)
}

func built(_ node: Node) -> Node {
  guard case .string = node.value else { return node }
  var fields = Fields()
  fields["context"] = node
  return Node(.map(fields), node.origin)
}

/// `host=address` texts, one for each address. A host without an address stays as it is. In lists
/// several addresses are separated by commas.
func hostItems(_ node: Node) -> [Node] {
  var items: [Node] = []
  func add(_ host: String, _ address: Substring, from source: Node) {
    var address = address
    if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
    var item = source
    item.value = .string("\(host)=\(address)")
    items.append(item)
  }
  switch node.value {
  case .map(let fields):
    for entry in fields.entries {
      for address in entry.node.list ?? [entry.node] {
        add(entry.key, (address.text ?? "")[...], from: address)
      }
    }
  case .list(let list):
    for item in list {
      guard let text = item.text else { continue }
      guard let cut = text.firstIndex(of: "=") ?? text.firstIndex(of: ":") else {
        items.append(item)
        continue
      }
      let addresses = text[text.index(after: cut)...]
      for address in addresses.split(separator: ",", omittingEmptySubsequences: false) {
        add(String(text[..<cut]), address, from: item)
      }
    }
  default: break
  }
  return items
}
