// What `--help` prints, laid out from the declarations: of the root by subject, of a verb with examples.

import ArgumentParser
import Console

/// A verb as a reader of its help or manual page sees it.
struct VerbPage {
  /// `up`, `network ls`.
  let name: String
  let abstract: String
  let discussion: String
  /// How it is called, one way on each line, without `berth`.
  let usage: [String]
  let declaration: Declaration
  /// Of a verb that has verbs of its own: those.
  let subverbs: [any ParsableCommand.Type]

  init(_ name: String, _ type: any ParsableCommand.Type) {
    let configuration = type.configuration
    self.name = name
    abstract = configuration.abstract
    discussion = configuration.discussion
    declaration = Declaration(of: type)
    subverbs = configuration.subcommands
    if !subverbs.isEmpty {
      usage = ["\(name) VERB"]
    } else if let own = configuration.usage {
      usage = own.split(separator: "\n").map { String($0.trimmingPrefix("berth ")) }
    } else {
      let flags = declaration.named.contains { !$0.isHidden && $0.names != ["-h", "--help"] }
      let places = declaration.positionals.map(\.placeInUsage)
      usage = [([name] + (flags ? ["[flags]"] : []) + places).joined(separator: " ")]
    }
  }

  /// The page of a verb by its words; nil when there is none.
  init?(words: some Sequence<String>) {
    var words = Array(words)[...]
    guard let first = words.popFirst(), var type = verbType(named: first) else { return nil }
    var name = type.configuration.commandName ?? first
    while let next = words.popFirst(), let below = subverb(of: type, named: next) {
      type = below
      name += " " + (below.configuration.commandName ?? next)
    }
    self.init(name, type)
  }

  var flags: [Declaration.Argument] { declaration.named.filter { !$0.isHidden } }

  func text(columns: Int) -> String {
    var text = Block(columns: columns)
    text.paragraph(abstract)
    text.blank()
    for (index, line) in usage.enumerated() {
      text.line((index == 0 ? "Usage: " : "       ") + "berth " + line)
    }
    if !discussion.isEmpty {
      text.blank()
      text.paragraph(discussion)
    }
    if !subverbs.isEmpty {
      text.section("Verbs", subverbs.filter({ $0.configuration.shouldDisplay }).map(verbRow))
    }
    text.section("Arguments", declaration.positionals.map { ($0.placeholder, $0.abstract) })
    text.section("Flags", flags.map(\.row))
    text.examples(of: name)
    text.blank()
    text.line("Flags for all verbs stand before the verb; `berth --help` lists them.")
    return text.lines.joined(separator: "\n")
  }
}

/// The help of the program itself.
func rootHelp(columns: Int) -> String {
  var text = Block(columns: columns)
  text.paragraph("Define and run multi-container applications, without a daemon")
  text.blank()
  text.line("Usage: berth [global flags] VERB [flags] [arguments]")
  for subject in subjects {
    text.section(
      subject.title, subject.verbs.compactMap { name in verbType(named: name) }.map(verbRow))
  }
  let named = Set(subjects.flatMap(\.verbs))
  let others = allVerbs.filter {
    $0.configuration.shouldDisplay && !named.contains($0.configuration.commandName ?? "")
  }
  text.section("More", others.map(verbRow))
  text.section(
    "Global flags", Declaration(of: GlobalOptions.self).named.filter { !$0.isHidden }.map(\.row))
  text.blank()
  text.line("`berth VERB --help` shows the flags of a verb, and examples.")
  return text.lines.joined(separator: "\n")
}

/// The verbs by what people want of them.
let subjects: [(title: String, verbs: [String])] = [
  ("Run a project", ["up", "down", "start", "stop", "restart", "create", "scale", "run", "watch"]),
  (
    "See what it does", ["ps", "logs", "top", "stats", "port", "events", "images", "volumes", "ls"]
  ),
  ("Reach into containers", ["exec", "attach", "cp", "export", "commit"]),
  ("Signals and states", ["kill", "pause", "unpause", "wait", "rm"]),
  ("Understand the file", ["config", "plan", "check", "explain", "schema"]),
  (
    "Images",
    ["pull", "push", "build", "tag", "rmi", "history", "inspect", "save", "load", "import"]
  ),
  ("This machine", ["network", "volume", "login", "logout", "du", "prune", "builder", "system"]),
  ("About berth", ["version", "completion", "help"]),
]

