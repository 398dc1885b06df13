// First stage: the bytes of one file to trees, one for each YAML document.

import YAML

/// The documents of a file as far as it can be read; empty ones are left out. What is wrong with the
/// text is then among the findings.
func readDocuments(_ bytes: [UInt8], file: Int32, _ findings: Findings) -> [Node] {
  let text = readYAML(bytes)
  for fault in text.faults {
    let origin = place(fault.mark, fault.end ?? fault.mark, in: file)
    findings.add(Fault(FaultKind(fault.kind), fault.summary, at: origin, hint: fault.hint))
  }
  var reader = DocumentReader(file: file, findings: findings)
  return text.documents.map { reader.node($0) }.filter { !$0.isNull }
}

extension FaultKind {
  init(_ kind: YAMLFault.Kind) {
    switch kind {
    case .syntax: self = .syntax
    case .duplicateKey: self = .duplicateKey
    case .alias: self = .alias
    case .merge: self = .mergeKey
    case .limit: self = .textLimit
    }
  }
}

private func place(_ start: YAMLMark, _ end: YAMLMark, in file: Int32) -> Origin {
  Origin(
    file: file, line: start.line, column: start.column,
    length: start.line == end.line ? max(1, end.column - start.column) : 1)
}

/// A text in UTF-16, which YAML may be written in, as UTF-8, which places and excerpts count in. Told
/// by its byte order mark; all other texts stay as they are.
func utf8(_ bytes: [UInt8]) -> [UInt8] {
  let isLittle = bytes.starts(with: [0xFF, 0xFE])
  guard isLittle || bytes.starts(with: [0xFE, 0xFF]) else { return bytes }
  let units = stride(from: 2, to: bytes.count - 1, by: 2).map { at in
    let (first, second) = (UInt16(bytes[at]), UInt16(bytes[at + 1]))
    return isLittle ? second << 8 | first : first << 8 | second
  }
  return Array(String(decoding: units, as: UTF16.self).utf8)
}

private struct DocumentReader {
  let file: Int32
  let findings: Findings

  mutating func node(_ source: YAMLNode) -> Node {
    var node: Node
    switch source.content {
    case .scalar(let scalar):
      node = Node(resolve(scalar, tag: source.tag), origin(source.start, source.end))
    case .sequence(let items):
      var list: [Node] = []
      list.reserveCapacity(items.count)
      for item in items { list.append(self.node(item)) }
      node = Node(.list(list), origin(source.start, source.start))
    case .mapping(let entries):
      var fields = Fields()
      for entry in entries {
        let keyOrigin = origin(entry.keyStart, entry.keyEnd)
        checkKey(entry, keyOrigin)
        fields.append(
          Fields.Entry(key: entry.key.text, keyOrigin: keyOrigin, node: self.node(entry.value)))
      }
      node = Node(.map(fields), origin(source.start, source.start))
    }
    switch source.tag {
    case .reset: node.mark = .reset
    case .override: node.mark = .override
    case .other:
      findings.warn(
        Fault(
          .unknownTag, "a tag here is not known, and is left out", at: node.origin,
          hint: "compose files know `!reset` and `!override`"))
    default: break
    }
    return node
  }

  private func origin(_ start: YAMLMark, _ end: YAMLMark) -> Origin {
    place(start, end, in: file)
  }

  private func checkKey(_ entry: YAMLEntry, _ origin: Origin) {
    if case .string = resolve(entry.key, tag: entry.keyTag) { return }
    var hint = "put it in quotes: \"\(entry.key.text)\""
    // `- 80: 80` is a mapping.
    if case .scalar(let value) = entry.value.content, value.isPlain, !value.text.isEmpty {
      hint += ", or leave out the space behind the colon: \"\(entry.key.text):\(value.text)\""
    }
    findings.add(
      Fault(.keyNotText, "key `\(entry.key.text)` is not text", at: origin, hint: hint))
  }
}
