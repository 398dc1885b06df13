// Waiting for what comes soon: asked again and again, with a bound, never by a fixed sleep.

import Glibc

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

/// A TCP port that nobody holds at this moment.
package func freePort() throws -> UInt16 {
  let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(socket) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  var size = socklen_t(MemoryLayout.size(ofValue: address))
  let result = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(socket, $0, size) == 0 ? getsockname(socket, $0, &size) : -1
    }
  }
  guard result == 0 else { throw TestFailure("no free port: \(errno)") }
  return UInt16(bigEndian: address.sin_port)
}

/// Whether the tests may make containers.
package let isRoot = geteuid() == 0
