// What there is to say of a container that did not become what was waited for: its last probe, and the
// last lines of its log.

import Blueprint
import Journal
import Store

private let logLines = 20

extension Session {
  /// Causes for a message about the container, each with the lines that belong to it.
  func lastWords(of blueprint: ContainerBlueprint, _ state: ContainerState) -> [String] {
    var causes: [String] = []
    if state.status == .running || state.status == .paused, let health = blueprint.health,
      let result = state.health?.results.last
    {
      causes.append(lastProbe(health, result))
    }
    if let failure = state.failure { causes.append(failure) }
    let lines = lastEntries(of: blueprint, logLines, from: nil).map {
      String(decoding: $0, as: UTF8.self)
    }
    if !lines.isEmpty {
      let count = lines.count == 1 ? "the last line" : "the last \(lines.count) lines"
      causes.append((["\(count) of its log:"] + lines).joined(separator: "\n"))
    }
    return causes
  }

  private func lastProbe(_ health: HealthBlueprint, _ result: HealthState.Result) -> String {
    let end =
      switch result.exitCode {
      case 0: "succeeded"
      case -1: "took longer than its time"
      default: "ended with \(result.exitCode)"
      }
    let words = "its last probe, `\(health.probe.text)`, \(end)"
    let lines = result.output.raw.split(separator: 0x0A).map {
      String(decoding: $0, as: UTF8.self)
    }
    if lines.isEmpty { return words + " and wrote nothing" }
    return ([words + ":"] + lines).joined(separator: "\n")
  }

  /// The last lines of a container's log, of one stream or of all; none where there is no log to read.
  func lastEntries(
    of blueprint: ContainerBlueprint, _ count: Int, from stream: JournalStream?
  ) -> [[UInt8]] {
    guard blueprint.log.driver == .journal,
      // Words that cannot be read must not hide what they would only explain.
      let reader = try? JournalReader(
        folder: layout.journal(blueprint.id),
        from: stream == nil ? .lastLines(count) : .beginning, follow: false)
    else { return [] }
    var entries: [[UInt8]] = []
    func take(_ batch: JournalBatch) {
      guard stream == nil || batch.stream == stream else { return }
      entries += batch.entries.map(\.bytes)
      entries.removeFirst(max(0, entries.count - count))
    }
    while let batch = try? reader.nextBatch() { take(batch) }
    for batch in reader.unfinishedLines() { take(batch) }
    return entries
  }
}

extension HealthBlueprint.Probe {
  /// As a person would type it.
  var text: String {
    switch self {
    case .exec(let arguments): arguments.map(\.text).joined(separator: " ")
    case .shell(let script, _): script.text
    }
  }
}
