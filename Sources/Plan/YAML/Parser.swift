// libyaml's events to trees: anchors, aliases and merge keys are resolved here, so that the rest
// sees plain trees. Aliases share storage; what they would grow to is counted and bounded.

import CYAML
import Diagnostics

/// Reads all documents of a text. An empty text has none. What is wrong but leaves the rest readable
/// is gathered, so that all of it can be told at once.
package func readYAML(_ bytes: [UInt8]) -> YAMLText {
  var parser = yaml_parser_t()
  guard yaml_parser_initialize(&parser) == 1 else {
    let fault = YAMLFault(.limit, "out of memory", mark: YAMLMark(line: 1, column: 1))
    return YAMLText(documents: [], faults: [fault], isWhole: false)
  }
  defer { yaml_parser_delete(&parser) }
  return bytes.withUnsafeBufferPointer { text in
    yaml_parser_set_input_string(&parser, text.baseAddress, text.count)
    var builder = Builder(text: text)
    do throws(YAMLFault) {
      try builder.readAll(&parser)
      return YAMLText(documents: builder.documents, faults: builder.faults, isWhole: true)
    } catch {
      return YAMLText(
        documents: builder.documents, faults: builder.faults + [error], isWhole: false)
    }
  }
}

/// What an anchor names, and how much an alias to it adds.
private struct Anchored {
  var node: YAMLNode
  var weight: Weight
}

private struct Weight {
  var nodes = 0
  var bytes = 0
  /// How many levels the tree has: aliases in aliases nest deeper than the text does.
  var height = 1
}

private struct Builder {
  let text: UnsafeBufferPointer<UInt8>
  var documents: [YAMLNode] = []
  var faults: [YAMLFault] = []
  var anchors: [String: Anchored] = [:]
  var open: Set<String> = []
  var total = Weight()
  var expanded = 0
  /// The deepest level that was reached since the outermost open anchor began.
  var deepest = 0
  /// Counted when a place at the start of a line may be behind the last one.
  private lazy var lineCount = YAMLLines(text).count

  init(text: UnsafeBufferPointer<UInt8>) {
    self.text = text
  }

  mutating func readAll(_ parser: inout yaml_parser_t) throws(YAMLFault) {
    var tree: YAMLNode?
    while true {
      var event = try next(&parser)
      defer { yaml_event_delete(&event) }
      switch event.type {
      case YAML_STREAM_END_EVENT: return
      case YAML_STREAM_START_EVENT, YAML_NO_EVENT: continue
      // Only now is it known that nothing is wrong behind the tree.
      case YAML_DOCUMENT_END_EVENT:
        if let tree { documents.append(tree) }
        tree = nil
      // Anchors go on into later documents, as the reference has it.
      case YAML_DOCUMENT_START_EVENT: continue
      default:
        guard documents.count < YAMLLimit.documents else {
          throw YAMLFault(
            .limit, "more than \(YAMLLimit.documents) documents", mark: mark(event.start_mark))
        }
        tree = try node(&event, &parser, depth: 1)
      }
    }
  }

  private mutating func next(_ parser: inout yaml_parser_t) throws(YAMLFault) -> yaml_event_t {
    var event = yaml_event_t()
    guard yaml_parser_parse(&parser, &event) == 1 else { throw fault(of: parser) }
    return event
  }

  /// Keeps a fault that the reading goes past.
  private mutating func note(_ fault: YAMLFault) {
    if faults.count < YAMLLimit.faults { faults.append(fault) }
  }

