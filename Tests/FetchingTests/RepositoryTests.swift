import Diagnostics
import Dockerfile
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import Fetching

@Suite("Git is asked in an environment of its own")
struct GitProgramTests {
  @Test("a missing program is told with its package")
  func missing() {
    #expect(throws: GitFault.noProgram("r")) {
      try GitProgram(GitAccess(), environment: ["PATH": "/nonexistent"], shown: "r")
    }
  }
}
