// `berth images`: of the project's containers, or all of this machine.

import ArgumentParser
import Console
import Engine

struct ImagesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "images", abstract: "List the images of the project's containers, or all",
    discussion: """
      Without --all one row for each container of the project. With --all the images of this machine, \
      which need no compose file; behind it stands at most one REPOSITORY[:TAG].
      """)

  @Option(help: "table, json, or a template such as '{{.Repository}}:{{.Tag}}'")
  var format = "table"
  @Flag(name: .shortAndLong, help: "Only ids")
  var quiet = false
  @Flag(name: .shortAndLong, help: "All images of this machine")
  var all = false
  @Flag(help: "With --all: show repository digests")
  var digests = false
  @Flag(help: "With --all: show whole ids")
  var noTrunc = false
  @Option(
    help: """
      With --all: dangling=true|false, reference=PATTERN, before=IMAGE, since=IMAGE, label=KEY[=VALUE]
      """)
  var filter: [String] = []
  @Argument(
    help: "Services; with --all a REPOSITORY[:TAG]", completion: .custom(completeServicesOrImages))
  var services: [String] = []

  func run() async throws {
    let format = try listingFormat(format)
    if all { return try await runAll(format) }
    if digests || noTrunc || !filter.isEmpty {
      throw UsageFault("--digests, --no-trunc and --filter need --all")
    }
    let work = try Invocation.now().open("images", file: .optional)
    let rows = try await work.session.containerImages(services: services)
    if quiet {
      var seen: Set<String> = []
      for row in rows where seen.insert(row.id).inserted {
        Output.standard.line(imageID(row.id))
      }
    } else {
      try show(
        imagesListing(rows), as: format, table: imagesTable(rows, now: Session.now()),
        json: { $0.array + "\n" })
    }
  }

  private func runAll(_ format: ListingFormat) async throws {
    guard services.count <= 1 else {
      throw UsageFault("`berth images --all` takes at most one name")
    }
    let allowed: Set<ImageFilterName> = [.dangling, .reference, .before, .since, .label]
    let filters =
      try filter.map { try imageFilter($0, allowed) } + services.map { .reference($0) }
    let now = Session.now()
    let images = try await Invocation.now().stock("images").list(filters, reading: timeReading(now))
    let style = StockTableStyle(showsDigests: digests, isFull: noTrunc)
    if quiet {
      for image in images { Output.standard.line(shownID(image.id, full: noTrunc)) }
    } else {
      try show(
        stockListing(images, now: now, style: style), as: format,
        table: stockTable(images, now: now, style: style))
    }
  }
}
