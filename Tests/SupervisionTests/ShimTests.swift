// Real shims with real containers: exits, restarts, health, control requests, and what stays after.

import Blueprint
import CLinux
import Control
import Glibc
import Linux
import Runtime
import SystemPackage
import Testing

@Suite("A shim runs a container", .serialized, .enabled(if: TestContainer.needsRoot))
struct ShimTests {
  @Test(
    "the exit code is the program's",
    arguments: [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 0), ("kill -TERM $$", 0)])
  func exitCode(_ script: String, _ code: Int32) throws {
    // A shell that is PIDv1 of its namespace ignores signals from inside.
    let container = try TestContainer(["sh", "-c", script])
    try container.start()
    #expect(try waitForExit(container) == code)
    #expect(try container.isGone())
  }

  private func waitForExit(_ container: TestContainer) throws -> Int32 {
    do {
      return try container.client.wait()
    } catch ControlError.notRunning {
      return try #require(try container.exitRecord().exitCode)
    } catch ControlError.lost {
      return try #require(try container.exitRecord().exitCode)
    }
  }
}
