// Layers that try to leave their folder, to speak to overlayfs or to fill the disk. A canary beside the
// layer must not change by one bit, whatever is refused or kept.

import Archive
import CLinux
import Glibc
import Linux
import OCI
import SystemPackage
import TestSupport
import Testing

@testable import Unpacking

/// A layer and what must become of it.
struct LayerCase: Sendable, CustomTestStringConvertible {
  enum Outcome: Sendable {
    case refused
    /// Unpacked, and these are there: path and type letter as ls(1) has it.
    case kept([String: Character])
  }

  var label: String
  var members: [TarEntry]
  var outcome: Outcome
  var testDescription: String { label }

  init(_ label: String, _ outcome: Outcome, _ members: [TarEntry]) {
    self.label = label
    self.outcome = outcome
    self.members = members
  }
}

func folder(_ path: String) -> TarEntry {
  var entry = TarEntry(.directory, path: Array(path.utf8))
  entry.mode = 0o755
  return entry
}

func plain(_ path: String) -> TarEntry { TarEntry(.file, path: Array(path.utf8)) }

func symbolic(_ path: String, _ target: String) -> TarEntry {
  var entry = TarEntry(.symbolicLink, path: Array(path.utf8))
  entry.target = Array(target.utf8)
  return entry
}

func hard(_ path: String, _ target: String) -> TarEntry {
  var entry = TarEntry(.hardLink, path: Array(path.utf8))
  entry.target = Array(target.utf8)
  return entry
}

func device(_ path: String, _ major: UInt32, _ minor: UInt32) -> TarEntry {
  var entry = TarEntry(.characterDevice, path: Array(path.utf8))
  (entry.major, entry.minor) = (major, minor)
  return entry
}

func with(_ attribute: String, _ entry: TarEntry) -> TarEntry {
  var entry = entry
  entry.attributes = [.init(name: Array(attribute.utf8), value: Array("y".utf8))]
  return entry
}

@Suite("A hostile layer", .enabled(if: isRoot), .timeLimit(.minutes(1)))
struct HostileLayerTests {
  /// Where the layer is, as its members could name it; the canary is beside it.
  static let escape = "../canary/"

  static let paths: [LayerCase] = [
    .init("dot dot", .refused, [plain("../canary/x")]),
    .init("dot dot inside", .refused, [plain("a/../../canary/x")]),
    .init("dot dot that stays inside", .refused, [plain("a/../b")]),
    .init("dot dot alone", .refused, [folder("..")]),
    .init("dot dot at the end", .refused, [folder("a/..")]),
    .init("absolute is below the root", .kept(["etc/x": "-"]), [plain("/etc/x")]),
    .init("many slashes", .kept(["etc/x": "-"]), [plain("//etc///x")]),
    .init("dots are nothing", .kept(["a/b": "-"]), [plain("././a/./b")]),
    .init("root as a folder", .kept(["x": "-"]), [folder("./"), plain("x")]),
    .init("root as a file", .refused, [plain(".")]),
    .init("root as a link", .refused, [symbolic("./", "../canary")]),
    .init("root as a hard link", .refused, [plain("a"), hard(".", "a")]),
    .init("empty name", .refused, [plain("")]),
    .init("name too long for a file", .refused, [plain(String(repeating: "x", count: 256))]),
    .init("not UTF-8 is a name", .kept([:]), [TarEntry(.file, path: [0xFF, 0xC0, 0x80])]),
    .init("parents are made", .kept(["a/b/c": "-", "a/b": "d"]), [plain("a/b/c")]),
    .init("file as parent", .refused, [plain("a"), plain("a/b")]),
    .init("a later member replaces", .kept(["a": "d"]), [plain("a"), folder("a")]),
    .init("a file replaces a folder", .kept(["a": "-"]), [plain("a/b/c"), plain("a")]),
    .init(
      "a folder replaced and used again", .kept(["a": "d", "a/c": "-"]),
      [plain("a/b"), symbolic("a", "../canary"), folder("a"), plain("a/c")]),
  ]