  /// Builds the node that `event` begins.
  private mutating func node(
    _ event: inout yaml_event_t, _ parser: inout yaml_parser_t, depth: Int
  ) throws(YAMLFault) -> YAMLNode {
    let start = mark(event.start_mark)
    try reach(depth, at: start)
    total.nodes += 1
    guard total.nodes <= YAMLLimit.nodes else {
      throw YAMLFault(.limit, "more than \(YAMLLimit.nodes) values", mark: start)
    }
    switch event.type {
    case YAML_ALIAS_EVENT:
      return try alias(
        string(event.data.alias.anchor), at: start, end: mark(event.end_mark), depth: depth)
    case YAML_SCALAR_EVENT:
      return scalar(event, start: start)
    case YAML_SEQUENCE_START_EVENT:
      let anchor = event.data.sequence_start.anchor.map(string)
      let tag = tag(event.data.sequence_start.tag)
      return try anchored(anchor, depth: depth) { builder throws(YAMLFault) in
        try builder.sequence(&parser, start: start, tag: tag, depth: depth)
      }
    case YAML_MAPPING_START_EVENT:
      let anchor = event.data.mapping_start.anchor.map(string)
      let tag = tag(event.data.mapping_start.tag)
      return try anchored(anchor, depth: depth) { builder throws(YAMLFault) in
        try builder.mapping(&parser, start: start, tag: tag, depth: depth)
      }
    default:
      throw YAMLFault(.syntax, "a value is missing here", mark: start)
    }
  }

  private mutating func reach(_ depth: Int, at mark: YAMLMark) throws(YAMLFault) {
    guard depth <= YAMLLimit.depth else {
      throw YAMLFault(.limit, "nested deeper than \(YAMLLimit.depth) levels", mark: mark)
    }
    deepest = max(deepest, depth)
  }

  private mutating func anchored(
    _ anchor: String?, depth: Int, _ build: (inout Builder) throws(YAMLFault) -> YAMLNode
  ) throws(YAMLFault) -> YAMLNode {
    guard let anchor else { return try build(&self) }
    let (before, outer) = (total, deepest)
    deepest = depth
    open.insert(anchor)
    let node = try build(&self)
    open.remove(anchor)
    let weight = Weight(
      nodes: total.nodes - before.nodes + 1, bytes: total.bytes - before.bytes,
      height: deepest - depth + 1)
    deepest = max(deepest, outer)
    anchors[anchor] = Anchored(node: node, weight: weight)
    return node
  }

  private mutating func scalar(_ event: yaml_event_t, start: YAMLMark) -> YAMLNode {
    let data = event.data.scalar
    let bytes = UnsafeBufferPointer(start: data.value, count: data.length)
    total.bytes += data.length + 1
    let tag = tag(data.tag)
    let plain = data.style == YAML_PLAIN_SCALAR_STYLE && tag != .string
    let node = YAMLNode(
      content: .scalar(YAMLScalar(text: String(decoding: bytes, as: UTF8.self), isPlain: plain)),
      tag: tag, start: data.length == 0 ? inside(start) : start, end: mark(event.end_mark))
    if let anchor = data.anchor.map(string) {
      anchors[anchor] = Anchored(node: node, weight: Weight(nodes: 1, bytes: data.length + 1))
    }
    return node
  }

  private mutating func alias(
    _ name: String, at mark: YAMLMark, end: YAMLMark, depth: Int
  ) throws(YAMLFault) -> YAMLNode {
    guard !open.contains(name), let anchored = anchors[name] else {
      // Looking for the nearest name is not for nothing.
      if faults.count < YAMLLimit.faults { note(missing(name, at: mark, end: end)) }
      return YAMLNode(
        content: .scalar(YAMLScalar(text: "", isPlain: true)), tag: .none, start: mark, end: end)
    }
    try reach(depth + anchored.weight.height - 1, at: mark)
    try grow(anchored.weight, at: mark)
    return anchored.node
  }

  private func missing(_ name: String, at mark: YAMLMark, end: YAMLMark) -> YAMLFault {
    if open.contains(name) {
      return YAMLFault(.alias, "anchor `\(name)` contains itself", mark: mark, end: end)
    }
    let near = nearest(to: name, among: anchors.keys.sorted())
    return YAMLFault(
      .alias, "unknown anchor `\(name)`", mark: mark, end: end,
      hint: near.map { "did you mean `*\($0)`?" } ?? "define it before use with `&\(name)`")
  }

  private mutating func grow(_ weight: Weight, at mark: YAMLMark) throws(YAMLFault) {
    total.nodes += weight.nodes
    total.bytes += weight.bytes
    expanded += weight.bytes
    guard total.nodes <= YAMLLimit.nodes, expanded <= 10 * text.count + YAMLLimit.expansion else {
      throw YAMLFault(
        .limit, "aliases expand to more than a compose file may hold", mark: mark)
    }
  }

