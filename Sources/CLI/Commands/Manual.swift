// The manual pages, berth(1) and one for each verb, in the form that man(7) sets.

import ArgumentParser
import Engine

struct ManualPage {
  /// `berth-up`.
  let name: String
  let text: String

  /// All of them, the program's own first.
  static var all: [ManualPage] {
    [root]
      + allVerbs.filter({ $0.configuration.shouldDisplay }).flatMap { type -> [ManualPage] in
        guard let name = type.configuration.commandName else { return [] }
        let below = type.configuration.subcommands.filter({ $0.configuration.shouldDisplay })
        return [page(VerbPage(name, type))]
          + below.compactMap { sub in
            sub.configuration.commandName.map { page(VerbPage("\(name) \($0)", sub)) }
          }
      }
  }

  private static func page(_ verb: VerbPage) -> ManualPage {
    let name = "berth-" + verb.name.replacing(" ", with: "-")
    var roff = Roff(title: name)
    roff.section("NAME")
    roff.raw("\(escaped(name)) \\- \(escaped(lowercasedFirst(verb.abstract)))")
    roff.section("SYNOPSIS")
    for (index, line) in verb.usage.enumerated() {
      if index > 0 { roff.raw(".br") }
      roff.raw("\\fBberth\\fR [\\fIglobal flags\\fR] " + escaped(line))
    }
    roff.section("DESCRIPTION")
    roff.paragraph(verb.abstract + ".")
    if !verb.discussion.isEmpty { roff.paragraph(verb.discussion) }
    roff.paragraph("Flags for all verbs stand before the verb: see `berth`(1).")
    if !verb.subverbs.isEmpty {
      roff.section("VERBS")
      for type in verb.subverbs where type.configuration.shouldDisplay {
        roff.item(bold(type.configuration.commandName ?? ""), type.configuration.abstract)
      }
    }
    if !verb.declaration.positionals.isEmpty {
      roff.section("ARGUMENTS")
      for argument in verb.declaration.positionals {
        roff.item("\\fI\(escaped(argument.placeholder))\\fR", argument.abstract)
      }
    }
    roff.flags("OPTIONS", verb.flags)
    roff.examples(verbExamples[verb.name] ?? [])
    roff.section("SEE ALSO")
    roff.raw(
      (["berth"] + related(to: verb)).map { "\\fB\(escaped($0))\\fR(1)" }.joined(separator: ",\n"))
    return ManualPage(name: name, text: roff.text)
  }

  /// The pages of the verbs of the same subject.
  private static func related(to verb: VerbPage) -> [String] {
    let first = verb.name.prefix { $0 != " " }
    let subject = subjects.first { $0.verbs.contains(String(first)) }
    let below = verb.subverbs.compactMap({ $0.configuration.commandName }).map {
      "\(verb.name)-\($0)"
    }
    let beside = (subject?.verbs ?? []).filter { verbType(named: $0) != nil && $0 != verb.name }
    return (below + beside).map { "berth-" + $0.replacing(" ", with: "-") }
  }

  private static var root: ManualPage {
    var roff = Roff(title: "berth")
    roff.section("NAME")
    roff.raw("berth \\- define and run multi\\-container applications")
    roff.section("SYNOPSIS")
    roff.raw(
      "\\fBberth\\fR [\\fIglobal flags\\fR] \\fIVERB\\fR [\\fIflags\\fR] [\\fIarguments\\fR]")
    roff.section("DESCRIPTION")
    roff.paragraph(
      "berth runs a compose project on one machine: it reads the project's compose file, pulls the "
        + "images, makes a container for each service, joins them by networks, keeps their volumes, "
        + "and watches over them after the command has gone. It is its own engine; there is no daemon."
    )
    roff.section("VERBS")
    for subject in subjects {
      roff.raw(".SS " + escaped(subject.title))
      for name in subject.verbs {
        guard let type = verbType(named: name) else { continue }
        roff.item("\\fBberth\\-\(escaped(name))\\fR(1)", type.configuration.abstract)
      }
    }
    roff.flags("OPTIONS", Declaration(of: GlobalOptions.self).named.filter { !$0.isHidden })
    roff.section("ENVIRONMENT")
    for (name, meaning) in environmentVariables { roff.item(bold(name), meaning) }
    roff.section("FILES")
    for (name, meaning) in files { roff.item("\\fI\(escaped(name))\\fR", meaning) }
    roff.section("EXIT STATUS")
    for (status, meaning) in statuses { roff.item(bold(status), meaning) }
    roff.section("SEE ALSO")
    roff.raw("\\fBberth\\-up\\fR(1),\n\\fBberth\\-config\\fR(1),\n\\fBberth\\-completion\\fR(1)")
    return ManualPage(name: "berth", text: roff.text)
  }
}

