// `berth events`.

import ArgumentParser
import Blueprint
import Console
import Engine

struct EventsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Show what happens to the containers of services",
    discussion: """
      Goes on until it is interrupted, or until the time of --until. With --since what happened before is \
      shown first: the last 256 events of the project are always kept, and mostly some thousands.
      """)

  @Flag(help: "One JSON object on each line")
  var json = false
  @Option(help: "Begin then: a time (RFC 3339), seconds since 1970, or an age such as 10m")
  var since: String?
  @Option(help: "End then")
  var until: String?
  @Argument(help: "Services", completion: .custom(completeServices))
  var services: [String] = []

  func run() async throws {
    var query = EventQuery()
    query.services = services
    query.since = try since.map { try typedTime($0, flag: "--since") }
    query.until = try until.map { try typedTime($0, flag: "--until") }
    let work = try Invocation.now().open("events", file: .optional)
    let isJSON = json
    try await work.session.events(query) { event in
      Output.standard.write(isJSON ? eventJSON(event) : eventText(event))
    }
  }
}

/// A time or an age as the user types it.
func typedTime(_ text: String, flag: String) throws -> Timestamp {
  guard let time = Timestamp(typed: text, now: Session.now()) else {
    throw UsageFault(
      "invalid \(flag) `\(text)`",
      hint: "write a time such as 2026-01-31T12:00:00Z, seconds since 1970, or an age such as 10m"
    )
  }
  return time
}
