// A Swift file taken apart just far enough for the rules: code, comments and string literals.
// Each view has the length of the file, with spaces where the other two stand.

struct SwiftSource: Sendable {
  let path: String
  let text: [UInt8]
  private(set) var code: [UInt8]
  private(set) var literals: [UInt8]

  init(path: String, bytes: [UInt8]) {
    self.path = path
    text = bytes
    var scanner = Scanner(text: bytes)
    scanner.run()
    code = scanner.code
    literals = scanner.literals
  }

  init(_ sample: String, path: String = "Sources/Plan/Sample/Sample.swift") {
    self.init(path: path, bytes: Array(sample.utf8))
  }

  var lineCount: Int { text.count { $0 == newline } }

  func line(at offset: Int) -> Int { 1 + text[..<offset].count { $0 == newline } }

  /// Offsets at which `word` stands in `view`, not as a part of a longer name.
  static func offsets(of word: String, in view: [UInt8]) -> [Int] {
    let needle = Array(word.utf8)
    guard let first = needle.first, let last = needle.last, view.count >= needle.count else {
      return []
    }
    var found: [Int] = []
    for start in 0...(view.count - needle.count)
    where view[start] == first && view[start..<(start + needle.count)].elementsEqual(needle) {
      let end = start + needle.count
      if isNamePart(first), start > 0, isNamePart(view[start - 1]) { continue }
      if isNamePart(last), end < view.count, isNamePart(view[end]) { continue }
      found.append(start)
    }
    return found
  }

  static func isNamePart(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      return true
    default:
      return false
    }
  }
}

let newline = UInt8(ascii: "\n")

/// Walks over the text once; string interpolations count as code again.
private struct Scanner {
  let text: [UInt8]
  var code: [UInt8]
  var literals: [UInt8]
  var position = 0

  init(text: [UInt8]) {
    self.text = text
    code = text.map { $0 == newline ? newline : UInt8(ascii: " ") }
    literals = code
  }

  mutating func run() {
    while position < text.count { scanCode(untilParenthesisCloses: false) }
  }

  private func starts(with string: StaticString) -> Bool {
    let count = string.utf8CodeUnitCount
    guard position + count <= text.count else { return false }
    for index in 0..<count where text[position + index] != string.utf8Start[index] { return false }
    return true
  }

  private mutating func scanCode(untilParenthesisCloses: Bool) {
    var depth = 0
    while position < text.count {
      if starts(with: "//") {
        skipLineComment()
      } else if starts(with: "/*") {
        skipBlockComment()
      } else if let hashes = literalStart() {
        scanLiteral(hashes: hashes)
      } else {
        let byte = text[position]
        if byte == UInt8(ascii: "(") { depth += 1 }
        if byte == UInt8(ascii: ")") {
          depth -= 1
          if untilParenthesisCloses && depth < 0 {
            position += 1
            return
          }
        }
        code[position] = byte
        position += 1
      }
    }
  }

  private mutating func skipLineComment() {
    while position < text.count, text[position] != newline { position += 1 }
  }

  private mutating func skipBlockComment() {
    var depth = 0
    repeat {
      if starts(with: "/*") {
        depth += 1
        position += 2
      } else if starts(with: "*/") {
        depth -= 1
        position += 2
      } else {
        position += 1
      }
    } while depth > 0 && position < text.count
  }

  /// How many `#` stand before the quote, when a literal begins here.
  private func literalStart() -> Int? {
    var end = position
    while end < text.count, text[end] == UInt8(ascii: "#") { end += 1 }
    guard end < text.count, text[end] == UInt8(ascii: "\"") else { return nil }
    return end - position
  }

  private mutating func scanLiteral(hashes: Int) {
    position += hashes
    let quotes = starts(with: "\"\"\"") ? 3 : 1
    position += quotes
    while position < text.count {
      if quotes == 1, text[position] == newline { return }
      if closes(quotes: quotes, hashes: hashes) {
        position += quotes + hashes
        return
      }
      if escapes(hashes: hashes) {
        position += 1 + hashes
        if position < text.count, text[position] == UInt8(ascii: "(") {
          position += 1
          scanCode(untilParenthesisCloses: true)
        } else {
          position += 1
        }
        continue
      }
      literals[position] = text[position]
      position += 1
    }
  }

  private func closes(quotes: Int, hashes: Int) -> Bool {
    let end = position + quotes + hashes
    guard end <= text.count else { return false }
    return text[position..<(position + quotes)].allSatisfy { $0 == UInt8(ascii: "\"") }
      && text[(position + quotes)..<end].allSatisfy { $0 == UInt8(ascii: "#") }
  }

  private func escapes(hashes: Int) -> Bool {
    guard text[position] == UInt8(ascii: "\\"), position + hashes < text.count else { return false }
    return text[(position + 1)...].prefix(hashes).allSatisfy { $0 == UInt8(ascii: "#") }
  }
}
