// `berth ps`.

import Store
import ArgumentParser
import Console
import Engine

struct PsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ps", abstract: "List containers")

  @Flag(name: .shortAndLong, help: "Also stopped containers and those made by run")
  var all = false
  @Option(help: "table, json, or a template such as '{{.Name}}: {{.State}}'")
  var format: String?
  @Flag(help: "Do not cut output")
  var noTrunc = false
  @Flag(inversion: .prefixedNo, help: "Containers of services that the file no longer has")
  var orphans = true
  @Flag(name: .shortAndLong, help: "Only ids")
  var quiet = false
  @Flag(help: "Only the names of services")
  var services = false
  @Option(help: "Only containers in this state")
  var status: [String] = []
  @Option(help: "status=STATE")
  var filter: [String] = []
  @Argument(help: "Services", completion: .custom(completeServices))
  var service: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    var wanted = format
    if wanted == nil { wanted = try await configuredPsFormat(invocation.environment) }
    let form = try listingFormat(wanted ?? "table")
    let work = try invocation.open("ps", file: .optional)
    var query = ContainerQuery()
    query.services = service
    query.includesOrphans = orphans
    query.statuses = try Set(status + filter.map(statusOfFilter))
    query.includesStopped = all || !query.statuses.isEmpty
    let rows = try await work.session.containers(query)
    if quiet {
      for row in rows { Output.standard.line(row.id) }
    } else if services {
      var seen: Set<String> = []
      let names = rows.map(\.service).filter { seen.insert($0).inserted }
      Output.standard.line(names.joined(separator: "\n"))
    } else {
      let now = Session.now()
      try show(
        psListing(rows, now: now, full: noTrunc), as: form,
        table: psTable(rows, now: now, full: noTrunc))
    }
  }

  private func statusOfFilter(_ text: String) throws -> String {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, parts[0] == "status" else {
      throw UsageFault("unknown filter `\(text)`", hint: "write status=running")
    }
    return String(parts[1])
  }
}
