// `berth pause` and `berth unpause`.

import ArgumentParser
import Engine

struct PauseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Let services stand still")

  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let work = try Invocation.now().open("pause", file: .optional)
    try await finishing(work.progress) { try await work.session.pause(services: services) }
  }
}

struct UnpauseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpause", abstract: "Let paused services go on")

  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let work = try Invocation.now().open("unpause", file: .optional)
    try await finishing(work.progress) { try await work.session.unpause(services: services) }
  }
}
