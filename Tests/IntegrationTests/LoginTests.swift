// Logging in to a real registry, as a person and as a script do it.

import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@Suite("Logging in", .enabled(if: isRoot), .timeLimit(.minutes(3)))
struct LoginTests {
  private func withRegistry(_ body: (Berth, Registry) async throws -> Void) async throws {
    try await scenario { berth in
      let registry = try await Registry.start(in: berth.root + "/private", door: .password)
      do {
        try await body(berth, registry)
      } catch {
        try await registry.stop()
        throw error
      }
      try await registry.stop()
    }
  }

  private let password = Array(RegistryDoor.secret.utf8)

  @Test("opens a registry for pull, and logging out closes it; no password is ever shown")
  func pulls() async throws {
    try await withRegistry { berth, registry in
      let image = try await registry.push(.busybox)
      try berth.write("services: {web: {image: \"\(image)\"}}", to: "compose.yaml")
      let before = try await berth("pull")
      #expect(before.exitCode == 1)
      #expect(before.errorOutput.contains("`berth login \(registry.address)`"))
      let login = try await berth.succeeds(
        "login", "-u", RegistryDoor.user, "--password-stdin", registry.address,
        input: password + [0x0A])
      #expect(login.output == "Login Succeeded\n")
      #expect(
        login.errorOutput.contains("stored unencrypted in `\(berth.root)/.docker/config.json`"))
      #expect(berth.text(of: ".docker/config.json")?.contains(registry.address) == true)
      try await berth.succeeds("pull")
      let again = try await berth.succeeds("login", registry.address)
      #expect(again.output == "Login Succeeded\n")
      let logout = try await berth.succeeds("logout", "http://\(registry.address)/v2/")
      #expect(logout.output == "Removed login credentials for \(registry.address)\n")
      #expect(berth.text(of: ".docker/config.json")?.contains(registry.address) == false)
      for result in [before, login, again, logout] {
        #expect(!(result.output + result.errorOutput).contains(RegistryDoor.secret))
      }
    }
  }

  @Test("with a wrong password ends with 1, says so, and stores nothing")
  func wrong() async throws {
    try await withRegistry { berth, registry in
      let secret = "wr0ng-secret"
      let result = try await berth("login", "-u", RegistryDoor.user, "-p", secret, registry.address)
      #expect(result.exitCode == 1)
      #expect(
        result.errorOutput.contains("error: registry `\(registry.address)` refuses the login"))
      #expect(result.output.isEmpty)
      #expect(!result.errorOutput.contains(secret))
      #expect(berth.text(of: ".docker/config.json") == nil)
    }
  }

  @Test(
    "needs a terminal, or all that it would ask for",
    arguments: [
      (["login"], "standard input is no terminal"), (["login", "-u", "a"], "no terminal"),
      (["login", "--password-stdin"], "`--password-stdin` needs `--username`"),
      (["login", "-u", "a", "-p", "b", "--password-stdin"], "exclude each other"),
      (["login", "-u", "a", "--password-stdin"], "no password was given"),
      (["login", "https://"], "names no registry"), (["logout", " "], "names no registry"),
    ])
  func asks(_ arguments: [String], _ said: String) async throws {
    try await scenario(images: []) { berth in
      let result = try await berth.start(arguments).wait()
      #expect(result.exitCode == 1)
      #expect(result.errorOutput.contains(said), "\(result)")
    }
  }

  @Test("at a terminal asks for the name and, unseen, for the password")
  func terminal() async throws {
    try await withRegistry { berth, registry in
      // script(1) gives it a terminal, and what is typed there comes from a pipe with a name.
      let keyboard = berth.project + "/keyboard"
      try #require(mkfifo(keyboard, 0o600) == 0)
      let typing = try Descriptor.open(FilePath(keyboard), O_RDWR)
      let login = "'\(Berth.program)' login \(registry.address)"
      let session = try Command(
        ["sh", "-c", "script -qec \"\(login)\" /dev/null < keyboard"], folder: berth.project,
        environment: berth.environment)
      for (question, answer) in [
        ("Username for `", RegistryDoor.user), ("Password: ", RegistryDoor.secret),
      ] {
        try await eventually(question) { session.outputSoFar.contains(question) }
        try typing.writeAll(Array((answer + "\n").utf8))
      }
      let result = try await session.wait()
      #expect(result.exitCode == 0, "\(result)")
      #expect(result.output.contains("Login Succeeded"))
      #expect(result.output.contains(RegistryDoor.user))
      #expect(!result.output.contains(RegistryDoor.secret))
    }
  }
}