private let environmentVariables = [
  ("COMPOSE_FILE", "The compose files, separated by `COMPOSE_PATH_SEPARATOR`, which is a colon."),
  ("COMPOSE_PROJECT_NAME", "The name of the project."),
  ("COMPOSE_PROFILES", "The profiles that are on, separated by commas."),
  ("COMPOSE_ENV_FILES", "Environment files in place of `.env`, separated by commas."),
  ("COMPOSE_DISABLE_ENV_FILE", "`true`: `.env` is not read."),
  ("COMPOSE_PARALLEL_LIMIT", "Maximum number of transfers at once."),
  ("COMPOSE_PROGRESS", "How progress is shown: auto, tty, plain, json or quiet."),
  ("COMPOSE_ANSI", "When colours are printed: auto, always or never."),
  ("COMPOSE_IGNORE_ORPHANS", "`true`: nothing is said of containers that the file no longer has."),
  ("COMPOSE_REMOVE_ORPHANS", "`true`: such containers are removed."),
  ("COMPOSE_COMPATIBILITY", "`true`: as `--compatibility`."),
  ("NO_COLOR", "When it is set to anything, no colours are printed."),
  ("DOCKER_CONFIG", "The folder of docker's `config.json`, whose logins hold for berth too."),
  ("DOCKER_DEFAULT_PLATFORM", "The platform of services that name none."),
  ("BERTH_STATE", "Where images, containers, networks and volumes are kept."),
  ("BERTH_RUN", "Where the states of what runs are kept."),
  ("BERTH_CONFIG", "The file of settings, in place of the two below."),
]

private let files = [
  (
    "compose.yaml",
    "The project; `compose.yml`, `docker-compose.yml` and `docker-compose.yaml` too."
  ),
  ("compose.override.yaml", "Merged over it, when there is one."),
  (".env", "Values of variables, and of the COMPOSE variables above."),
  ("/var/lib/berth", "Images, containers, networks and volumes."),
  ("/run/berth", "What runs; gone after a boot."),
  ("/etc/berth/config.json", "Settings of this machine: mirrors, insecure registries."),
  ("~/.config/berth/config.json", "Those of a user, looked at first."),
]

private let statuses = [
  ("0", "All went well, or there was nothing to do."),
  ("1", "Anything else, unless said below; the message tells what."),
  ("10", "`berth plan`: there are changes."),
  ("130", "The command was interrupted."),
  ("other", "`run`, `exec`, `attach`, `wait` and `up --exit-code-from`: that of the program."),
]

/// A page as it grows.
private struct Roff {
  private(set) var text: String

  init(title: String) {
    text = ".TH \"\(title.uppercased())\" 1 \"\" \"berth \(berthVersion)\" \"User Commands\"\n"
    text += ".nh\n.ad l\n"
  }

  mutating func raw(_ line: String) { text += line + "\n" }
  mutating func section(_ title: String) { raw(".SH " + title) }

  mutating func paragraph(_ content: String) {
    for part in content.split(separator: "\n\n") {
      raw(".PP")
      raw(marked(String(part)))
    }
  }

  /// - Parameter name: escaped already.
  mutating func item(_ name: String, _ meaning: String) {
    raw(".TP")
    raw(name)
    raw(marked(meaning.isEmpty ? "" : ended(meaning)))
  }

  mutating func flags(_ title: String, _ flags: [Declaration.Argument]) {
    if flags.isEmpty { return }
    section(title)
    for flag in flags {
      let value = flag.kind == .option ? " \\fI\(escaped(flag.placeholder))\\fR" : ""
      let names = flag.names.map { "\\fB\(escaped($0))\\fR" }.joined(separator: ", ")
      item(names + value, flag.aboutWithDefault)
    }
  }

  mutating func examples(_ examples: [Example]) {
    if examples.isEmpty { return }
    section("EXAMPLES")
    for example in examples {
      item(bold("berth " + example.command), upperFirst(example.purpose))
    }
  }
}

private func ended(_ text: String) -> String {
  text.last.map { ".?!:".contains($0) } == true ? text : text + "."
}

private func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }

private func upperFirst(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }

private func lowercasedFirst(_ text: String) -> String {
  text.prefix(1).lowercased() + text.dropFirst()
}

/// What is between backticks becomes bold; each line is safe to begin one.
private func marked(_ text: String) -> String {
  let pieces = text.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
  guard pieces.count % 2 == 1 else { return escaped(text) }
  return pieces.enumerated().map { index, piece in
    index % 2 == 1 ? bold(piece) : escaped(piece)
  }.joined()
}

/// Text as roff prints it unchanged.
private func escaped(_ text: String) -> String {
  let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
    let safe = line.replacing("\\", with: "\\e").replacing("-", with: "\\-")
      .replacing("…", with: "...").replacing("~", with: "\\(ti").replacing("^", with: "\\(ha")
      .replacing("'", with: "\\(aq").replacing("`", with: "\\(ga")
    return safe.hasPrefix(".") ? "\\&" + safe : String(safe)
  }
  return lines.joined(separator: "\n")
}
