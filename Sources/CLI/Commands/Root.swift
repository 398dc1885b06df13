// The command tree. `BerthCommand` parses; `DocumentedCommand` is the same with the global flags,
// for help and completion scripts.

import ArgumentParser
import Console
import Diagnostics
import Engine
import Glibc
import Linux

private let verbs: [any ParsableCommand.Type] = [
  UpCommand.self, PlanCommand.self, DownCommand.self, PsCommand.self, LogsCommand.self,
  ExecCommand.self,
  RunCommand.self, CopyCommand.self, ExportCommand.self, StopCommand.self, StartCommand.self,
  RestartCommand.self,
  KillCommand.self, PauseCommand.self, UnpauseCommand.self, RmCommand.self, CreateCommand.self,
  ScaleCommand.self, WaitCommand.self, AttachCommand.self, TopCommand.self, StatsCommand.self,
  ListCommand.self, PortCommand.self, VolumesCommand.self, PullCommand.self, ImagesCommand.self,
  PushCommand.self, LoginCommand.self, LogoutCommand.self,
  TagCommand.self, RmiCommand.self, HistoryCommand.self, InspectCommand.self, PruneCommand.self,
  SaveCommand.self, LoadCommand.self, ImportCommand.self,
  DuCommand.self, NetworkCommand.self,
  ConfigCommand.self, CheckCommand.self, ExplainCommand.self, SchemaCommand.self,
  VersionCommand.self, InternalCommand.self,
]

/// What docker compose has and berth has not.
private let otherVerbs: Set<String> = [
  "alpha", "bridge", "build", "commit", "completion", "events", "publish", "watch",
]

private let abstract = "Define and run multi-container applications"

struct BerthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "berth", abstract: abstract, subcommands: verbs)
}

struct DocumentedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "berth", abstract: abstract, subcommands: verbs)

  @OptionGroup(title: "Global options") var global: GlobalOptions
}

/// Runs the command line on the cooperative pool while the main thread, from which it must be called,
/// watches for signals. (Left to the runtime, the main thread would let every signal through.)
package func runProcess(_ arguments: [String]) -> Never {
  Signals.block()
  // Swift's own runtime opens a few before any of our code could say what is missing.
  guard hasFreeDescriptors(8) else {
    Invocation.showPlain([
      Diagnostic("too few file descriptors are left", hint: "raise the limit: `ulimit -n 1024`")
    ])
    exit(1)
  }
  Task.detached { await runCommandLine(arguments) }
  Signals.watch()
}

/// Runs the command line; ends the process.
///
/// - Parameter arguments: without the program's name.
private func runCommandLine(_ arguments: [String]) async -> Never {
  let split = SplitArguments(arguments)
  if let option = split.lacksValue {
    let fault = UsageFault("`\(option)` has no value behind it", hint: "see `berth --help`")
    Invocation.showPlain(fault.diagnostics)
    exit(1)
  }
  switch split.rest.first {
  case nil,
    "help" where split.rest.count == 1, "-h", "--help":
    Output.standard.line(DocumentedCommand.helpMessage(columns: Output.standard.size?.columns))
    exit(0)
  case "-v", "--version":
    Output.standard.line(versionLine)
    exit(0)
  case .some(let first) where SplitArguments.scriptFlags.contains(where: first.hasPrefix):
    await DocumentedCommand.main(split.rest)
    exit(0)
  default: break
  }
  var session: Invocation?
  do {
    let global = try globalSettings(split.global)
    let invocation = try Invocation(global: global)
    session = invocation
    var command = try BerthCommand.parseAsRoot(split.rest)
    try await Invocation.$current.withValue(invocation) {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    }
    exit(0)
  } catch {
    exit(report(error, session: session, rest: split.rest))
  }
}

private func globalSettings(_ arguments: [String]) throws -> GlobalSettings {
  do {
    return try GlobalSettings(parsing: arguments)
  } catch {
    let message = GlobalOptions.message(for: error)
    throw UsageFault(
      message.prefix(1).lowercased() + message.dropFirst(),
      hint: "options before the verb are listed by `berth --help`")
  }
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
  let code = BerthCommand.exitCode(for: error)
  if code.rawValue == 0 {
    Output.standard.line(BerthCommand.fullMessage(for: error))
    return 0
  }
  let fault = usageFault(BerthCommand.message(for: error), rest)
  session?.show(fault.diagnostics) ?? Invocation.showPlain(fault.diagnostics)
  return 1
}

/// The parser's complaint in our form; a mistyped verb gets the nearest one.
private func usageFault(_ message: String, _ rest: [String]) -> UsageFault {
  if let fault = mistypedPart(of: rest) { return fault }
  let names = verbs.compactMap { $0.configuration.commandName }
  guard let verb = rest.first, !verb.hasPrefix("-"), !names.contains(verb), verb != "help",
    verb != "convert"
  else {
    let text = message.prefix(1).lowercased() + message.dropFirst()
    let isGroup = verbs.contains {
      $0.configuration.commandName == rest.first && !$0.configuration.subcommands.isEmpty
    }
    let verb = rest.prefix(isGroup ? 2 : 1).map { " \($0)" }.joined()
    if let option = rest.first(where: SplitArguments.takesValue.contains),
      message.contains("'\(option)'")
    {
      return UsageFault(text, hint: "`\(option)` goes before the verb: `berth \(option) …\(verb)`")
    }
    return UsageFault(text, hint: "see `berth\(verb) --help`")
  }
  if otherVerbs.contains(verb) {
    return UsageFault("berth has no `\(verb)`", hint: "`berth --help` lists what it has")
  }
  return UsageFault(
    "unknown command `\(verb)`",
    hint: nearest(to: verb, among: names).map { "did you mean `\($0)`?" } ?? "see `berth --help`")
}

/// The same of a verb that has verbs of its own: `network`.
private func mistypedPart(of rest: [String]) -> UsageFault? {
  guard rest.count > 1, !rest[1].hasPrefix("-"),
    let group = verbs.first(where: { $0.configuration.commandName == rest[0] })
  else { return nil }
  let names = group.configuration.subcommands.flatMap {
    [$0.configuration.commandName].compactMap { $0 } + $0.configuration.aliases
  }
  if names.isEmpty || names.contains(rest[1]) { return nil }
  return UsageFault(
    "unknown command `\(rest[0]) \(rest[1])`",
    hint: nearest(to: rest[1], among: names).map { "did you mean `\(rest[0]) \($0)`?" }
      ?? "see `berth \(rest[0]) --help`")
}

/// Ends the command with a status of its own, all having been said.
struct ExitStatus: Error {
  var code: Int32

  init(_ code: Int32) { self.code = code }
}
