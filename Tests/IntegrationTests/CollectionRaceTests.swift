// Collections beside pulls and runs of other processes (a race in which others need leases), and many
// pulls of one image.

import Synchronization
import TestSupport
import Testing

@Suite("several commands at once on one store", .enabled(if: isRoot), .timeLimit(.minutes(5)))
struct CollectionRaceTests {
  private static let web = """
    services: {web: {image: "${IMAGE}"}}
    """
  /// How often something was done, until there was enough of everything.
  private final class Tally: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    private let deadline = ContinuousClock.now + .seconds(120)
    private let enough = ["pull": 6, "run": 6, "taken": 1]

    var isEnough: Bool {
      counts.withLock { counts in enough.allSatisfy { counts[$0.key, default: 0] >= $0.value } }
    }
    var goesOn: Bool { !isEnough && ContinuousClock.now < deadline }

    func add(_ name: String) { counts.withLock { $0[name, default: 0] += 1 } }
  }

  /// Runs `berth` again and again until there was enough of everything.
  private func repeating(_ name: String, _ tally: Tally, _ berth: Berth, _ arguments: [String])
    async throws -> [CommandResult]
  {
    var results: [CommandResult] = []
    while tally.goesOn {
      let result = try await berth.start(arguments).wait(within: .seconds(60))
      tally.add(name)
      if result.output.contains("Deleted Images:") { tally.add("taken") }
      results.append(result)
    }
    return results
  }

  @Test("prune -a in a loop fails no pull and no run, and takes no blob that they need")
  func prune() async throws {
    try await scenario(Self.web, ownsRegistry: true) { berth in
      let other = try await berth.registry.push(.busybox, as: "other:1")
      try berth.write("services: {job: {image: \"\(other)\"}}", to: "other.yaml")
      let tally = Tally()
      async let pruned = repeating("prune", tally, berth, ["prune", "-a", "-f"])
      async let pulled = repeating("pull", tally, berth, ["pull", "-q"])
      async let pulledToo = repeating(
        "pull", tally, berth, ["-f", "other.yaml", "pull", "-q"])
      async let ran = repeating(
        "run", tally, berth, ["run", "--rm", "-T", "web", "sh", "-c", "ls /bin | wc -l"])
      let (prunes, pulls, runs) = try await (pruned, pulled + pulledToo, ran)
      for result in prunes + pulls + runs { #expect(result.exitCode == 0, "\(result)") }
      #expect(tally.isEnough, "\(prunes.count) prunes, \(pulls.count) pulls, \(runs.count) runs")
      #expect(Set(runs.map(\.output)).count == 1, "every container saw the whole image")
      try await berth.succeeds("prune", "-a", "-f")
      let left = try await berth.tool(
        "find", berth.state + "/images", "-mindepth", "2", "!", "-name", "sha256")
      #expect(left.lines == [], "nothing is left of any of them")
    }
  }

  @Test("eight pulls of one image fetch each of its blobs once")
  func pulls() async throws {
    try await scenario(Self.web, ownsRegistry: true) { berth in
      let pulls = try (0..<8).map { _ in try berth.start(["pull", "-q"]) }
      for pull in pulls {
        let result = try await pull.wait(within: .seconds(60))
        #expect(result.exitCode == 0, "\(result)")
      }
      var gets: [String: Int] = [:]
      try await eventually("the registry's log") {
        gets = [:]
        for line in berth.registry.log.split(separator: "\n")
        where line.contains("response completed") && line.contains("http.request.method=GET") {
          for word in line.split(separator: " ") where word.contains("/blobs/sha256:") {
            gets[String(word), default: 0] += 1
          }
        }
        return gets.count >= 2
      }
      #expect(gets.values.allSatisfy { $0 == 1 }, "\(gets)")
      #expect(gets.count == 2, "the config and one layer: \(gets)")
    }
  }
}
