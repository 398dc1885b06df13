// Contexts, stages and roots that would have a copy read or write outside of them, or never end. A canary
// lies outside: it is not seen in what comes out, and stays as it was.

import Blueprint
import CLinux
import Control
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import Layering

/// One trap: what is laid out, and what is copied.
struct Trap: Sendable, CustomTestStringConvertible {
  enum Outcome: Sendable {
    case refused
    /// A layer with these members, and more perhaps.
    case made([String])
    case nothing
  }

  var testDescription: String
  var outcome: Outcome
  var lay: @Sendable (Workbench) throws -> LayerStep
}

private let secret = "a yellow bird that nobody sees"

extension Workbench {
  fileprivate var nest: String { root + "/nest" }
  fileprivate var canary: String { root + "/nest/canary" }

  fileprivate func step(
    _ pattern: String, _ target: String = "/o/", _ change: (inout LayerCopy) -> Void = { _ in }
  ) -> LayerStep { .copy(copy(pattern, to: target, change)) }
}

private let ups = String(repeating: "../", count: 12)

/// Links and paths of a source that lead out of it. In it, where they lead, is nothing.
private let sourceTricks: [(String, @Sendable (Workbench) throws -> String)] = [
  (
    "an absolute link",
    {
      try $0.link("l", to: $0.canary); return "l"
    }
  ),
  (
    "a link up",
    {
      try $0.link("l", to: "../nest/canary"); return "l"
    }
  ),
  (
    "a link far up",
    {
      try $0.link("l", to: ups + $0.canary); return "l"
    }
  ),
  (
    "a chain of links",
    {
      try $0.link("l", to: "m")
      try $0.link("m", to: "n/../k")
      try $0.link("k", to: $0.canary)
      try $0.folder("n")
      return "l"
    }
  ),
  (
    "a file behind a linked folder",
    {
      try $0.link("d", to: $0.nest); return "d/canary"
    }
  ),
  (
    "a linked folder",
    {
      try $0.link("d", to: $0.nest); return "d"
    }
  ),
  (
    "a linked folder with a slash",
    {
      try $0.link("d", to: $0.nest); return "d/"
    }
  ),
  (
    "wildcards behind a linked folder",
    {
      try $0.link("d", to: $0.nest); return "d/*"
    }
  ),
  (
    "wildcards for a linked folder",
    {
      try $0.link("d", to: $0.nest); return "?/canary"
    }
  ),
  (
    "the root by procfs",
    {
      try $0.link("l", to: "/proc/self/root" + $0.canary); return "l"
    }
  ),
  (
    "the root of another",
    {
      try $0.link("l", to: "/proc/1/root" + $0.canary); return "l"
    }
  ),
  (
    "the working folder",
    {
      try $0.link("l", to: "/proc/self/cwd"); return "l/" + $0.canary
    }
  ),
  (
    "a descriptor",
    {
      try $0.link("l", to: "/dev/fd/0"); return "l"
    }
  ),
  ("up", { _ in "../nest/canary" }),
  ("far up", { ups + String($0.canary.dropFirst()) }),
  (
    "up behind a folder",
    {
      try $0.folder("s"); return "s/../../nest/canary"
    }
  ),
  ("its whole path", { $0.canary }),
  ("wildcards up", { _ in "../n*/canary" }),
  (
    "a link up and on",
    {
      try $0.link("u", to: ".."); return "u/nest/canary"
    }
  ),
  (
    "links in a circle",
    {
      try $0.link("a", to: "b")
      try $0.link("b", to: "a")
      return "a"
    }
  ),
  (
    "a link to itself",
    {
      try $0.link("a", to: "a/a"); return "a"
    }
  ),
  (
    "parents of a link",
    {
      try $0.link("d", to: $0.nest); return "d/./canary"
    }
  ),
]

private let sources: [Trap] = sourceTricks.flatMap { name, lay in
  let outcome = name.contains("wildcards") ? Trap.Outcome.nothing : .refused
  return [
    Trap(testDescription: "context: \(name)", outcome: outcome) { bench in
      let pattern = try lay(bench)
      return bench.step(pattern) { $0.keepsParents = pattern.contains("/./") }
    },
    Trap(testDescription: "stage: \(name)", outcome: outcome) { bench in
      let pattern = try lay(bench)
      return bench.step(pattern) {
        $0.source = .layers([Bytes(bench.below), Bytes(bench.context)])
        $0.keepsParents = pattern.contains("/./")
      }
    },
  ]
}

