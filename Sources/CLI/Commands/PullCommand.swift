// `berth pull`.

import ArgumentParser
import Console
import Engine

struct PullCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Pull the images of services, or images by their names",
    discussion: """
      An argument that holds `/`, `:` or `@` is the name of an image: `berth pull redis:7` needs no \
      compose file.
      """)

  @Flag(help: "Pull what can be pulled; failures are said and passed over")
  var ignorePullFailures = false
  @Flag(help: "Leave out images that can be built")
  var ignoreBuildable = false
  @Flag(help: "Also the images of services that these depend on")
  var includeDeps = false
  @Option(
    help: "missing: only images that are not here, and `latest`; always",
    completion: .list(["always", "missing"]))
  var policy: String?
  @Flag(name: .shortAndLong, help: "No progress")
  var quiet = false
  /// Older files of the reference's users have these; images always come in parallel.
  @Flag(help: .hidden)
  var parallel = false
  @Flag(help: .hidden)
  var noParallel = false
  @Argument(help: "Services or images", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    var options = PullOptions()
    let names = ServicesOrImages(services)
    (options.services, options.images) = (names.services, names.images)
    options.ignoresFailures = ignorePullFailures
    options.ignoresBuildable = ignoreBuildable
    options.includesDependencies = includeDeps
    switch policy {
    case nil: break
    case "always": options.policy = .always
    case "missing": options.policy = .missing
    case .some(let other):
      throw UsageFault("invalid --policy `\(other)`", hint: "choose missing or always")
    }
    let work = try Invocation.now().open(
      "pull", file: names.file, services: names.services, quiet: quiet)
    try await finishing(work.progress) { [options] in
      try await interruptible { try await work.session.pull(options) }
    }
  }
}

/// Arguments that name services of the project, or images of no project.
struct ServicesOrImages {
  var services: [String]
  var images: [String]

  init(_ arguments: [String]) {
    // Names of services hold none of these.
    func isImage(_ argument: String) -> Bool { argument.utf8.contains { "/:@".utf8.contains($0) } }
    services = arguments.filter { !isImage($0) }
    images = arguments.filter(isImage)
  }

  /// The compose file is needed unless images alone are named.
  var file: FileNeed { images.isEmpty || !services.isEmpty ? .required : .unused }
}
