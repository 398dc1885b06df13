// YAML: trees are the same each time, keep their bounds, and have places inside the text.

import YAML

func tryYAML(_ bytes: [UInt8]) {
  // Only the load brings UTF-16 into UTF-8, which places are about.
  guard !bytes.starts(with: [0xFF, 0xFE]), !bytes.starts(with: [0xFE, 0xFF]) else { return }
  let places = Places(bytes)
  let text = readYAML(bytes)
  var count = 0
  for document in text.documents { check(document, places, depth: 1, &count) }
  let again = readYAML(bytes)
  require(again.documents.map(outline) == text.documents.map(outline), "a text has two trees")
  require(again.faults.map(\.summary) == text.faults.map(\.summary), "a text has other faults")
  require(text.isWhole || !text.faults.isEmpty, "a text ends early without a word")
  for fault in text.faults {
    require(!fault.summary.isEmpty, "a fault says nothing")
    for mark in [fault.mark] + (fault.end.map { [$0] } ?? []) {
      require(
        places.hold(line: Int(mark.line), column: Int(mark.column), isEnd: mark != fault.mark),
        "`\(fault.summary)` is outside of the text: \(mark)")
    }
  }
}

private func check(_ node: YAMLNode, _ places: Places, depth: Int, _ count: inout Int) {
  count += 1
  require(depth <= YAMLLimit.depth, "a tree is \(depth) deep")
  require(count <= YAMLLimit.nodes + 1, "a tree has \(count) values")
  for (mark, isEnd) in [(node.start, false), (node.end, true)] {
    require(
      places.hold(line: Int(mark.line), column: Int(mark.column), isEnd: isEnd),
      "a value is outside of the text: \(mark)")
  }
  switch node.content {
  case .scalar: break
  case .sequence(let items):
    for item in items { check(item, places, depth: depth + 1, &count) }
  case .mapping(let entries):
    var keys: Set<[UInt8]> = []
    for entry in entries {
      require(keys.insert(Array(entry.key.text.utf8)).inserted, "a key stands twice")
      check(entry.value, places, depth: depth + 1, &count)
    }
  }
}

private func outline(_ node: YAMLNode) -> [UInt8] {
  var output = Array("\(node.tag) \(node.start.line):\(node.start.column) ".utf8)
  switch node.content {
  case .scalar(let scalar): output += Array("\(scalar.isPlain)\(scalar.text)".utf8)
  case .sequence(let items): output += items.flatMap(outline)
  case .mapping(let entries):
    output += entries.flatMap { Array($0.key.text.utf8) + outline($0.value) }
  }
  return output
}