private func verbRow(_ type: any ParsableCommand.Type) -> (String, String) {
  (type.configuration.commandName ?? "", type.configuration.abstract)
}

extension Declaration.Argument {
  /// `-t, --timeout SECONDS`, and what it does.
  fileprivate var row: (String, String) {
    let value = kind == .option ? " " + placeholder : ""
    let indent = names.first.map { $0.utf8.count == 2 } == true ? "" : "    "
    return (indent + names.joined(separator: ", ") + value, aboutWithDefault)
  }

  var aboutWithDefault: String {
    guard kind == .option, let defaultValue, defaultValue != "[]" else { return abstract }
    return "\(abstract) (default: \(defaultValue))"
  }

  /// What stands for a value in help: `SERVICE`.
  var placeholder: String {
    if let known = placeholders[valueName] { return known }
    var name = valueName.uppercased().replacing("-", with: "_")
    if kind == .positional, isRepeating, name.hasSuffix("S") { name.removeLast() }
    return name
  }

  fileprivate var placeInUsage: String {
    let text = placeholder + (isRepeating ? "…" : "")
    return isOptional ? "[\(text)]" : text
  }
}

private let placeholders = [
  "timeout": "SECONDS", "wait-timeout": "SECONDS", "scale": "SERVICE=NUM", "env": "NAME[=VALUE]",
  "label": "NAME=VALUE", "index": "NUM", "tail": "LINES", "pull": "POLICY", "since": "TIME",
  "until": "TIME", "exit-code-from": "SERVICE", "attach": "SERVICE", "no-attach": "SERVICE",
  "publish": "[HOST:]PORT", "volume": "SOURCE:TARGET", "workdir": "FOLDER", "explain": "PATH",
  "project-name": "NAME", "env-file": "FILE", "project-directory": "FOLDER", "ansi": "WHEN",
  "progress": "KIND", "parallel": "NUM", "filter": "KEY=VALUE", "cap-add": "CAP", "cap-drop": "CAP",
  "output": "FILE", "input": "FILE", "hash": "SERVICE", "rmi": "WHICH", "detach-keys": "KEYS",
  "sig-proxy": "true|false", "env-from-file": "FILE", "opt": "KEY=VALUE", "driver-opt": "KEY=VALUE",
  "aux-address": "NAME=ADDRESS", "ip": "ADDRESS", "ip6": "ADDRESS", "private-port": "PORT",
  "grep": "PATTERN", "build-arg": "NAME[=VALUE]", "ssh": "default|ID=PATH",
]

/// Lines of at most so many columns.
private struct Block {
  let columns: Int
  private(set) var lines: [String] = []

  init(columns: Int) { self.columns = min(max(columns, 40), 100) }

  mutating func line(_ text: String) { lines.append(text) }
  mutating func blank() { lines.append("") }
  mutating func paragraph(_ text: String) {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      lines += wrapped(String(line), to: columns)
    }
  }

  /// Rows of a name and what it is; nothing without rows.
  mutating func section(_ title: String, _ rows: [(String, String)]) {
    if rows.isEmpty { return }
    blank()
    line(title + ":")
    let longest = columns > 60 ? 26 : 18
    let width = rows.map(\.0.count).filter { $0 <= longest }.max() ?? longest
    let indent = String(repeating: " ", count: width + 4)
    for (name, about) in rows {
      let parts = wrapped(about, to: columns - indent.count)
      let padded = "  " + name + String(repeating: " ", count: max(0, width - name.count) + 2)
      if name.count > width || parts.isEmpty {
        line("  " + name)
        lines += parts.map { indent + $0 }
      } else {
        line(padded + parts[0])
        lines += parts.dropFirst().map { indent + $0 }
      }
    }
  }

  mutating func examples(of verb: String) {
    guard let examples = verbExamples[verb] else { return }
    blank()
    line("Examples:")
    let width = examples.map(\.command.count).filter { $0 <= 34 }.max() ?? 34
    for example in examples {
      let gap = String(repeating: " ", count: max(0, width - example.command.count) + 2)
      let whole = "  berth \(example.command)\(gap)# \(example.purpose)"
      if whole.count <= columns {
        line(whole)
      } else {
        lines += wrapped("# " + example.purpose, to: columns - 2).map { "  " + $0 }
        line("  berth \(example.command)")
      }
    }
  }
}
