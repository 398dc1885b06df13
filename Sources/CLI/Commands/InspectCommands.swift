// `berth history`, `berth inspect` and `berth du`: what is in an image, and what it takes.

import ArgumentParser
import Console
import Diagnostics
import Engine
import JSON

struct HistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Show how an image was made")

  @Flag(help: "Do not cut output")
  var noTrunc = false
  @Flag(name: .shortAndLong, help: "Only ids")
  var quiet = false
  @Option(help: "table, json, or a template")
  var format = "table"
  @Argument(help: "An image", completion: .custom(completeImages))
  var image: String

  func run() async throws {
    let format = try listingFormat(format)
    let steps = try await Invocation.now().stock("history").history(of: image)
    let now = Session.now()
    if quiet {
      Output.standard.write(historyIDs(steps, full: noTrunc))
    } else {
      try show(
        historyListing(steps, now: now, full: noTrunc), as: format,
        table: historyTable(steps, now: now, full: noTrunc))
    }
  }
}

struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show all that is known about images, as JSON")

  @Option(name: .shortAndLong, help: "json, or a template such as '{{.Id}}'")
  var format = "json"
  @Argument(help: "Images", completion: .custom(completeImages))
  var images: [String]

  func run() async throws {
    let template = try inspectionTemplate(format)
    let stock = try Invocation.now().stock("inspect")
    let (found, faults) = try await stock.inspect(images, stamp: \.rfc3339)
    Output.standard.write(try inspectionText(found.array ?? [], template))
    if !faults.isEmpty { throw Faults(faults) }
  }
}

struct DuCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "du", abstract: "Show what berth takes of the disk",
    discussion: """
      Sizes are those of the blocks on the disk, each file once: together they are all that lies in \
      the state folder. RECLAIMABLE is what nothing that exists needs.
      """)

  @Flag(name: .shortAndLong, help: "Each image, container and volume")
  var verbose = false
  @Option(help: "table, json, or a template")
  var format = "table"

  func run() async throws {
    let form = try listingFormat(format)
    if verbose, format != "table" {
      throw UsageFault("-v shows a table", hint: "leave out -v or --format")
    }
    let usage = try await Invocation.now().stock("du").usage()
    if verbose {
      Output.standard.write(usageDetails(usage, now: Session.now()))
    } else {
      try show(usageListing(usage), as: form, table: usageTable(usage))
    }
  }
}
