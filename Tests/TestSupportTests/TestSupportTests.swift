import Glibc
import TestSupport
import Testing

@Suite("what the scenarios stand on holds by itself")
struct TestSupportTests {
  private let environment = ["PATH": "/usr/bin:/bin"]

  @Test("output, errors, input and exit code of a program are told")
  func commands() async throws {
    let command = try Command(
      ["sh", "-c", "cat; echo no >&2; exit 3"], folder: "/", environment: environment,
      input: Array("yes".utf8))
    let result = try await command.wait()
    #expect(result.output == "yes")
    #expect(result.errorOutput == "no\n")
    #expect(result.exitCode == 3)
    #expect(!result.isOutputHeld)
  }

  @Test("a program that is ended by a signal says so as shells do")
  func signals() async throws {
    let command = try Command(["sleep", "60"], folder: "/", environment: environment)
    command.signal(SIGTERM)
    #expect(try await command.wait().exitCode == 143)
  }

  @Test("a program that does not end in time is killed, and that is a failure")
  func limits() async throws {
    let command = try Command(["sleep", "60"], folder: "/", environment: environment)
    await #expect(throws: TestFailure.self) { try await command.wait(within: .milliseconds(50)) }
    try await eventually("its end") { !command.isRunning }
  }

  @Test("a child that keeps the output of its parent is seen")
  func heldOutput() async throws {
    let command = try Command(
      ["sh", "-c", "sleep 2 & exit 0"], folder: "/", environment: environment)
    #expect(try await command.wait().isOutputHeld)
  }

  @Test("what does not come is a failure that names it")
  func polling() async throws {
    let failure = await #expect(throws: TestFailure.self) {
      try await eventually("the moon", within: .milliseconds(20)) { false }
    }
    #expect(failure?.description.contains("the moon") == true)
  }

  @Test("a registry serves what was pushed", .enabled(if: isRoot))
  func registry() async throws {
    try await scenario("services: {}", ownsRegistry: true) { berth in
      let page = try await berth.tool(
        "curl", "-fsS", "http://\(berth.registry.address)/v2/busybox/tags/list")
      #expect(page.output.contains("latest"))
      try await berth.registry.stop()
      let gone = try await berth.tool("curl", "-s", "http://\(berth.registry.address)/v2/")
      #expect(gone.exitCode != 0)
    }
  }

  @Test("a mount and a process that stay behind are found", .enabled(if: isRoot))
  func leftovers() async throws {
    try await scenario("services: {}") { berth in
      #expect(berth.leftovers().isEmpty)
      let sleeper = try Command(
        ["sleep", "60"], folder: "/", environment: ["PATH": "/usr/bin", "X": berth.root + "/x"])
      let folder = berth.root + "/mounted"
      try await berth.tool("mkdir", folder)
      try await berth.tool("mount", "-t", "tmpfs", "none", folder)
      #expect(berth.leftovers().count == 2)
      try await berth.tool("umount", folder)
      sleeper.signal(SIGKILL)
      _ = try await sleeper.wait()
      #expect(berth.leftovers().isEmpty)
    }
  }
}
