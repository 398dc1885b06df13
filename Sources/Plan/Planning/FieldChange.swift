// Two definitions of one thing beside each other: what differs, attribute by attribute.

package import JSON

package struct FieldChange: Hashable, Sendable {
  /// From the top of the definition; items of lists by their number from 0, as they stand now, or as
  /// they stood for what is gone.
  package var path: [String]
  /// Nil: it was not there.
  package var old: JSONValue?
  /// Nil: it is not there any more.
  package var new: JSONValue?

  package init(_ path: [String], old: JSONValue?, new: JSONValue?) {
    self.path = path
    self.old = old
    self.new = new
  }
}

/// What differs between two definitions of the same shape, in the order of the new one; what is gone
/// comes behind its neighbours.
package func fieldChanges(from old: JSONValue, to new: JSONValue) -> [FieldChange] {
  var comparison = Comparison()
  comparison.compare(old, new, [])
  return comparison.changes
}

private struct Comparison {
  var changes: [FieldChange] = []
  /// Lists whose words make sense only together.
  private static let sentences: Set<String> = ["command", "entrypoint", "test"]

  init() {}

  mutating func compare(_ old: JSONValue?, _ new: JSONValue?, _ path: [String]) {
    if old == new { return }
    if let (old, new) = objects(old, new) { return compare(old, new, path) }
    if !Self.sentences.contains(path.last ?? ""), let (old, new) = arrays(old, new) {
      return compare(old, new, path)
    }
    changes.append(FieldChange(path, old: told(old, path), new: told(new, path)))
  }

  /// Both as objects, where one may lack; nil when that would say nothing.
  private func objects(_ old: JSONValue?, _ new: JSONValue?) -> (JSONObject, JSONObject)? {
    guard let pair = both(old, new, \.object), !(pair.0.isEmpty && pair.1.isEmpty) else {
      return nil
    }
    return pair
  }

  private func arrays(_ old: JSONValue?, _ new: JSONValue?) -> ([JSONValue], [JSONValue])? {
    guard let pair = both(old, new, \.array), !(pair.0.isEmpty && pair.1.isEmpty) else {
      return nil
    }
    return pair
  }

  private func both<Part: ExpressibleByNothing>(
    _ old: JSONValue?, _ new: JSONValue?, _ part: (JSONValue) -> Part?
  ) -> (Part, Part)? {
    let oldPart = old.flatMap(part)
    let newPart = new.flatMap(part)
    if oldPart == nil, newPart == nil { return nil }
    if oldPart == nil, let old, !old.isNull { return nil }
    if newPart == nil, let new, !new.isNull { return nil }
    return (oldPart ?? Part(), newPart ?? Part())
  }

  private mutating func compare(_ old: JSONObject, _ new: JSONObject, _ path: [String]) {
    for member in new.members { compare(old[member.name], member.value, path + [member.name]) }
    for member in old.members where new[member.name] == nil {
      compare(member.value, nil, path + [member.name])
    }
  }

  private mutating func compare(_ old: [JSONValue], _ new: [JSONValue], _ path: [String]) {
    let partners = pairs(old, new)
    if old.count == new.count, partners.allSatisfy({ old[$0.value] == new[$0.key] }) {
      // The same items in another order.
      changes.append(FieldChange(path, old: .array(old), new: .array(new)))
      return
    }
    for (index, item) in new.enumerated() {
      compareItem(partners[index].map { old[$0] }, item, path + ["\(index)"])
    }
    let kept = Set(partners.values)
    for (index, item) in old.enumerated() where !kept.contains(index) {
      compareItem(item, nil, path + ["\(index)"])
    }
  }

  /// Items that one text stands for are told as that text.
  private mutating func compareItem(_ old: JSONValue?, _ new: JSONValue?, _ path: [String]) {
    if old == new { return }
    let isWhole = [old, new].allSatisfy { item in
      item.map { shortForm($0, of: path.dropLast().last ?? "") != nil } ?? true
    }
    guard isWhole else { return compare(old, new, path) }
    changes.append(FieldChange(path, old: told(old, path), new: told(new, path)))
  }

  private func told(_ value: JSONValue?, _ path: [String]) -> JSONValue? {
    guard let value else { return nil }
    return shortForm(value, of: path.dropLast().last ?? "").map { .string($0) } ?? value
  }

  /// For numbers of new items those of the old items that they were: the same, or else the same target,
  /// or else the next that is left.
  private func pairs(_ old: [JSONValue], _ new: [JSONValue]) -> [Int: Int] {
    var result: [Int: Int] = [:]
    var left = Array(old.indices)
    func match(_ fits: (JSONValue, JSONValue) -> Bool) {
      for index in new.indices where result[index] == nil {
        guard let place = left.firstIndex(where: { fits(old[$0], new[index]) }) else { continue }
        result[index] = left.remove(at: place)
      }
    }
    match { $0 == $1 }
    match { old, new in
      ["target", "source", "path", "name"].contains { key in
        old[key].map { $0 == new[key] } ?? false
      }
    }
    match { _, _ in true }
    return result
  }
}

/// An empty one stands for one that is not there.
private protocol ExpressibleByNothing {
  init()
}

extension JSONObject: ExpressibleByNothing {}
extension Array: ExpressibleByNothing where Element == JSONValue {}

// MARK: - Short forms

/// An item of `ports` or `volumes` as people write it; nil where it says more than that form can.
private func shortForm(_ item: JSONValue, of list: String) -> String? {
  guard let object = item.object else { return nil }
  switch list {
  case "ports": return portText(object)
  case "volumes": return mountText(object)
  default: return nil
  }
}

private func portText(_ port: JSONObject) -> String? {
  let known: Set<String> = ["mode", "host_ip", "target", "published", "protocol"]
  guard port.members.allSatisfy({ known.contains($0.name) }), let target = port["target"]?.number,
    ["ingress", nil].contains(port["mode"]?.string)
  else { return nil }
  var text = target.text
  if let published = port["published"]?.string { text = published + ":" + text }
  if let address = port["host_ip"]?.string {
    // Without a port of the host the place between stays empty.
    if port["published"] == nil { text = ":" + text }
    text = (address.contains(":") ? "[\(address)]" : address) + ":" + text
  }
  let transport = port["protocol"]?.string ?? "tcp"
  return transport == "tcp" ? text : text + "/" + transport
}

private func mountText(_ mount: JSONObject) -> String? {
  let known: Set<String> = ["type", "source", "target", "read_only", "bind", "volume"]
  guard mount.members.allSatisfy({ known.contains($0.name) }),
    let target = mount["target"]?.string, ["bind", "volume"].contains(mount["type"]?.string),
    isPlain(mount["volume"], [:]), isPlain(mount["bind"], ["create_host_path": true])
  else { return nil }
  let source = mount["source"]?.string.map { $0 + ":" } ?? ""
  return source + target + (mount["read_only"]?.bool == true ? ":ro" : "")
}

private func isPlain(_ value: JSONValue?, _ usual: JSONObject) -> Bool {
  guard let value, let object = value.object else { return value.map(\.isNull) ?? true }
  return object.isEmpty || object == usual
}
