// YAML: trees are the same each time, keep their bounds, and have places inside the text.

import YAML

func tryYAML(_ bytes: [UInt8]) {
  // Only the load brings UTF-16 into UTF-8, which places are about.
  guard !bytes.starts(with: [0xFF, 0xFE]), !bytes.starts(with: [0xFE, 0xFF]) else { return }
  let places = Places(bytes)
  do throws(YAMLFault) {
    let documents = try readYAML(bytes)
    var count = 0
    for document in documents { check(document, places, depth: 1, &count) }
    let again = try? readYAML(bytes)
    require(again?.map(outline) == documents.map(outline), "a text has two trees")
  } catch {
    require(!error.summary.isEmpty, "a fault says nothing")
    require(
      places.hold(line: Int(error.mark.line), column: Int(error.mark.column)),
      "`\(error.summary)` is outside of the text: \(error.mark)")
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
