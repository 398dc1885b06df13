// `berth version`.

import ArgumentParser
import Console
import Engine

let versionLine = "berth version v\(berthVersion)"

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Show the version")

  @Option(name: .shortAndLong, help: "pretty or json")
  var format = "pretty"
  @Flag(help: "Only the number")
  var short = false

  func run() throws {
    if short {
      Output.standard.line(berthVersion)
      return
    }
    switch format {
    case "pretty": Output.standard.line(versionLine)
    case "json": Output.standard.line("{\"version\":\"v\(berthVersion)\"}")
    default: throw UsageFault("unknown format `\(format)`", hint: "choose pretty or json")
    }
  }
}
