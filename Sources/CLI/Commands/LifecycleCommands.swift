// `berth kill`, `restart`, `rm`, `create`, `scale` and `wait`.

import ArgumentParser
import Console
import Engine
import Planning

struct KillCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kill", abstract: "Send a signal to containers that run")

  @Flag(help: "Also those of services that the file no longer has")
  var removeOrphans = false
  @Option(name: .shortAndLong, help: "A name, with or without SIG, or a number")
  var signal = "SIGKILL"
  @OptionGroup var trial: TrialOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let removesOrphans = try invocation.removesOrphans(removeOrphans)
    let isDryRun = trial.isOn(invocation)
    let work = try invocation.open("kill", file: .optional)
    let plan = try await finishing(work.progress) {
      try await work.session.kill(
        services: services, signal: signal, removesOrphans: removesOrphans, isDryRun: isDryRun)
    }
    if isDryRun { return show(plan) }
    if plan.isEmpty { invocation.status.line("No container to kill") }
  }
}

struct RestartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restart", abstract: "Restart containers as they are",
    discussion: "What has changed in the file is taken up by `berth up`, not by this.")

  @Flag(help: "Not those that depend on them with `restart: true`")
  var noDeps = false
  @Option(
    name: .shortAndLong, parsing: .unconditional, help: "Seconds to wait for containers to stop")
  var timeout: Int?
  @OptionGroup var trial: TrialOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let isDryRun = trial.isOn(invocation)
    let work = try invocation.open("restart", file: .optional)
    let plan = try await finishing(work.progress) {
      try await work.session.restart(
        services: services, timeout: timeout, includesDependents: !noDeps, isDryRun: isDryRun)
    }
    if isDryRun { show(plan) }
  }
}

struct RmCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Remove containers that do not run")

  @Flag(name: .shortAndLong, help: "Accepted for scripts: all are meant anyway")
  var all = false
  @Flag(name: .shortAndLong, help: "Do not ask")
  var force = false
  @Flag(name: .shortAndLong, help: "Stop them first")
  var stop = false
  @Flag(name: .shortAndLong, help: "With their anonymous volumes")
  var volumes = false
  @OptionGroup var trial: TrialOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let invocation = try Invocation.now()
    let work = try invocation.open("rm", file: .optional)
    let names = try await work.session.removable(services: services, stops: stop)
    if trial.isOn(invocation) { return show(try await work.session.removalPlan(names)) }
    guard !names.isEmpty else { return invocation.status.line("No stopped containers") }
    let message = "Going to remove \(names.joined(separator: ", "))"
    if force {
      Output.standard.line(message)
    } else {
      guard try agreed(message, of: "containers") else { return }
    }
    try await finishing(work.progress) {
      try await work.session.removeContainers(
        names, services: services, stops: stop, withVolumes: volumes)
    }
  }
}

struct CreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Create containers without starting them")

  @Flag(help: "Build images first")
  var build = false
  @Flag(help: "Do not build images")
  var noBuild = false
  @OptionGroup var recreation: RecreateOptions
  @Option(help: "Pull images: always, missing, never, build")
  var pull: String?
  @Flag(help: "Pull without progress")
  var quietPull = false
  @Flag(help: "Remove containers of services that the file no longer has")
  var removeOrphans = false
  @Option(help: "Number of containers of a service: SERVICE=NUM")
  var scale: [String] = []
  @OptionGroup var consent: ConsentOptions
  @OptionGroup var trial: TrialOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    try refuse([
      recreation.pair,
      (build, "--build", noBuild, "--no-build"),
    ])
    let invocation = try Invocation.now()
    let work = try invocation.open("create", services: services, quietPull: quietPull)
    var options = UpOptions()
    options.services = services
    options.recreate = recreation.choice
    options.startsContainers = false
    options.removesOrphans = try invocation.removesOrphans(removeOrphans)
    options.pull = try pull.map(PullChoice.init(typed:))
    options.build = BuildChoice(build: build, noBuild: noBuild)
    options.scale = try parseScale(scale)
    options.recreatesVolumes = consent.yes
    options.isDryRun = trial.isOn(invocation)
    if !consent.yes, !options.isDryRun { options.agrees = work.agreesToLoseVolume }
    try await up(work, options)
  }
}

struct ScaleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale", abstract: "Change how many containers services have")

  @Flag(help: "Do not start what they depend on")
  var noDeps = false
  @OptionGroup var trial: TrialOptions
  @Argument(help: "SERVICE=NUM", completion: .custom(completeServices))
  var services: [String]

  func run() async throws {
    let scale = try parseScale(services, "")
    let invocation = try Invocation.now()
    let names = scale.keys.sorted()
    let work = try invocation.open("scale", services: names)
    var options = UpOptions()
    options.services = names
    options.scale = scale
    options.includesDependencies = !noDeps
    options.isDryRun = trial.isOn(invocation)
    try await up(work, options)
  }
}

private func up(_ work: Work, _ options: UpOptions) async throws {
  let result = try await finishing(work.progress) { try await work.session.up(options) }
  if options.isDryRun { show(result.plan) }
}

struct WaitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until running containers of services have ended",
    discussion: "The status is that of the last container to end.")

  @Flag(help: "Bring the project down when they have ended")
  var downProject = false
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String]

  func run() async throws {
    let work = try Invocation.now().open("wait", file: .optional)
    let code = try await work.session.waitForEnd(services: services) { ended in
      Output.standard.line("container \"\(ended.id)\" exited with status code \(ended.code)")
    }
    if downProject {
      var options = DownOptions()
      options.removesOrphans = true
      _ = try await finishing(work.progress) { try await work.session.down(options) }
    }
    throw ExitStatus(code)
  }
}
