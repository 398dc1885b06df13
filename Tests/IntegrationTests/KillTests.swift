// Commands and shims that are killed, and several commands at once.

import Glibc
import TestSupport
import Testing

@Suite(
  "killed commands and shims leave nothing that the next command does not put right",
  .enabled(if: isRoot))
struct KillTests {
  private static let shop = """
    x-all: &all {image: "${IMAGE}", stop_grace_period: 0s}
    services:
      web: {<<: *all, command: httpd -f -p 80 -h /etc, ports: ["${PORT}:80"], depends_on: [db]}
      db: {<<: *all, command: sleep 1000, volumes: ["data:/data"]}
      job: {<<: *all, command: sleep 1000, networks: [default, side]}
    volumes: {data: }
    networks: {side: }
    """
  private static let names = ["shop-db-1", "shop-job-1", "shop-web-1"]

  @Test("several ups at once on one project: all succeed, and containers are as the file says")
  func together() async throws {
    let port = try freePort()
    try await scenario(Self.shop, files: [".env": "PORT=\(port)"]) { berth in
      let ups = try (0..<3).map { _ in try berth.start(["up", "-d"]) }
      for up in ups {
        let result = try await up.wait(within: .seconds(60))
        #expect(result.exitCode == 0, "\(result)")
      }
      berth.remember()
      #expect(try await berth.states() == states("running"))
      #expect(berth.shims().count == 3)
    }
  }

  @Test("different projects at once get networks of their own")
  func projectsTogether() async throws {
    let compose = #"services: {web: {image: "${IMAGE}", command: sleep 1000}}"#
    try await scenario(compose) { berth in
      let names = ["one", "two", "three", "four"]
      let ups = try names.map { try berth.start(["-p", $0, "up", "-d"]) }
      for up in ups {
        let result = try await up.wait(within: .seconds(60))
        #expect(result.exitCode == 0, "\(result)")
      }
      berth.remember()
      var addresses: Set<String> = []
      for name in names {
        let address = try await berth.succeeds("-p", name, "exec", "web", "hostname", "-i")
        addresses.insert(address.output)
      }
      #expect(addresses.count == 4)
      for name in names { try await berth.succeeds("-p", name, "down", "-t", "0") }
    }
  }

  @Test("kill -9 of up at any instant: the next up converges, the next down leaves nothing")
  func killedUp() async throws {
    let port = try freePort()
    try await scenario(Self.shop, files: [".env": "PORT=\(port)"]) { berth in
      try await berth.succeeds("pull")
      for turn in 0..<8 {
        let instant = Duration.milliseconds(20 + turn * 45 + Int.random(in: 0..<45))
        let up = try berth.start(["up", "-d"])
        // The instant of the kill is what is tried here, so this is no wait for anything.
        try await Task.sleep(for: instant)
        up.signal(SIGKILL)
        _ = try await up.wait()
        berth.remember()
        if turn % 2 == 0 {
          let next = try await berth("up", "-d")
          #expect(next.exitCode == 0, "after a kill at \(instant): \(next)")
          #expect(try await berth.states() == states("running"), "after a kill at \(instant)")
          #expect(berth.shims().count == 3)
        }
        let down = try await berth("down", "-v", "-t", "0")
        #expect(down.exitCode == 0, "after a kill at \(instant): \(down)")
        #expect(try await berth.rows().isEmpty)
        try await eventually("nothing left after a kill at \(instant): \(berth.leftovers())") {
          berth.leftovers().isEmpty
        }
      }
    }
  }

