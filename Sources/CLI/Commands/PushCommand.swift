// `berth push`.

import ArgumentParser
import Console
import Engine

struct PushCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "push", abstract: "Push images to their registries",
    discussion: """
      Without arguments, the images of all services that have both `build` and `image`. An argument with \
      `/`, `:` or `@` in it names an image and needs no compose file.
      """)

  @Flag(help: "Push what can be pushed; failures are said and passed over")
  var ignorePushFailures = false
  @Flag(help: "Also the images of services that these depend on")
  var includeDeps = false
  @Flag(name: .shortAndLong, help: "No progress")
  var quiet = false
  @Argument(help: "Services or images", completion: .custom(completeServices))
  var names: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let pushed: [PushedName]
    if !names.isEmpty, names.allSatisfy(isImageName) {
      let stock = try invocation.stock("push")
      let progress = invocation.progress("push", quiet: quiet)
      let (names, ignoring) = (names, ignorePushFailures)
      pushed = try await finishing(progress) {
        try await push(
          names, of: stock, request: invocation.request(file: .optional),
          ignoringFailures: ignoring, events: invocation.showing(on: progress))
      }
    } else {
      let work = try invocation.open("push", quiet: quiet)
      var options = PushOptions()
      options.names = names
      options.ignoresFailures = ignorePushFailures
      options.includesDependencies = includeDeps
      pushed = try await finishing(work.progress) { [options] in
        try await work.session.push(options)
      }
    }
    for image in pushed {
      Output.standard.line("\(image.name): digest: \(image.digest) size: \(image.manifestSize)")
    }
  }
}
