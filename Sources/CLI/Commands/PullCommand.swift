// `berth pull`.

import ArgumentParser
import Console
import Engine

struct PullCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Pull the images of services")

  @Flag(help: "Pull what can be pulled; failures are said and passed over")
  var ignorePullFailures = false
  @Flag(help: "Leave out images that can be built")
  var ignoreBuildable = false
  @Flag(help: "Also the images of services that these depend on")
  var includeDeps = false
  @Option(help: "missing: only images that are not here; always")
  var policy: String?
  @Flag(name: .shortAndLong, help: "No progress")
  var quiet = false
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let work = try Invocation.now().open("pull", quiet: quiet)
    var options = PullOptions()
    options.services = services
    options.ignoresFailures = ignorePullFailures
    options.ignoresBuildable = ignoreBuildable
    options.includesDependencies = includeDeps
    switch policy {
    case nil, "always": options.onlyMissing = false
    case "missing": options.onlyMissing = true
    case .some(let other):
      throw UsageFault("invalid --policy `\(other)`", hint: "choose missing or always")
    }
    try await finishing(work.progress) { [options] in
      try await interruptible { try await work.session.pull(options) }
    }
  }
}
