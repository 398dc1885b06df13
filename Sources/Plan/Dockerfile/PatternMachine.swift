// A pattern as a machine that reads a path once, being in several of its states at a time: so no
// pattern makes it go back and try again.

/// One character of a path: a Unicode scalar, or a byte that is part of none.
struct PathCharacter: Hashable, Sendable {
  private static let brokenByte: UInt32 = 0x8000_0000

  let value: UInt32

  static let slash = PathCharacter(value: 0x2F)

  /// Reads the character at `index` and moves on behind it.
  @inline(__always)
  static func next(_ bytes: [UInt8], _ index: inout Int, _ end: Int) -> PathCharacter {
    let first = bytes[index]
    index += 1
    return first < 0x80
      ? PathCharacter(value: UInt32(first)) : longer(first, bytes, &index, end)
  }

  private static func longer(
    _ first: UInt8, _ bytes: [UInt8], _ index: inout Int, _ end: Int
  ) -> PathCharacter {
    let (count, bits): (Int, UInt32) =
      switch first {
      case 0xC2...0xDF: (1, UInt32(first & 0x1F))
      case 0xE0...0xEF: (2, UInt32(first & 0x0F))
      case 0xF0...0xF4: (3, UInt32(first & 0x07))
      default: (0, 0)
      }
    let broken = PathCharacter(value: brokenByte | UInt32(first))
    guard count > 0, index + count <= end else { return broken }
    var value = bits
    for byte in bytes[index..<index + count] {
      guard byte & 0xC0 == 0x80 else { return broken }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    let least: UInt32 = count == 1 ? 0x80 : count == 2 ? 0x800 : 0x1_0000
    guard value >= least, Unicode.Scalar(value) != nil else { return broken }
    index += count
    return PathCharacter(value: value)
  }

  var bytes: [UInt8] {
    guard value & Self.brokenByte == 0, let scalar = Unicode.Scalar(value) else {
      return [UInt8(truncatingIfNeeded: value)]
    }
    return Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }
}

/// `[a-z]`; ranges are of values, with both ends in.
struct PathCharacterSet: Hashable, Sendable {
  struct Range: Hashable, Sendable {
    let low: UInt32
    let high: UInt32
  }

  var isNegated: Bool
  var ranges: [Range]

  func contains(_ character: PathCharacter) -> Bool {
    for range in ranges where range.low <= character.value && character.value <= range.high {
      return !isNegated
    }
    return isNegated
  }
}

enum PatternElement: Hashable, Sendable {
  case character(PathCharacter)
  /// `?`.
  case any
  /// An index of the machine's sets.
  case set(Int)
  /// `*`: anything without a `/`.
  case name
  /// `**/`: nothing, or what ends in `/`.
  case folders
  /// `**` at the end: anything.
  case rest

  var character: PathCharacter? {
    if case .character(let character) = self { character } else { nil }
  }
}

struct PatternMachine: Hashable, Sendable {
  /// A state for each, and one behind the last: the pattern is done.
  let elements: [PatternElement]
  let sets: [PathCharacterSet]

  /// Whether the bytes from `start` to `end` are a match.
  func accepts(_ path: [UInt8], from start: Int, to end: Int) -> Bool {
    run(path, from: start, to: end).contains(elements.count)
  }

  /// Whether something can follow them so that all is a match.
  func survives(_ path: [UInt8], from start: Int, to end: Int) -> Bool {
    let states = run(path, from: start, to: end)
    return elements.indices.contains { states.contains($0) }
  }

  private func run(_ path: [UInt8], from start: Int, to end: Int) -> StateSet {
    var current = StateSet(count: elements.count + 1)
    var next = current
    enter(0, &current)
    var index = start
    while index < end {
      let character = PathCharacter.next(path, &index, end)
      next.removeAll()
      for state in current where state < elements.count { step(state, character, &next) }
      swap(&current, &next)
      if current.isEmpty { break }
    }
    return current
  }

  @inline(__always)
  private func step(_ state: Int, _ character: PathCharacter, _ next: inout StateSet) {
    switch elements[state] {
    case .character(let wanted):
      if wanted == character { enter(state + 1, &next) }
    case .any:
      if character != .slash { enter(state + 1, &next) }
    case .set(let index):
      if sets[index].contains(character) { enter(state + 1, &next) }
    case .name:
      if character != .slash { enter(state, &next) }
    case .folders:
      // Inside of a folder's name nothing else can begin.
      next.insert(state)
      if character == .slash { enter(state + 1, &next) }
    case .rest:
      enter(state, &next)
    }
  }

