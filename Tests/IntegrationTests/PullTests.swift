// When images are asked for anew, and what `pull` does about those that cannot be had.

import TestSupport
import Testing

@Suite(
  "images are pulled when their policy says so", .enabled(if: isRoot), .timeLimit(.minutes(3)))
struct PullTests {
  private static func web(_ policy: String?, tag: String) -> String {
    """
    services:
      web:
        image: ${REGISTRY}/busybox:\(tag)
        command: sleep 1000
        stop_grace_period: 0s
        \(policy.map { "pull_policy: " + $0 } ?? "")
    """
  }

  /// Whether an `up` comes to the image that the tag has now.
  private func notices(_ berth: Berth, _ arguments: String...) async throws -> Bool {
    let before = try await berth.succeeds("images", "--quiet").output
    let up = try await berth.start(["up", "-d"] + arguments).wait()
    berth.remember()
    #expect(up.exitCode == 0, "\(up)")
    return try await berth.succeeds("images", "--quiet").output != before
  }

  /// Lets the last look at the registry have been then.
  private func setLastCheck(_ berth: Berth, _ date: String) async throws {
    let result = try await berth.tool(
      "sh", "-c", "touch -d '\(date)' \(berth.state)/images/names/*")
    #expect(result.exitCode == 0, "\(result)")
  }

  @Test(
    "with the image here, `up` looks at the registry again or not",
    arguments: [
      ("always", true), (nil, false), ("missing", false), ("if_not_present", false),
      ("never", false), ("build", false), ("daily", false), ("weekly", false), ("every_1h", false),
      ("every_0s", true),
    ] as [(String?, Bool)])
  func policies(_ policy: String?, _ isAsked: Bool) async throws {
    let tag = "policy-\(policy ?? "none")"
    try await scenario(Self.web(nil, tag: tag)) { berth in
      try await berth.pushVariants("\(tag)=\(host):one")
      try await berth.succeeds("up", "-d")
      try await berth.pushVariants("\(tag)=\(host):two")
      try berth.write(Self.web(policy, tag: tag), to: "compose.yaml")
      #expect(try await notices(berth) == isAsked)
    }
  }

  @Test("after the time that it names, and when the clock was wrong")
  func periods() async throws {
    try await scenario(Self.web("daily", tag: "daily")) { berth in
      try await berth.pushVariants("daily=\(host):one")
      try await berth.succeeds("up", "-d")
      try await berth.pushVariants("daily=\(host):two")
      try await setLastCheck(berth, "23 hours ago")
      #expect(try await !notices(berth))
      try await setLastCheck(berth, "25 hours ago")
      #expect(try await notices(berth))
      try await berth.pushVariants("daily=\(host):three")
      try await setLastCheck(berth, "next month")
      #expect(try await notices(berth))
      // A look that brings nothing new counts as well.
      try await setLastCheck(berth, "25 hours ago")
      #expect(try await !notices(berth))
      try await berth.pushVariants("daily=\(host):four")
      #expect(try await !notices(berth))
      #expect(try await notices(berth, "--pull", "always"))
    }
  }

  @Test("an image that may not be pulled and is not here is told")
  func never() async throws {
    for policy in ["never", "build"] {
      try await scenario(Self.web(policy, tag: "latest")) { berth in
        let up = try await berth("up", "-d")
        #expect(up.exitCode == 1)
        #expect(up.errorOutput.contains("no such image: "), "\(up)")
        try await berth.succeeds("up", "-d", "--pull", "missing")
        try await berth.succeeds("up", "-d")
      }
    }
  }

  @Test("run asks by its own flag")
  func run() async throws {
    try await scenario(Self.web("missing", tag: "run")) { berth in
      try await berth.pushVariants("run=\(host):one")
      let none = try await berth("run", "--rm", "--pull", "never", "web", "true")
      #expect(none.exitCode == 1)
      #expect(none.errorOutput.contains("no such image"), "\(none)")
      try await berth.succeeds("run", "--rm", "web", "true")
      let again = try await berth.succeeds("run", "--rm", "--pull", "always", "web", "true")
      #expect(again.errorOutput.contains("Pulled"), "\(again)")
    }
  }
}

@Suite("`pull` brings what it can", .enabled(if: isRoot), .timeLimit(.minutes(3)))
struct PullVerbTests {
  private static let several = """
    services:
      good: {image: "${IMAGE}", depends_on: [same]}
      same: {image: "${IMAGE}"}
      bad: {image: "${REGISTRY}/nosuch:1"}
      worse: {image: "${REGISTRY}/nosuch:2"}
      made: {image: "${REGISTRY}/made:1", build: .}
      only: {build: .}
      off: {image: "${REGISTRY}/nosuch:3", pull_policy: never}
      mine: {image: "${REGISTRY}/nosuch:4", pull_policy: build}
    """

