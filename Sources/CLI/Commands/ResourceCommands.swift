// `berth top` and `stats`.

import ArgumentParser
import Console
import Engine
import Store

struct TopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Show the processes of services")

  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let work = try Invocation.now().open("top", file: .optional)
    Output.standard.write(
      topTable(try work.session.processes(services: services), now: Session.now()))
  }
}

struct StatsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Show what containers use, again each second")

  @Flag(name: .shortAndLong, help: "Also those that do not run")
  var all = false
  @Option(help: "table, json, or a template such as '{{.Name}}: {{.CPUPerc}}'")
  var format = "table"
  @Flag(help: "Once")
  var noStream = false
  @Flag(help: "Do not cut ids")
  var noTrunc = false
  @Argument(help: "Service", completion: .custom(completeServices))
  var service: String?

  func run() async throws {
    let format = try listingFormat(format)
    let session = try Invocation.now().open("stats", file: .optional).session
    var before = try session.usage(service: service, includesStopped: all)
    repeat {
      // The share of a processor is what was used between two looks.
      try await Task.sleep(for: .seconds(1))
      let now = try session.usage(service: service, includesStopped: all)
      let rows = now.map { each in
        UsageRow(each, since: before.first { $0.record.id == each.record.id })
      }
      let text =
        switch format {
        case .table: usageTable(rows, full: noTrunc)
        case .json: usageListing(rows, full: noTrunc).lines
        case .template(let template): try usageListing(rows, full: noTrunc).text(template)
        }
      Output.standard.write(isLive(format) ? redrawn(text) : text)
      before = now
    } while !noStream
  }
  /// Whether each look takes the place of the one before.
  private func isLive(_ format: ListingFormat) -> Bool {
    if case .json = format { return false }
    return Output.standard.isTerminal && !noStream
  }

  /// Over what stands there, each line to its end, so that nothing flickers.
  private func redrawn(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return "\u{1B}[H" + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[J"
  }
}
