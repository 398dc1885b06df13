// `berth ls`, `port` and `volumes`.

import ArgumentParser
import Console
import Engine

struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List the projects of this machine")

  @Flag(name: .shortAndLong, help: "Also those of which nothing runs")
  var all = false
  @Option(help: "name=REGEX")
  var filter: [String] = []
  @Option(help: "table, json, or a template such as '{{.Name}}'")
  var format = "table"
  @Flag(name: .shortAndLong, help: "Only names")
  var quiet = false

  func run() async throws {
    let format = try listingFormat(format)
    let patterns = try filter.map { text in
      let (_, value) = try filterParts(text, ["name"])
      guard let pattern = try? Regex(value) else {
        throw UsageFault("`\(value)` is no regular expression")
      }
      return pattern
    }
    let projects = try Invocation.now().stock("ls").projects().filter { project in
      (all || project.isRunning)
        && (patterns.isEmpty || patterns.contains { project.name.firstMatch(of: $0) != nil })
    }
    if quiet {
      for project in projects { Output.standard.line(project.name) }
    } else {
      try show(
        projectsListing(projects), as: format, table: projectsTable(projects),
        json: { $0.array + "\n" })
    }
  }
}

struct PortCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "port", abstract: "Print where a port of a service is published")

  @Option(help: "Number of the container, when the service has several")
  var index = 0
  @Option(help: "tcp, udp or sctp")
  var `protocol` = "tcp"
  @Argument(help: "Service", completion: .custom(completeServices))
  var service: String
  @Argument(help: "The container's port")
  var privatePort: UInt16

  func run() async throws {
    guard ["tcp", "udp", "sctp"].contains(`protocol`) else {
      throw UsageFault("unknown protocol `\(`protocol`)`", hint: "choose tcp, udp or sctp")
    }
    let work = try Invocation.now().open("port", file: .optional)
    Output.standard.line(
      try work.session.publishedAddress(
        service: service, index: index, port: privatePort, transport: `protocol`))
  }
}

struct VolumesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "volumes", abstract: "List the volumes of the project")

  @Option(help: "table, json, or a template such as '{{.Name}}'")
  var format = "table"
  @Flag(name: .shortAndLong, help: "Only names")
  var quiet = false
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    let format = try listingFormat(format)
    let work = try Invocation.now().open("volumes", file: .optional)
    let volumes = try work.session.projectVolumes(services: services)
    if quiet {
      for volume in volumes { Output.standard.line(volume.name) }
    } else {
      try show(volumesListing(volumes), as: format, table: volumesTable(volumes))
    }
  }
}
