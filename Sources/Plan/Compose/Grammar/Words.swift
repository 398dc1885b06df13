// Command lines as shells split them, without a shell: quotes and backslashes only (reference S97).

/// The words of a command line; nil when a quote is open or a bracket stands alone. Reading stops
/// at an unquoted `;`, `&`, `|`, `<` or `>`, as the reference does.
func splitWords(_ line: String) -> [String]? {
  var words = WordSplitter()
  for byte in line.utf8 {
    guard let goesOn = words.take(byte) else { return nil }
    if !goesOn { break }
  }
  return words.finish()
}

/// The character that a command line ends at although more stands behind it; nil when all is read.
func cutOff(_ line: String) -> Character? {
  var words = WordSplitter()
  for (index, byte) in zip(line.utf8.indices, line.utf8) {
    guard let goesOn = words.take(byte) else { return nil }
    guard !goesOn else { continue }
    let rest = line.utf8[line.utf8.index(after: index)...]
    return rest.allSatisfy { $0 <= 0x20 } ? nil : Character(UnicodeScalar(byte))
  }
  return nil
}

private struct WordSplitter {
  private var words: [String] = []
  private var word: [UInt8] = []
  private var hasWord = false
  private var isEscaped = false
  private var inSingle = false
  private var inDouble = false
  private var inBack = false
  private var inDollar = false

  private var isQuoted: Bool { inSingle || inDouble || inBack || inDollar }

  /// nil: the line cannot be split; false: it ends here.
  mutating func take(_ byte: UInt8) -> Bool? {
    if isEscaped {
      let plain: UInt8 =
        byte == UInt8(ascii: "n") ? 0x0A : byte == UInt8(ascii: "t") ? 0x09 : byte
      isEscaped = false
      add(plain)
      return true
    }
    switch byte {
    case UInt8(ascii: "\\"):
      if inSingle { add(byte) } else { isEscaped = true }
    case 0x20, 0x09, 0x0A, 0x0D:
      if isQuoted { add(byte) } else { endWord() }
    case UInt8(ascii: "`") where !inSingle && !inDouble && !inDollar:
      inBack.toggle()
      add(byte)
    case UInt8(ascii: ")") where !inSingle && !inDouble && !inBack:
      inDollar.toggle()
      add(byte)
    case UInt8(ascii: "(") where !inSingle && !inDouble && !inBack:
      guard !inDollar, word.last == UInt8(ascii: "$") else { return nil }
      inDollar = true
      add(byte)
    case UInt8(ascii: "\"") where !inSingle && !inDollar:
      inDouble.toggle()
      hasWord = true
    case UInt8(ascii: "'") where !inDouble && !inDollar:
      inSingle.toggle()
      hasWord = true
    case UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "<"),
      UInt8(ascii: ">"):
      guard !isQuoted else {
        add(byte)
        return true
      }
      if byte == UInt8(ascii: ">"), let first = word.first, first >= 0x30, first <= 0x39 {
        hasWord = false
      }
      return false
    default: add(byte)
    }
    return true
  }

  private mutating func add(_ byte: UInt8) {
    word.append(byte)
    hasWord = true
  }

  private mutating func endWord() {
    guard hasWord else { return }
    words.append(String(decoding: word, as: UTF8.self))
    word = []
    hasWord = false
  }

  mutating func finish() -> [String]? {
    endWord()
    return isEscaped || isQuoted ? nil : words
  }
}
