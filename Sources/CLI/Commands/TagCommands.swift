// `berth tag`, `berth rmi` and `berth prune`: names given, names and images taken away.

import ArgumentParser
import Console
import Engine

struct TagCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tag", abstract: "Give an image one more name")

  @Argument(help: "An image: NAME[:TAG], NAME@DIGEST or an id", completion: .custom(completeImages))
  var source: String
  @Argument(help: "NAME[:TAG]", completion: .custom(completeImages))
  var target: String

  func run() async throws {
    try await Invocation.now().stock("tag").tag(source, as: target)
  }
}

struct RmiCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rmi", abstract: "Remove names of images, and images with their last name",
    discussion: """
      An image that a container uses is removed by nothing: -f takes its names away, and it goes when \
      the container has gone and `berth prune` is run.
      """)

  @Flag(name: .shortAndLong, help: "Also all names of one image, and names that a container uses")
  var force = false
  @Flag(help: "Keep untagged parents; images here have none, so nothing changes")
  var noPrune = false
  @Argument(help: "Images: NAME[:TAG], NAME@DIGEST or ids", completion: .custom(completeImages))
  var images: [String]

  func run() async throws {
    try await Invocation.now().stock("rmi").remove(images, force: force) { change in
      Output.standard.line(changeLine(change))
    }
  }
}

struct PruneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Remove unused images",
    discussion: """
      Removes images without a tag, and all layers and blobs that belong to no image. What a container \
      or a running command uses stays.
      """)

  @Flag(
    name: .shortAndLong, help: "All images that no container uses, not only those without a tag")
  var all = false
  @Flag(name: .shortAndLong, help: "Do not ask")
  var force = false
  @Option(help: "until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]")
  var filter: [String] = []

  func run() async throws {
    let filters = try filter.map { try imageFilter($0, [.until, .label, .notLabel]) }
    let stock = try Invocation.now().stock("prune")
    if !force {
      let what =
        all ? "all images without at least one container associated to them" : "all dangling images"
      guard try confirmed("WARNING! This will remove \(what).", of: "images") else { return }
    }
    let pruning = try await stock.prune(
      all ? .unused : .dangling, filters, reading: timeReading(Session.now()))
    Output.standard.write(pruningText(pruning))
  }
}

/// Asks at the terminal.
/// - Parameter things: what would be removed, for a run without a terminal.
func confirmed(_ warning: String, of things: String) throws -> Bool {
  try agreed("\(warning)\nAre you sure you want to continue?", of: things)
}

/// The same with a question of its own.
func agreed(_ question: String, of things: String) throws -> Bool {
  guard let answer = ask("\(question) [y/N] ") else {
    throw UsageFault(
      "there is no terminal to ask whether \(things) shall be removed",
      hint: "use -f not to be asked")
  }
  return ["y", "yes"].contains(answer.lowercased())
}
