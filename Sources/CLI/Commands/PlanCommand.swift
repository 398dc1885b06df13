// `berth plan`.

import ArgumentParser
import Console
import Engine
import JSON

struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show what `up` would change, and which line of the files says so",
    discussion: "The status is 0 when there is nothing to do, 10 when there is, and 1 for errors.")

  @OptionGroup var recreation: RecreateOptions
  @Flag(help: "Recreate dependent containers too")
  var alwaysRecreateDeps = false
  @Flag(help: "Without linked services")
  var noDeps = false
  @Flag(help: "Remove containers of services that the file no longer has")
  var removeOrphans = false
  @Option(help: "Number of containers of a service: SERVICE=NUM")
  var scale: [String] = []
  @OptionGroup var consent: ConsentOptions
  @Option(help: "text or json")
  var format = "text"
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  /// What differs is no failure, and must be told from one.
  private static let changes: Int32 = 10

  func run() async throws {
    guard ["text", "json"].contains(format) else {
      throw UsageFault("unknown format `\(format)`", hint: "choose text or json")
    }
    try refuse([
      recreation.pair,
      (alwaysRecreateDeps, "--always-recreate-deps", recreation.noRecreate, "--no-recreate"),
    ])
    let invocation = try Invocation.now()
    let work = try invocation.open("plan", services: services, quiet: true)
    var options = UpOptions()
    options.services = services
    options.recreate = recreation.choice
    options.recreatesDependencies = alwaysRecreateDeps
    options.includesDependencies = !noDeps
    options.removesOrphans = try invocation.removesOrphans(removeOrphans)
    options.scale = try parseScale(scale)
    options.recreatesVolumes = consent.yes
    options.isDryRun = true
    let plan = try await work.session.plan(options)
    if format == "json" {
      Output.standard.line(json(of: plan).text(JSONStyle(indent: 2)))
    } else {
      Output.standard.write(text(of: plan, style: invocation.outputStyle))
    }
    if !plan.isEmpty { throw ExitStatus(Self.changes) }
  }
}
