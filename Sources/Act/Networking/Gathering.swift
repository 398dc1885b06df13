// Many callers of one slow thing at once: while one is at work the others wait, and the next one does the
// work of all that wait by then. A change of the firewall costs milliseconds, however much is in it.

import Synchronization

final class Gathering<Item: Sendable>: Sendable {
  private struct Waiting {
    var ticket: Int
    var item: Item
  }

  private struct State {
    var lastTicket = 0
    var waiting: [Waiting] = []
    /// Of those whose callers have not yet been told.
    var failures: [Int: any Error] = [:]
  }

  private let state = Mutex(State())
  private let turn = Mutex<Bool>(false)

  /// How many wait for whoever is at work.
  var waiting: Int { state.withLock { $0.waiting.count } }

  /// Has `body` done to `item`, alone or with others. When it fails for several together it is tried for
  /// each alone, so that everybody is told of their own failure. Blocks.
  func run(_ item: Item, _ body: ([Item]) throws -> Void) throws {
    let ticket = state.withLock { state in
      state.lastTicket += 1
      state.waiting.append(Waiting(ticket: state.lastTicket, item: item))
      return state.lastTicket
    }
    turn.withLock { _ in
      let batch = state.withLock { state in
        defer { state.waiting = [] }
        return state.waiting
      }
      // Whoever was before has done this one too.
      if !batch.isEmpty { run(batch, body) }
    }
    if let failure = state.withLock({ $0.failures.removeValue(forKey: ticket) }) { throw failure }
  }

  private func run(_ batch: [Waiting], _ body: ([Item]) throws -> Void) {
    do {
      try body(batch.map(\.item))
    } catch {
      guard batch.count > 1 else {
        for one in batch { state.withLock { $0.failures[one.ticket] = error } }
        return
      }
      for one in batch { run([one], body) }
    }
  }
}
