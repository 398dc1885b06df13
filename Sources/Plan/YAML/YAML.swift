// The tree of a YAML text: scalars with their style, sequences and mappings in the order of the
// text, each with its place. What scalars mean (null, numbers, words) is the reader's affair.

/// A place in the text: line and column count from 1, columns in Unicode scalars.
package struct YAMLMark: Hashable, Sendable {
  package var line: Int32
  package var column: Int32

  package init(line: Int32, column: Int32) {
    self.line = line
    self.column = column
  }
}

package struct YAMLNode: Sendable {
  package enum Content: Sendable {
    case scalar(YAMLScalar)
    case sequence([YAMLNode])
    case mapping([YAMLEntry])
  }

  package var content: Content
  package var tag: YAMLTag
  package var start: YAMLMark
  package var end: YAMLMark
}

package struct YAMLScalar: Sendable {
  package var text: String
  /// Whether the text stood there without quotes, so that it may mean a number, a word or null.
  package var isPlain: Bool

  package init(text: String, isPlain: Bool) {
    self.text = text
    self.isPlain = isPlain
  }
}

package struct YAMLEntry: Sendable {
  package var key: YAMLScalar
  package var keyTag: YAMLTag
  package var keyStart: YAMLMark
  package var keyEnd: YAMLMark
  package var value: YAMLNode
}

package enum YAMLTag: UInt8, Sendable {
  case none
  case string
  case integer
  case float
  case boolean
  case null
  case binary
  case merge
  case sequence
  case mapping
  /// `!reset` and `!override` of compose files.
  case reset
  case override
  case other
}

/// What is wrong with a text.
package struct YAMLFault: Error, Sendable {
  package enum Kind: Sendable {
    case syntax
    case duplicateKey
    /// An alias to nothing, or to what it stands in.
    case alias
    /// `<<` with something that is no mapping.
    case merge
    /// One of `YAMLLimit` is passed.
    case limit
  }

  package var kind: Kind
  package var summary: String
  package var mark: YAMLMark
  /// Where the words that are wrong end, when they stand on one line.
  package var end: YAMLMark?
  /// The other place that the fault is about, such as the first of two equal keys.
  package var hint: String?

  init(
    _ kind: Kind, _ summary: String, mark: YAMLMark, end: YAMLMark? = nil, hint: String? = nil
  ) {
    self.kind = kind
    self.summary = summary
    self.mark = mark
    self.end = end
    self.hint = hint
  }
}

/// All that could be read of a text, and all that is wrong with it.
package struct YAMLText: Sendable {
  package var documents: [YAMLNode]
  /// In the order of the text.
  package var faults: [YAMLFault]
  /// Whether the reading came to the end; a fault of syntax ends it early.
  package var isWhole: Bool
}

/// The bounds of reading; every one is an error with its place when passed.
package enum YAMLLimit {
  package static let depth = 128
  package static let nodes = 250_000
  package static let documents = 256
  /// Bytes that aliases and merge keys may add: ten times the text and this much.
  package static let expansion = 1 << 20
  /// So many faults are enough for any screen.
  package static let faults = 200
}
