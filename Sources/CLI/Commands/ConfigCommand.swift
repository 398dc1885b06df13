// `berth config`: the project as it was understood.

import Compose
import ArgumentParser
import Console
import Diagnostics
import Engine

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check the compose file and print it in canonical form",
    aliases: ["convert"])

  @Option(help: "yaml or json")
  var format = "yaml"
  @Option(name: .shortAndLong, help: "Write to this file", completion: .file())
  var output: String?
  @Flag(name: .shortAndLong, help: "Only check")
  var quiet = false
  @Flag(help: "Names of the services, one on each line")
  var services = false
  @Flag(help: "Names of the volumes")
  var volumes = false
  @Flag(help: "Names of the networks")
  var networks = false
  @Flag(help: "Names of the profiles")
  var profiles = false
  @Flag(help: "Names of the images")
  var images = false
  @Option(help: "Hashes of services: a name, a list separated by commas, or *")
  var hash: String?
  @Flag(help: "The variables that interpolation sees")
  var environment = false
  @Flag(help: "The variables that the files use")
  var variables = false
  @Flag(help: "Keep variables as they are written")
  var noInterpolate = false
  @Flag(help: "Leave out defaults")
  var noNormalize = false
  @Flag(help: "Keep paths as they are written")
  var noPathResolution = false
  @Flag(help: "Do not check references")
  var noConsistency = false
  @Flag(help: "Do not read env files of services")
  var noEnvResolution = false
  @Argument(help: "Services", completion: .custom(completeServices))
  var service: [String] = []

  func run() async throws {
    guard ["yaml", "json"].contains(format) else {
      throw UsageFault("unknown format `\(format)`", hint: "choose yaml or json")
    }
    let invocation = try Invocation.now()
    let view = try ConfigView(
      invocation.request(file: .required, services: service),
      switches: ConfigSwitches(
        skipsInterpolation: noInterpolate, skipsNormalization: noNormalize,
        skipsPathResolution: noPathResolution, skipsConsistency: noConsistency,
        skipsEnvironmentResolution: noEnvResolution))
    invocation.show(view.warnings)
    if quiet { return }
    let text = try content(view)
    if let output {
      try writeOutputFile(text, to: output)
    } else {
      Output.standard.write(text)
    }
  }

  private func content(_ view: ConfigView) throws -> [UInt8] {
    if services { return lines(view.services) }
    if volumes { return lines(view.volumes) }
    if networks { return lines(view.networks) }
    if profiles { return lines(view.profiles) }
    if images { return lines(view.images) }
    if let hash { return lines(try view.hashes(hash).map { "\($0.service) \($0.hash)" }) }
    if environment { return lines(view.environment.map { "\($0.key)=\($0.value)" }) }
    if variables {
      var table = Table(["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"])
      table.rows = view.variables.map {
        [$0.name, "\($0.isRequired)", $0.defaultValue, $0.alternate]
      }
      return Array(table.text.utf8)
    }
    return format == "json" ? view.json : view.yaml
  }

  private func lines(_ texts: [String]) -> [UInt8] {
    Array(texts.map { $0 + "\n" }.joined().utf8)
  }
}
