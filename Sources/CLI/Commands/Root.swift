// The command tree, and the way from the words of a command line to the verb that runs.

import ArgumentParser
import Console
import Diagnostics
import Engine
import Glibc
import Linux

/// All of them, as they are parsed.
let allVerbs: [any ParsableCommand.Type] = [
  UpCommand.self, PlanCommand.self, DownCommand.self, PsCommand.self, LogsCommand.self,
  ExecCommand.self,
  RunCommand.self, CopyCommand.self, ExportCommand.self, CommitCommand.self, StopCommand.self,
  StartCommand.self,
  RestartCommand.self,
  KillCommand.self, PauseCommand.self, UnpauseCommand.self, RmCommand.self, CreateCommand.self,
  ScaleCommand.self, WaitCommand.self, AttachCommand.self, TopCommand.self, StatsCommand.self,
  ListCommand.self, PortCommand.self, EventsCommand.self, VolumesCommand.self, PullCommand.self,
  BuildCommand.self,
  ImagesCommand.self,
  PushCommand.self, LoginCommand.self, LogoutCommand.self,
  TagCommand.self, RmiCommand.self, HistoryCommand.self, InspectCommand.self, PruneCommand.self,
  SaveCommand.self, LoadCommand.self, ImportCommand.self,
  DuCommand.self, BuilderCommand.self, NetworkCommand.self,
  ConfigCommand.self, CheckCommand.self, ExplainCommand.self, SchemaCommand.self,
  AlphaCommand.self, SystemCommand.self, VersionCommand.self, CompletionCommand.self,
  InternalCommand.self,
]

struct BerthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "berth", abstract: "Define and run multi-container applications",
    subcommands: allVerbs)
}

/// A verb by its name or another name of it.
func verbType(named name: String) -> (any ParsableCommand.Type)? {
  allVerbs.first { $0.configuration.commandName == name || $0.configuration.aliases.contains(name) }
}

func subverb(of type: any ParsableCommand.Type, named name: String) -> (any ParsableCommand.Type)? {
  type.configuration.subcommands.first {
    $0.configuration.commandName == name || $0.configuration.aliases.contains(name)
  }
}

/// Runs the command line on the cooperative pool while the main thread, from which it must be called,
/// watches for signals. (Left to the runtime, the main thread would let every signal through.)
///
/// - Parameter arguments: with the program's name.
package func runProcess(_ arguments: [String]) -> Never {
  Signals.block()
  // Swift's own runtime opens a few before any of our code could say what is missing.
  guard hasFreeDescriptors(8) else {
    Invocation.showPlain([
      Diagnostic("too few file descriptors are left", hint: "raise the limit: `ulimit -n 1024`")
    ])
    exit(1)
  }
  let call = Call(arguments)
  if let answer = call.answer {
    Output.standard.write(answer)
    exit(0)
  }
  if let folder = call.configFolder { setenv("DOCKER_CONFIG", folder, 1) }
  if call.name == .compose, let address = getenv("DOCKER_CLI_PLUGIN_SOCKET") {
    Signals.heedEnd(of: String(cString: address))
  }
  Task.detached { await runCommandLine(call) }
  Signals.watch()
}

/// Runs the command line; ends the process.
private func runCommandLine(_ call: Call) async -> Never {
  let split = AlphaCommand.promoted(SplitArguments(call.arguments))
  if let option = split.lacksValue {
    let fault = UsageFault("`\(option)` has no value behind it", hint: "see `berth --help`")
    Invocation.showPlain(fault.diagnostics)
    exit(1)
  }
  do {
    // Help and the version load nothing, but a flag that there is not is none for them either.
    if split.rest.first.map({ $0.hasPrefix("-") }) ?? true { _ = try globalSettings(split) }
  } catch {
    exit(report(error, session: nil, rest: split.rest))
  }
  switch split.rest.first {
  case nil, "-h", "--help":
    exit(showHelp(of: []))
  case "help":
    exit(showHelp(of: split.rest.dropFirst()))
  case "-v", "--version":
    Output.standard.line(call.name.versionLine)
    exit(0)
  default: break
  }
  var session: Invocation?
  do {
    let global = try globalSettings(split)
    let invocation = try Invocation(global: global, calledAs: call.name)
    session = invocation
    invocation.show(global.warnings)
    let daemons = ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"]
    for name in call.unheeded + daemons.filter({ invocation.environment[$0] != nil }) {
      invocation.trace("`\(name)` means a daemon, and there is none: not heeded")
    }
    var command = try parseVerb(split.rest)
    try await Invocation.$current.withValue(invocation) {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    }
    invocation.trace("done")
    exit(0)
  } catch {
    exit(report(error, session: session, rest: split.rest))
  }
}

/// - Parameter verb: its words; none for the program's own help.
/// - Returns: the exit status.
private func showHelp(of verb: some Collection<String>) -> Int32 {
  let columns = Output.standard.size?.columns ?? 80
  let words = verb.filter { !$0.hasPrefix("-") }
  guard let first = words.first, first != "help" else {
    Output.standard.line(rootHelp(columns: columns))
    return 0
  }
  guard let page = VerbPage(words: words) else {
    Invocation.showPlain(unknownVerb(first).diagnostics)
    return 1
  }
  Output.standard.line(page.text(columns: columns))
  return 0
}

private func globalSettings(_ split: SplitArguments) throws -> GlobalSettings {
  if let flag = split.global.first(where: isOfParser) { throw ofParser(flag) }
  do {
    return try GlobalSettings(parsing: split.global)
  } catch let fault as UsageFault {
    throw fault
  } catch {
    throw globalUsageFault(GlobalOptions.message(for: error), split)
  }
}

private func ofParser(_ flag: String) -> UsageFault {
  UsageFault(
    "unknown option `\(flag)`", hint: "`berth completion bash` prints what a shell needs")
}

/// The verb and what is behind it, parsed.
private func parseVerb(_ words: [String]) throws -> any ParsableCommand {
  let words = plainSpelling(ofVerb: words)
  if let flag = words.prefix(while: { $0 != "--" }).first(where: isOfParser) {
    throw ofParser(flag)
  }
  return try BerthCommand.parseAsRoot(words)
}

/// Says what went wrong, as far as it was not said, and answers the exit status.
private func report(_ error: any Error, session: Invocation?, rest: [String])
  -> Int32
{
  if let status = error as? ExitStatus { return status.code }
  if error is CancellationError { return 130 }
  if let diagnosable = error as? any Diagnosable {
    session?.show(diagnosable.diagnostics)
      ?? Invocation.showPlain(diagnosable.diagnostics)
    return diagnosable.exitStatus
  }
  // What remains comes from the argument parser: help that was asked for, or a usage error.
  if BerthCommand.exitCode(for: error).rawValue == 0 { return showHelp(of: rest) }
  let fault = usageFault(BerthCommand.message(for: error), rest)
  session?.show(fault.diagnostics) ?? Invocation.showPlain(fault.diagnostics)
  return 1
}

/// Ends the command with a status of its own, all having been said.
struct ExitStatus: Error {
  var code: Int32

  init(_ code: Int32) { self.code = code }
}
