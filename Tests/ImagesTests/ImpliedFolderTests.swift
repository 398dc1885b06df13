// A layer that adds a file to a folder that it does not describe must leave the folder as it was.

import Archive
import CLinux
import Glibc
import Linux
import OCI
import SystemPackage
import TestSupport
import Testing

@testable import Images

@Suite("A folder that a layer does not describe", .enabled(if: isRoot), .timeLimit(.minutes(1)))
struct ImpliedFolderTests {
  private func described(_ path: String, _ mode: UInt32, _ owner: UInt32 = 0) -> TarEntry {
    var entry = folder(path)
    (entry.mode, entry.uid, entry.gid) = (mode, owner, owner)
    entry.modified = TarTime(seconds: 1_000_000_000)
    return entry
  }

  private func archive(_ entries: TarEntry...) -> [UInt8] {
    var writer = TarWriter()
    for entry in entries {
      writer.add(entry, content: entry.kind == .file ? Array("x".utf8) : [])
    }
    writer.finish()
    return writer.output
  }

  @Test("is like the nearest one below that it covers")
  func isLikeBelow() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    let layers = [
      archive(
        described(".", 0o751, 5), described("tmp", 0o1777),
        with("user.kept", described("own", 0o700, 7)),
        described("own/sub", 0o2750, 8), described("cut", 0o711), described("hidden", 0o711),
        described("hidden/sub", 0o711)),
      archive(plain("tmp/a"), plain("own/sub/b"), plain(".wh.cut"), plain("hidden/.wh..wh..opq")),
      archive(
        plain("tmp/c"), plain("own/sub/d"), plain("cut/e"), plain("hidden/sub/f"), plain("new/g")),
    ]
    registry.put(try FakeImage(tars: layers), as: "web")
    try await Workshop.using { workshop in
      let reference = try ImageReference(parsing: "\(registry.address)/web")
      try await workshop.puller().pull([PullRequest(reference)]) { _ in }
      let image = try #require(try workshop.store.resolve(reference))
      func seen(_ layer: Int, _ path: String) throws -> String {
        var status = stat()
        let place = path.isEmpty ? image.layers[layer] : image.layers[layer].appending(path)
        try #require(lstat(place.string, &status) == 0, "\(path)")
        return String(status.st_mode & 0o7777, radix: 8) + " \(status.st_uid):\(status.st_gid)"
          + (status.st_mtim.tv_sec == 1_000_000_000 ? " then" : "")
      }
      for layer in [1, 2] {
        #expect(try seen(layer, "") == "751 5:5 then")
        #expect(try seen(layer, "tmp") == "1777 0:0 then")
        #expect(try seen(layer, "own") == "700 7:7 then")
        #expect(try seen(layer, "own/sub") == "2750 8:8 then")
        #expect(xattrs(image.layers[layer].appending("own")) == ["user.kept"])
      }
      // Below a whiteout and below an opaque folder there is nothing to be like.
      #expect(try seen(2, "cut").hasPrefix("755 0:0"))
      #expect(try seen(2, "hidden/sub").hasPrefix("755 0:0"))
      #expect(try seen(2, "new").hasPrefix("755 0:0"))
      for layer in image.layers {
        let list = layer.removingLastComponent().appending("implied")
        #expect(access(list.string, F_OK) != 0)
      }
    }
  }

  @Test("at the top, when no layer describes it, can be entered by everybody")
  func root() async throws {
    let registry = try FakeRegistry()
    defer { registry.stop() }
    registry.put(try FakeImage(tars: [archive(plain("a"))]), as: "web")
    try await Workshop.using { workshop in
      let reference = try ImageReference(parsing: "\(registry.address)/web")
      try await workshop.puller().pull([PullRequest(reference)]) { _ in }
      let image = try #require(try workshop.store.resolve(reference))
      var status = stat()
      try #require(lstat(image.layers[0].string, &status) == 0)
      #expect(status.st_mode & 0o7777 == 0o755)
    }
  }

  @Test("goes with a tree that is deeper than a process may have descriptors")
  func deep() async throws {
    try await Bench.using { bench in
      let path = Array(repeating: "d", count: 2000).joined(separator: "/")
      try bench.unpack([plain(path + "/file"), plain(".berth-removing-1/keep"), plain("d")])
      #expect(bench.type("d") == "-")
      try removeTree(bench.layer)
      #expect(access(bench.layer.string, F_OK) != 0)
    }
  }
}
