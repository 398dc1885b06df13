// `berth commit`.

import ArgumentParser
import Console
import Engine

struct CommitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "commit", abstract: "Make an image from what a service's container has changed",
    discussion: """
      The image has one layer more than the one that the container was made from. Volumes and whatever \
      else is mounted in the container are not in it.
      """)

  @Option(name: .shortAndLong, help: "Who made it: \"Jane Doe <jane@example.com>\"")
  var author = ""
  @Option(
    name: .shortAndLong,
    help: """
      An instruction for the image: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, \
      STOPSIGNAL, USER, VOLUME, WORKDIR
      """)
  var change: [String] = []
  @Option(help: "Number of the container")
  var index = 0
  @Option(name: .shortAndLong, help: "What the image's history says of it")
  var message = ""
  @Flag(
    name: .shortAndLong, inversion: .prefixedNo,
    help: "Let the container stand still while it is read")
  var pause = true
  @Argument(help: "Service", completion: .custom(completeServices))
  var service: String
  @Argument(help: "REPOSITORY[:TAG]", completion: .custom(completeImages))
  var name: String?

  func run() async throws {
    var request = CommitRequest(service: service)
    request.name = name
    request.author = author
    request.message = message
    request.changes = change
    request.index = index
    request.pauses = pause
    let work = try Invocation.now().open("commit", file: .optional)
    let stamp = Session.now().rfc3339
    // The first signal waits until the container may go on.
    let id = try await interruptible { [request] in
      try await finishing(work.progress) { try await work.session.commit(request, stamp: stamp) }
    }
    Output.standard.line(id)
  }
}
