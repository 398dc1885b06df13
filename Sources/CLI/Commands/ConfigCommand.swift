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

  @Option(help: "yaml or json; for --variables also table")
  var format: String?
  @Option(name: .shortAndLong, help: "Write to this file", completion: .file())
  var output: String?
  @Flag(name: .shortAndLong, help: "Only check")
  var quiet = false
  @Option(help: "Which file and line set a value: a path such as services.web.ports")
  var explain: String?
  @OptionGroup var lists: ConfigLists
  @OptionGroup var keeping: ConfigKeeping
  @Flag(help: "Name images by digest")
  var resolveImageDigests = false
  @Flag(help: "Print a file that pins images by digest")
  var lockImageDigests = false
  @Argument(help: "Services", completion: .custom(completeServices))
  var service: [String] = []

  func run() async throws {
    if let format, !["yaml", "json"].contains(format), !(lists.variables && format == "table") {
      throw UsageFault("unknown format `\(format)`", hint: "choose yaml or json")
    }
    if explain != nil { try refuseBesideExplain() }
    let invocation = try Invocation.now()
    if keeping.noInterpolate {
      try refuseUninterpolated()
      if !service.isEmpty {
        invocation.show([
          Diagnostic(
            "services cannot be chosen with `--no-interpolate`, so all are shown",
            severity: .warning)
        ])
      }
    }
    var view = try ConfigView(
      invocation.request(file: .required, services: service), switches: keeping.switches,
      keepsStories: explain != nil)
    invocation.show(view.warnings)
    if quiet { return }
    if lockImageDigests {
      try await view.pinImages(.lock)
    } else if resolveImageDigests {
      try await view.pinImages(.resolve)
    }
    let text = try content(view, invocation)
    if let output {
      try writeOutputFile(text, to: output)
    } else {
      Output.standard.write(text)
    }
  }

  /// `--explain` prints something of its own.
  private func refuseBesideExplain() throws {
    let flags = [
      ("--hash", lists.hash != nil), ("--services", lists.services), ("--images", lists.images),
      ("--volumes", lists.volumes), ("--networks", lists.networks), ("--models", lists.models),
      ("--profiles", lists.profiles), ("--variables", lists.variables),
      ("--environment", lists.environment), ("--resolve-image-digests", resolveImageDigests),
      ("--lock-image-digests", lockImageDigests), ("--format yaml", format == "yaml"),
    ]
    guard let flag = flags.first(where: \.1)?.0 else { return }
    throw UsageFault(
      "`--explain` cannot be used with `\(flag)`", hint: "leave one of the two out")
  }

  /// What needs values cannot be had while variables stand in their place.
  private func refuseUninterpolated() throws {
    let flags = [
      ("--hash", lists.hash != nil), ("--images", lists.images), ("--models", lists.models),
      ("--resolve-image-digests", resolveImageDigests),
      ("--lock-image-digests", lockImageDigests),
    ]
    guard let flag = flags.first(where: \.1)?.0 else { return }
    throw UsageFault(
      "`\(flag)` needs the values of variables, which `--no-interpolate` leaves out",
      hint: "leave one of the two out")
  }

  private func content(_ view: ConfigView, _ invocation: Invocation) throws -> [UInt8] {
    if let explain {
      let style = output == nil ? invocation.outputStyle : Style(coloured: false)
      let stories = try view.explain(explain)
      return format == "json" ? json(of: stories) : Array(text(of: stories, style: style).utf8)
    }
    return try lists.content(view, format: format)
      ?? (format == "json" ? view.json : view.yaml)
  }
}

/// Flags that keep something as it is written.
struct ConfigKeeping: ParsableArguments {
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

  var switches: ConfigSwitches {
    ConfigSwitches(
      skipsInterpolation: noInterpolate, skipsNormalization: noNormalize,
      skipsPathResolution: noPathResolution, skipsConsistency: noConsistency,
      skipsEnvironmentResolution: noEnvResolution)
  }
}

/// Flags that print one list in place of the project.
struct ConfigLists: ParsableArguments {
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
  @Flag(help: "Names of the models")
  var models = false
  @Option(help: "Hashes of services: a name, a list separated by commas, or *")
  var hash: String?
  @Flag(help: "The variables that interpolation sees")
  var environment = false
  @Flag(help: "The variables that the files use")
  var variables = false

  /// nil when no list is asked for.
  func content(_ view: ConfigView, format: String?) throws -> [UInt8]? {
    if services { return lines(view.services) }
    if volumes { return lines(view.volumes) }
    if networks { return lines(view.networks) }
    if profiles { return lines(view.profiles) }
    if images { return lines(view.images) }
    if models { return lines(view.models) }
    if let hash { return lines(try view.hashes(hash).map { "\($0.service) \($0.hash)" }) }
    if environment { return lines(view.environment.map { "\($0.key)=\($0.value)" }) }
    guard variables else { return nil }
    switch format {
    case "json": return view.variablesJSON
    case "yaml": return view.variablesYAML
    default:
      var table = Table(["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"])
      table.rows = view.variables.map {
        [$0.name, "\($0.isRequired)", $0.defaultValue, $0.alternate]
      }
      return Array(table.text.utf8)
    }
  }

  private func lines(_ texts: [String]) -> [UInt8] {
    Array(texts.map { $0 + "\n" }.joined().utf8)
  }
}
