// `berth version`.

import ArgumentParser
import Console

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Show the version")

  @Option(name: .shortAndLong, help: "pretty or json")
  var format = "pretty"
  @Flag(help: "Only the number")
  var short = false

  func run() throws {
    let name = try Invocation.now().calledAs
    if short {
      Output.standard.line(name.version)
      return
    }
    switch format {
    case "pretty": Output.standard.line(name.versionLine)
    case "json": Output.standard.line("{\"version\":\"v\(name.version)\"}")
    default: throw UsageFault("unknown format `\(format)`", hint: "choose pretty or json")
    }
  }
}
