// `berth down`.

import Planning
import ArgumentParser
import Console
import Diagnostics
import Engine

struct DownCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down", abstract: "Stop and remove containers and networks")

  @Flag(help: "Remove containers of services that the file no longer has")
  var removeOrphans = false
  @Option(
    name: .shortAndLong, parsing: .unconditional, help: "Seconds to wait for containers to stop")
  var timeout: Int?
  @Flag(name: .shortAndLong, help: "Remove named volumes and anonymous ones too")
  var volumes = false
  @Flag(help: "Show what would be done, and do nothing")
  var dryRun = false
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let work = try invocation.open("down", file: .optional)
    var options = DownOptions()
    options.services = services
    options.removesOrphans = removeOrphans || invocation.flag("COMPOSE_REMOVE_ORPHANS")
    options.removesVolumes = volumes
    options.timeout = timeout
    options.isDryRun = dryRun || invocation.global.dryRun
    let plan = try await finishing(work.progress) { try await work.session.down(options) }
    if options.isDryRun {
      Output.standard.write(plan.isEmpty ? "nothing to do\n" : plan.text + "\n")
    }
  }
}
