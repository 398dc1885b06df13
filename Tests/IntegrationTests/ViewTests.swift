import JSON
import TestSupport
import Testing

@Suite("ps, logs, images, config and version tell what there is", .enabled(if: isRoot))
struct ViewTests {
  private static let web = """
    services:
      web:
        image: ${IMAGE}
        command: sleep 1000
        ports: ["127.0.0.1:${PORT}:80"]
        volumes: ["data:/data"]
        labels: {team: red}
      ended: {image: "${IMAGE}", command: sh -c "exit 3"}
    volumes: {data: }
    """

  @Test("ps prints the reference's table, and -a the ended ones too")
  func table() async throws {
    let port = try freePort()
    try await scenario(Self.web, files: [".env": "PORT=\(port)"]) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.waitForState("exited", of: "shop-ended-1")
      let lines = try await berth.succeeds("ps").lines
      #expect(
        lines[0].split(separator: " ").map(String.init)
          == ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"])
      #expect(lines.count == 2)
      #expect(lines[1].hasPrefix("shop-web-1 "))
      #expect(lines[1].contains(#""sleep 1000""#))
      #expect(lines[1].contains(" Up "))
      #expect(lines[1].contains("127.0.0.1:\(port)->80/tcp"))
      let all = try await berth.succeeds("ps", "-a").output
      #expect(all.contains("Exited (3)"))
    }
  }

  @Test("ps --format json gives the reference's keys, one object on each line")
  func json() async throws {
    let port = try freePort()
    try await scenario(Self.web, files: [".env": "PORT=\(port)"]) { berth in
      #expect(try await berth.succeeds("ps", "--format", "json").output.isEmpty)
      try await berth.succeeds("up", "-d")
      let lines = try await berth.succeeds("ps", "--format", "json", "web").lines
      try #require(lines.count == 1)
      let object = try JSONValue(parsing: Array(lines[0].utf8))
      let keys = [
        "Command", "CreatedAt", "ExitCode", "Health", "ID", "Image", "Labels", "LocalVolumes",
        "Mounts", "Name", "Names", "Networks", "Ports", "Project", "Publishers", "RunningFor",
        "Service", "Size", "State", "Status",
      ]
      // One more than the reference has: whether the container ran out of memory.
      #expect(
        object.object?.members.map(\.name).filter { !["Engine", "OOMKilled"].contains($0) } == keys)
      #expect(object["ID"]?.string?.utf8.count == 12)
      #expect(object["Networks"] == "shop_default")
      #expect(object["LocalVolumes"] == "1")
      #expect(object["Labels"]?.string?.contains("team=red") == true)
      #expect(
        object["Publishers"] == [
          [
            "URL": "127.0.0.1", "TargetPort": 80, "PublishedPort": JSONValue(port),
            "Protocol": "tcp",
          ]
        ])
    }
  }

  private static let talkers = """
    x-all: &all {image: "${IMAGE}"}
    services:
      a: {<<: *all, command: "sh -c 'for i in 1 2 3 4 5; do echo line $$i; done; echo bad >&2'"}
      bee: {<<: *all, command: echo hum}
    """

  @Test("logs prefixes lines with names in one column; --no-log-prefix leaves them bare")
  func logs() async throws {
    try await scenario(Self.talkers) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.waitForLog("bad", of: "a")
      try await berth.waitForLog("hum", of: "bee")
      let lines = try await berth.succeeds("logs").lines
      #expect(lines.filter { $0.hasPrefix("a-1    | ") }.count == 6)
      #expect(lines.contains("bee-1  | hum"))
      #expect(
        try await berth.succeeds("logs", "--no-log-prefix", "a").lines
          == (1...5).map { "line \($0)" } + ["bad"])
    }
  }

  @Test("logs --tail gives the last lines of each container, -t their times")
  func tail() async throws {
    try await scenario(Self.talkers) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.waitForLog("bad", of: "a")
      try await berth.waitForLog("hum", of: "bee")
      #expect(
        try await berth.succeeds("logs", "--no-log-prefix", "--tail", "2", "a").lines
          == ["line 5", "bad"])
      #expect(try await berth.succeeds("logs", "--tail", "1").lines.count == 2)
      for line in try await berth.succeeds("logs", "-t", "--no-log-prefix").lines {
        let stamp = try #require(line.split(separator: " ").first)
        #expect(stamp.hasPrefix("20") && stamp.hasSuffix("Z") && stamp.contains("T"))
      }
    }
  }

  @Test("logs -f shows what comes, and ends when the containers have ended")
  func follow() async throws {
    let compose = """
      services:
        web:
          image: ${IMAGE}
          command: sh -c "echo first; until [ -e /tmp/go ]; do sleep 0.05; done; echo last"
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      let follower = try berth.start(["logs", "-f", "--no-log-prefix"])
      try await eventually("the first line") { follower.outputSoFar.contains("first\n") }
      #expect(follower.isRunning)
      // The container may end before `touch` does, and take it along.
      _ = try await berth("exec", "web", "touch", "/tmp/go")
      let result = try await follower.wait()
      #expect(result.exitCode == 0)
      #expect(result.lines.prefix(2) == ["first", "last"])
    }
  }

  @Test("images names each container's image, in a table and as json")
  func images() async throws {
    try await scenario(Self.talkers) { berth in
      try await berth.succeeds("up", "-d")
      let lines = try await berth.succeeds("images").lines
      #expect(lines.count == 3)
      #expect(lines[1].hasPrefix("shop-a-1"))
      #expect(lines[1].contains("\(berth.registry.address)/busybox"))
      let json = try await berth.succeeds("images", "--format", "json").outputBytes
      let array = try #require(JSONValue(parsing: json).array)
      #expect(array.compactMap { $0["ContainerName"]?.string } == ["shop-a-1", "shop-bee-1"])
      #expect(array.first?["ID"]?.string?.hasPrefix("sha256:") == true)
    }
  }

  @Test("pulling twice fetches nothing the second time, not even from a registry that is gone")
  func pullTwice() async throws {
    try await scenario(Self.talkers, ownsRegistry: true) { berth in
      try await berth.succeeds("pull")
      let before = try await berth.tool("find", berth.state + "/images/blobs", "-type", "f")
      #expect(before.lines.count >= 3)
      try await berth.succeeds("pull")
      let after = try await berth.tool("find", berth.state + "/images/blobs", "-type", "f")
      #expect(before.lines.sorted() == after.lines.sorted())
      try await berth.registry.stop()
      try await berth.succeeds("up", "-d")
      try await berth.waitForLog("hum", of: "bee")
    }
  }

  @Test("config prints the project merged and interpolated, as yaml and as json")
  func config() async throws {
    let files = [
      ".env": "PORT=8123",
      "compose.override.yaml": "services: {web: {environment: {A: \"${NOT_SET:-b}\"}}}",
    ]
    try await scenario(Self.web, files: files) { berth in
      let yaml = try await berth.succeeds("config").output
      #expect(yaml.hasPrefix("name: shop\n"))
      #expect(yaml.contains("A: b\n"))
      let json = try await berth.succeeds("config", "--format", "json").outputBytes
      let web = try JSONValue(parsing: json)["services"]?["web"]
      #expect(web?["ports"]?.array?.first?["published"] == "8123")
      #expect(web?["environment"]?["A"] == "b")
      #expect(try await berth.succeeds("config", "--services").lines.sorted() == ["ended", "web"])
      try berth.write(yaml, to: "printed/compose.yaml")
      let again = try await berth.succeeds("-f", "printed/compose.yaml", "config", "-q")
      #expect(again.output.isEmpty)
    }
  }

  @Test("version tells the version, as text and as json")
  func version() async throws {
    try await scenario { berth in
      #expect(try await berth.succeeds("version").output.hasPrefix("berth version v"))
      let json = try await berth.succeeds("version", "--format", "json").outputBytes
      #expect(try JSONValue(parsing: json)["version"]?.string?.hasPrefix("v") == true)
      #expect(try await berth.succeeds("--version").output.hasPrefix("berth version v"))
    }
  }
}
