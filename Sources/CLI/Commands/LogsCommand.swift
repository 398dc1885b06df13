// `berth logs`: everything on stdout, as the reference does.

import Blueprint
import ArgumentParser
import Console
import Diagnostics
import Engine

struct LogsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Show the output of containers")

  @Flag(name: .shortAndLong, help: "Go on with new output")
  var follow = false
  @Option(
    name: [.customShort("n"), .long], parsing: .unconditional,
    help: "Lines from the end of each container's log")
  var tail = "all"
  @Flag(name: .shortAndLong, help: "Time before lines")
  var timestamps = false
  @Flag(help: "No colours")
  var noColor = false
  @Flag(help: "No names before lines")
  var noLogPrefix = false
  @Option(help: "Only the container with this number; needs one service")
  var index: Int?
  @Option(help: "Output since then: a time (RFC 3339) or an age such as 10m")
  var since: String?
  @Option(help: "Output until then")
  var until: String?
  @OptionGroup var choice: LogChoiceOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let work = try invocation.open("logs", file: .optional)
    var query = LogQuery()
    query.services = services
    query.choice = try choice.meant()
    query.follows = follow
    query.index = index
    if tail != "all" {
      guard let lines = Int(tail) else {
        throw UsageFault("invalid --tail `\(tail)`", hint: "write a number of lines, or all")
      }
      query.tail = lines < 0 ? nil : lines
    }
    if index != nil, services.count != 1 {
      throw UsageFault("`--index` needs exactly one service")
    }
    query.since = try since.map { try typedTime($0, flag: "--since") }
    query.until = try until.map { try typedTime($0, flag: "--until") }
    var form = LogForm(style: noColor ? Style(coloured: false) : invocation.outputStyle)
    form.hasPrefix = !noLogPrefix
    form.hasTimestamps = timestamps
    let printer = LogPrinter(form)
    printer.announce(try await work.session.logSources(query))
    try await work.session.logs(query) { event in
      if case .lines = event { printer.show(event) }
    }
  }
}

/// Which lines are shown, as typed: the same for `logs` and attached `up`.
struct LogChoiceOptions: ParsableArguments {
  @Option(help: "Only lines that match this pattern of `grep -E`; several: any of them")
  var grep: [String] = []
  @Flag(help: "--grep takes capitals for small letters")
  var ignoreCase = false
  @Option(
    help: "Only lines at least as grave: trace, debug, info, notice, warning, error, critical",
    completion: .list(LogLevel.names))
  var level: String?

  init() {}

  func meant() throws -> LogChoice {
    var choice = LogChoice()
    choice.patterns = grep
    choice.ignoresCase = ignoreCase
    choice.level = try level.map { word in
      guard let level = LogLevel(word: word) else {
        throw UsageFault(
          "unknown level `\(word)`",
          hint: nearest(to: word, among: LogLevel.names).map { "did you mean `\($0)`?" }
            ?? "choose \(LogLevel.names.joined(separator: ", "))")
      }
      return level
    }
    return choice
  }
}
