// Registries that lie, break off or are not there.

import Glibc
import TestSupport
import Testing

@Suite(
  "an image that cannot be had is told, and leaves nothing half in the store",
  .enabled(if: isRoot))
struct ImageFaultTests {
  private static func web(_ image: String) -> String {
    "services: {web: {image: \"\(image)\", command: sleep 1000, stop_grace_period: 0s}}"
  }

  /// Files of the store that belong to no whole image; the locks of digests stay, and are empty.
  private func halfDone(_ berth: Berth) async throws -> [String] {
    try await berth.tool(
      "find", berth.state + "/images/ingest", "-mindepth", "1", "!", "(", "-name", "*.lock",
      "-empty",
      ")"
    ).lines
  }

  @Test("a missing image: which registry said what")
  func missing() async throws {
    try await scenario(Self.web("${REGISTRY}/nosuch:1")) { berth in
      let up = try await berth("up", "-d")
      #expect(up.exitCode != 0)
      #expect(up.errorOutput.contains("registry `\(berth.registry.address)`"))
      #expect(up.errorOutput.contains("nosuch:1"))
      #expect(up.errorOutput.contains("manifest unknown"))
      #expect(try await berth.rows().isEmpty)
      #expect(try await halfDone(berth).isEmpty)
    }
  }

  @Test("a registry that is not there: its address and the reason")
  func noRegistry() async throws {
    let port = try freePort()
    try await scenario(Self.web("127.0.0.1:\(port)/busybox")) { berth in
      let up = try await berth("up", "-d", within: .seconds(60))
      #expect(up.exitCode != 0)
      #expect(up.errorOutput.contains("127.0.0.1:\(port)"))
      #expect(up.errorOutput.lowercased().contains("connect"), "\(up)")
    }
  }

  @Test("a digest that the registry does not have is refused")
  func unknownDigest() async throws {
    let digest = "sha256:" + String(repeating: "0", count: 64)
    try await scenario(Self.web("${REGISTRY}/busybox@\(digest)")) { berth in
      let up = try await berth("up", "-d")
      #expect(up.exitCode != 0)
      #expect(up.errorOutput.contains(digest))
      #expect(try await berth.rows().isEmpty)
    }
  }

  @Test("a layer whose bytes are not those of its digest is refused, and not kept")
  func wrongBytes() async throws {
    try await scenario(Self.web("${IMAGE}"), ownsRegistry: true) { berth in
      let blobs = berth.root + "/registry/data/docker/registry/v2/blobs"
      let largest = try await berth.tool(
        "sh", "-c", "find \(blobs) -name data -size +100k | head -n 1")
      let layer = trimmed(largest.output)
      let digest = try #require(layer.split(separator: "/").dropLast().last)
      let keep = berth.root + "/layer"
      try await berth.tool("cp", layer, keep)
      try await berth.tool(
        "dd", "if=/dev/zero", "of=\(layer)", "bs=1", "seek=50000", "count=64", "conv=notrunc")
      let up = try await berth("up", "-d", within: .seconds(60))
      #expect(up.exitCode != 0)
      #expect(up.errorOutput.contains(String(digest)), "\(up)")
      let kept = try await berth.tool(
        "find", berth.state + "/images", "-name", "*\(digest)*", "-size", "+0")
      #expect(kept.lines.isEmpty)
      #expect(try await halfDone(berth).isEmpty)
      try await berth.tool("cp", keep, layer)
      try await berth.succeeds("up", "-d")
      #expect(try await berth.states() == ["shop-web-1": "running"])
    }
  }

  /// Runs `body` with a proxy before the registry, whose mode is the file `mode` of the project.
  private func withProxy(
    _ mode: String, _ body: (Berth, _ address: String) async throws -> Void
  ) async throws {
    try await scenario(Self.web("${PROXY}/busybox:latest"), files: ["mode": mode]) { berth in
      let upstream = try #require(berth.registry.address.split(separator: ":").last)
      let proxy = try Command(
        [
          "python3", repositoryTop + "/Tests/Fixtures/breaking-proxy/proxy.py", String(upstream),
          berth.project + "/mode",
        ], folder: "/", environment: ["PATH": "/usr/bin:/bin"])
      try await eventually("the proxy's port") { proxy.outputSoFar.hasSuffix("\n") }
      let address = "127.0.0.1:" + trimmed(proxy.outputSoFar)
      try berth.write("PROXY=\(address)\n", to: ".env")
      do {
        try await body(berth, address)
      } catch {
        proxy.signal(SIGKILL)
        throw error
      }
      proxy.signal(SIGKILL)
      _ = try await proxy.wait()
    }
  }

  @Test("a transfer that is cut in its middle goes on from there")
  func cut() async throws {
    try await withProxy("cut") { berth, _ in
      try await berth.succeeds("up", "-d", within: .seconds(60))
      #expect(berth.text(of: "shop/mode") == "pass\n", "the proxy had nothing to cut")
      #expect(try await berth.states() == ["shop-web-1": "running"])
      #expect(try await halfDone(berth).isEmpty)
    }
  }

  @Test("a registry that goes away half-way is told; the next pull works")
  func gone() async throws {
    try await withProxy("gone") { berth, address in
      let up = try await berth("up", "-d", within: .seconds(90))
      #expect(berth.text(of: "shop/mode") == "dead\n", "the proxy had nothing to cut")
      #expect(up.exitCode != 0)
      #expect(up.errorOutput.contains(address))
      #expect(try await berth.rows().isEmpty)
      #expect(try await halfDone(berth).isEmpty)
      let images = try await berth.tool("ls", berth.state + "/images/layers")
      #expect(images.lines.isEmpty)
      try berth.write("pass\n", to: "mode")
      try await berth.succeeds("up", "-d")
      #expect(try await berth.states() == ["shop-web-1": "running"])
    }
  }
}
