// Images of several platforms, and of the wrong one.

import TestSupport
import Testing

extension Berth {
  /// Makes variants of busybox in the registry, as Tests/Fixtures/image-variant/push.py says.
  func pushVariants(_ variants: String...) async throws {
    let script = repositoryTop + "/Tests/Fixtures/image-variant/push.py"
    let result = try await Command(
      ["python3", script, registry.address, "busybox"] + variants, folder: "/",
      environment: environment
    ).wait()
    guard result.exitCode == 0 else { throw TestFailure(result.description) }
  }
}

/// The words of this machine and of one that it is not, as images have them.
let (host, foreign): (String, String) = {
  #if arch(x86_64)
    ("amd64", "s390x")
  #else
    ("arm64", "s390x")
  #endif
}()

@Suite(
  "the image of the platform that is meant is taken, and no other", .enabled(if: isRoot),
  .timeLimit(.minutes(3)))
struct PlatformTests {
  private static func web(_ tag: String, _ more: String = "") -> String {
    """
    services:
      web:
        image: ${REGISTRY}/busybox:\(tag)
        command: sleep 1000
        stop_grace_period: 0s
        \(more)
    """
  }

  private func platform(_ berth: Berth) async throws -> [String] {
    try await berth.succeeds("images").lines.dropFirst().map { line in
      line.split(separator: " ").first { $0.hasPrefix("linux/") }.map(String.init) ?? line
    }
  }

  @Test("an index has one for each: this machine's, or the one that is asked for")
  func index() async throws {
    try await scenario(Self.web("many")) { berth in
      try await berth.pushVariants(
        "many-a=\(host):mine", "many-b=\(foreign)", "many=index:many-b,many-a")
      try await berth.succeeds("up", "-d")
      #expect(try await platform(berth) == ["linux/\(host)"])
      // What is here is of another platform: as good as not here.
      try berth.write(Self.web("many", "platform: linux/\(foreign)"), to: "compose.yaml")
      let up = try await berth.succeeds("up", "-d")
      #expect(up.errorOutput.contains("Pulled"), "\(up)")
      #expect(try await platform(berth) == ["linux/\(foreign)"])
      let again = try await berth.succeeds("up", "-d")
      #expect(!again.errorOutput.contains("Pull"), "\(again)")
      // Nobody says a platform: the one that is here is taken, and that is said.
      try berth.write(Self.web("many"), to: "compose.yaml")
      let mixed = try await berth.succeeds("up", "-d")
      #expect(
        mixed.errorOutput.contains(
          "the requested image's platform (linux/\(foreign)) does not match the detected host "
            + "platform (linux/\(host)) and no specific platform was requested"), "\(mixed)")
      try await berth.succeeds("pull")
      try await berth.succeeds("up", "-d")
      #expect(try await platform(berth) == ["linux/\(host)"])
    }
  }

  @Test("two services may use two platforms of one image")
  func both() async throws {
    let compose = """
      services:
        a: {image: "${REGISTRY}/busybox:both", command: sleep 1000, stop_grace_period: 0s}
        b:
          {image: "${REGISTRY}/busybox:both", platform: linux/\(foreign), command: sleep 1000,
          stop_grace_period: 0s}
      """
    try await scenario(compose) { berth in
      try await berth.pushVariants(
        "both-a=\(host):both", "both-b=\(foreign):both", "both=index:both-a,both-b")
      try await berth.succeeds("up", "-d")
      #expect(try await platform(berth) == ["linux/\(host)", "linux/\(foreign)"])
    }
  }

  @Test("an index without it is told with what there is")
  func noMatch() async throws {
    try await scenario(Self.web("few", "platform: linux/riscv64")) { berth in
      try await berth.pushVariants("few-a=\(host):few", "few=index:few-a")
      let up = try await berth("up", "-d")
      #expect(up.exitCode == 1)
      #expect(
        up.errorOutput.contains(
          "no matching manifest for linux/riscv64 in the manifest list entries"), "\(up)")
      #expect(up.errorOutput.contains("it is there for `linux/\(host)`"))
    }
  }

  @Test("a single image of another platform is refused, unless it is asked for")
  func single() async throws {
    try await scenario(Self.web("single")) { berth in
      try await berth.pushVariants("single=\(foreign):single")
      let refused = try await berth("pull")
      #expect(refused.exitCode == 1)
      #expect(refused.errorOutput.contains("is made for linux/\(foreign)"), "\(refused)")
      #expect(refused.errorOutput.contains("set `platform: linux/\(foreign)`"))
      try await berth.succeeds(
        "pull", environment: ["DOCKER_DEFAULT_PLATFORM": "linux/\(foreign)"])
      try berth.write(Self.web("single", "platform: linux/\(foreign)"), to: "compose.yaml")
      let up = try await berth.succeeds("up", "-d")
      #expect(!up.errorOutput.contains("does not match"), "\(up)")
      #expect(try await berth.states() == ["shop-web-1": "running"])
    }
  }

  @Test("what is no platform is told with its place; of the environment, with the variable's name")
  func wrong() async throws {
    try await scenario(Self.web("latest", "platform: a/b/c/d")) { berth in
      for verb in ["pull", "up"] {
        let result = try await berth(verb)
        #expect(result.exitCode != 0)
        #expect(result.errorOutput.contains("`services.web.platform` is no platform: `a/b/c/d`"))
        #expect(result.errorOutput.contains("compose.yaml:6:"), "\(result)")
      }
      try berth.write(Self.web("latest"), to: "compose.yaml")
      let result = try await berth("pull", environment: ["DOCKER_DEFAULT_PLATFORM": "a/b/c/d"])
      #expect(result.exitCode == 1)
      #expect(result.errorOutput.contains("`DOCKER_DEFAULT_PLATFORM` cannot be used"), "\(result)")
    }
  }

  @Test("a program for another machine does not start, and what would help is said")
  func program() async throws {
    let compose = """
      services: {web: {image: "${REGISTRY}/busybox:program", platform: linux/\(foreign)}}
      """
    try await scenario(compose) { berth in
      try await berth.pushVariants("program=program:\(foreign)")
      for (arguments, status) in [(["up", "-d"], 1), (["run", "--rm", "web"], 126)] {
        let result = try await berth.start(arguments).wait()
        berth.remember()
        #expect(result.exitCode == status, "\(result)")
        #expect(result.errorOutput.contains("exec format error"), "\(result)")
        #expect(result.errorOutput.contains("binfmt_misc"), "\(result)")
      }
    }
  }
}
