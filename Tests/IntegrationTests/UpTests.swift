import TestSupport
import Testing

@Suite("`up` brings the project to what its file says", .enabled(if: isRoot))
struct UpTests {
  private static let two = """
    x-all: &all {image: "${IMAGE}", stop_grace_period: 1s}
    services:
      web: {<<: *all, command: sleep 1000}
      db: {<<: *all, command: sleep 1000, volumes: ["data:/data"]}
    volumes: {data: }
    """

  @Test("up -d starts every service, and a shim for each container is all that stays")
  func starts() async throws {
    try await scenario(Self.two) { berth in
      try await berth.succeeds("up", "-d")
      #expect(try await berth.states() == ["shop-web-1": "running", "shop-db-1": "running"])
      #expect(berth.shims().count == 2)
    }
  }

  @Test("down leaves the volume; down -v takes it too")
  func down() async throws {
    try await scenario(Self.two) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.succeeds("exec", "db", "sh", "-c", "echo kept > /data/file")
      try await berth.succeeds("down", "-t", "0")
      #expect(try await berth.rows().isEmpty)
      #expect(berth.leftovers().isEmpty)
      #expect(berth.text(of: "state/volumes/shop_data/data/file") == "kept\n")
      try await berth.succeeds("up", "-d")
      #expect(try await berth.inside("db", "cat /data/file") == "kept")
      try await berth.succeeds("down", "-v", "-t", "0")
      #expect(berth.text(of: "state/volumes/shop_data/volume.json") == nil)
    }
  }

  @Test("up on an unchanged project does nothing")
  func unchanged() async throws {
    try await scenario(Self.two) { berth in
      try await berth.succeeds("up", "-d")
      let before = try await berth.rows().mapValues(\.id)
      #expect(trimmed(try await berth.succeeds("up", "--dry-run").output) == "nothing to do")
      try await berth.succeeds("up", "-d")
      #expect(try await berth.rows().mapValues(\.id) == before)
    }
  }

  @Test("up on a changed project says what changed, and recreates only that")
  func changed() async throws {
    try await scenario(Self.two) { berth in
      try await berth.succeeds("up", "-d")
      let before = try await berth.rows()
      try berth.write(
        Self.two + "\n", to: "compose.yaml")
      #expect(trimmed(try await berth.succeeds("up", "--dry-run").output) == "nothing to do")
      try berth.write(
        """
        services:
          web:
            environment: {NEW: "1"}
        """, to: "compose.override.yaml")
      let plan = try await berth.succeeds("up", "--dry-run").output
      #expect(
        plan.contains("create container shop-web-1 beside the old one (its configuration changed)"))
      #expect(!plan.contains("shop-db-1"))
      #expect(try await berth.rows().mapValues(\.id) == before.mapValues(\.id))
      try await berth.succeeds("up", "-d")
      let after = try await berth.rows()
      #expect(after["shop-web-1"]?.id != before["shop-web-1"]?.id)
      #expect(after["shop-db-1"]?.id == before["shop-db-1"]?.id)
      #expect(try await berth.inside("web", "echo $NEW") == "1")
    }
  }

  @Test("--force-recreate makes all anew, --no-recreate leaves even what changed")
  func recreation() async throws {
    try await scenario(Self.two) { berth in
      try await berth.succeeds("up", "-d")
      let first = try await berth.rows().mapValues(\.id)
      try await berth.succeeds("up", "-d", "--force-recreate", "-t", "0")
      let second = try await berth.rows().mapValues(\.id)
      for (name, id) in second { #expect(first[name] != id) }
      try berth.write("services: {web: {environment: [A=1]}}", to: "compose.override.yaml")
      try await berth.succeeds("up", "-d", "--no-recreate")
      #expect(try await berth.rows().mapValues(\.id) == second)
    }
  }

  @Test("scale and deploy.replicas say how many; --scale changes it and keeps the others")
  func scale() async throws {
    let compose = """
      x-all: &all {image: "${IMAGE}", command: sleep 1000}
      services:
        a: {<<: *all, scale: 2}
        b: {<<: *all, deploy: {replicas: 3}}
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      let first = try await berth.rows()
      let names = ["shop-a-1", "shop-a-2", "shop-b-1", "shop-b-2", "shop-b-3"]
      #expect(first.keys.sorted() == names)
      try await berth.succeeds("up", "-d", "-t", "0", "--scale", "a=3", "--scale", "b=1")
      let second = try await berth.rows()
      #expect(second.keys.sorted() == ["shop-a-1", "shop-a-2", "shop-a-3", "shop-b-1"])
      #expect(second["shop-a-1"]?.id == first["shop-a-1"]?.id)
      #expect(second["shop-b-1"]?.id == first["shop-b-1"]?.id)
    }
  }

  @Test("orphans are told, and removed when asked for")
  func orphans() async throws {
    try await scenario(Self.two) { berth in
      try await berth.succeeds("up", "-d")
      try berth.write(
        "services: {web: {image: \"${IMAGE}\", command: sleep 1000}}", to: "compose.yaml")
      let told = try await berth.succeeds("up", "-d")
      #expect(told.errorOutput.contains("shop-db-1"))
      #expect(try await berth.rows()["shop-db-1"] != nil)
      try await berth.succeeds("up", "-d", "-t", "0", "--remove-orphans")
      #expect(try await berth.rows().keys.sorted() == ["shop-web-1"])
    }
  }

  @Test("stop leaves containers that start brings back with what they had written")
  func stopAndStart() async throws {
    try await scenario(Self.two) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.succeeds("exec", "web", "sh", "-c", "echo mine > /tmp/file")
      let before = try await berth.rows().mapValues(\.id)
      try await berth.succeeds("stop", "-t", "0")
      #expect(try await berth.states() == ["shop-web-1": "exited", "shop-db-1": "exited"])
      #expect(try await berth.row("shop-web-1").exitCode == 137)
      #expect(berth.shims().isEmpty)
      try await berth.succeeds("start")
      #expect(try await berth.states() == ["shop-web-1": "running", "shop-db-1": "running"])
      #expect(try await berth.rows().mapValues(\.id) == before)
      #expect(try await berth.inside("web", "cat /tmp/file") == "mine")
    }
  }

  @Test("stop sends the stop signal of the service and waits for its grace period only")
  func stopSignal() async throws {
    let compose = """
      services:
        polite:
          image: ${IMAGE}
          command: sh -c "trap 'exit 7' USR1; echo ready; while true; do sleep 0.1; done"
          stop_signal: SIGUSR1
        deaf:
          image: ${IMAGE}
          command: sh -c "trap '' TERM; echo ready; while true; do sleep 0.1; done"
          stop_grace_period: 300ms
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.waitForLog("ready", of: "polite")
      try await berth.waitForLog("ready", of: "deaf")
      let stop = try await berth.succeeds("stop")
      #expect(stop.duration < .seconds(8))
      #expect(try await berth.row("shop-polite-1").exitCode == 7)
      #expect(try await berth.row("shop-deaf-1").exitCode == 137)
    }
  }
}
