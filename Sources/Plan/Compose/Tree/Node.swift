// The tree that the stages of loading work on: values with the place where the user wrote them.

/// Where a value stands in the files of one load. 16 bytes, so that every value can carry it.
package struct Origin: Hashable, Sendable {
  var file: Int32
  var line: Int32
  var column: Int32
  var length: Int32

  static let none = Origin(file: -1, line: 0, column: 0, length: 0)
}

package struct Node: Sendable {
  package enum Value: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case list([Node])
    case map(Fields)
  }

  /// `!reset` and `!override`, until the merge that they are meant for.
  enum Mark: UInt8, Sendable {
    case none
    case reset
    case override
  }

  package var value: Value
  package var origin: Origin
  var mark = Mark.none
  /// Empty where nothing happened to the value, and where stories are not kept.
  var story: [Step] = []

  package init(_ value: Value, _ origin: Origin) {
    self.value = value
    self.origin = origin
  }

  init(_ text: String, _ origin: Origin) {
    self.init(.string(text), origin)
  }

  // Not inlined: where these stand in optional chains, 6.3's optimiser fails its own ownership
  // check on the borrowed node and the compiler ends.
  var string: String? {
    @inline(never) get { if case .string(let text) = value { text } else { nil } }
  }
  var int: Int? {
    @inline(never) get { if case .int(let number) = value { number } else { nil } }
  }
  var bool: Bool? {
    @inline(never) get { if case .bool(let flag) = value { flag } else { nil } }
  }
  var list: [Node]? { if case .list(let items) = value { items } else { nil } }
  var map: Fields? { if case .map(let fields) = value { fields } else { nil } }
  var isNull: Bool { if case .null = value { true } else { false } }

  /// The member of a mapping; nil for other kinds. Setting does nothing on them.
  package subscript(key: String) -> Node? {
    get {
      guard case .map(let fields) = value else { return nil }
      return fields[key]
    }
    set {
      guard case .map(var fields) = value else { return }
      value = .null
      fields[key] = newValue
      value = .map(fields)
    }
  }

  /// What stands under a key of a mapping or a number of a list.
  func member(_ key: String) -> Node? {
    guard let items = list else { return self[key] }
    return decimal(key).flatMap { items.indices.contains($0) ? items[$0] : nil }
  }

  /// The place of the value under a key; of the mapping itself when it is not there.
  func origin(of key: String) -> Origin {
    if let inner = self[key] { return inner.origin }
    return origin
  }

  /// The text of a scalar as it stands for itself in a map of strings; nil for lists and mappings.
  var text: String? {
    switch value {
    case .null: ""
    case .bool(let flag): flag ? "true" : "false"
    case .int(let number): "\(number)"
    case .float(let number): floatText(number)
    case .string(let text): text
    case .list, .map: nil
    }
  }

  /// What the value is, for messages: "a list".
  var kindName: String {
    switch value {
    case .null: "nothing"
    case .bool: "a boolean"
    case .int, .float: "a number"
    case .string: "a string"
    case .list: "a list"
    case .map: "a mapping"
    }
  }
}

/// An ordered mapping with unique keys, compared by bytes. Small ones are searched, large ones
/// keep a table.
package struct Fields: Sendable {
  package struct Entry: Sendable {
    package var key: String
    var keyOrigin: Origin
    package var node: Node
  }

  package private(set) var entries: [Entry] = []
  private var places: [Key: Int] = [:]
  private static let linear = 16

  init() {}

  package var isEmpty: Bool { entries.isEmpty }
  package var count: Int { entries.count }

  private func place(of key: String) -> Int? {
    if entries.count > Self.linear { return places[Key(key)] }
    return entries.firstIndex { sameBytes($0.key, key) }
  }

  package subscript(key: String) -> Node? {
    get { place(of: key).map { entries[$0].node } }
    set {
      if let newValue {
        set(key, newValue, keyOrigin: newValue.origin)
      } else if let place = place(of: key) {
        entries.remove(at: place)
        reindex()
      }
    }
  }

  func entry(_ key: String) -> Entry? { place(of: key).map { entries[$0] } }

  /// Replaces the value of a key that is there, with its key's place kept, or appends.
  mutating func set(_ key: String, _ node: Node, keyOrigin: Origin) {
    if let place = place(of: key) {
      entries[place].node = node
    } else {
      append(Entry(key: key, keyOrigin: keyOrigin, node: node))
    }
  }

  /// Appends without looking: for sources whose keys are known to be unique.
  mutating func append(_ entry: Entry) {
    entries.append(entry)
    if entries.count > Self.linear + 1 {
      places[Key(entry.key)] = entries.count - 1
    } else if entries.count == Self.linear + 1 {
      reindex()
    }
  }

  /// Rewrites every value in place; nil removes the entry.
  mutating func rewrite(_ change: (inout Entry) -> Bool) {
    var dropped = false
    var kept = 0
    for index in entries.indices {
      if change(&entries[index]) {
        if kept != index { entries.swapAt(kept, index) }
        kept += 1
      } else {
        dropped = true
      }
    }
    if dropped {
      entries.removeSubrange(kept...)
      reindex()
    }
  }

  mutating func sort() {
    entries.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    reindex()
  }

  private mutating func reindex() {
    places.removeAll(keepingCapacity: true)
    guard entries.count > Self.linear else { return }
    for (place, entry) in entries.enumerated() { places[Key(entry.key)] = place }
  }

  private struct Key: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: Key, right: Key) -> Bool { sameBytes(left.text, right.text) }

    func hash(into hasher: inout Hasher) {
      var text = text
      text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
  }
}

/// Equality by bytes: `String` takes canonically equivalent texts for equal.
func sameBytes(_ left: String, _ right: String) -> Bool {
  left.utf8.count == right.utf8.count && left == right
    && (left.utf8.allSatisfy { $0 < 0x80 } || left.utf8.elementsEqual(right.utf8))
}
