// Digests that are kept from one time to the next: used when nothing changed, and never when it may have.

import Blueprint
import CLinux
import Control
import Glibc
import Linux
import OCI
import SystemPackage
import Testing

@testable import Layering

@Suite("Digests of contents that are kept")
struct ContentDigestTests {
  let bench: Workbench
  var kept: String { bench.root + "/digests" }

  init() throws {
    bench = try Workbench()
    try bench.file("a", "one")
  }

  /// What change of status says cannot be set back: as if the file had been left alone since.
  private func item(_ name: String = "a", settled: Bool = true) throws -> SourceItem {
    let folder = try Descriptor.open(FilePath(bench.context), O_RDONLY | O_DIRECTORY)
    let cName = Array(name.utf8) + [0]
    var status = try #require(try EntryStatus(cName, in: folder.raw))
    if settled {
      status.changed = timespec(tv_sec: 1_000, tv_nsec: 0)
      status.modified = timespec(tv_sec: 1_000, tv_nsec: 0)
    }
    // Closed with the process of the test, which has few.
    return SourceItem(
      folder: folder.release(), name: cName, path: Array(name.utf8), status: status)
  }

  private func digest(_ item: SourceItem) throws -> [UInt8] {
    defer { close(item.folder) }
    let contents = ContentDigests(file: FilePath(kept))
    let digest = try contents.digest(of: item)
    contents.save()
    return digest
  }

  private func hash(_ text: String) -> [UInt8] {
    var hash = SHA256()
    hash.update(Array(text.utf8))
    return hash.bytes()
  }

  @Test("are used as long as stat says the same")
  func used() throws {
    let first = try item()
    let before = first.status
    #expect(try digest(first) == hash("one"))
    // The content alone would say otherwise.
    try bench.file("a", "two")
    var same = try item()
    same.status = before
    #expect(try digest(same) == hash("one"))
  }

  @Test(
    "are not used when anything that stat says is another",
    arguments: ["device", "inode", "size", "modified", "changed"])
  func unused(_ what: String) throws {
    let first = try item()
    let before = first.status
    #expect(try digest(first) == hash("one"))
    try bench.file("a", "two")
    var other = try item()
    other.status = before
    switch what {
    case "device": other.status.device += 1
    case "inode": other.status.inode += 1
    case "size": other.status.size += 1
    case "modified": other.status.modified.tv_nsec += 1
    default: other.status.changed.tv_nsec += 1
    }
    #expect(try digest(other) == hash("two"))
  }

  @Test("are not kept of files that may still change within the same time")
  func racy() throws {
    #expect(try digest(item(settled: false)) == hash("one"))
    #expect(access(kept, F_OK) != 0)
  }

  @Test(
    "are thrown away when the file is not whole", arguments: ["cut", "changed", "other", "link"])
  func broken(_ how: String) throws {
    let first = try item()
    let before = first.status
    #expect(try digest(first) == hash("one"))
    var content = try Descriptor.open(FilePath(kept), O_RDONLY).readAll(limit: 1 << 20)
    #expect(content.count == 16 + 72 + 32)
    switch how {
    case "cut": content.removeLast()
    case "changed": content[60] ^= 1
    case "other": content = Array("something else\n".utf8)
    default: break
    }
    unlink(kept)
    try Descriptor.open(FilePath(kept), O_WRONLY | O_CREAT, mode: 0o600).writeAll(content)
    if how == "link" {
      rename(kept, kept + ".real")
      symlink(kept + ".real", kept)
    }
    try bench.file("a", "two")
    var same = try item()
    same.status = before
    #expect(try digest(same) == hash("two"))
  }

  @Test("are found among many")
  func many() throws {
    for index in 0..<500 { try bench.file("f\(index)", "\(index)") }
    var items: [SourceItem] = []
    for index in 0..<500 { items.append(try item("f\(index)")) }
    defer { for item in items { close(item.folder) } }
    let first = ContentDigests(file: FilePath(kept))
    for item in items { _ = try first.digest(of: item) }
    first.save()
    for index in 0..<500 { try bench.file("f\(index)", "changed") }
    let second = ContentDigests(file: FilePath(kept))
    for (index, item) in items.enumerated().reversed() {
      #expect(try second.digest(of: item) == hash("\(index)"))
    }
    #expect(try namesInFolder(FilePath(bench.root)).count == 3, "nothing is left beside it")
  }
}
