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
  @Flag(name: .customLong("volume"), help: .hidden)
  var volumesByOldName = false
  @Option(help: "Remove images too: all, or local (those without a name of their own)")
  var rmi: String?
  @OptionGroup var trial: TrialOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let images = try rmi.map { text in
      guard let scope = ImageScope(rawValue: text) else {
        throw UsageFault("invalid --rmi `\(text)`", hint: "choose all or local")
      }
      return scope
    }
    let invocation = try Invocation.now()
    let work = try invocation.open("down", file: .optional)
    var options = DownOptions()
    options.services = services
    options.removesOrphans = try invocation.removesOrphans(removeOrphans)
    options.removesVolumes = volumes || volumesByOldName
    options.timeout = timeout
    options.removesImages = images
    options.isDryRun = trial.isOn(invocation)
    let plan = try await finishing(work.progress) { try await work.session.down(options) }
    if options.isDryRun { show(plan) }
  }
}
