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
    var options = PushOptions()
    let names = ServicesOrImages(names)
    (options.services, options.images) = (names.services, names.images)
    options.ignoresFailures = ignorePushFailures
    options.includesDependencies = includeDeps
    let work = try Invocation.now().open(
      "push", file: names.file, services: names.services, quiet: quiet)
    let pushed = try await finishing(work.progress) { try await work.session.push(options) }
    for image in pushed {
      Output.standard.line("\(image.name): digest: \(image.digest) size: \(image.manifestSize)")
    }
  }
}
