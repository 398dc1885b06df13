// The program `Tests/Fixtures/connect-proxy.py` on loopback: whatever host is asked for, one port of
// this machine answers.

import Glibc
import Linux

package final class ConnectProxy: Sendable {
  package static let secret = "pr0xy-word"

  /// With a name and the password in it.
  package let url: String
  private let process: Command

  private init(url: String, process: Command) {
    self.url = url
    self.process = process
  }

  /// - Parameter address: `127.0.0.1:PORT`, where all connections lead.
  package static func start(to address: String) async throws -> ConnectProxy {
    let port = String(address.drop { $0 != ":" }.dropFirst())
    let process = try Command(
      [
        "python3", "\(repositoryTop)/Tests/Fixtures/connect-proxy.py", "porter:\(secret)", port,
      ], folder: "/", environment: ["PATH": variable("PATH") ?? "/usr/bin"])
    try await eventually("the proxy's port") {
      process.outputSoFar.contains("\n") || !process.isRunning
    }
    guard let own = UInt16(process.outputSoFar.prefix { $0 != "\n" }) else {
      throw TestFailure("proxy: \(process.errorSoFar)")
    }
    return ConnectProxy(url: "http://porter:\(secret)@127.0.0.1:\(own)", process: process)
  }

  /// Each connection that was asked for: `HOST:PORT`.
  package var asked: [String] {
    process.outputSoFar.split(separator: "\n").dropFirst().map(String.init)
  }

  package func stop() async throws {
    process.signal(SIGKILL)
    _ = try await process.wait(within: .seconds(5))
  }
}
