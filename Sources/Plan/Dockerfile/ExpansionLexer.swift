// The small shell of Dockerfiles: quotes, escapes, `$v`, `${v:-w}`, `${v#p}`, `${v/p/w}`.

struct ExpansionLexer {
  /// Names of variables that were met.
  private(set) var names: [String] = []

  private let scalars: [Unicode.Scalar]
  private let escape: Unicode.Scalar
  private let keepsQuotes: Bool
  /// Only reads: nothing is put in, and no condition on a value fails.
  private let isDry: Bool
  private let variables: (String) -> String?
  private let room: Int
  private var at = 0
  private var depth = 0
  /// Bytes that variables have given so far, also to parts that came to nothing.
  private var given = 0
  private var steps = 0
  /// In patterns the escape signs stay, for the pattern has its own.
  private var keepsEscapes = false
  private var splitter = WordSplitter()

  init(
    _ text: String, escape: Unicode.Scalar, keepsQuotes: Bool, isDry: Bool,
    variables: @escaping (String) -> String?
  ) {
    scalars = Array(text.unicodeScalars)
    room = text.utf8.count + largestGrowth
    self.escape = escape
    self.keepsQuotes = keepsQuotes
    self.isDry = isDry
    self.variables = variables
  }

  mutating func text() throws(ExpansionFault) -> String {
    try part(until: nil, keepsEscapes: false)
  }

  mutating func words() throws(ExpansionFault) -> [String] {
    _ = try part(until: nil, keepsEscapes: false)
    return splitter.finish()
  }

  private var next: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

  private mutating func take() -> Unicode.Scalar? {
    guard at < scalars.count else { return nil }
    at += 1
    return scalars[at - 1]
  }

  private mutating func part(
    until stop: Unicode.Scalar?, keepsEscapes: Bool
  ) throws(ExpansionFault) -> String {
    depth += 1
    defer { depth -= 1 }
    guard depth <= deepestExpansion else {
      throw ExpansionFault(
        "variables stand more than \(deepestExpansion) levels deep in each other")
    }
    let outer = self.keepsEscapes
    self.keepsEscapes = keepsEscapes
    defer { self.keepsEscapes = outer }
    var result = String.UnicodeScalarView()
    while let sign = next {
      if sign == stop {
        at += 1
        return String(result)
      }
      if sign == "$" {
        let value = try variable()
        result.append(contentsOf: value.unicodeScalars)
        if depth == 1 { splitter.add(value) }
      } else if !keepsQuotes, sign == "'" || sign == "\"" {
        let value = sign == "'" ? try singleQuoted() : try doubleQuoted()
        result.append(contentsOf: value.unicodeScalars)
        if depth == 1 { splitter.addQuoted(value) }
      } else {
        plain(&result)
      }
    }
    if stop != nil { throw ExpansionFault("a `${` has no `}`", hint: closingHint) }
    return String(result)
  }

  private var closingHint: String { "close it, or write `\(escape)$` for the sign itself" }

  /// A sign, or the one behind an escape sign; an escape sign at the end is nothing.
  private mutating func plain(_ result: inout String.UnicodeScalarView) {
    guard var sign = take() else { return }
    guard sign == escape else {
      result.append(sign)
      if depth == 1 { splitter.add(sign) }
      return
    }
    if keepsEscapes { result.append(sign) }
    guard let escaped = take() else { return }
    sign = escaped
    result.append(sign)
    if depth == 1 { splitter.addQuoted(sign) }
  }

  private mutating func singleQuoted() throws(ExpansionFault) -> String {
    at += 1
    var result = String.UnicodeScalarView()
    while let sign = take() {
      if sign == "'" { return String(result) }
      result.append(sign)
    }
    throw ExpansionFault(
      "a single quote is not closed", hint: "close it, or write `\(escape)'` for the sign itself")
  }

  private mutating func doubleQuoted() throws(ExpansionFault) -> String {
    at += 1
    var result = String.UnicodeScalarView()
    while let sign = next {
      if sign == "$" {
        result.append(contentsOf: try variable().unicodeScalars)
        continue
      }
      at += 1
      if sign == "\"" { return String(result) }
      guard sign == escape else {
        result.append(sign)
        continue
      }
      if keepsEscapes { result.append(sign) }
      guard let escaped = next else { break }
      // Before any other sign the escape sign is one of the text.
      if escaped == "\"" || escaped == "$" || escaped == escape {
        at += 1
        result.append(escaped)
      } else {
        result.append(sign)
      }
    }
    throw ExpansionFault(
      "a double quote is not closed", hint: "close it, or write `\(escape)\"` for the sign itself")
  }

  private mutating func variable() throws(ExpansionFault) -> String {
    at += 1
    guard next == "{" else {
      let name = name()
      return name.isEmpty ? "$" : try giving(value(of: name) ?? "")
    }
    at += 1
    guard let first = next else { throw ExpansionFault("a `${` has no `}`", hint: closingHint) }
    let name = ["{", "}", ":"].contains(first) ? "" : name()
    guard !name.isEmpty else {
      throw ExpansionFault("bad substitution: a `${` has no name behind it", hint: closingHint)
    }
    guard let modifier = take() else {
      throw ExpansionFault("a `${` has no `}`", hint: closingHint)
    }
    switch modifier {
    case "}": return try giving(value(of: name) ?? "")
    case "/": return try replacing(in: name)
    case ":": return try modified(name, by: take(), emptyIsUnset: true)
    default: return try modified(name, by: modifier, emptyIsUnset: false)
    }
  }