/// Links of the root that is copied to: they lead to somewhere in it, or are replaced.
private let targets: [Trap] = [
  Trap(testDescription: "target: a link to a file", outcome: .made(["o3"])) { bench in
    try bench.link("/below/o", to: "/target")
    try bench.link("/below/target", to: ups + "../o2")
    try bench.link("/below/o2", to: "o3")
    try bench.file("f")
    return bench.step("f", "/o")
  },
  Trap(testDescription: "target: a link out", outcome: .made([])) { bench in
    try bench.link("/below/o", to: bench.canary)
    try bench.file("f", "evil")
    return bench.step("f", "/o")
  },
  Trap(testDescription: "target: a linked folder", outcome: .made([])) { bench in
    try bench.link("/below/o", to: bench.nest)
    try bench.file("canary", "evil")
    return bench.step("canary", "/o/")
  },
  Trap(testDescription: "target: up", outcome: .made(["nest/", "nest/canary"])) { bench in
    try bench.file("f", "evil")
    return bench.step("f", ups + "nest/canary")
  },
  Trap(testDescription: "target: by procfs", outcome: .made([])) { bench in
    try bench.link("/below/o", to: "/proc/self/root" + bench.nest)
    try bench.file("canary", "evil")
    return bench.step("canary", "/o/")
  },
  Trap(testDescription: "target: links in a circle", outcome: .refused) { bench in
    try bench.link("/below/a", to: "b")
    try bench.link("/below/b", to: "a")
    try bench.file("f")
    return bench.step("f", "/a/x/")
  },
  Trap(testDescription: "target: a folder over a linked folder", outcome: .refused) { bench in
    try bench.link("/below/d", to: bench.nest)
    try bench.file("t/d/canary", "evil")
    return bench.step("t", "/")
  },
  Trap(testDescription: "target: a file over a link", outcome: .made(["d/canary"])) { bench in
    try bench.link("/below/d/canary", to: bench.canary)
    try bench.file("canary", "evil")
    return bench.step("canary", "/d/")
  },
  Trap(testDescription: "target: a link over a link", outcome: .made(["d/canary"])) { bench in
    try bench.link("/below/d/canary", to: bench.canary)
    try bench.link("d/canary", to: bench.canary)
    return bench.step("d", "/d/") { $0.owner = "12" }
  },
  Trap(testDescription: "target: a working folder out", outcome: .made([])) { bench in
    try bench.link("/below/w", to: bench.nest)
    return .folder(path: "/w/new", user: "12")
  },
  Trap(testDescription: "accounts: a link out", outcome: .refused) { bench in
    try bench.file("/nest/passwd", "eve:x:0:0::/:\n")
    try bench.link("/below/etc/passwd", to: bench.nest + "/passwd")
    try bench.file("f")
    return bench.step("f") { $0.owner = "eve" }
  },
  Trap(testDescription: "accounts: a fifo", outcome: .refused) { bench in
    try bench.folder("/below/etc")
    try checking("mkfifo") { mkfifo(bench.path("/below/etc/passwd"), 0o600) }
    try bench.file("f")
    return bench.step("f") { $0.owner = "eve" }
  },
]

/// What has no place in a context, or is there to be stumbled over.
private let contexts: [Trap] = [
  Trap(testDescription: "context: a fifo by name", outcome: .made(["o/p"])) { bench in
    try checking("mkfifo") { mkfifo(bench.path("p"), 0o600) }
    return bench.step("p") { $0.unpacks = .archives }
  },
  Trap(testDescription: "context: a fifo behind a link", outcome: .made(["o/l"])) { bench in
    try checking("mkfifo") { mkfifo(bench.path("p"), 0o600) }
    try bench.link("l", to: "p")
    return bench.step("l")
  },
  Trap(testDescription: "context: a device", outcome: .refused) { bench in
    try checking("mknod") { mknod(bench.path("zero"), S_IFCHR | 0o666, 0x105) }
    return bench.step("zero")
  },
  Trap(testDescription: "context: a fifo that is ignored", outcome: .made(["o/f"])) { bench in
    try checking("mkfifo") { mkfifo(bench.path("p"), 0o600) }
    try bench.file("f")
    return bench.step(".") { $0.source = bench.source(ignoring: ["p"]) }
  },
  Trap(testDescription: "context: folders without end", outcome: .refused) { bench in
    var path = bench.context
    for _ in 0..<300 {
      path += "/d"
      try checking("mkdir") { mkdir(path, 0o755) }
    }
    return bench.step(".")
  },
  Trap(testDescription: "context: a whiteout's name", outcome: .refused) { bench in
    try bench.file(".wh.etc")
    return bench.step(".", "/")
  },
  Trap(testDescription: "context: an opaque mark's name", outcome: .refused) { bench in
    try bench.file("d/.wh..wh..opq")
    return bench.step(".", "/")
  },
  Trap(
    testDescription: "context: names that are no text", outcome: .made(["o/\u{FFFD}\n\u{1B}[2J"])
  ) {
    bench in
    let name: [UInt8] = [0xFF, 0x0A, 0x1B, 0x5B, 0x32, 0x4A, 0]
    let folder = try Descriptor.open(FilePath(bench.context), O_RDONLY | O_DIRECTORY)
    _ = try openChild(name, in: folder.raw, O_WRONLY | O_CREAT, mode: 0o644)
    return bench.step(".")
  },
  Trap(testDescription: "context: links all around", outcome: .made(["o/a", "o/b", "o/c"])) {
    bench in
    try bench.link("a", to: bench.canary)
    try bench.link("b", to: ups)
    try bench.link("c", to: "/proc/self/root")
    return bench.step(".")
  },
  Trap(testDescription: "context: an exception up", outcome: .refused) { bench in
    try bench.file("f")
    return bench.step("../nest/canary") {
      $0.source = bench.source(ignoring: ["*", "!../nest/canary", "!/../nest"])
    }
  },
  Trap(testDescription: "context: a name too long", outcome: .refused) { bench in
    bench.step(String(repeating: "x", count: 300))
  },
  Trap(testDescription: "context: a path too long", outcome: .refused) { bench in
    bench.step(String(repeating: "x/", count: 100_000))
  },
  Trap(testDescription: "context: a NUL", outcome: .refused) { bench in
    try bench.file("f")
    return bench.step("f\0g")
  },
  Trap(testDescription: "context: wildcards without end", outcome: .nothing) { bench in
    try bench.file(String(repeating: "a", count: 200))
    return bench.step(String(repeating: "*a", count: 1_000) + "b")
  },
  Trap(testDescription: "target: a NUL", outcome: .refused) { bench in
    try bench.file("f")
    return bench.step("f", "/o\0p")
  },
]