  static let links: [LayerCase] = [
    .init("link then write through", .refused, [symbolic("l", "../canary"), plain("l/x")]),
    .init("absolute link then write through", .refused, [symbolic("l", "/tmp"), plain("l/x")]),
    .init(
      "link to a link then write through", .refused,
      [symbolic("a", "b"), symbolic("b", "../canary"), plain("a/x")]),
    .init(
      "link inside then write through", .refused, [folder("d"), symbolic("l", "d"), plain("l/x")]),
    .init("link through the root", .refused, [symbolic("l", "/"), plain("l/tmp/x")]),
    .init("write over a link", .kept(["l": "-"]), [symbolic("l", "../canary/file"), plain("l")]),
    .init(
      "folder over a link", .kept(["l": "d", "l/x": "-"]),
      [symbolic("l", "../canary"), folder("l"), plain("l/x")]),
    .init(
      "device over a link", .kept(["l": "c"]), [symbolic("l", "../canary/file"), device("l", 1, 3)]),
    .init(
      "cached folder swapped for a link", .refused,
      [plain("d/a"), symbolic("d", "../canary"), plain("d/b")]),
    .init(
      "cached deep folder swapped", .refused,
      [plain("d/e/a"), symbolic("d", "../canary"), plain("d/e/b")]),
    .init("whiteout through a link", .refused, [symbolic("l", "../canary"), plain("l/.wh.file")]),
    .init(
      "opaque through a link", .refused, [symbolic("l", "../canary"), plain("l/.wh..wh..opq")]),
    .init("link anywhere is a link", .kept(["l": "l"]), [symbolic("l", "../../../../etc/shadow")]),
    .init("link to nothing", .refused, [symbolic("l", "")]),
    .init("magic link then write", .refused, [symbolic("l", "/proc/self/root"), plain("l/tmp/x")]),
  ]

  static let hardLinks: [LayerCase] = [
    .init("to a file here", .kept(["h": "-"]), [plain("a"), hard("h", "a")]),
    .init("absolute to a file here", .kept(["h": "-"]), [plain("a"), hard("h", "/a")]),
    .init("to the outside", .refused, [hard("h", "../canary/file")]),
    .init("absolute to the outside", .refused, [hard("h", "/etc/passwd")]),
    .init("through a link", .refused, [symbolic("l", "../canary"), hard("h", "l/file")]),
    .init(
      "to a link is the link", .kept(["h": "l"]), [symbolic("l", "../canary/file"), hard("h", "l")]),
    .init(
      "to a link, then written", .kept(["h": "-"]),
      [symbolic("l", "../canary/file"), hard("h", "l"), plain("h")]),
    .init("to a folder", .refused, [folder("d"), hard("h", "d")]),
    .init("to the root", .refused, [hard("h", ".")]),
    .init("to nothing", .refused, [hard("h", "missing")]),
    .init("to itself", .kept(["a": "-"]), [plain("a"), hard("a", "a")]),
    .init("to a whiteout", .refused, [plain(".wh.a"), hard("h", "a")]),
    .init("named as a whiteout's target", .refused, [hard("h", ".wh.a")]),
    .init(
      "its parent is a link", .refused, [plain("a"), symbolic("l", "../canary"), hard("l/h", "a")]),
  ]

  static let whiteouts: [LayerCase] = [
    .init("plain", .kept(["a": "c"]), [plain(".wh.a")]),
    .init("in a folder", .kept(["d/a": "c"]), [plain("d/.wh.a")]),
    .init("of nothing", .refused, [plain(".wh.")]),
    .init("of dot", .refused, [plain(".wh..")]),
    .init("of dot dot", .refused, [plain(".wh...")]),
    .init("as a folder name", .refused, [plain(".wh.a/b")]),
    .init("after the file stays the file", .kept(["a": "-"]), [plain("a"), plain(".wh.a")]),
    .init("before the file becomes the file", .kept(["a": "-"]), [plain(".wh.a"), plain("a")]),
    .init(
      "before what is inside of it", .kept(["a": "d", "a/b/c": "-"]),
      [plain(".wh.a"), plain("a/b/c")]),
    .init(
      "a folder that a file replaces", .kept(["a": "-"]),
      [folder("a/b"), plain("a")]),
    .init(
      "a folder that a link replaces", .kept(["a": "l"]),
      [folder("a/b"), symbolic("a", "../canary")]),
    .init(
      "a folder that a whiteout replaces is gone", .kept(["a": "c"]),
      [folder("a/b"), plain("a"), symbolic("a", "x"), device("a", 1, 3)]),
    .init(
      "old bookkeeping is passed over", .kept([:]),
      [plain(".wh..wh.plnk/1.2"), plain(".wh..wh.aufs")]),
    .init("device 0:0", .refused, [device("a", 0, 0)]),
    .init("device number out of range", .refused, [device("a", 1 << 12, 0)]),
    .init(
      "whiteout as a link is a whiteout", .kept(["a": "c"]), [symbolic(".wh.a", "../canary/file")]),
  ]

