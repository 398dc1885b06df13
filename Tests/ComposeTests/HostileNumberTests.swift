// Numbers at the edges of what fits, in every place that is typed.

import Compose
import Diagnostics
import Testing

@Suite("numbers that do not fit are refused where they stand")
struct HostileNumberTests {
  static let values = [
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775808",
    "-9223372036854775809", "1e999", "1e300", ".nan", "-.inf", "-1", "9e99g", "99999999999h",
    "'99999999999999999999'", "0x7fffffffffffffff", "'\u{661}'", "1.5",
  ]

  /// A place, `%` for the number, and which of the values are accepted, by their index.
  static let places: [(String, [Int])] = [
    ("scale: %", []), ("deploy: {replicas: %}", []), ("cpu_count: %", [0, 13]),
    ("cpu_percent: %", []),
    ("cpu_period: %", [0, 3, 4, 9, 13, 15]), ("cpu_quota: %", [0, 3, 4, 9, 13, 15]),
    ("cpu_rt_period: %", [0, 3, 4, 9, 13, 15]),
    ("cpu_shares: %", [0, 3, 4, 9, 13, 15]), ("cpus: %", [0, 1, 2, 3, 4, 9, 12, 13, 15]),
    ("pids_limit: %", [0, 3, 4, 9, 13, 15]), ("oom_score_adj: %", [9]),
    ("mem_limit: %", [0, 9, 13, 15]), ("mem_reservation: %", [0, 9, 13]),
    ("memswap_limit: %", [0, 9, 13, 15]),
    ("mem_swappiness: %", [0, 9, 13]), ("shm_size: %", [0, 9, 13, 15]),
    ("ulimits: {nofile: %}", [0, 3, 4, 9, 13]),
    ("ulimits: {nofile: {soft: %, hard: 1}}", [0, 3, 4, 9, 13]),
    ("healthcheck: {test: x, retries: %}", [0, 13, 15]),
    ("healthcheck: {test: x, interval: %}", []), ("stop_grace_period: %", []),
    ("ports: [%]", []), ("ports: [{target: %}]", []),
    ("ports: [{target: 1, published: %}]", [0, 1, 3, 4, 5, 9, 10, 11, 12, 13, 14]),
    ("deploy: {restart_policy: {max_attempts: %}}", [0, 3, 4, 9, 13]),
    ("deploy: {resources: {limits: {cpus: %}}}", [0, 1, 2, 3, 4, 9, 12, 13, 15]),
    ("deploy: {resources: {limits: {memory: %}}}", []),
    ("deploy: {resources: {limits: {pids: %}}}", [0, 3, 4, 9, 13]),
    ("volumes: [{type: tmpfs, target: /t, tmpfs: {size: %}}]", [0, 13]),
    ("volumes: [{type: tmpfs, target: /t, tmpfs: {mode: %}}]", []),
    ("blkio_config: {weight: %}", [0, 3, 4, 9, 13]),
    ("networks: {default: {priority: %}}", [0, 3, 4, 9, 13, 15]),
    ("gpus: [{count: %}]", [0, 3, 4, 9, 13]), ("configs: [{source: c, mode: %}]", []),
    ("tty: %", []),
    ("expose: [%]", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    ("group_add: [%]", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    ("restart: %", [1, 5, 10, 11, 12, 14]),
    ("restart: 'on-failure:%'", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    ("pull_policy: every_%", []),
    ("environment: {K: %}", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    ("labels: {K: %}", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    ("sysctls: {K: %}", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
  ]

  @Test("a place", arguments: places.indices)
  func place(index: Int) {
    let (place, accepted) = Self.places[index]
    let isQuoted = place.contains("'")
    var found: [Int] = []
    for (index, value) in Self.values.enumerated() {
      let filled = isQuoted ? value.filter { $0 != "'" } : value
      let body = place.split(separator: "%", omittingEmptySubsequences: false)
        .joined(separator: filled)
      let text = "services:\n  a:\n    image: b\n    \(body)\n"
      if outcome(text, "\(place) with \(value)").project != nil { found.append(index) }
    }
    #expect(found == accepted, "\(place)")
  }

  @Test("a whole number with an exponent is one")
  func exponent() throws {
    let project = try loaded(
      "services: {a: {image: b, ulimits: {core: 1e3, nofile: {soft: 2e3, hard: 3e3}}}}"
    ).project
    let limits = try #require(project.service("a")?.ulimits)
    #expect(limits.map(\.soft) == [1000, 2000])
    #expect(limits.map(\.hard) == [1000, 3000])
  }
}
