// What berth's own programs ask of each other; not for people.

import ArgumentParser
import Engine

struct InternalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "internal", abstract: "For berth's own programs", shouldDisplay: false,
    subcommands: [Release.self])

  /// A shim's last word: the network rules of its container are not needed any more.
  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "release")

    @Argument var id: String

    func run() async throws {
      try releaseContainer(id, host: try Invocation.now().hostProfile())
    }
  }
}
