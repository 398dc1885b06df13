import Glibc
import TestSupport
import Testing

@Suite("what is wrong is said clearly, and nothing is made", .enabled(if: isRoot))
struct FaultTests {
  @Test("every fault of the file is told at once, with its place and a hint")
  func file() async throws {
    let compose = """
      services:
        web:
          image: ${IMAGE}
          comand: sleep 1000
          networks: [front]
        a: {image: x, depends_on: [b]}
        b: {image: x, depends_on: [c]}
        c: {image: x, depends_on: [a]}
      networks: {frond: }
      """
    try await scenario(compose) { berth in
      let up = try await berth("up", "-d")
      let told = up.errorOutput
      #expect(up.exitCode != 0)
      #expect(told.contains("unknown key `comand`"))
      #expect(told.contains("compose.yaml:4:5"))
      #expect(told.contains("did you mean `command`?"))
      #expect(told.contains("undefined network `front`"))
      #expect(told.contains("compose.yaml:5:16"))
      #expect(told.contains("did you mean `frond`?"))
      #expect(told.contains("a -> b -> c -> a"))
      #expect(up.output.isEmpty)
      try berth.write("services: {}", to: "compose.yaml")
      #expect(berth.leftovers().isEmpty)
    }
  }

  @Test("a port that another container holds: which one, and nothing is created")
  func portOfContainer() async throws {
    let port = try freePort()
    let compose = """
      services:
        web: {image: "${IMAGE}", command: sleep 1000, ports: ["\(port):80"]}
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      let other = try await berth("-p", "other", "up", "-d")
      #expect(other.exitCode != 0)
      #expect(other.errorOutput.contains("\(port)"))
      #expect(other.errorOutput.contains("shop-web-1"), "\(other)")
      #expect(try await berth.succeeds("-p", "other", "ps", "-a", "-q").output.isEmpty)
      #expect(berth.text(of: "state/networks/other_default/network.json") == nil)
      #expect(try await berth.states() == ["shop-web-1": "running"])
    }
  }

  @Test("a port that a program of the host holds: which one, and nothing is created")
  func portOfProgram() async throws {
    let port = try freePort()
    let compose = """
      services:
        web: {image: "${IMAGE}", command: sleep 1000, ports: ["\(port):80"]}
      """
    try await scenario(compose) { berth in
      let holder = try Command(
        ["python3", "-m", "http.server", "\(port)"], folder: "/",
        environment: ["PATH": "/usr/bin:/bin"])
      try await eventually("the port to be held") {
        try await berth.tool("curl", "-s", "-o", "/dev/null", "http://127.0.0.1:\(port)/")
          .exitCode == 0
      }
      let up = try await berth("up", "-d")
      holder.signal(SIGKILL)
      _ = try await holder.wait()
      #expect(up.exitCode != 0)
      #expect(
        up.errorOutput.contains("python3") || up.errorOutput.contains("\(holder.pid)"), "\(up)")
      #expect(try await berth.rows().isEmpty)
      #expect(berth.text(of: "state/networks/shop_default/network.json") == nil)
      try await berth.succeeds("up", "-d")
    }
  }

  @Test(
    "a command that the image does not have: an error of `up` that names it, the status of `run`")
  func commandNotFound() async throws {
    let compose = #"services: {web: {image: "${IMAGE}", command: nosuch --flag}}"#
    try await scenario(compose) { berth in
      let up = try await berth("up", "-d")
      #expect(up.exitCode == 1)
      #expect(up.errorOutput.contains("shop-web-1"))
      #expect(up.errorOutput.contains(#""nosuch": executable file not found"#))
      #expect(berth.shims().isEmpty)
      let run = try await berth("run", "--rm", "web")
      #expect(run.exitCode == 127)
    }
  }

  @Test("who is not root is told so")
  func notRoot() async throws {
    let compose = #"services: {web: {image: "${IMAGE}", command: sleep 1000}}"#
    try await scenario(compose) { berth in
      // A place that everybody may read.
      try await berth.tool("chmod", "755", berth.root)
      let programs = berth.root + "/bin"
      try await berth.tool("mkdir", "-m", "755", programs)
      let shim = String(Berth.program.dropLast(5)) + "berth-shim"
      try await berth.tool("cp", Berth.program, shim, programs)
      let up = try await berth.tool(
        "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", programs + "/berth",
        "up", "-d")
      #expect(up.exitCode != 0)
      #expect(up.errorOutput.contains("root"), "\(up)")
      #expect(up.errorOutput.contains("hint:"))
      #expect(try await berth.rows().isEmpty)
    }
  }

  @Test("no compose file: where it was looked for")
  func noFile() async throws {
    try await scenario { berth in
      let up = try await berth("up", "-d")
      #expect(up.exitCode != 0)
      #expect(up.errorOutput.contains("compose.yaml"), "\(up)")
    }
  }
}