@Suite("What is copied stays inside", .serialized, .enabled(if: Workbench.needsRoot))
struct TrapTests {
  let bench: Workbench

  init() throws {
    bench = try Workbench()
    try bench.file("/nest/canary", secret, mode: 0o640)
    try bench.age("/nest/canary", to: 123)
    try bench.age("/nest", to: 456)
  }

  @Test("whatever is laid out", arguments: sources + targets + contexts)
  func trap(_ trap: Trap) async throws {
    let step = try trap.lay(bench)
    try bench.age("/nest", to: 456)
    let before = try namesInFolder(FilePath(bench.nest)).count
    for action in [LayerJob.Action.digest, .apply] {
      let result = try await bench.run(action, [step])
      #expect(!seen(in: result.outputBytes) && !seen(in: result.errorBytes))
      #expect([0, 1].contains(result.exitCode), "\(result)")
      guard case .apply = action else { continue }
      switch trap.outcome {
      case .refused: #expect(result.exitCode == 1, "\(result.output)")
      case .nothing:
        #expect(result.exitCode == 0, "\(result.errorOutput)")
        #expect(try await bench.make([step]).isEmpty)
      case .made(let names):
        #expect(result.exitCode == 0, "\(result.errorOutput)")
        let made = try await bench.make([step])
        for name in names { #expect(made.keys.contains(name), "\(made.keys)") }
      }
    }
    #expect(try namesInFolder(FilePath(bench.nest)).count == before)
    var status = stat()
    try checking("stat") { stat(bench.canary, &status) }
    #expect(status.st_mtim.tv_sec == 123 && status.st_uid == 0 && status.st_mode & 0o777 == 0o640)
    try checking("stat") { stat(bench.nest, &status) }
    #expect(status.st_mtim.tv_sec == 456)
    let content = try Descriptor.open(FilePath(bench.canary), O_RDONLY).readAll(limit: 100)
    #expect(content == Array(secret.utf8))
  }

  @Test("while its folders are exchanged for links out")
  func race() async throws {
    try bench.file("d/canary", "plain")
    try bench.link("l", to: bench.nest)
    try bench.file("/below/d/x")
    let (one, other) = (bench.path("d"), bench.path("l"))
    let swapping = Task.detached {
      var count = 0
      while !Task.isCancelled {
        _ = berth_renameat2(AT_FDCWD, one, AT_FDCWD, other, 2)  // RENAME_EXCHANGE
        count += 1
        if count % 64 == 0 { await Task.yield() }
      }
      return count
    }
    for round in 0..<40 {
      let pattern = ["d/canary", ".", "d", "*/canary"][round % 4]
      let result = try await bench.run(.apply, [bench.step(pattern)])
      #expect(!seen(in: result.outputBytes))
      #expect([0, 1].contains(result.exitCode), "\(result)")
    }
    swapping.cancel()
    #expect(await swapping.value > 0)
  }

  private func seen(in bytes: [UInt8]) -> Bool {
    String(decoding: bytes, as: UTF8.self).contains(secret)
  }
}
