// `berth stop` and `berth start`.

import ArgumentParser
import Engine

struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop services; their containers stay")

  @Option(
    name: .shortAndLong, parsing: .unconditional, help: "Seconds to wait for containers to stop")
  var timeout: Int?
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let work = try Invocation.now().open("stop", file: .optional)
    try await finishing(work.progress) {
      try await work.session.stop(services: services, timeout: timeout)
    }
  }
}

struct StartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Start existing containers")

  @Flag(help: "Wait until services run or are healthy")
  var wait = false
  @Option(help: "Seconds to wait at most with --wait")
  var waitTimeout: Int?
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let work = try Invocation.now().open("start", file: .optional)
    let limit: UpOptions.Wait? =
      wait ? (waitTimeout.map { .atMost(seconds: $0) } ?? .forever) : nil
    try await finishing(work.progress) {
      try await work.session.start(services: services, wait: limit)
    }
  }
}
