// `berth alpha …`: what the reference calls experimental.

import ArgumentParser
import Console
import Engine

struct AlphaCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alpha", abstract: "Experimental commands", shouldDisplay: false,
    subcommands: [GenerateCommand.self, VizCommand.self])

  /// Verbs that have left the group: `alpha scale web=2`, and `alpha dry-run -- up -d`, which is a flag
  /// before the verb.
  static func promoted(_ split: SplitArguments) -> SplitArguments {
    guard split.rest.first == "alpha", let verb = split.rest.dropFirst().first else { return split }
    var result = split
    switch verb {
    case "dry-run":
      let rest = split.rest.dropFirst(2)
      result.global.append("--dry-run")
      result.rest = Array(rest.first == "--" ? rest.dropFirst() : rest)
    case "scale", "publish", "watch": result.rest.removeFirst()
    default: break
    }
    return result
  }
}

struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Write a compose file of containers that there are",
    discussion: "Without names, of all containers of this machine that run.")

  @Option(help: "yaml or json", completion: .list(["yaml", "json"]))
  var format = "yaml"
  @Option(help: "Name of the project")
  var name: String?
  @Option(help: "Folder that the project is to lie in", completion: .directory)
  var projectDir: String?
  @Argument(help: "Containers, by name or id", completion: .custom(completeContainers))
  var containers: [String] = []

  func run() async throws {
    guard ["yaml", "json"].contains(format) else {
      throw UsageFault("unknown format `\(format)`", hint: "choose yaml or json")
    }
    let invocation = try Invocation.now()
    let folder = projectDir ?? invocation.workingDirectory
    let last = folder.split(separator: "/").last.map(String.init) ?? "project"
    var request = GenerateRequest(name: name ?? projectName(from: last))
    request.containers = containers
    let file = try invocation.stock("alpha generate").generate(request)
    Output.standard.write(format == "json" ? file.json : file.yaml)
  }

  /// The name that a folder gives to a project.
  private func projectName(from folder: String) -> String {
    let plain = folder.lowercased().filter { character in
      character.isASCII && (character.isLetter || character.isNumber || "-_".contains(character))
    }.drop { "-_".contains($0) }
    return plain.isEmpty ? "project" : String(plain)
  }
}

struct VizCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "viz", abstract: "Draw which service depends on which, for Graphviz")

  @Flag(help: "With the images of the services")
  var image = false
  @Option(help: "How many tabs or spaces a step is indented by")
  var indentationSize = 1
  @Flag(help: "With their networks")
  var networks = false
  @Flag(help: "With their ports")
  var ports = false
  @Flag(help: "Indent by spaces, not tabs")
  var spaces = false

  func run() async throws {
    guard (0...64).contains(indentationSize) else {
      throw UsageFault("`--indentation-size` is a number from 0 to 64")
    }
    let invocation = try Invocation.now()
    let view = try ConfigView(invocation.request(file: .required), switches: ConfigSwitches())
    invocation.show(view.warnings)
    var options = GraphOptions()
    options.showsImages = image
    options.showsNetworks = networks
    options.showsPorts = ports
    options.indentation = String(repeating: spaces ? " " : "\t", count: indentationSize)
    Output.standard.write(view.graph(options))
  }
}
