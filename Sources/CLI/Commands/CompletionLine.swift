// The words of a command line up to the one that TAB stands behind: what that one may be.

import ArgumentParser

struct CompletionLine {
  /// What the last word may be.
  enum Slot {
    /// A verb of the root, or of a verb that has verbs of its own.
    case verb(of: (any ParsableCommand.Type)?)
    case flag
    case value(of: Declaration.Argument)
    case positional(Declaration.Argument)
    /// One of the words that go to a command in a container.
    case command
    case nothing
  }

  /// The flags before the verb.
  private(set) var global: [String] = []
  /// The verb: `up`, `network ls`; empty before it is typed.
  private(set) var verb = ""
  private(set) var declaration: Declaration
  private(set) var slot = Slot.nothing
  /// What is typed of the last word. Of `--format=js` it is `js`.
  private(set) var word: String
  /// The names of flags that are there already.
  private(set) var flags: Set<String> = []
  private(set) var positionals: [String] = []

  /// - Parameter words: those behind the program's name; the last one is being typed, and may be empty.
  init(_ words: [String]) {
    word = words.last ?? ""
    let split = SplitArguments(Array(words.dropLast()))
    global = split.global
    guard var name = split.rest.first else {
      declaration = Declaration(of: GlobalOptions.self)
      beforeVerb(lacksValue: split.lacksValue)
      return
    }
    var rest = split.rest.dropFirst()
    guard var type = verbType(named: name) else {
      declaration = Declaration(of: GlobalOptions.self)
      slot = name == "help" && rest.isEmpty ? .verb(of: nil) : .nothing
      return
    }
    while !type.configuration.subcommands.isEmpty {
      guard let next = rest.popFirst() else {
        declaration = Declaration(of: type)
        verb = name
        slot = word.hasPrefix("-") ? .flag : .verb(of: type)
        return
      }
      guard let below = subverb(of: type, named: next) else {
        declaration = Declaration(of: type)
        return
      }
      type = below
      name += " " + next
    }
    verb = name
    declaration = Declaration(of: type)
    behindVerb(Array(rest))
  }

  private mutating func beforeVerb(lacksValue: String?) {
    if let name = lacksValue, let option = declaration.argument(spelled: name) {
      slot = .value(of: option)
      global.removeLast()
    } else if word.hasPrefix("-") {
      flagOrValue()
    } else {
      slot = .verb(of: nil)
    }
  }

  private mutating func behindVerb(_ words: [String]) {
    var waiting: Declaration.Argument?
    var areFlagsOver = false
    for typed in words {
      if waiting != nil {
        waiting = nil
      } else if areFlagsOver || !typed.hasPrefix("-") || typed == "-" {
        positionals.append(typed)
        if nextPositional?.takesRest == true { areFlagsOver = true }
      } else if typed == "--" {
        areFlagsOver = true
      } else {
        waiting = take(typed)
      }
    }
    if let waiting {
      slot = .value(of: waiting)
    } else if !areFlagsOver, word.hasPrefix("-") {
      flagOrValue()
    } else if let next = nextPositional {
      slot = next.takesRest ? .command : .positional(next)
    } else if !areFlagsOver, word.isEmpty {
      slot = .flag
    }
  }

  /// Notes a flag; the option among what it spells whose value must follow.
  private mutating func take(_ typed: String) -> Declaration.Argument? {
    if typed.hasPrefix("--") {
      let name = String(typed.prefix { $0 != "=" })
      guard let argument = declaration.argument(spelled: name) else { return nil }
      flags.formUnion(argument.names)
      return argument.kind == .option && !typed.contains("=") ? argument : nil
    }
    var letters = typed.dropFirst()
    while let letter = letters.popFirst() {
      guard let argument = declaration.argument(spelled: "-\(letter)") else { return nil }
      flags.formUnion(argument.names)
      if argument.kind == .option { return letters.isEmpty ? argument : nil }
    }
    return nil
  }

  private mutating func flagOrValue() {
    guard let equals = word.firstIndex(of: "=") else {
      slot = .flag
      return
    }
    if let option = declaration.argument(spelled: String(word[..<equals])), option.kind == .option {
      slot = .value(of: option)
      word = String(word[word.index(after: equals)...])
    }
  }

  private var nextPositional: Declaration.Argument? {
    let declared = declaration.positionals
    if positionals.count < declared.count { return declared[positionals.count] }
    guard let last = declared.last, last.isRepeating else { return nil }
    return last
  }
}
