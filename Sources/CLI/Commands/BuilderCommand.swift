// `berth builder`: what builds keep for the next ones.

import ArgumentParser
import Blueprint
import Compose
import Console
import Engine

struct BuilderCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "builder", abstract: "Look after the build cache",
    subcommands: [BuilderPruneCommand.self])
}

struct BuilderPruneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Remove what builds keep for the next ones",
    discussion: """
      Removes the results of steps that no image needs, and what was fetched; with -a also results that \
      images need, which then are made again, and the folders of `RUN --mount=type=cache`. What a running \
      build uses stays. Without this command things go that were of no use for 14 days, and the oldest \
      when all take more than a tenth of the disk or 20 GiB.
      """)

  @Flag(name: .shortAndLong, help: "All of it, not only what no image needs")
  var all = false
  @Flag(name: .shortAndLong, help: "Do not ask")
  var force = false
  @Option(help: "until=TIME: only what was of no use since")
  var filter: [String] = []
  @Option(
    name: [.customLong("keep-storage"), .customLong("max-used-space")],
    help: "So many bytes may stay, those used last, such as 2gb")
  var keepStorage: String?

  func run() async throws {
    let limits = try filter.map { try filterTime(try filterParts($0, ["until"]).value) }
    let keeping = try keepStorage.map { text in
      guard let bytes = parseBytes(text).flatMap({ UInt64(exactly: $0) }) else {
        throw UsageFault(
          "invalid size `\(text)`", hint: "write bytes, or a size such as 512mb or 2gb")
      }
      return bytes
    }
    let stock = try Invocation.now().stock("builder prune")
    if !force {
      let what = all ? "all build cache" : "all dangling build cache"
      guard try confirmed("WARNING! This will remove \(what).", of: "results of builds") else {
        return
      }
    }
    let pruning = try await stock.pruneBuildCache(all: all, until: limits.min(), keeping: keeping)
    if pruning.isPartial {
      Output.error.line("a build is at work: folders that it may use stay")
    }
    Output.standard.write(cachePruningText(pruning))
  }
}