  @Test("everything once, every failure, and what must be built")
  func failures() async throws {
    try await scenario(Self.several) { berth in
      let pull = try await berth("pull")
      #expect(pull.exitCode == 1)
      let text = pull.errorOutput
      for name in ["nosuch:1", "nosuch:2", "made:1"] {
        #expect(text.contains("image `\(berth.registry.address)/\(name)` cannot be pulled"))
      }
      #expect(text.contains("warning: some service images must be built from source: `made`"))
      #expect(text.contains(" only Skipped No image to be pulled "), "\(pull)")
      #expect(text.contains("/nosuch:3 Skipped"))
      #expect(text.contains("/nosuch:4 Skipped"))
      #expect(
        text.split(separator: "\n").filter { $0.contains("busybox:latest Pulled") }.count == 1)
      let ignored = try await berth.succeeds("pull", "--ignore-pull-failures")
      #expect(ignored.errorOutput.contains("warning: image"), "\(ignored)")
      let buildable = try await berth("pull", "--ignore-buildable")
      #expect(buildable.errorOutput.contains("/made:1 Skipped Image can be built"))
      #expect(!buildable.errorOutput.contains("must be built"), "\(buildable)")
    }
  }

  @Test("of one service, and with what it depends on")
  func selection() async throws {
    let compose = """
      services:
        web: {image: "${REGISTRY}/busybox:web", depends_on: [db]}
        db: {image: "${REGISTRY}/busybox:db"}
      """
    try await scenario(compose) { berth in
      try await berth.pushVariants("web=\(host):web", "db=\(host):db")
      let one = try await berth.succeeds("pull", "web")
      #expect(!one.errorOutput.contains("busybox:db"), "\(one)")
      let both = try await berth.succeeds("pull", "--include-deps", "web")
      #expect(both.errorOutput.contains("busybox:db Pulled"), "\(both)")
      let missing = try await berth.succeeds("pull", "--policy", "missing")
      #expect(
        missing.errorOutput.contains("busybox:db Skipped Image is already present locally"))
      let quiet = try await berth.succeeds("pull", "--quiet", "--parallel", "--no-parallel")
      #expect(quiet.errorOutput.isEmpty && quiet.output.isEmpty, "\(quiet)")
      let wrong = try await berth("pull", "--policy", "never")
      #expect(wrong.exitCode != 0)
    }
  }

  @Test("an image by its name, with no compose file or a broken one")
  func byName() async throws {
    try await scenario(nil) { berth in
      let image = berth.environment["IMAGE"] ?? ""
      try await berth.succeeds("pull", image)
      try berth.write("services: [", to: "compose.yaml")
      let pull = try await berth.succeeds("pull", image)
      #expect(pull.errorOutput.contains("Image \(image) Pulled"), "\(pull)")
      let wrong = try await berth("pull", "Not/A:Name")
      #expect(wrong.exitCode == 1)
      #expect(wrong.errorOutput.contains("Not/A:Name"), "\(wrong)")
      try berth.write("services: {}", to: "compose.yaml")
    }
  }

  @Test("as JSON: one object a line, of images and of their layers")
  func json() async throws {
    try await scenario("services: {web: {image: \"${IMAGE}\"}}") { berth in
      let pull = try await berth.succeeds("--progress", "json", "pull")
      let lines = pull.errorOutput.split(separator: "\n")
      #expect(lines.allSatisfy { $0.hasPrefix(#"{"id":""#) && $0.hasSuffix("}") }, "\(pull)")
      #expect(lines.first?.contains(#""text":"Pulling""#) == true)
      #expect(lines.last?.contains(#""status":"Done","text":"Pulled""#) == true)
      #expect(lines.contains { $0.contains(#""parent_id":"Image "#) })
    }
  }

  @Test("on a terminal: drawn over and over, at last with all that was done")
  func terminal() async throws {
    try await scenario("services: {web: {image: \"${IMAGE}\"}}") { berth in
      let pull = try await berth.tool(
        "env", "TERM=xterm", "NO_COLOR=1", "script", "-qec",
        "stty cols 70 rows 20; \(Berth.program) pull", "/dev/null")
      #expect(pull.exitCode == 0, "\(pull)")
      #expect(pull.output.contains("[+] pull 2/2"), "\(pull)")
      #expect(pull.output.contains(" ✔ Image "), "\(pull)")
      #expect(pull.output.contains("Pull complete"), "\(pull)")
      for colour in ["\u{1B}[32m", "\u{1B}[34m", "\u{1B}[1m", "\u{1B}[2m"] {
        #expect(!pull.output.contains(colour), "colours, though NO_COLOR is set")
      }
    }
  }
}
