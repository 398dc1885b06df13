// Archives that are taken apart: of all kinds, and those that would do harm.

import Archive
import Blueprint
import CLinux
import Control
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import Layering

@Suite("An archive that is unpacked into a layer", .serialized, .enabled(if: Workbench.needsRoot))
struct UnpackingTests {
  let bench: Workbench

  init() throws {
    bench = try Workbench()
    try bench.file("/below/etc/passwd", "below")
  }

  private func archive(_ name: String, _ fill: (inout TarWriter) -> Void) throws {
    var writer = TarWriter()
    fill(&writer)
    writer.finish()
    try write(writer.output, name)
  }

  private func write(_ bytes: [UInt8], _ name: String) throws {
    try Descriptor.open(FilePath(bench.path(name)), O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
      .writeAll(bytes)
  }

  private func add(_ name: String, to target: String, _ unpacks: LayerCopy.Unpacking = .archives)
    -> LayerCopy
  {
    bench.copy(name, to: target) { $0.unpacks = unpacks }
  }

  @Test(
    "is known by what is in it", arguments: ["cat", "gzip -c", "bzip2 -c", "xz -c", "zstd -qc"])
  func kinds(_ packer: String) async throws {
    try archive("some.file") { writer in
      var entry = TarEntry(.file, path: Array("in/f".utf8))
      (entry.uid, entry.gid, entry.mode) = (5, 6, 0o4750)
      writer.add(entry, content: Array(repeating: UInt8(ascii: "x"), count: 100_000))
    }
    let packed = try Command(
      ["sh", "-c", "\(packer) some.file"], folder: bench.context, environment: [:])
    try write(try await packed.wait().outputBytes, "packed")
    let made = try await bench.make(add("packed", to: "/o"))
    #expect(made["o/in/f"]?.content.count == 100_000)
    #expect(made["o/in/f"]?.owner == "5:6")
    #expect(made["o/in/f"]?.mode == 0o4750)
    #expect(made["o/in/"]?.mode == 0o755)
    let copied = try await bench.make(add("packed", to: "/o/", .never))
    #expect(copied.keys.sorted() == ["o/", "o/packed"])
  }

  @Test(
    "has an end, behind which there may be anything",
    arguments: ["cat", "gzip -c", "bzip2 -c", "xz -c", "zstd -qc"])
  func rubbish(_ packer: String) async throws {
    for size in [1, 300_000] {
      try archive("a.tar") { writer in
        let content = [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
          // What does not get smaller when it is packed.
          getrandom(bytes.baseAddress, size, 0)
          count = size
        }
        writer.add(TarEntry(.file, path: Array("f".utf8)), content: content)
      }
      for behind in ["head -c 100 /dev/zero", "echo junk; head -c 300000 /dev/urandom"] {
        let script = "{ \(packer) a.tar; \(behind); } > packed"
        let packed = try Command(["sh", "-c", script], folder: bench.context, environment: [:])
        _ = try await packed.wait()
        let made = try await bench.make(add("packed", to: "/o/"))
        #expect(made.keys.sorted() == ["o/", "o/f"], "\(size), \(behind)")
      }
      unlink(bench.path("a.tar"))
    }
  }

  @Test("that ends too early is no file to copy")
  func cutShort() async throws {
    try archive("a.tar") { $0.add(TarEntry(.file, path: Array("f".utf8)), content: [1, 2, 3]) }
    let script = "head -c 514 a.tar > plain; gzip -c a.tar | head -c -4 > packed"
    let cut = try Command(["sh", "-c", script], folder: bench.context, environment: [:])
    _ = try await cut.wait()
    let failure = try await bench.failure(add("plain", to: "/o/"))
    #expect(failure.summary == "the tar data ends too early")
    // Here only the sum behind the end lacks.
    #expect(try await bench.make(add("packed", to: "/o/")).keys.sorted() == ["o/", "o/f"])
  }

  @Test("that asks for too much memory is refused, and copied when that is asked for")
  func demanding() async throws {
    // One byte each in windows of 256 and 64 MiB.
    try write(
      [
        0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00, 0x00, 0x01, 0x69, 0x22, 0xDE, 0x36, 0x02, 0x00, 0x21,
        0x01, 0x20, 0x00, 0x00, 0x00, 0x09, 0x88, 0xA5, 0x76, 0x01, 0x00, 0x00, 0x78, 0x00, 0x00,
        0x00, 0x00, 0x83, 0x16, 0xDC, 0x8C, 0x00, 0x01, 0x15, 0x01, 0xA9, 0x63, 0x34, 0x60, 0x90,
        0x42, 0x99, 0x0D, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x59, 0x5A,
      ], "b")
    try write([0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x80, 0x09, 0x00, 0x00, 0x78], "c")
    for (name, reason) in [
      ("b", "the xz data asks for more than 128 MiB of memory"),
      ("c", "the zstd data asks for more than 32 MiB of memory"),
    ] {
      let failure = try await bench.failure(add(name, to: "/o/"))
      #expect(failure.summary == "the archive `\(name)` cannot be unpacked: \(reason)")
      #expect(try await bench.make(add(name, to: "/o/", .never)).keys.contains("o/\(name)"))
    }
  }

  @Test("is copied when it is none, or refused when it has to be one")
  func noArchive() async throws {
    try bench.file("a.tar", "no archive")
    try write([0x1F, 0x8B, 8, 0, 1, 2, 3, 4, 5, 6, 7], "b.tar.gz")
    try write(Array(repeating: 0, count: 10_240), "empty.tar")
    for name in ["a.tar", "b.tar.gz", "empty.tar"] {
      #expect(try await bench.make(add(name, to: "/o/")).keys.contains("o/\(name)"))
      let failure = try await bench.failure(add(name, to: "/o/", .always))
      #expect(failure.summary == "`\(name)` is no archive that can be unpacked")
    }
  }

  @Test("replaces what is of another kind, and hides it for good")
  func replaces() async throws {
    try bench.file("/below/d/f/old", "old")
    try archive("a.tar") { writer in
      writer.add(TarEntry(.directory, path: Array("etc/passwd".utf8)))
      writer.add(TarEntry(.file, path: Array("d/f".utf8)), content: [UInt8(ascii: "f")])
    }
    let made = try await bench.make(add("a.tar", to: "/"))
    #expect(made["etc/passwd/"]?.kind == .directory)
    #expect(made["d/f"]?.content == "f")
  }

  @Test("stays below its folder", arguments: ["up", "link", "hard link", "absolute"])
  func contained(_ way: String) async throws {
    try bench.file("/canary", "canary")
    let canary = Array((bench.root + "/canary").utf8)
    let up = Array("../../../../../../../..".utf8)
    try archive("a.tar") { writer in
      let content: [UInt8] = [UInt8(ascii: "!")]
      switch way {
      case "up": writer.add(TarEntry(.file, path: up + canary), content: content)
      case "absolute": writer.add(TarEntry(.file, path: canary), content: content)
      case "link":
        var link = TarEntry(.symbolicLink, path: Array("l".utf8))
        link.target = Array(bench.root.utf8)
        writer.add(link)
        writer.add(TarEntry(.file, path: Array("l/canary".utf8)), content: content)
      default:
        var link = TarEntry(.hardLink, path: Array("l".utf8))
        link.target = up + canary
        writer.add(link)
      }
    }
    let result = try await bench.run(.apply, [.copy(add("a.tar", to: "/o/"))])
    // Below the folder is where an absolute name may go.
    #expect((result.exitCode == 0) == (way == "absolute"))
    let content = try Descriptor.open(FilePath(bench.root + "/canary"), O_RDONLY)
      .readAll(limit: 100)
    #expect(content == Array("canary".utf8))
  }

  @Test("that puts a new folder in place of one hides what was in it, and says so of no other")
  func hides() async throws {
    try bench.file("/below/d/old", "old")
    try archive("a.tar") { writer in
      writer.add(TarEntry(.file, path: Array("d".utf8)))
      writer.add(TarEntry(.file, path: Array("d/new".utf8)))
      writer.add(TarEntry(.file, path: Array("n/m/new".utf8)))
    }
    let failure = try await bench.failure(add("a.tar", to: "/"))
    #expect(failure.summary.contains("`/d`"), "a file is no folder for others")
    unlink(bench.path("a.tar"))
    try archive("a.tar") { writer in
      writer.add(TarEntry(.file, path: Array("d".utf8)))
      writer.add(TarEntry(.directory, path: Array("d".utf8)))
      writer.add(TarEntry(.file, path: Array("d/new".utf8)))
      writer.add(TarEntry(.file, path: Array("n/m/new".utf8)))
    }
    let made = try await bench.make(add("a.tar", to: "/"))
    #expect(
      made.keys.sorted() == ["d/", "d/.wh..wh..opq", "d/new", "n/", "n/m/", "n/m/new"])
  }

