// Threads for the servers of tests.

import Glibc

/// Runs `body` on a thread of its own. Servers wait for long, and must not take the places of the pool
/// that the code under test works on; and a pool's thread that is born inside a test's network
/// namespace would stay there for whoever gets it next.
package func detachThread(_ body: @escaping @Sendable () -> Void) {
  final class Job: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let job = Unmanaged.passRetained(Job(body))
  let made = pthread_create(
    &thread, nil,
    { pointer in
      guard let pointer else { return nil }
      Unmanaged<Job>.fromOpaque(pointer).takeRetainedValue().body()
      return nil
    }, job.toOpaque())
  precondition(made == 0, "no thread for a test server")
  pthread_detach(thread)
}
