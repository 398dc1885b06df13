// Tables of probes and what they make of a container's health.

import Blueprint
import Testing

@Suite("Probes make a container's health")
struct HealthMachineTests {
  /// Seconds from start at which the probe ended, its exit code, then what is expected after it:
  /// status, failing streak, seconds at which the next is due.
  typealias Step = (
    at: Int64, code: Int32, status: HealthState.Status, streak: Int, next: Int64
  )

  struct Row: Sendable, CustomTestStringConvertible {
    var label: String
    var interval: Int64 = 30
    var startPeriod: Int64 = 0
    var startInterval: Int64 = 5
    var retries = 3
    var steps: [Step]
    var testDescription: String { label }
  }

  static let rows = [
    Row(label: "healthy at once", steps: [(0, 0, .healthy, 0, 30), (31, 0, .healthy, 0, 61)]),
    Row(
      label: "the first failure is not counted",
      steps: [
        (0, 1, .starting, 0, 30), (30, 1, .starting, 1, 60), (60, 1, .starting, 2, 90),
        (90, 1, .unhealthy, 3, 120),
      ]),
    Row(
      label: "one success resets",
      steps: [
        (0, 0, .healthy, 0, 30), (30, 1, .healthy, 1, 60), (60, 1, .healthy, 2, 90),
        (90, 0, .healthy, 0, 120), (120, 1, .healthy, 1, 150),
      ]),
    Row(
      label: "unhealthy recovers", retries: 1,
      steps: [
        (0, 1, .starting, 0, 30), (30, -1, .unhealthy, 1, 60), (60, 2, .unhealthy, 2, 90),
        (90, 0, .healthy, 0, 120),
      ]),
    Row(
      label: "failures in the start period do not count", startPeriod: 12, retries: 1,
      steps: [
        (0, 1, .starting, 0, 5), (5, 1, .starting, 0, 10), (10, 1, .starting, 0, 15),
        (15, 1, .unhealthy, 1, 45),
      ]),
    Row(
      label: "after a success they count in the start period too", startPeriod: 100, retries: 2,
      steps: [(0, 0, .healthy, 0, 30), (30, 1, .healthy, 1, 60), (60, 1, .unhealthy, 2, 90)]),
    Row(
      label: "no retries is one", retries: 0,
      steps: [(0, 1, .starting, 0, 30), (30, 1, .unhealthy, 1, 60)]),
  ]

  @Test("transitions", arguments: rows)
  func transitions(_ row: Row) {
    var blueprint = HealthBlueprint(probe: .exec(["true"]))
    blueprint.interval = .seconds(row.interval)
    blueprint.startPeriod = .seconds(row.startPeriod)
    blueprint.startInterval = .seconds(row.startInterval)
    blueprint.retries = row.retries
    let start: Int64 = 1_000_000_000_000
    var machine = HealthMachine(blueprint, startedAt: start)
    #expect(machine.nextProbe == start)
    #expect(machine.state.status == .starting)
    for step in row.steps {
      let now = start + step.at * 1_000_000_000
      machine.probed(result(step.code), began: now, now: now)
      #expect(machine.state.status == step.status, "at \(step.at) s")
      #expect(machine.state.failingStreak == step.streak, "at \(step.at) s")
      #expect(machine.nextProbe == start + step.next * 1_000_000_000, "at \(step.at) s")
    }
  }

  @Test("the last five results are kept")
  func results() {
    var machine = HealthMachine(HealthBlueprint(probe: .exec(["true"])), startedAt: 0)
    for code in 0..<Int32(9) { machine.probed(result(code), began: 0, now: 0) }
    #expect(machine.state.results.map(\.exitCode) == [4, 5, 6, 7, 8])
  }

  @Test("an interval of nothing does not spin, one without end does not overflow")
  func extremes() {
    var blueprint = HealthBlueprint(probe: .exec(["true"]))
    blueprint.interval = Nanoseconds(0)
    var fast = HealthMachine(blueprint, startedAt: 0)
    fast.probed(result(0), began: 0, now: 0)
    #expect(fast.nextProbe == 1_000_000)
    blueprint.interval = Nanoseconds(.max)
    blueprint.startPeriod = Nanoseconds(.max)
    var slow = HealthMachine(blueprint, startedAt: 5)
    slow.probed(result(0), began: 5, now: 5)
    #expect(slow.nextProbe == .max)
  }

  private func result(_ code: Int32) -> HealthState.Result {
    HealthState.Result(
      startedAt: Timestamp(nanoseconds: 1), endedAt: Timestamp(nanoseconds: 2), exitCode: code,
      output: "")
  }
}
