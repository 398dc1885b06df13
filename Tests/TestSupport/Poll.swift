// Waiting for what comes soon: asked again and again, with a bound, never by a fixed sleep.

import Glibc
import Synchronization

/// Returns once `condition` holds; a failure that says `what` lacked when it does not within `limit`.
package func eventually(
  _ what: String, within limit: Duration = .seconds(10),
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      throw TestFailure("\(what): not within \(limit)")
    }
    try await Task.sleep(for: .milliseconds(10))
  }
}

/// The next port to try. Below the range that the kernel takes for clients, so that no connection of
/// another test sits on it by the time it is used; counted up, so that no two tests get the same.
private let nextPort = Mutex(UInt16.random(in: 20_000..<30_000))

/// A port on which nobody listens now and that no other test of this process is given.
package func freePort() throws -> UInt16 {
  for _ in 0..<1000 {
    let port = nextPort.withLock { next in
      next = next >= 31_999 ? 20_000 : next + 1
      return next
    }
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if result == 0 { return port }
  }
  throw TestFailure("no free port")
}

/// Whether the tests may make containers.
package let isRoot = geteuid() == 0
