// Where an instruction announces here-documents: `<<EOF`, `<<-EOF`, `<<'EOF'`, `3<<EOF` (reference E24).

struct HereDocumentWord {
  /// Of the instruction's text.
  var range: Range<Int>
  /// Without quotes and escapes.
  var name: [UInt8]
  var isQuoted: Bool
  var stripsTabs: Bool
}

extension HereDocument {
  /// Whether a file in one folder can have its name.
  var isFileName: Bool {
    !name.utf8.contains(UInt8(ascii: "/")) && name != "." && name != ".." && name.utf8.count < 256
  }
}

/// None where a quote is not closed: then the line is one for the shell alone.
func hereDocumentWords(in text: [UInt8]) -> [HereDocumentWord] {
  var found: [HereDocumentWord] = []
  var at = 0
  while true {
    while at < text.count, isBlank(text[at]) { at += 1 }
    guard at < text.count else { return found }
    let start = at
    guard skipWord(&at, text) else { return [] }
    if let word = hereDocumentWord(start..<at, text) { found.append(word) }
  }
}

/// The blanks between `<<` and a name are a part of the word.
private func skipWord(_ at: inout Int, _ text: [UInt8]) -> Bool {
  while at < text.count, !isBlank(text[at]) {
    switch text[at] {
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      guard let end = closingQuote(at, text) else { return false }
      at = end + 1
    case UInt8(ascii: "\\"): at += 2
    case UInt8(ascii: "<") where at + 1 < text.count && text[at + 1] == UInt8(ascii: "<"):
      at += 2
      if at < text.count, text[at] == UInt8(ascii: "-") { at += 1 }
      while at < text.count, isBlank(text[at]) { at += 1 }
    default: at += 1
    }
  }
  at = min(at, text.count)
  return true
}

private func closingQuote(_ start: Int, _ text: [UInt8]) -> Int? {
  var at = start + 1
  while at < text.count, text[at] != text[start] {
    at += text[at] == UInt8(ascii: "\\") && text[start] == UInt8(ascii: "\"") ? 2 : 1
  }
  return at < text.count ? at : nil
}

private func hereDocumentWord(_ range: Range<Int>, _ text: [UInt8]) -> HereDocumentWord? {
  var at = range.lowerBound
  while at < range.upperBound, isDigit(text[at]) { at += 1 }
  guard at + 1 < range.upperBound, text[at] == UInt8(ascii: "<"), text[at + 1] == UInt8(ascii: "<")
  else { return nil }
  at += 2
  var word = HereDocumentWord(range: range, name: [], isQuoted: false, stripsTabs: false)
  if at < range.upperBound, text[at] == UInt8(ascii: "-") {
    word.stripsTabs = true
    at += 1
  }
  while at < range.upperBound, isBlank(text[at]) { at += 1 }
  guard !text[at..<range.upperBound].contains(UInt8(ascii: "<")) else { return nil }
  var quote: UInt8?
  while at < range.upperBound {
    let byte = text[at]
    at += 1
    if byte == quote {
      quote = nil
    } else if quote == nil, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
      quote = byte
      word.isQuoted = true
    } else if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'"), at < range.upperBound {
      word.name.append(text[at])
      at += 1
    } else {
      word.name.append(byte)
    }
  }
  return word.name.isEmpty ? nil : word
}
