// The argument parser's complaints in our form, with what was probably meant.

import ArgumentParser
import Diagnostics

/// The command line itself is wrong.
struct UsageFault: Diagnosable {
  var summary: String
  var hint: String?

  init(_ summary: String, hint: String? = nil) {
    self.summary = summary
    self.hint = hint
  }

  var diagnostics: [Diagnostic] { [Diagnostic(summary, hint: hint)] }
}

/// What there is in place of `--dry-run build`.
let dryBuildHint =
  "`berth build --print` shows what would be built, `--check` looks at the Dockerfiles"

/// What docker compose has and berth has not, and what to do instead.
private let otherVerbs = [
  "bridge": "`berth config` prints the project as it is understood, for programs that translate it",
  "publish": "keep the files in a repository, or push them with a program such as oras",
  "watch": "bind the folder into the container, or run `berth up -d` again after a change",
]

func unknownVerb(_ verb: String) -> UsageFault {
  if verb == "compose" {
    return UsageFault("unknown command `compose`", hint: "leave it out: `berth up`")
  }
  if let instead = otherVerbs[verb] {
    return UsageFault("berth has no `\(verb)`", hint: instead)
  }
  let names = allVerbs.filter({ $0.configuration.shouldDisplay })
    .flatMap { [$0.configuration.commandName ?? ""] + $0.configuration.aliases }
  return UsageFault(
    "unknown command `\(verb)`",
    hint: nearest(to: verb, among: names).map { "did you mean `\($0)`?" } ?? "see `berth --help`")
}

/// Flags of `docker build` that a compose file says.
private let buildAttributes = [
  "-t": "tags: [NAME]", "--tag": "tags: [NAME]", "--target": "target: STAGE",
  "--platform": "platforms: [OS/ARCH]", "--label": "labels: [NAME=VALUE]",
  "--secret": "secrets: [NAME]", "--cache-from": "cache_from: [PLACE]",
  "--cache-to": "cache_to: [PLACE]", "--network": "network: MODE",
  "--add-host": "extra_hosts: [HOST=IP]",
  "--build-context": "additional_contexts: [NAME=PLACE]", "--shm-size": "shm_size: SIZE",
  "--ulimit": "ulimits: {NAME: NUMBER}", "--allow": "entitlements: [NAME]",
  "--no-cache-filter": "no_cache_filter: [STAGE]",
]

/// A complaint about the flags before the verb.
func globalUsageFault(_ message: String, _ split: SplitArguments) -> UsageFault {
  let global = Declaration(of: GlobalOptions.self)
  var fault = UsageFault(inOurForm(message, global), hint: "see `berth --help`")
  guard let flag = unknownFlag(in: message) else { return fault }
  let verb = split.rest.first { verbType(named: $0) != nil }
  if let verb, let page = VerbPage(words: [verb]),
    page.declaration.argument(spelled: flag) != nil
  {
    fault.hint = "`\(flag)` goes behind the verb: `berth \(verb) \(flag)`"
  } else if let near = nearest(to: flag, among: global.named.flatMap(\.names)) {
    fault.hint = "did you mean `\(near)`?"
  }
  return fault
}

/// A complaint about the verb and all behind it; a mistyped verb gets the nearest one.
func usageFault(_ message: String, _ rest: [String]) -> UsageFault {
  if let fault = mistypedPart(of: rest) { return fault }
  guard let page = VerbPage(words: rest) else {
    guard let verb = rest.first, !verb.hasPrefix("-") else {
      return UsageFault(
        inOurForm(message, Declaration(of: GlobalOptions.self)), hint: "see `berth --help`")
    }
    return unknownVerb(verb)
  }
  var fault = UsageFault(
    inOurForm(message, page.declaration), hint: "see `berth \(page.name) --help`")
  guard let flag = unknownFlag(in: message) else { return fault }
  let global = Declaration(of: GlobalOptions.self)
  if page.name == "build", flag == "--dry-run" {
    fault.hint = dryBuildHint
  } else if page.name == "build", let attribute = buildAttributes[flag] {
    fault.hint = "write `\(attribute)` below `build:` of the service"
  } else if let known = global.argument(spelled: flag) {
    let value = known.kind == .option ? " …" : ""
    fault.hint = "`\(flag)` goes before the verb: `berth \(flag)\(value) \(page.name)`"
  } else if flag.hasPrefix("--"),
    let near = nearest(to: flag, among: page.declaration.named.flatMap(\.names))
  {
    fault.hint = "did you mean `\(near)`?"
  }
  return fault
}

/// The same of a verb that has verbs of its own: `network`.
private func mistypedPart(of rest: [String]) -> UsageFault? {
  guard rest.count > 1, !rest[1].hasPrefix("-"), let group = verbType(named: rest[0]),
    !group.configuration.subcommands.isEmpty, subverb(of: group, named: rest[1]) == nil
  else { return nil }
  let names = group.configuration.subcommands.flatMap {
    [$0.configuration.commandName].compactMap { $0 } + $0.configuration.aliases
  }
  return UsageFault(
    "unknown command `\(rest[0]) \(rest[1])`",
    hint: nearest(to: rest[1], among: names).map { "did you mean `\(rest[0]) \($0)`?" }
      ?? "see `berth \(rest[0]) --help`")
}

/// The flag of a complaint about one that is not declared.
private func unknownFlag(in message: String) -> String? {
  guard message.hasPrefix("Unknown option") else { return nil }
  let parts = message.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
  return parts.count == 3 ? String(parts[1].prefix { $0 != "=" }) : nil
}

/// Lower case, names in backticks, values called as help calls them, and no suggestion at the end.
private func inOurForm(_ message: String, _ declaration: Declaration) -> String {
  var text = message
  if let suggestion = text.firstRange(of: ". Did you mean") {
    text = String(text[..<suggestion.lowerBound])
  }
  for argument in declaration.arguments {
    text = text.replacing("<\(argument.valueName)> ...", with: argument.placeholder + "…")
      .replacing("<\(argument.valueName)>", with: argument.placeholder)
  }
  text = text.replacing("'", with: "`")
  return text.prefix(1).lowercased() + text.dropFirst()
}
