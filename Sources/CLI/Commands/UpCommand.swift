// `berth up`.

import Planning
import Blueprint
import ArgumentParser
import Console
import Diagnostics
import Engine
import Glibc

struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Create and start containers")

  @Flag(name: .shortAndLong, help: "Run containers in the background")
  var detach = false
  @OptionGroup var recreation: RecreateOptions
  @Flag(help: "Recreate dependent containers too")
  var alwaysRecreateDeps = false
  @Flag(help: "Create containers without starting them")
  var noStart = false
  @Flag(help: "Do not start linked services")
  var noDeps = false
  @Flag(name: [.customShort("V"), .long], help: "Renew anonymous volumes")
  var renewAnonVolumes = false
  @Flag(help: "Remove containers of services that the file no longer has")
  var removeOrphans = false
  @Option(help: "Pull images: always, missing, never")
  var pull: String?
  @Flag(help: "Pull without progress")
  var quietPull = false
  @Flag(help: "Build images first")
  var build = false
  @Flag(help: "Do not build images")
  var noBuild = false
  @Flag(help: "Build without progress")
  var quietBuild = false
  @Option(help: "Number of containers of a service: SERVICE=NUM")
  var scale: [String] = []
  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: "Seconds to wait when containers are stopped")
  var timeout: Int?
  @Flag(help: "Stop everything when one container stops")
  var abortOnContainerExit = false
  @Flag(help: "Stop everything when one container fails")
  var abortOnContainerFailure = false
  @Option(help: "Exit with the status of this service's container")
  var exitCodeFrom: String?
  @Option(help: "Show the output of this service only")
  var attach: [String] = []
  @Option(help: "Do not show the output of this service")
  var noAttach: [String] = []
  @Flag(help: "Show the output of dependencies too")
  var attachDependencies = false
  @Flag(help: "No colours")
  var noColor = false
  @Flag(help: "No names before lines")
  var noLogPrefix = false
  @Flag(help: "Time before lines")
  var timestamps = false
  @OptionGroup var choice: LogChoiceOptions
  @Flag(
    inversion: .prefixedNo,
    help: "Keys at a terminal, such as `d` to detach (default: COMPOSE_MENU, else yes)")
  var menu: Bool?
  @Flag(name: .shortAndLong, help: .hidden)
  var watch = false
  @Flag(help: "Wait until services run or are healthy; implies --detach")
  var wait = false
  @Option(help: "Seconds to wait at most with --wait")
  var waitTimeout: Int?
  @OptionGroup var consent: ConsentOptions
  @Flag(name: .customLong("y"), help: .hidden)
  var yesByOldName = false
  @OptionGroup var trial: TrialOptions
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    try checkPairs()
    let invocation = try Invocation.now()
    let work = try invocation.open(
      "up", services: services, quietPull: quietPull, quietBuild: quietBuild)
    let isAttached = !detach && !wait && !noStart
    if isAttached, !trial.isOn(invocation) { return try await runAttached(work, invocation) }
    let up = try await finishing(work.progress) {
      try await work.session.up(try options(invocation, work))
    }
    if trial.isOn(invocation) {
      show(up.plan)
      if isAttached {
        Output.error.line("nothing was started, so there is no output to follow")
      }
      return
    }
  }

  private var agreesToAll: Bool { consent.yes || yesByOldName }

  private func checkPairs() throws {
    try refuse([
      (build, "--build", noBuild, "--no-build"),
      recreation.pair,
      (renewAnonVolumes, "--renew-anon-volumes", recreation.noRecreate, "--no-recreate"),
      (alwaysRecreateDeps, "--always-recreate-deps", recreation.noRecreate, "--no-recreate"),
      (detach, "--detach", abortOnContainerExit, "--abort-on-container-exit"),
      (detach, "--detach", abortOnContainerFailure, "--abort-on-container-failure"),
      (detach, "--detach", exitCodeFrom != nil, "--exit-code-from"),
      (detach, "--detach", !attach.isEmpty, "--attach"),
      (detach, "--detach", attachDependencies, "--attach-dependencies"),
      (wait, "--wait", abortOnContainerExit, "--abort-on-container-exit"),
      (wait, "--wait", abortOnContainerFailure, "--abort-on-container-failure"),
      (detach, "--detach", watch, "--watch"),
      (wait, "--wait", exitCodeFrom != nil, "--exit-code-from"),
      (wait, "--wait", !attach.isEmpty, "--attach"),
      (wait, "--wait", attachDependencies, "--attach-dependencies"),
      (wait, "--wait", watch, "--watch"),
      (noBuild, "--no-build", watch, "--watch"),
      (!attach.isEmpty, "--attach", attachDependencies, "--attach-dependencies"),
      (
        abortOnContainerExit, "--abort-on-container-exit", abortOnContainerFailure,
        "--abort-on-container-failure"
      ),
    ])
    if watch {
      throw UsageFault(
        "berth does not watch files for changes",
        hint: "leave out `--watch`; `up` again takes changes")
    }
  }

  private func options(_ invocation: Invocation, _ work: Work) throws -> UpOptions {
    var options = UpOptions()
    options.services = services
    options.recreate = recreation.choice
    options.recreatesDependencies = alwaysRecreateDeps
    options.startsContainers = !noStart
    options.includesDependencies = !noDeps
    options.renewsAnonymousVolumes = renewAnonVolumes
    options.removesOrphans = try invocation.removesOrphans(removeOrphans)
    options.pull = try pull.map(PullChoice.init(typed:))
    options.build = BuildChoice(build: build, noBuild: noBuild)
    options.scale = try parseScale(scale)
    options.timeout = timeout
    options.isDryRun = trial.isOn(invocation)
    options.recreatesVolumes = agreesToAll
    if !agreesToAll, !options.isDryRun { options.agrees = work.agreesToLoseVolume }
    if wait { options.wait = waitTimeout.map { .atMost(seconds: $0) } ?? .forever }
    return options
  }

  private func runAttached(_ work: Work, _ invocation: Invocation) async throws {
    try work.session.checkServices(attach + noAttach + (exitCodeFrom.map { [$0] } ?? []))
    let choice = try choice.meant()
    try choice.check()
    var form = LogForm(style: noColor ? Style(coloured: false) : invocation.outputStyle)
    form.hasPrefix = !noLogPrefix
    form.hasTimestamps = timestamps
    form.separatesStreams = true
    let typed = self
    let up = AttachedUp(
      work, try options(invocation, work), form: form,
      hasKeys: menu ?? invocation.wantsMenu
    ) { typed.attachOptions($0, choice) }
    let code = try await up.run()
    if code != 0 { throw ExitStatus(code) }
  }

  private func attachOptions(_ up: UpResult, _ choice: LogChoice) -> AttachOptions {
    var options = AttachOptions()
    options.shown = shownServices(up)
    options.watched = Set(services.isEmpty ? Array(up.services) : services)
    options.watched.formUnion(attach)
    if let exitCodeFrom { options.watched.insert(exitCodeFrom) }
    options.stopsOn =
      abortOnContainerFailure
      ? .failure : (abortOnContainerExit || exitCodeFrom != nil ? .exit : .lastExit)
    options.exitCodeFrom = exitCodeFrom
    options.timeout = timeout
    options.involved = up.services
    options.choice = choice
    return options
  }

  private func shownServices(_ up: UpResult) -> Set<String> {
    var names = Set(attach)
    if names.isEmpty {
      names = Set(services.isEmpty || attachDependencies ? up.attachable : services)
    }
    return names.subtracting(noAttach)
  }
}

