// What comes while one is at work is done together, and each hears of its own failure.

import Linux
import Synchronization
import Testing

@testable import Networking

@Suite("calls that come at once are done together")
struct GatheringTests {
  struct Refused: Error { var number: Int }

  /// What several threads add to.
  final class Notes<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
    func withLock<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
      value.withLock { body(&$0) }
    }
  }

  @Test("who comes while one is at work is done with the others in one call")
  func together() async throws {
    let gathering = Gathering<Int>()
    let batches = Notes<[[Int]]>([])
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<4 {
        group.addTask {
          try await blocking {
            try gathering.run(number) { items in
              // The first one is at work until all others wait.
              while batches.withLock({ $0.isEmpty }), gathering.waiting + items.count < 4 {}
              batches.withLock { $0.append(items.sorted()) }
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let seen = batches.withLock { $0 }
    #expect(seen.count <= 2)
    #expect(seen.flatMap { $0 }.sorted() == [0, 1, 2, 3])
  }

  @Test("one that fails does not fail the others")
  func failure() async throws {
    let gathering = Gathering<Int>()
    let done = Notes<Set<Int>>([])
    let failures = Notes<[Int]>([])
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<4 {
        group.addTask {
          do {
            try await blocking {
              try gathering.run(number) { items in
                if items.contains(2) { throw Refused(number: 2) }
                done.withLock { $0.formUnion(items) }
              }
            }
          } catch {
            failures.withLock { $0.append(number) }
          }
        }
      }
    }
    #expect(done.withLock { $0 } == [0, 1, 3])
    #expect(failures.withLock { $0 } == [2])
  }
}