  @Test("kill -9 of down at any instant: the next down leaves nothing")
  func killedDown() async throws {
    let port = try freePort()
    try await scenario(Self.shop, files: [".env": "PORT=\(port)"]) { berth in
      for turn in 0..<4 {
        try await berth.succeeds("up", "-d")
        let instant = Duration.milliseconds(20 + turn * 40 + Int.random(in: 0..<40))
        let down = try berth.start(["down", "-v"])
        try await Task.sleep(for: instant)
        down.signal(SIGKILL)
        _ = try await down.wait()
        try await berth.succeeds("down", "-v", "-t", "0")
        #expect(try await berth.rows().isEmpty)
        try await eventually("nothing left after a kill at \(instant): \(berth.leftovers())") {
          berth.leftovers().isEmpty
        }
      }
    }
  }

  @Test("kill -9 of pull at any instant: the next pull works, and what was half done is gone")
  func killedPull() async throws {
    try await scenario(Self.shop, files: [".env": "PORT=1"]) { berth in
      for turn in 0..<5 {
        let instant = Duration.milliseconds(15 + turn * 25 + Int.random(in: 0..<25))
        let pull = try berth.start(["pull"])
        try await Task.sleep(for: instant)
        pull.signal(SIGKILL)
        _ = try await pull.wait()
        let next = try await berth("pull")
        #expect(next.exitCode == 0, "after a kill at \(instant): \(next)")
        let half = try await berth.tool(
          "find", berth.state + "/images/ingest", "-mindepth", "1", "!", "-name", "*.lock")
        #expect(half.lines.isEmpty, "after a kill at \(instant)")
        try await berth.tool("rm", "-r", berth.state + "/images")
      }
    }
  }

  @Test("kill -9 of a shim ends its container alone; ps says so, up brings it back")
  func killedShim() async throws {
    let port = try freePort()
    try await scenario(Self.shop, files: [".env": "PORT=\(port)"]) { berth in
      try await berth.succeeds("up", "-d")
      let lost = try await berth.pidOfFirstProcess("shop-web-1")
      try await berth.killShim(of: "shop-web-1")
      try await eventually("the end of the container", within: .seconds(5)) {
        access("/proc/\(lost)", F_OK) != 0
      }
      let rows = try await berth.rows()
      #expect(rows["shop-web-1"]?.state == "dead", "\(rows)")
      #expect(rows["shop-web-1"]?.exitCode == 137)
      #expect(rows["shop-db-1"]?.state == "running")
      #expect(rows["shop-job-1"]?.state == "running")
      let up = try await berth.succeeds("up", "-d")
      #expect(up.errorOutput.contains("shop-web-1 Started"))
      #expect(try await berth.states() == states("running"))
      #expect(berth.shims().count == 3)
      try await eventually("the page") {
        try await berth.tool("curl", "-fsS", "-m", "2", "http://127.0.0.1:\(port)/group")
          .exitCode == 0
      }
    }
  }

  @Test("after kill -9 of every shim the next down leaves nothing")
  func killedShims() async throws {
    let port = try freePort()
    try await scenario(Self.shop, files: [".env": "PORT=\(port)"]) { berth in
      try await berth.succeeds("up", "-d")
      for name in Self.names { try await berth.killShim(of: name) }
      #expect(try await berth.states() == states("dead"))
      try await berth.succeeds("down", "-v")
      #expect(try await berth.rows().isEmpty)
      try await eventually("nothing left: \(berth.leftovers())") { berth.leftovers().isEmpty }
    }
  }

  private func states(_ state: String) -> [String: String] {
    Dictionary(uniqueKeysWithValues: Self.names.map { ($0, state) })
  }
}

extension Berth {
  /// Ends the shim that a container's record names, and waits until it is gone.
  fileprivate func killShim(of name: String) async throws {
    let pid = try await pidOfFirstProcess(name)
    let record = try await tool("sh", "-c", "cut -d ' ' -f 4 /proc/\(pid)/stat")
    guard let parent = pid_t(trimmed(record.output)), shims().contains(parent) else {
      throw TestFailure("no shim above \(pid): \(record)")
    }
    kill(parent, SIGKILL)
    try await eventually("the end of the shim") { !shims().contains(parent) }
  }
}
