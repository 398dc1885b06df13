// A bounded queue of byte chunks between a thread that makes them and one that uses them.

/// One writer, one reader. The writer closes it with `finish`, the reader gives up with `abandon`.
package final class ChunkChannel: @unchecked Sendable {
  package enum Offer: Sendable {
    case taken
    /// Nothing was taken: offer again after `onRoom` was called.
    case full
    /// The reader has gone.
    case abandoned
  }

  /// The reader has gone: what it met is thrown by the reader itself.
  package struct Abandoned: Error {
    package init() {}
  }

  /// What a chunk takes beside its bytes: many small ones are no way around the limit.
  private static let overhead = 64

  private let condition = Condition()
  private let limit: Int
  // Guarded by `condition`.
  private var chunks: [[UInt8]] = []
  private var nextChunk = 0
  private var bytes = 0
  private var finished: Result<Void, any Error>?
  private var abandoned = false
  private var starving = false
  private let onRoom: (@Sendable () -> Void)?

  /// Holds `limit` bytes and one chunk more. `onRoom` is called, from the reader's thread and
  /// without the lock, when there is room again after an offer was refused.
  package init(limit: Int, onRoom: (@Sendable () -> Void)? = nil) {
    self.limit = limit
    self.onRoom = onRoom
  }

  /// Does not block.
  package func offer(_ chunk: @autoclosure () -> [UInt8]) -> Offer {
    condition.withLock {
      if abandoned { return .abandoned }
      if bytes >= limit {
        starving = true
        return .full
      }
      append(chunk())
      return .taken
    }
  }

  /// Blocks while the channel is full.
  package func send(_ chunk: [UInt8]) throws {
    try condition.withLock {
      while bytes >= limit, !abandoned { condition.wait() }
      if abandoned { throw Abandoned() }
      append(chunk)
    }
  }

  private func append(_ chunk: [UInt8]) {
    if chunk.isEmpty { return }
    chunks.append(chunk)
    bytes += chunk.count + Self.overhead
    condition.broadcast()
  }

  /// The first call counts. The reader gets what is queued, then the end or this error.
  package func finish(_ result: Result<Void, any Error> = .success(())) {
    condition.withLock {
      if finished == nil { finished = result }
      condition.broadcast()
    }
  }

  /// Blocks for the next chunk; nil at the end.
  package func receive() throws -> [UInt8]? {
    var room = false
    let chunk: [UInt8]? = try condition.withLock {
      while nextChunk == chunks.count {
        if let finished {
          try finished.get()
          return nil
        }
        condition.wait()
      }
      let chunk = take()
      if starving, bytes <= limit / 2 {
        starving = false
        room = true
      }
      condition.broadcast()
      return chunk
    }
    if room { onRoom?() }
    return chunk
  }

  private func take() -> [UInt8] {
    let chunk = chunks[nextChunk]
    chunks[nextChunk] = []
    nextChunk += 1
    bytes -= chunk.count + Self.overhead
    if nextChunk == chunks.count {
      chunks.removeAll(keepingCapacity: true)
      nextChunk = 0
    }
    return chunk
  }

  /// The reader goes: queued bytes are dropped and the writer is told.
  package func abandon() {
    condition.withLock {
      abandoned = true
      chunks = []
      nextChunk = 0
      bytes = 0
      condition.broadcast()
    }
    onRoom?()
  }
}
