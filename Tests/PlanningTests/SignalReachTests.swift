// Masks as the kernel writes them, and what is made of them over time.

import Planning
import Testing

private func status(
  _ caught: String = "0000000000000000", blocked: String = "0000000000000000",
  ignored: String = "0000000000000000", state: String = "S (sleeping)", numbers: String = "812\t1",
  switches: Int = 7
) -> String {
  """
  Name:\tserver
  Umask:\t0022
  State:\t\(state)
  Pid:\t812
  NSpid:\t\(numbers)
  SigQ:\t0/30846
  SigPnd:\t0000000000000000
  ShdPnd:\t0000000000000000
  SigBlk:\t\(blocked)
  SigIgn:\t\(ignored)
  SigCgt:\t\(caught)
  voluntary_ctxt_switches:\t\(switches)
  nonvoluntary_ctxt_switches:\t2

  """
}

@Suite("Who takes a signal")
struct SignalMaskTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var status: String
    var signal: Int32 = 15
    var drops: Bool
  }

  static let rows = [
    Row(testDescription: "no handler", status: status(), drops: true),
    Row(testDescription: "a handler", status: status("0000000000004000"), drops: false),
    Row(
      testDescription: "a handler of another signal", status: status("0000000000000002"),
      drops: true),
    Row(
      testDescription: "blocked, as for a signalfd", status: status(blocked: "0000000000004000"),
      drops: false),
    Row(
      testDescription: "ignored on purpose", status: status(ignored: "0000000000004000"),
      drops: false),
    Row(testDescription: "not the first", status: status(numbers: "812\t14"), drops: false),
    Row(
      testDescription: "the first of an inner one", status: status(numbers: "9\t5\t1"), drops: true),
    Row(testDescription: "the host's", status: status(numbers: "812"), drops: false),
    Row(testDescription: "SIGKILL", status: status(), signal: 9, drops: false),
    Row(testDescription: "SIGSTOP", status: status(), signal: 19, drops: false),
    Row(testDescription: "SIGWINCH", status: status(), signal: 28, drops: true),
    Row(
      testDescription: "the last real-time signal", status: status("8000000000000000"), signal: 64,
      drops: false),
    Row(testDescription: "no signal", status: status(), signal: 0, drops: false),
  ]

  @Test("by its masks", arguments: rows)
  func masks(_ row: Row) throws {
    let masks = try #require(SignalMasks(row.status))
    #expect(masks.drops(row.signal) == row.drops)
  }

  @Test("counts and states are read; what lacks a mask says nothing")
  func reading() throws {
    let waiting = try #require(SignalMasks(status()))
    #expect(waiting.isWaiting)
    #expect(waiting.switches == 9)
    #expect(try #require(SignalMasks(status(state: "R (running)"))).isWaiting == false)
    #expect(SignalMasks("Name:\tx\nState:\tS (sleeping)\n") == nil)
    #expect(SignalMasks("") == nil)
  }
}

@Suite("A process is looked at until it is sure that a signal does not reach it")
struct SignalReachTests {
  /// Milliseconds, age in milliseconds, the status, whether it has children, the verdict.
  typealias Look = (at: Int, age: Int, status: String, children: Bool, verdict: SignalReach.Verdict)

  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var looks: [Look]
  }

  static let handler = status("0000000000004000")
  static let running = status(state: "R (running)")
  static let rows = [
    Row(testDescription: "a handler from the first", looks: [(0, 5, handler, false, .reached)]),
    Row(
      testDescription: "grown and still",
      looks: [(0, 9000, status(), true, .lookAgain), (5, 9005, status(), true, .never)]),
    Row(
      testDescription: "grown, with a handler on the second look",
      looks: [(0, 9000, running, false, .lookAgain), (5, 9005, handler, false, .reached)]),
    Row(
      testDescription: "grown, and always running",
      looks: [
        (0, 9000, running, false, .lookAgain), (45, 9045, running, false, .lookAgain),
        (50, 9050, running, false, .never),
      ]),
    Row(
      testDescription: "grown, asleep in between",
      looks: [
        (0, 9000, status(), false, .lookAgain), (5, 9005, status(switches: 8), false, .lookAgain),
        (10, 9010, status(switches: 8), false, .never),
      ]),
    Row(
      testDescription: "young and still",
      looks: [
        (0, 30, status(), false, .lookAgain), (5, 35, status(), false, .lookAgain),
        (199, 229, status(), false, .lookAgain),
        (200, 230, status(), false, .never),
      ]),
    Row(
      testDescription: "young, waiting for a child, until it is grown",
      looks: [
        (0, 30, status(), true, .lookAgain), (500, 530, status(), true, .lookAgain),
        (970, 1000, status(), true, .never),
      ]),
    Row(
      testDescription: "young, running, until it is grown and still runs",
      looks: [
        (0, 30, running, false, .lookAgain), (969, 999, running, false, .lookAgain),
        (980, 1010, running, false, .lookAgain), (1030, 1060, running, false, .never),
      ]),
    Row(
      testDescription: "young, with a handler a moment later",
      looks: [(0, 30, running, false, .lookAgain), (20, 50, handler, false, .reached)]),
  ]

  @Test("over time", arguments: rows)
  func looks(_ row: Row) throws {
    var reach = SignalReach(signal: 15)
    for look in row.looks {
      let masks = try #require(SignalMasks(look.status))
      let verdict = reach.look(
        masks, at: .milliseconds(look.at), age: .milliseconds(look.age), hasChildren: look.children)
      #expect(verdict == look.verdict, "at \(look.at) ms")
    }
  }
}
