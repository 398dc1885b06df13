// Pieces of work that are done side by side and wait for each other where one takes from another.

/// What became of each piece. Each is fulfilled once; whoever waits for one that has failed is told no more
/// than that.
actor BuildBoard<Key: Hashable & Sendable, Value: Sendable> {
  private var results: [Key: Result<Value, any Error>] = [:]
  private var waiting: [Key: [CheckedContinuation<Value, any Error>]] = [:]

  /// Waits for a piece. Throws `StageGone` where it has failed: its own failure is the one to tell.
  func value(of key: Key) async throws -> Value {
    switch results[key] {
    case .success(let value): return value
    case .failure: throw StageGone()
    case nil:
      return try await withCheckedThrowingContinuation { waiting[key, default: []].append($0) }
    }
  }

  private func fulfil(_ key: Key, _ result: Result<Value, any Error>) {
    results[key] = result
    for continuation in waiting.removeValue(forKey: key) ?? [] {
      continuation.resume(with: result.mapError { _ in StageGone() })
    }
  }

  /// Does a piece and tells those who wait for it.
  func doing(_ key: Key, _ work: () async throws -> Value) async -> (any Error)? {
    do {
      fulfil(key, .success(try await work()))
      return nil
    } catch {
      fulfil(key, .failure(error))
      return error
    }
  }
}

/// Another piece has failed, and says why.
struct StageGone: Error {}

/// Does all pieces side by side; the first failure ends the others and is thrown.
func sideBySide<Piece: Sendable>(
  _ pieces: [Piece], _ work: @escaping @Sendable (Piece) async -> (any Error)?
) async throws {
  var failure: (any Error)?
  await withTaskGroup(of: (any Error)?.self) { group in
    for piece in pieces { group.addTask { await work(piece) } }
    for await error in group {
      guard let error else { continue }
      // Others end because of the first; what they say then is not the reason.
      if failure == nil || failure is StageGone || failure is CancellationError { failure = error }
      group.cancelAll()
    }
  }
  // What ends because the caller wants no more says other things, and they are not the reason.
  try Task.checkCancellation()
  if let failure { throw failure }
}