  /// Also enters what follows elements that may stand for nothing: never more than two in a row.
  private func enter(_ state: Int, _ states: inout StateSet) {
    var state = state
    states.insert(state)
    while state < elements.count {
      switch elements[state] {
      case .name, .folders, .rest: state += 1
      case .character, .any, .set: return
      }
      states.insert(state)
    }
  }
}

private struct StateSet: Sequence {
  private var words: [UInt64]

  init(count: Int) { words = [UInt64](repeating: 0, count: (count + 63) / 64) }

  var isEmpty: Bool { !words.contains { $0 != 0 } }

  func contains(_ state: Int) -> Bool { words[state >> 6] & (1 << UInt64(state & 63)) != 0 }

  mutating func insert(_ state: Int) { words[state >> 6] |= 1 << UInt64(state & 63) }

  mutating func removeAll() {
    for index in words.indices { words[index] = 0 }
  }

  func makeIterator() -> Iterator { Iterator(words: words) }

  struct Iterator: IteratorProtocol {
    let words: [UInt64]
    var index = 0
    var word: UInt64

    init(words: [UInt64]) {
      self.words = words
      word = words.first ?? 0
    }

    mutating func next() -> Int? {
      while word == 0 {
        index += 1
        guard index < words.count else { return nil }
        word = words[index]
      }
      let bit = word.trailingZeroBitCount
      word &= word - 1
      return index << 6 | bit
    }
  }
}

struct PatternCompiler {
  private let bytes: [UInt8]
  private let wildcards: PathPattern.Wildcards
  private var index = 0
  private var elements: [PatternElement] = []
  private(set) var sets: [PathCharacterSet] = []

  init(_ bytes: [UInt8], wildcards: PathPattern.Wildcards) {
    self.bytes = bytes
    self.wildcards = wildcards
  }

  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  mutating func compile() throws(PatternFault) -> [PatternElement] {
    guard bytes.count <= PathPattern.longest else { throw .tooLong }
    while let byte = next {
      switch byte {
      case UInt8(ascii: "*"): star()
      case UInt8(ascii: "?"):
        index += 1
        elements.append(.any)
      case UInt8(ascii: "["):
        index += 1
        elements.append(.set(sets.count))
        sets.append(try set())
      case UInt8(ascii: "\\"):
        index += 1
        guard next != nil else { throw .trailingEscape }
        elements.append(.character(character()))
      default: elements.append(.character(character()))
      }
    }
    return elements
  }

  private mutating func character() -> PathCharacter {
    PathCharacter.next(bytes, &index, bytes.count)
  }

  private mutating func star() {
    let isFirst = index == 0
    index += 1
    guard case .folders = wildcards, next == UInt8(ascii: "*") else {
      // Two in a row stand for no more than one.
      if elements.last != .name { elements.append(.name) }
      return
    }
    index += 1
    let endsName = next == UInt8(ascii: "/")
    if endsName { index += 1 }
    if next == nil || (isFirst && !endsName && isPlain(from: index)) {
      elements.append(.rest)
    } else if elements.last != .folders {
      elements.append(.folders)
    }
  }

  private func isPlain(from start: Int) -> Bool {
    !bytes[start...].contains { byte in
      switch byte {
      case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "]"),
        UInt8(ascii: "\\"):
        true
      default: false
      }
    }
  }

  /// Behind the `[`.
  private mutating func set() throws(PatternFault) -> PathCharacterSet {
    var set = PathCharacterSet(isNegated: next == UInt8(ascii: "^"), ranges: [])
    if set.isNegated { index += 1 }
    while next != UInt8(ascii: "]") || set.ranges.isEmpty {
      guard next != UInt8(ascii: "]") else { throw .emptySet }
      let low = try member()
      var high = low
      if next == UInt8(ascii: "-") {
        index += 1
        high = try member()
      }
      set.ranges.append(.init(low: low.value, high: high.value))
    }
    index += 1
    return set
  }

  private mutating func member() throws(PatternFault) -> PathCharacter {
    switch next {
    case nil: throw .openSet
    case UInt8(ascii: "-"), UInt8(ascii: "]"): throw .brokenRange
    case UInt8(ascii: "\\"):
      index += 1
      guard next != nil else { throw .trailingEscape }
    default: break
    }
    return character()
  }
}