  @Test("goes where links of the root lead")
  func links() async throws {
    try bench.link("/below/lib", to: "/usr/lib")
    try bench.file("/below/usr/lib/old")
    try archive("a.tar") { $0.add(TarEntry(.file, path: Array("lib/new".utf8))) }
    let made = try await bench.make(add("a.tar", to: "/"))
    #expect(made.keys.sorted() == ["usr/", "usr/lib/", "usr/lib/new"])
  }

  @Test("leaves out devices")
  func devices() async throws {
    try archive("a.tar") { writer in
      var device = TarEntry(.blockDevice, path: Array("disk".utf8))
      (device.major, device.minor) = (8, 0)
      writer.add(device)
      writer.add(TarEntry(.file, path: Array("f".utf8)))
    }
    #expect(try await bench.make(add("a.tar", to: "/o/")).keys.sorted() == ["o/", "o/f"])
  }

  @Test("that holds more than there is room for is stopped before the disk is full")
  func bombs() async throws {
    let place = try Descriptor.open(FilePath(bench.below), O_RDONLY | O_DIRECTORY)
    let tree = TargetTree(
      root: SharedDescriptor(try Descriptor.open(FilePath(bench.below), O_RDONLY | O_DIRECTORY)),
      latest: nil)
    #expect(try usableSpace(place.raw) > 0)
    try archive("full.tar") {
      $0.add(TarEntry(.file, path: [UInt8(ascii: "f")]), content: Array(repeating: 1, count: 1000))
    }
    let file = try Descriptor.open(FilePath(bench.path("full.tar")), O_RDONLY)
    let unpacking = ArchiveUnpacking(file: file.raw, name: "full.tar")
    let folder = try tree.folder(Array("/o".utf8), making: Ownership())
    #expect(try unpacking.isArchive())
    let failure = #expect(throws: LayerFailure.self) {
      try unpacking.unpack(into: folder, tree, room: 999, owner: nil)
    }
    #expect(failure?.summary == "the archive `full.tar` holds more than there is room for")
    _ = try unpacking.unpack(into: folder, tree, room: 1000, owner: nil)
  }
}
