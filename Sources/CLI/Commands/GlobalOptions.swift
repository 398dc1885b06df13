// Flags before the verb. They are split from the verb's own before anything is parsed, because
// `-f` and `-p` mean other things behind `logs` and `run`.

import ArgumentParser
import Console

struct GlobalOptions: ParsableArguments {
  @Option(
    name: .shortAndLong, help: "Compose configuration files; `-` reads standard input",
    completion: .file(extensions: ["yaml", "yml"]))
  var file: [String] = []

  @Option(name: [.customShort("p"), .long], help: "Project name")
  var projectName: String?

  @Option(help: "Profile to enable; `*` enables all")
  var profile: [String] = []

  @Option(help: "Environment file in place of `.env`", completion: .file())
  var envFile: [String] = []

  @Option(help: "Folder that relative paths and the default name come from", completion: .directory)
  var projectDirectory: String?

  @Option(
    help: "When to print colours and cursor codes: never, always, auto",
    completion: .list(["auto", "always", "never"]))
  var ansi: String?

  @Option(
    help: "How to show progress: auto, tty, plain, json, quiet",
    completion: .list(["auto", "tty", "plain", "json", "quiet"]))
  var progress: String?

  @Option(help: "Maximum number of transfers at once, -1 for no limit")
  var parallel: Int?

  @Flag(help: "Show what would be done, and do nothing")
  var dryRun = false

  @Flag(help: "Fail at once when another command is at work on the project")
  var noWait = false

  @Flag(help: "Keep networks and volumes that no service uses")
  var allResources = false

  @Flag(help: "Separate names by `_` as compose v1 did")
  var compatibility = false

  @Flag(help: ArgumentHelp("Say on stderr what is read and done, with times", visibility: .hidden))
  var verbose = false

  @Option(help: ArgumentHelp("The old name of --project-directory", visibility: .hidden))
  var workdir: String?

  @Flag(help: ArgumentHelp("The old way to say --ansi never", visibility: .hidden))
  var noAnsi = false

  @Option(
    help: ArgumentHelp(
      "For compose files out of registries, which berth does not read", visibility: .hidden))
  var insecureRegistry: [String] = []

  init() {}
}

/// Where the flags before the verb end.
struct SplitArguments {
  var global: [String] = []
  /// The option that its value is missing behind.
  var lacksValue: String?
  /// The verb and all behind it.
  var rest: [String] = []

  /// Options before the verb that take a value as the next argument.
  static let takesValue: Set<String> = [
    "-f", "--file", "-p", "--project-name", "--profile", "--env-file", "--project-directory",
    "--workdir", "--ansi", "--progress", "--parallel", "--insecure-registry",
  ]

  init(_ arguments: [String]) {
    var index = 0
    while index < arguments.count {
      let argument = arguments[index]
      guard argument.hasPrefix("-"), argument != "-" else { break }
      // These are for the root command, which knows them.
      if ["-h", "--help", "-v", "--version"].contains(argument) { break }
      global.append(argument)
      if Self.takesValue.contains(argument) {
        if index + 1 < arguments.count {
          index += 1
          global.append(arguments[index])
        } else {
          lacksValue = argument
        }
      }
      index += 1
    }
    rest = Array(arguments[index...])
  }
}
