// Patterns of `${v#p}` and `${v/p/w}`: `*`, `?` and signs; brackets are signs.

/// A pattern on a long value is given up after so many comparisons.
private let mostSteps = 1 << 22

struct SubstitutionPattern {
  private enum Piece {
    case sign(Unicode.Scalar)
    /// `?`: any sign but a line end.
    case one
    /// `*`: any number of signs, none of them a line end.
    case any
  }

  private var pieces: [Piece] = []

  init(_ text: Substring.UnicodeScalarView, escape: Unicode.Scalar) throws(ExpansionFault) {
    var signs = text.makeIterator()
    while let sign = signs.next() {
      switch sign {
      case "*": pieces.append(.any)
      case "?": pieces.append(.one)
      case "\\", escape:
        guard let escaped = signs.next() else {
          throw ExpansionFault("a pattern of a substitution ends in the escape sign")
        }
        // The first two only keep the substitution from ending.
        guard ["}", "/", "*", "?", "\\", escape].contains(escaped) else {
          throw ExpansionFault(
            "invalid escape `\(sign)\(escaped)` in a pattern of a substitution",
            hint: "`*`, `?`, `/`, `}` and the escape sign itself can be escaped")
        }
        pieces.append(.sign(escaped))
      default: pieces.append(.sign(sign))
      }
    }
  }

  mutating func reverse() { pieces.reverse() }

  /// Where the shortest and the longest text end that match from a place on; nil when none does.
  func match(
    _ text: [Unicode.Scalar], from start: Int, steps: inout Int
  ) throws(ExpansionFault) -> (shortest: Int, longest: Int)? {
    // Each index is a number of pieces that what was read so far can be.
    var reached = [Bool](repeating: false, count: pieces.count + 1)
    reached[0] = true
    passEmpty(&reached)
    var ends: (shortest: Int, longest: Int)?
    var at = start
    while true {
      if reached[pieces.count] { ends = (ends?.shortest ?? at, at) }
      guard at < text.count, reached.contains(true) else { return ends }
      steps += pieces.count + 1
      guard steps <= mostSteps else {
        throw ExpansionFault("a pattern of a substitution takes too long on so long a value")
      }
      reached = after(text[at], reached)
      at += 1
    }
  }

  private func after(_ sign: Unicode.Scalar, _ reached: [Bool]) -> [Bool] {
    var next = [Bool](repeating: false, count: pieces.count + 1)
    for (index, piece) in pieces.enumerated() where reached[index] {
      switch piece {
      case .sign(let wanted): if sign == wanted { next[index + 1] = true }
      case .one: if sign != "\n" { next[index + 1] = true }
      case .any: if sign != "\n" { next[index] = true }
      }
    }
    passEmpty(&next)
    return next
  }

  /// A `*` can also be nothing.
  private func passEmpty(_ reached: inout [Bool]) {
    for (index, piece) in pieces.enumerated() where reached[index] {
      if case .any = piece { reached[index + 1] = true }
    }
  }
}
