// Spellings of flags that docker's own parser takes and ours does not: `-n10`, `-uroot`, `--quiet=true`,
// values that begin with a dash, and anything at all in the command of `exec`.

extension Declaration {
  /// The words behind a verb as the argument parser reads them; what it shall complain of stays.
  func plainSpelling(_ words: [String]) -> [String] {
    var result: [String] = []
    var positionalCount = 0
    var isValue = false
    var rest = words[...]
    while let word = rest.popFirst() {
      if isValue {
        // Behind an equals sign a value may begin with a dash.
        if word.hasPrefix("-"), let name = result.popLast() {
          result.append("\(name)=\(word)")
        } else {
          result.append(word)
        }
        isValue = false
      } else if word == "--" {
        return result + [word] + Array(rest)
      } else if !word.hasPrefix("-") || word == "-" {
        result.append(word)
        positionalCount += 1
        // What follows is a command of its own.
        if positionals.firstIndex(where: \.takesRest) == positionalCount {
          return result + (rest.isEmpty ? [] : ["--"]) + Array(rest)
        }
      } else {
        let plain = word.hasPrefix("--") ? longSpelling(word) : shortSpelling(word)
        result += plain.words
        isValue = plain.wantsValue
      }
    }
    return result
  }

  private typealias Plain = (words: [String], wantsValue: Bool)

  private func longSpelling(_ word: String) -> Plain {
    guard let equals = word.firstIndex(of: "=") else {
      return ([word], argument(spelled: word)?.kind == .option)
    }
    let name = String(word[..<equals])
    guard let flag = argument(spelled: name), flag.kind == .flag,
      let words = switched(name, word[word.index(after: equals)...])
    else { return ([word], false) }
    return (words, false)
  }

  /// Letters that are flags each, and maybe one at the end that has a value, which may follow at once.
  private func shortSpelling(_ word: String) -> Plain {
    var flags = ""
    var letters = word.dropFirst()
    while let letter = letters.popFirst() {
      guard let argument = argument(spelled: "-\(letter)") else { return ([word], false) }
      let before = flags.isEmpty ? [] : ["-" + flags]
      switch argument.kind {
      case .flag where letters.first == "=":
        guard let words = switched("-\(letter)", letters.dropFirst()) else {
          return ([word], false)
        }
        return (before + words, false)
      case .option where !letters.isEmpty:
        let value = letters.first == "=" ? letters.dropFirst() : letters
        return (before + ["-\(letter)=\(value)"], false)
      case .option: return (before + ["-\(letter)"], true)
      default: flags.append(letter)
      }
    }
    return (["-" + flags], false)
  }

  /// A flag that is given a truth; nil when it is none. One that is off by itself is left out.
  private func switched(_ name: String, _ value: Substring) -> [String]? {
    switch value.lowercased() {
    case "true", "t", "1": return [name]
    case "false", "f", "0":
      let long = argument(spelled: name)?.names.first { $0.hasPrefix("--") } ?? name
      let opposite = "--no-\(long.drop { $0 == "-" })"
      return argument(spelled: opposite) == nil ? [] : [opposite]
    default: return nil
    }
  }
}

/// What the argument parser would answer by itself, wherever it stands.
func isOfParser(_ word: String) -> Bool {
  ["--generate-completion-script", "--experimental-dump-help", "---completion"]
    .contains(where: word.hasPrefix)
}

/// The command behind a service. A `--` before it is of whoever typed it or of `plainSpelling`.
func plainCommand(_ words: [String]) -> [String] { Array(words.drop { $0 == "--" }) }

/// Whether any of these words is spelled so that the declaration must be asked.
private func hasUnusualSpelling(_ words: some Sequence<String>) -> Bool {
  words.contains { word in
    if word.hasPrefix("--") {
      return word.contains("=") || word.hasPrefix("---") || isOfParser(word)
    }
    return word.hasPrefix("-")
      && (word.utf8.count > 2 || word.last.map { $0.isASCII && $0.isNumber } ?? false)
  }
}

/// A verb and all behind it, spelled as the argument parser reads it.
func plainSpelling(ofVerb rest: [String]) -> [String] {
  guard let first = rest.first, hasUnusualSpelling(rest), var type = verbType(named: first) else {
    return rest
  }
  var count = 1
  while count < rest.count, let below = subverb(of: type, named: rest[count]) {
    type = below
    count += 1
  }
  let behind = Declaration(of: type).plainSpelling(Array(rest.dropFirst(count)))
  return Array(rest.prefix(count)) + behind
}

/// The same of the flags before the verb.
func plainSpelling(ofGlobal words: [String]) -> [String] {
  hasUnusualSpelling(words) ? Declaration(of: GlobalOptions.self).plainSpelling(words) : words
}
