// The one door from async to blocking: a small pool of threads made on demand, so that a call which
// waits in the kernel never holds a thread of the cooperative pool.

import Glibc

/// Runs `body` on a thread of the blocking pool and waits for it without blocking.
///
/// At most `BlockingPool.limit` bodies run at once; later ones wait their turn in order, so a body
/// must not wait for another body that has not started. Cancellation is not delivered to `body`:
/// a body that may wait long needs its own way to be told.
package func blocking<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withUnsafeThrowingContinuation { continuation in
    BlockingPool.shared.run { continuation.resume(with: Result(catching: body)) }
  }
}

/// The pool behind `blocking`.
package final class BlockingPool: @unchecked Sendable {
  package static let shared = BlockingPool()
  package static let limit = 64

  private let condition = Condition()
  // Guarded by `condition`.
  private var jobs: [@Sendable () -> Void] = []
  private var nextJob = 0
  private var threads = 0
  private var idle = 0

  /// Queues a job. Never blocks longer than the start of one thread takes.
  package func run(_ job: @escaping @Sendable () -> Void) {
    condition.withLock {
      jobs.append(job)
      if idle >= jobs.count - nextJob {
        condition.signal()
      } else if threads < Self.limit, startThread() {
        threads += 1
      } else {
        // At the limit, or the kernel gives no more threads: a running one takes it when done.
        precondition(threads > 0, "the kernel refuses the first thread of the blocking pool")
        condition.signal()
      }
    }
  }

  private func startThread() -> Bool {
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { _ in
        BlockingPool.shared.work()
        return nil
      }, nil)
    guard result == 0 else { return false }
    pthread_detach(thread)
    return true
  }

  private func work() {
    while true {
      let job = condition.withLock {
        idle += 1
        while nextJob == jobs.count { condition.wait() }
        idle -= 1
        return takeJob()
      }
      job()
    }
  }

  private func takeJob() -> @Sendable () -> Void {
    let job = jobs[nextJob]
    nextJob += 1
    if nextJob == jobs.count {
      jobs.removeAll(keepingCapacity: true)
      nextJob = 0
    }
    return job
  }
}

/// A lock with a condition, for threads that wait for one another.
/// `wait`, `signal` and `broadcast` are called inside `withLock` alone.
final class Condition: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let variable = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(variable, nil)
  }

  deinit {
    pthread_cond_destroy(variable)
    pthread_mutex_destroy(mutex)
    variable.deallocate()
    mutex.deallocate()
  }

  func withLock<Value>(_ body: () throws -> Value) rethrows -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  func wait() { pthread_cond_wait(variable, mutex) }
  func signal() { pthread_cond_signal(variable) }
  func broadcast() { pthread_cond_broadcast(variable) }
}