  /// `${v-w}`, `${v+w}`, `${v?w}`, `${v#p}`, `${v%p}`, each also with a colon.
  private mutating func modified(
    _ name: String, by modifier: Unicode.Scalar?, emptyIsUnset: Bool
  ) throws(ExpansionFault) -> String {
    let shown = (emptyIsUnset ? ":" : "") + (modifier.map { String(Character($0)) } ?? "")
    guard let modifier, ["-", "+", "?", "#", "%"].contains(modifier) else {
      throw ExpansionFault(
        "unsupported modifier (\(shown)) in substitution",
        hint: "`-`, `+`, `?`, `:-`, `:+`, `:?`, `#`, `##`, `%`, `%%`, `/` and `//` can be used")
    }
    let isPattern = modifier == "#" || modifier == "%"
    let word = try part(until: "}", keepsEscapes: isPattern)
    let value = value(of: name)
    let isSet = value != nil && !(emptyIsUnset && value?.isEmpty == true)
    switch modifier {
    case "-": return isSet ? try giving(value ?? "") : word
    case "+": return isSet ? word : ""
    case "?":
      if !isSet, !isDry {
        let standard = value == nil ? "is not allowed to be unset" : "is not allowed to be empty"
        throw ExpansionFault("\(name): \(word.isEmpty ? standard : word)")
      }
      return try giving(value ?? "")
    default: return try trimming(value ?? "", word, atEnd: modifier == "%")
    }
  }

  /// `#p` takes the shortest beginning away, `##p` the longest; `%` and `%%` the end.
  private mutating func trimming(
    _ value: String, _ word: String, atEnd: Bool
  ) throws(ExpansionFault) -> String {
    guard !isDry else { return "" }
    var word = word.unicodeScalars[...]
    let takesLongest = word.first == (atEnd ? "%" : "#")
    if takesLongest { word.removeFirst() }
    var pattern = try SubstitutionPattern(word, escape: escape)
    var text = Array(try giving(value).unicodeScalars)
    if atEnd {
      pattern.reverse()
      text.reverse()
    }
    guard let ends = try pattern.match(text, from: 0, steps: &steps) else { return value }
    let rest = text[(takesLongest ? ends.longest : ends.shortest)...]
    var view = String.UnicodeScalarView()
    view.append(contentsOf: atEnd ? Array(rest.reversed()) : Array(rest))
    return String(view)
  }

  /// `${v/p/w}` and `${v//p/w}`.
  private mutating func replacing(in name: String) throws(ExpansionFault) -> String {
    let replacesAll = next == "/"
    if replacesAll { at += 1 }
    let pattern = try part(until: "/", keepsEscapes: true)
    let replacement = try part(until: "}", keepsEscapes: true)
    let value = try giving(value(of: name) ?? "")
    guard !isDry else { return "" }
    let compiled = try SubstitutionPattern(pattern.unicodeScalars[...], escape: escape)
    let text = Array(value.unicodeScalars)
    var result = String.UnicodeScalarView()
    var start = 0
    var isOpen = true
    while start <= text.count {
      if isOpen, let ends = try compiled.match(text, from: start, steps: &steps) {
        result.append(contentsOf: try giving(replacement).unicodeScalars)
        isOpen = replacesAll
        if ends.longest > start {
          start = ends.longest
          // What ends the text has been replaced: there is no empty match behind it.
          if start == text.count { break }
          continue
        }
      }
      if start < text.count { result.append(text[start]) }
      start += 1
    }
    return String(result)
  }

  private mutating func name() -> String {
    var name = String.UnicodeScalarView()
    guard let first = next else { return "" }
    if first.properties.generalCategory == .decimalNumber {
      while let digit = next, digit.properties.generalCategory == .decimalNumber {
        name.append(digit)
        at += 1
      }
      return String(name)
    }
    if ["@", "*", "#", "?", "-", "$", "!"].contains(first) {
      at += 1
      return String(Character(first))
    }
    while let sign = next, isPartOfVariable(sign) {
      name.append(sign)
      at += 1
    }
    return String(name)
  }

  private mutating func value(of name: String) -> String? {
    names.append(name)
    return isDry ? nil : variables(name)
  }

  /// Counts what is put in.
  private mutating func giving(_ value: String) throws(ExpansionFault) -> String {
    given += value.utf8.count
    guard given <= room else {
      throw ExpansionFault("variables make the value grow by more than \(largestGrowth) bytes")
    }
    return value
  }
}

/// What the name of a variable is made of.
func isPartOfVariable(_ sign: Unicode.Scalar) -> Bool {
  switch sign {
  case "a"..."z", "A"..."Z", "0"..."9", "_": true
  case "\u{0}"..."\u{7F}": false
  default:
    switch sign.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .decimalNumber:
      true
    default: false
    }
  }
}

/// Values at blanks that are not quoted.
private struct WordSplitter {
  private var words: [String] = []
  private var word = String.UnicodeScalarView()

  mutating func add(_ sign: Unicode.Scalar) {
    if sign.properties.isWhitespace { end() } else { word.append(sign) }
  }

  mutating func add(_ text: String) {
    for sign in text.unicodeScalars { add(sign) }
  }

  mutating func addQuoted(_ sign: Unicode.Scalar) { word.append(sign) }

  mutating func addQuoted(_ text: String) { word.append(contentsOf: text.unicodeScalars) }

  mutating func finish() -> [String] {
    end()
    return words
  }

  private mutating func end() {
    guard !word.isEmpty else { return }
    words.append(String(word))
    word = String.UnicodeScalarView()
  }
}