  @Test(
    "stays inside of its folder", arguments: [paths, links, hardLinks, whiteouts].flatMap { $0 })
  func stays(_ row: LayerCase) async throws {
    try await Bench.using { bench in
      var failure: (any Error)?
      do { try bench.unpack(row.members) } catch { failure = error }
      let after = try bench.canary()
      #expect(after == bench.before)
      switch row.outcome {
      case .refused: #expect(failure != nil)
      case .kept(let expected):
        #expect(failure == nil)
        for (path, type) in expected { #expect(bench.type(path) == type, "\(path)") }
      }
    }
  }

  @Test("may not set what overlayfs reads, but may set other attributes")
  func attributes() async throws {
    try await Bench.using { bench in
      try bench.unpack([
        with("trusted.overlay.opaque", folder("a")), with("trusted.overlay.redirect", folder("b")),
        with("user.overlay.opaque", plain("c")), with("user.kept", plain("d")),
      ])
      #expect(bench.attributes("a") == [])
      #expect(bench.attributes("b") == [])
      #expect(bench.attributes("c") == [])
      #expect(bench.attributes("d") == ["user.kept"])
    }
  }

  @Test("has opaque folders marked by berth alone")
  func opaque() async throws {
    try await Bench.using { bench in
      try bench.unpack([
        plain("a/.wh..wh..opq"), plain("a/kept"), folder("b"), plain(".wh.b"), plain(".wh.c"),
        folder("c"), folder("d"), plain(".wh.e"), plain("e/inside"),
      ])
      for marked in ["a", "b", "c", "e"] {
        #expect(bench.attributes(marked) == ["trusted.overlay.opaque"], "\(marked)")
      }
      #expect(bench.attributes("d") == [])
      #expect(bench.type("a/kept") == "-")
    }
  }

  @Test("larger than what it may take is refused before the disk is full")
  func tooLarge() async throws {
    try await Bench.using { bench in
      let bytes = bench.archive([(plain("a"), [UInt8](repeating: 1, count: 5000))])
      #expect(throws: UnpackFault.tooLarge(limit: 4999)) { try bench.unpack(bytes, limit: 4999) }
      #expect(throws: Never.self) { try bench.unpack(bytes, limit: 5000) }
    }
  }
}

/// A folder for one layer with a canary beside it.
final class Bench {
  let top: FilePath
  let before: [String]
  var layer: FilePath { top.appending("fs") }
  var implied: FilePath { top.appending("implied") }
  var turns: FilePath { top.appending("turns") }

  private init() throws {
    top = FilePath("/tmp/berth-layer-\(UInt64.random(in: 0...UInt64.max))")
    try makeFolders(top.appending("fs"))
    try makeFolders(top.appending("canary").appending("sub"))
    let file = try Descriptor.open(
      top.appending("canary").appending("file"), O_WRONLY | O_CREAT, mode: 0o640)
    try file.writeAll(Array("canary".utf8))
    before = try Self.describe(top.appending("canary"))
  }

  static func using(_ body: (Bench) async throws -> Void) async throws {
    let bench = try Bench()
    do {
      try await body(bench)
    } catch {
      try removeTree(bench.top)
      throw error
    }
    try removeTree(bench.top)
  }

  func canary() throws -> [String] { try Self.describe(top.appending("canary")) }

  /// Name, type, mode, owner, size, times, links, attributes and content of all below.
  private static func describe(_ folder: FilePath) throws -> [String] {
    var lines: [String] = []
    for path in [folder] + (try namesInFolder(folder).map { folder.appending($0) }) {
      var status = stat()
      lstat(path.string, &status)
      var content = ""
      if status.st_mode & 0o170000 == 0o100000 {
        content = String(
          decoding: try Descriptor.open(path, O_RDONLY).readAll(limit: 4096), as: UTF8.self)
      }
      lines.append(
        "\(path) \(status.st_mode) \(status.st_uid):\(status.st_gid) \(status.st_size) "
          + "\(status.st_mtim) \(status.st_ctim) \(status.st_nlink) \(xattrs(path)) \(content)")
    }
    return lines.sorted()
  }

  func archive(_ members: [(TarEntry, [UInt8])]) -> [UInt8] {
    var writer = TarWriter()
    for (entry, content) in members { writer.add(entry, content: content) }
    writer.finish()
    return writer.output
  }

  func unpack(_ members: [TarEntry]) throws {
    try unpack(archive(members.map { ($0, $0.kind == .file ? Array("data".utf8) : []) }))
  }

  func unpack(_ bytes: [UInt8], limit: UInt64 = 1 << 30) throws {
    var unpacker = try LayerUnpacker(layer, limit: limit)
    var reader = TarReader()
    try bytes.withUnsafeBytes { try reader.feed($0, to: &unpacker) }
    try reader.finish(&unpacker)
    try unpacker.finish()
  }

  func status(_ path: String) -> stat? {
    var status = stat()
    return lstat(layer.appending(path).string, &status) == 0 ? status : nil
  }

  func type(_ path: String) -> Character? {
    switch status(path).map({ $0.st_mode & 0o170000 }) {
    case 0o100000: "-"
    case 0o040000: "d"
    case 0o120000: "l"
    case 0o020000: "c"
    case 0o060000: "b"
    case 0o010000: "p"
    default: nil
    }
  }

  func attributes(_ path: String) -> [String] { xattrs(layer.appending(path)) }
}

func xattrs(_ path: FilePath) -> [String] {
  var buffer = [CChar](repeating: 0, count: 4096)
  let count = llistxattr(path.string, &buffer, buffer.count)
  return buffer.prefix(max(0, count)).split(separator: 0).map { part in
    String(decoding: part.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }.sorted()
}