  private mutating func sequence(
    _ parser: inout yaml_parser_t, start: YAMLMark, tag: YAMLTag, depth: Int
  ) throws(YAMLFault) -> YAMLNode {
    var items: [YAMLNode] = []
    while true {
      var event = try next(&parser)
      defer { yaml_event_delete(&event) }
      if event.type == YAML_SEQUENCE_END_EVENT {
        return YAMLNode(
          content: .sequence(items), tag: tag, start: start, end: mark(event.end_mark))
      }
      items.append(try node(&event, &parser, depth: depth + 1))
    }
  }

  private mutating func mapping(
    _ parser: inout yaml_parser_t, start: YAMLMark, tag: YAMLTag, depth: Int
  ) throws(YAMLFault) -> YAMLNode {
    var entries = EntryList()
    var merges: [(key: YAMLNode, value: YAMLNode)] = []
    while true {
      var event = try next(&parser)
      defer { yaml_event_delete(&event) }
      if event.type == YAML_MAPPING_END_EVENT {
        for merge in merges { try self.merge(merge.value, at: merge.key, into: &entries) }
        return YAMLNode(
          content: .mapping(entries.entries), tag: tag, start: start, end: mark(event.end_mark))
      }
      let key = try node(&event, &parser, depth: depth + 1)
      var valueEvent = try next(&parser)
      defer { yaml_event_delete(&valueEvent) }
      let value = try node(&valueEvent, &parser, depth: depth + 1)
      guard case .scalar(let name) = key.content else {
        note(
          YAMLFault(.syntax, "a key must be a name, not a list or a mapping", mark: key.start))
        continue
      }
      let isMerge = name.text == "<<" && (name.isPlain || key.tag == .merge)
      if isMerge, merges.isEmpty {
        merges.append((key, value))
        continue
      }
      let entry = YAMLEntry(
        key: name, keyTag: key.tag, keyStart: key.start, keyEnd: key.end, value: value)
      if let first = isMerge ? merges.first?.key.start : entries.append(entry) {
        note(
          YAMLFault(
            .duplicateKey, "key `\(name.text)` is already defined at line \(first.line)",
            mark: key.start, end: key.end,
            hint: isMerge
              ? "write `<<: [*FIRST, *SECOND]`"
              : "the first one is at line \(first.line), column \(first.column);"
                + " keep one of them"))
      }
    }
  }

  /// `<<`: keys that are not there yet are taken over; of several sources the first wins.
  private mutating func merge(
    _ source: YAMLNode, at key: YAMLNode, into entries: inout EntryList
  ) throws(YAMLFault) {
    let fault = YAMLFault(
      .merge, "`<<` takes a mapping or a list of them", mark: key.start, end: key.end)
    switch source.content {
    case .mapping(let merged):
      for entry in merged where !entries.contains(entry.key.text) {
        try grow(Weight(nodes: 1, bytes: entry.key.text.utf8.count + 1), at: source.start)
        _ = entries.append(entry)
      }
    case .sequence(let sources):
      for source in sources {
        guard case .mapping = source.content else {
          return note(fault)
        }
        try merge(source, at: key, into: &entries)
      }
    // An alias to nothing, which has been told.
    case .scalar(let scalar) where scalar.isPlain && scalar.text.isEmpty && !faults.isEmpty: break
    case .scalar: note(fault)
    }
  }

  private func mark(_ mark: yaml_mark_t) -> YAMLMark {
    YAMLMark(
      line: Int32(clamping: mark.line) &+ (mark.line < 1 << 30 ? 1 : 0),
      column: Int32(clamping: mark.column) &+ (mark.column < 1 << 30 ? 1 : 0))
  }

  /// libyaml gives decoding faults as a byte offset; the place is counted from it.
  private mutating func fault(of parser: yaml_parser_t) -> YAMLFault {
    let problem = parser.problem.map { String(cString: $0) } ?? "unreadable"
    if parser.error == YAML_READER_ERROR {
      return YAMLFault(
        problem: problem, mark: place(of: parser.problem_offset), context: nil, byte: nil)
    }
    let context = parser.context.map { context in
      (text: String(cString: context), mark: inside(mark(parser.context_mark)))
    }
    return YAMLFault(
      problem: problem, mark: inside(mark(parser.problem_mark)), context: context,
      byte: byte(at: parser.problem_mark))
  }

