// `berth stop` and `berth start`.

import ArgumentParser
import Engine

struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop services; their containers stay")

  @Option(
    name: .shortAndLong, parsing: .unconditional, help: "Seconds to wait for containers to stop")
  var timeout: Int?
  @OptionGroup var trial: TrialOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let isDryRun = trial.isOn(invocation)
    let work = try invocation.open("stop", file: .optional)
    let plan = try await finishing(work.progress) {
      try await work.session.stop(services: services, timeout: timeout, isDryRun: isDryRun)
    }
    if isDryRun { show(plan) }
  }
}

struct StartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Start existing containers")

  @Flag(help: "Wait until services run or are healthy")
  var wait = false
  @Option(help: "Seconds to wait at most with --wait")
  var waitTimeout: Int?
  @OptionGroup var trial: TrialOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let isDryRun = trial.isOn(invocation)
    let work = try invocation.open("start", file: .optional)
    let limit: UpOptions.Wait? =
      wait ? (waitTimeout.map { .atMost(seconds: $0) } ?? .forever) : nil
    let plan = try await finishing(work.progress) {
      try await work.session.start(services: services, wait: limit, isDryRun: isDryRun)
    }
    if isDryRun { show(plan) }
  }
}
