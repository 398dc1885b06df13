import TestSupport
import Testing

@Suite("volumes, binds and tmpfs hold what they promise", .enabled(if: isRoot))
struct VolumeTests {
  @Test("a named volume is filled from the image once, with owners, and then keeps its own")
  func firstFill() async throws {
    let compose = """
      services:
        web: {image: "${IMAGE}", command: sleep 1000, volumes: ["home:/etc"]}
      volumes: {home: }
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      #expect(try await berth.inside("web", "grep -c root /etc/passwd") == "1")
      try await berth.succeeds(
        "exec", "web", "sh", "-c", "rm /etc/group; echo new > /etc/mine; chown 33:33 /etc/mine")
      try await berth.succeeds("up", "-d", "--force-recreate", "-t", "0")
      #expect(try await berth.inside("web", "ls /etc/group || echo gone") == "gone")
      #expect(
        try await berth.inside("web", "stat -c %u:%g /etc/mine; cat /etc/mine") == "33:33\nnew")
    }
  }

  @Test("two services share one volume at once")
  func shared() async throws {
    let compose = """
      x-all: &all {image: "${IMAGE}", command: sleep 1000, volumes: ["data:/data"]}
      services: {a: *all, b: *all}
      volumes: {data: }
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      try await berth.succeeds("exec", "a", "sh", "-c", "echo hi > /data/x")
      #expect(try await berth.inside("b", "cat /data/x") == "hi")
    }
  }

  @Test("a bind shows the host's folder: ro refuses to be written, rw passes it through")
  func binds() async throws {
    let compose = """
      services:
        web:
          image: ${IMAGE}
          command: sleep 1000
          volumes:
            - ./in:/in:ro
            - ./out:/out
            - {type: bind, source: ./in/file, target: /single, read_only: true}
      """
    try await scenario(compose, files: ["in/file": "text", "out/file": "old"]) { berth in
      try await berth.succeeds("up", "-d")
      #expect(try await berth.inside("web", "cat /in/file /single") == "texttext")
      let refused = try await berth("exec", "web", "sh", "-c", "echo x > /in/file")
      #expect(refused.exitCode != 0)
      #expect(refused.errorOutput.contains("Read-only file system"))
      let remount = try await berth("exec", "web", "mount", "-o", "remount,rw", "/in")
      #expect(remount.exitCode != 0)
      try await berth.succeeds("exec", "web", "sh", "-c", "echo new > /out/file")
      #expect(berth.text(of: "shop/out/file") == "new\n")
      #expect(berth.text(of: "shop/in/file") == "text")
    }
  }

  @Test("a bind makes the folder that lacks, unless the file says not to: then nothing is started")
  func missingSource() async throws {
    let short =
      #"services: {web: {image: "${IMAGE}", command: sleep 1000, volumes: ["./new:/new"]}}"#
    try await scenario(short) { berth in
      try await berth.succeeds("up", "-d")
      #expect(try await berth.tool("test", "-d", "new").exitCode == 0)
      try berth.write(
        """
        services:
          web:
            volumes:
              - {type: bind, source: ./absent, target: /absent, bind: {create_host_path: false}}
        """, to: "compose.override.yaml")
      let up = try await berth("up", "-d", "-t", "0")
      #expect(up.exitCode != 0)
      #expect(up.errorOutput.contains("absent"))
      #expect(try await berth.tool("test", "-e", "absent").exitCode == 1)
    }
  }

  @Test("tmpfs is empty at each start, of the size that was asked for")
  func tmpfs() async throws {
    let compose = """
      services:
        web:
          image: ${IMAGE}
          command: sleep 1000
          tmpfs: [/scratch]
          volumes: [{type: tmpfs, target: /small, tmpfs: {size: 1m, mode: 0700}}]
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      #expect(try await berth.inside("web", "stat -f -c %T /scratch /small") == "tmpfs\ntmpfs")
      #expect(
        try await berth.inside("web", "df -k /small | tail -n 1 | awk '{print $2}'") == "1024")
      #expect(try await berth.inside("web", "stat -c %a /small") == "700")
      try await berth.succeeds("exec", "web", "touch", "/scratch/x")
      try await berth.succeeds("stop", "-t", "0")
      try await berth.succeeds("start")
      #expect(try await berth.inside("web", "ls /scratch") == "")
    }
  }
}
