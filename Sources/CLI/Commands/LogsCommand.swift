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
  @Option(name: [.customShort("n"), .long], help: "Lines from the end of each container's log")
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
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let work = try invocation.open("logs", file: .optional)
    var query = LogQuery()
    query.services = services
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
    if !noLogPrefix { printer.announce(try await work.session.logSources(query)) }
    try await work.session.logs(query) { event in
      if case .lines = event { printer.show(event) }
    }
  }
}
