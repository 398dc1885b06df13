// Parts of an image's config that grow with each instruction: what has a name is found without a look at all
// that is there.

import JSON

/// Values by names, in the order in which these came. Names are the same when their bytes are.
struct NamedValues<Value: Sendable>: Sendable {
  private(set) var members: [(name: String, value: Value)] = []
  private var places: [[UInt8]: Int] = [:]

  /// One that is there already keeps its place.
  subscript(name: String) -> Value? { places[Array(name.utf8)].map { members[$0].value } }

  /// - Returns: what it was before.
  @discardableResult
  mutating func set(_ name: String, _ value: Value) -> Value? {
    let key = Array(name.utf8)
    guard let place = places[key] else {
      places[key] = members.count
      members.append((name, value))
      return nil
    }
    defer { members[place].value = value }
    return members[place].value
  }
}

/// An object of an image's config, such as its labels.
struct ConfigTable {
  private var values = NamedValues<JSONValue>()
  /// Bytes of its names and texts.
  private(set) var size = 0

  init(_ object: JSONObject = JSONObject()) {
    for member in object.members { set(member.name, member.value) }
  }

  var json: JSONValue {
    var object = JSONObject()
    for (name, value) in values.members { object.append(name, value) }
    return .object(object)
  }

  mutating func set(_ name: String, _ value: JSONValue) {
    if let old = values.set(name, value) {
      size -= old.string?.utf8.count ?? 0
    } else {
      size += name.utf8.count
    }
    size += value.string?.utf8.count ?? 0
  }
}

/// `NAME=value`, in order.
struct ConfigEnvironment {
  private(set) var entries: [String] = []
  /// Where each name stands last.
  private var places: [[UInt8]: Int] = [:]
  private(set) var size = 0

  init(_ entries: [String] = []) {
    for entry in entries { append(entry) }
  }

  subscript(name: String) -> String? {
    places[Array(name.utf8)].flatMap { place in
      // By bytes: a mark behind the `=` would make another character of it.
      String(Substring(entries[place].utf8.dropFirst(name.utf8.count + 1)))
    }
  }

  mutating func set(_ name: String, _ value: String) {
    let entry = "\(name)=\(value)"
    guard let place = places[Array(name.utf8)] else { return append(entry) }
    size += entry.utf8.count - entries[place].utf8.count
    entries[place] = entry
  }

  private mutating func append(_ entry: String) {
    let name = Array(entry.utf8.prefix { $0 != UInt8(ascii: "=") })
    if name.count < entry.utf8.count { places[name] = entries.count }
    entries.append(entry)
    size += entry.utf8.count
  }
}
