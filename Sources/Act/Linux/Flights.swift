// Waiting for one another within a process: the same work once, and not too much at a time.

import Synchronization

/// Runs the work for a key once at a time; who comes meanwhile waits for that one's end.
package actor Flights<Key: Hashable & Sendable> {
  private var waiting: [Key: [CheckedContinuation<Void, Never>]] = [:]

  package init() {}

  /// Runs `work` alone among those with this key.
  package func alone<Value: Sendable>(
    _ key: Key, _ work: @Sendable () async throws -> Value
  ) async throws -> Value {
    while waiting[key] != nil {
      await withCheckedContinuation { waiting[key]?.append($0) }
    }
    waiting[key] = []
    defer {
      for continuation in waiting.removeValue(forKey: key) ?? [] { continuation.resume() }
    }
    return try await work()
  }
}

/// Values that are made once for each key; who asks meanwhile waits for that one's end. One that could not be made
/// is made anew for the next.
package final class Memo<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let flights = Flights<Key>()
  private let values = Mutex<[Key: Value]>([:])

  package init() {}

  package func value(_ key: Key, _ make: @Sendable () async throws -> Value) async throws -> Value {
    try await value(key, keeping: { true }, make)
  }

  /// - Parameter keeping: asked when it is made: whether it is one for the next, too.
  package func value(
    _ key: Key, keeping: @Sendable () async throws -> Bool,
    _ make: @Sendable () async throws -> Value
  ) async throws -> Value {
    try await flights.alone(key) {
      if let known = values.withLock({ $0[key] }) { return known }
      let value = try await make()
      if try await keeping() { values.withLock { $0[key] = value } }
      return value
    }
  }
}

/// Lets `count` pieces of work run at once.
package actor Slots {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  package init(_ count: Int) { free = count }

  package func taking<Value: Sendable>(_ work: @Sendable () async throws -> Value) async throws
    -> Value
  {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
    defer {
      if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
    try Task.checkCancellation()
    return try await work()
  }
}
