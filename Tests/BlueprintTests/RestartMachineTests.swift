// Tables of exits and what follows them.

import Blueprint
import Testing

@Suite("A container that has exited starts again as its policy says")
struct RestartMachineTests {
  typealias Exit = (code: Int32, seconds: Int64)

  struct Row: Sendable, CustomTestStringConvertible {
    var label: String
    var policy: RestartPolicy
    var exits: [Exit]
    /// Milliseconds of delay, -1 where it stays down.
    var expected: [Int64]
    var testDescription: String { label }
  }

  static let rows = [
    Row(label: "no", policy: .no, exits: [(1, 0)], expected: [-1]),
    Row(label: "no, after success", policy: .no, exits: [(0, 60)], expected: [-1]),
    Row(label: "always, after success", policy: .always, exits: [(0, 60)], expected: [100]),
    Row(
      label: "doubling to a minute", policy: .always,
      exits: Array(repeating: (1, 0), count: 12),
      expected: [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]),
    Row(
      label: "a run just too short does not reset", policy: .unlessStopped,
      exits: [(1, 0), (1, 9), (1, 9)], expected: [100, 200, 400]),
    Row(
      label: "a run of ten seconds resets", policy: .unlessStopped,
      exits: [(1, 0), (1, 0), (1, 10), (1, 0)], expected: [100, 200, 100, 200]),
    Row(
      label: "on failure, after success", policy: .onFailure(attempts: nil),
      exits: [(1, 0), (0, 0)], expected: [100, -1]),
    Row(
      label: "on failure, three attempts", policy: .onFailure(attempts: 3),
      exits: [(1, 0), (137, 0), (2, 0), (1, 0)], expected: [100, 200, 400, -1]),
    Row(
      label: "on failure, no attempt", policy: .onFailure(attempts: 0), exits: [(1, 0)],
      expected: [-1]),
  ]

  @Test("decisions", arguments: rows)
  func decisions(_ row: Row) {
    var machine = RestartMachine(policy: row.policy)
    var delays: [Int64] = []
    for exit in row.exits {
      switch machine.exited(code: exit.code, after: .seconds(exit.seconds)) {
      case .restart(let delay): delays.append(delay.count / 1_000_000)
      case .final: delays.append(-1)
      }
    }
    #expect(delays == row.expected)
    #expect(machine.restartCount == row.expected.count { $0 >= 0 })
  }

  @Test(
    "stopped by hand stays down",
    arguments: [RestartPolicy.always, .unlessStopped, .onFailure(attempts: nil)])
  func stopped(_ policy: RestartPolicy) {
    var machine = RestartMachine(policy: policy)
    #expect(machine.exited(code: 1, after: .seconds(0)) != .final)
    machine.stopByUser()
    #expect(machine.exited(code: 1, after: .seconds(0)) == .final)
    #expect(machine.restartCount == 1)
  }
}