  /// What stands at a place; libyaml counts characters, so the line is looked up.
  private func byte(at mark: yaml_mark_t) -> UInt8? {
    guard let range = YAMLLines(text).range(of: Int(clamping: mark.line) + 1, end: text.count)
    else {
      return nil
    }
    var column = 0
    for at in range {
      if text[at] & 0xC0 != 0x80 {
        if column == Int(clamping: mark.column) { return text[at] }
        column += 1
      }
    }
    return nil
  }

  /// At the end of a text without a last line end, libyaml is on a line that is not there.
  private mutating func inside(_ mark: YAMLMark) -> YAMLMark {
    mark.column == 1 && lineCount < mark.line ? place(of: text.count) : mark
  }

  private func place(of offset: Int) -> YAMLMark {
    let lines = YAMLLines(text.prefix(offset))
    let line = lines.line(at: offset)
    var before = text[(lines.range(of: line, end: offset)?.lowerBound ?? offset)..<offset]
    // A byte order mark is no character of the first line.
    if line == 1, before.starts(with: [0xEF, 0xBB, 0xBF]) { before = before.dropFirst(3) }
    // A character that is cut short is told at its second byte, and shown at its first.
    if let lead = before.lastIndex(where: { $0 & 0xC0 != 0x80 }), before[lead] >= 0xC0,
      before.count - (lead - before.startIndex) < (~before[lead]).leadingZeroBitCount
    {
      before = before[..<lead]
    }
    let column = before.count { $0 & 0xC0 != 0x80 } + 1
    return YAMLMark(line: Int32(clamping: line), column: Int32(clamping: column))
  }
}

/// The entries of one mapping; finds equal keys without a table while there are few.
private struct EntryList {
  var entries: [YAMLEntry] = []
  private var places: [Key: Int] = [:]
  private static let linear = 12

  /// A key by its bytes: `String` takes canonically equivalent texts for equal.
  private struct Key: Hashable {
    let text: String

    static func == (left: Key, right: Key) -> Bool {
      left.text.utf8.elementsEqual(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
      for byte in text.utf8 { hasher.combine(byte) }
    }
  }

  private func place(of text: String) -> Int? {
    entries.count > Self.linear
      ? places[Key(text: text)]
      : entries.firstIndex { $0.key.text.utf8.elementsEqual(text.utf8) }
  }

  func contains(_ text: String) -> Bool { place(of: text) != nil }

  /// The place of an equal key that is there already, and then nothing is added.
  mutating func append(_ entry: YAMLEntry) -> YAMLMark? {
    if let place = place(of: entry.key.text) { return entries[place].keyStart }
    entries.append(entry)
    if entries.count == Self.linear + 1 {
      for (place, entry) in entries.enumerated() { places[Key(text: entry.key.text)] = place }
    } else if entries.count > Self.linear {
      places[Key(text: entry.key.text)] = entries.count - 1
    }
    return nil
  }
}

private func string(_ pointer: UnsafeMutablePointer<UInt8>) -> String {
  String(cString: pointer)
}

private func string(_ pointer: UnsafeMutablePointer<UInt8>?) -> String {
  pointer.map { String(cString: $0) } ?? ""
}

private let tags: [String: YAMLTag] = [
  "!": .string, "tag:yaml.org,2002:str": .string, "tag:yaml.org,2002:int": .integer,
  "tag:yaml.org,2002:float": .float, "tag:yaml.org,2002:bool": .boolean,
  "tag:yaml.org,2002:null": .null, "tag:yaml.org,2002:binary": .binary,
  "tag:yaml.org,2002:merge": .merge, "tag:yaml.org,2002:seq": .sequence,
  "tag:yaml.org,2002:map": .mapping, "!reset": .reset, "!override": .override,
]

private func tag(_ pointer: UnsafeMutablePointer<UInt8>?) -> YAMLTag {
  guard let pointer else { return .none }
  return tags[String(cString: pointer)] ?? .other
}
