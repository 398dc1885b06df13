// `berth pause` and `berth unpause`.

import ArgumentParser
import Engine

struct PauseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Let services stand still")

  @OptionGroup var trial: TrialOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let isDryRun = trial.isOn(invocation)
    let work = try invocation.open("pause", file: .optional)
    let plan = try await finishing(work.progress) {
      try await work.session.pause(services: services, isDryRun: isDryRun)
    }
    if isDryRun { show(plan) }
  }
}

struct UnpauseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpause", abstract: "Let paused services go on")

  @OptionGroup var trial: TrialOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let isDryRun = trial.isOn(invocation)
    let work = try invocation.open("unpause", file: .optional)
    let plan = try await finishing(work.progress) {
      try await work.session.unpause(services: services, isDryRun: isDryRun)
    }
    if isDryRun { show(plan) }
  }
}