/// `web=3` pairs; a later one for the same service wins. `flag` is what stands before them.
func parseScale(_ pairs: [String], _ flag: String = "--scale ") throws -> [String: Int] {
  var result: [String: Int] = [:]
  for pair in pairs {
    let parts = pair.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let count = Int(parts[1]), count >= 0 else {
      throw UsageFault("invalid `\(flag)\(pair)`", hint: "write SERVICE=NUM, such as web=3")
    }
    result[String(parts[0])] = count
  }
  return result
}

extension PullChoice {
  init(typed text: String) throws {
    switch text {
    case "always": self = .always
    case "missing", "if_not_present": self = .missing
    case "never": self = .never
    case "build": self = .build
    default:
      throw UsageFault("invalid --pull `\(text)`", hint: "choose always, missing or never")
    }
  }
}

/// Runs `body` and leaves the progress display in its last state, whatever happens.
func finishing<Result: Sendable>(
  _ progress: Progress, _ body: () async throws -> Result
) async throws -> Result {
  defer { progress.finish() }
  // Ends, cancelled, with this function.
  async let _: Void = progress.keepDrawing()
  return try await body()
}

/// Runs `body` as a task that the first signal cancels, so that it takes back what is not whole; the
/// second one ends the program at once.
func interruptible<Result: Sendable>(
  _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  let task = Task { try await body() }
  Signals.handle { signal in
    guard signal != SIGWINCH else { return }
    Signals.handle(nil)
    task.cancel()
  }
  defer { Signals.handle(nil) }
  return try await task.value
}
