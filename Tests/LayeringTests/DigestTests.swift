// The digest of what a copy selects: what changes it, what does not, and what is selected at all.

import Blueprint
import CLinux
import Control
import Glibc
import Linux
import SystemPackage
import Testing

@testable import Layering

@Suite("The digest of a copy")
struct DigestTests {
  let bench: Workbench

  init() throws {
    bench = try Workbench()
    try bench.file("a.txt", "a")
    try bench.file("src/b.txt", "b")
    try bench.file("src/deep/c.go", "c", mode: 0o755)
    try bench.link("src/link", to: "b.txt")
  }

  private func digest(_ patterns: String..., change: (inout LayerCopy) -> Void = { _ in }) throws
    -> LayerDigest
  {
    var copy = LayerCopy(
      source: bench.source(), patterns: patterns.map { Bytes($0) }, target: "/x/")
    change(&copy)
    return try Layering.digest(of: copy)
  }

  @Test("counts files and their bytes")
  func counts() throws {
    let all = try digest(".")
    #expect(all.files == 4)
    #expect(all.bytes == 3)
    #expect(all.digest.hasPrefix("sha256:"))
    #expect(try digest(".") == all)
  }

  @Test("stays when times and owners change")
  func stays() throws {
    let before = try digest(".")
    try bench.age("src/b.txt", to: 1_000)
    try bench.age("src", to: 2_000)
    if Workbench.needsRoot { #expect(chown(bench.path("a.txt"), 12, 34) == 0) }
    #expect(try digest(".") == before)
  }

  @Test(
    "changes with all that is seen in an image",
    arguments: ["content", "mode", "name", "target", "kind", "folder mode", "more", "less"])
  func changes(_ what: String) throws {
    let before = try digest(".")
    switch what {
    case "content": try bench.file("src/b.txt", "B")
    case "mode": chmod(bench.path("a.txt"), 0o600)
    case "name": rename(bench.path("a.txt"), bench.path("z.txt"))
    case "target":
      unlink(bench.path("src/link"))
      try bench.link("src/link", to: "c.txt")
    case "kind":
      unlink(bench.path("src/link"))
      try bench.file("src/link", "b.txt")
    case "folder mode": chmod(bench.path("src/deep"), 0o700)
    case "more": try bench.folder("src/empty")
    default: unlink(bench.path("a.txt"))
    }
    #expect(try digest(".").digest != before.digest)
  }

  @Test("looks at nothing but what is selected")
  func selects() throws {
    let before = try digest("src")
    try bench.file("a.txt", "other")
    try bench.file("new", "new")
    #expect(try digest("src") == before)
  }

  @Test("leaves out what is ignored, and folders of it, unless an exception is below")
  func ignores() throws {
    func files(_ lines: String...) throws -> Int {
      try digest(".") { $0.source = bench.source(ignoring: lines) }.files
    }
    #expect(try files("src") == 1)
    #expect(try files("**/*.go") == 3)
    #expect(try files("*", "!src/deep") == 1)
    #expect(try files("*", "!a.txt") == 1)
    #expect(try files("src", "!src/deep/c.go") == 2)
    #expect(try files() == 4)
  }

  @Test("leaves out what is excluded, below what is copied")
  func excludes() throws {
    #expect(try digest("src") { $0.excludes = ["*.txt"] }.files == 2)
    #expect(try digest("src") { $0.excludes = ["deep"] }.files == 2)
    #expect(try digest("src") { $0.excludes = ["src/deep"] }.files == 3)
    #expect(try digest(".") { $0.excludes = ["**/*.txt", "!a.txt"] }.files == 3)
    #expect(try digest("*.txt", "src") { $0.excludes = ["*.txt"] }.files == 2)
  }

  @Test("takes parents along for what the pattern names alone")
  func parents() throws {
    func files(_ pattern: String) throws -> Int {
      try digest(pattern) { $0.keepsParents = true }.files
    }
    #expect(try files("**/*.go") == 1)
    #expect(try files("src/*") == 3)
    #expect(try files("src/./deep") == 1)
    #expect(try files("s*/./*.txt") == 1)
    #expect(try files("src/deep/c.go") == 1)
    #expect(throws: LayerFailure.self) { try files("src/deep/nothing") }
  }

  @Test("goes by wildcards of one name each")
  func wildcards() throws {
    #expect(try digest("*").files == 4)
    #expect(try digest("*.txt").files == 1)
    #expect(try digest("s?c/*.txt").files == 1)
    #expect(try digest("src/[!x]*/c.go", "a.txt").files == 1)
    #expect(try digest("src/[^x]*/c.go", "a.txt").files == 2)
    #expect(try digest("*/*/*").files == 1)
    // The same folder, read for each pattern.
    #expect(try digest("*.txt", "s*").files == 4)
  }

  @Test("needs no match of a pattern with wildcards")
  func noMatch() throws {
    #expect(try digest("a.txt", "package*.json").files == 1)
    #expect(try digest("nothing*", "noth[i]ng").files == 0)
  }

  @Test("says which name lacks, and a similar one")
  func missing() throws {
    let failure = #expect(throws: LayerFailure.self) { try digest("a.txt", "src/dep/c.go") }
    #expect(failure?.summary == "`/src/dep/c.go` is not there")
    #expect(failure?.hint == "there is `/src/deep`")
    #expect(failure?.pattern == 1)
    #expect(failure?.missing == "/src/dep/c.go")
    let out = #expect(throws: LayerFailure.self) { try digest("../far/off") }
    #expect(out?.missing == "/far/off")
    #expect(out?.hint == "`..` does not lead out of what is copied from")
    let blocked = #expect(throws: LayerFailure.self) { try digest("a.txt/b") }
    #expect(blocked?.hint == "`/a.txt` is not a folder")
    let ignored = #expect(throws: LayerFailure.self) {
      try digest("src/b.txt") { $0.source = bench.source(ignoring: ["# notes", "src"]) }
    }
    #expect(ignored?.summary == "`/src/b.txt` is left out by line 2 of the ignore file, `src`")
    #expect(ignored?.hint == "add a line `!src/b.txt` behind it")
    let excluded = #expect(throws: LayerFailure.self) {
      try digest("a.txt") { $0.excludes = [Bytes("*.txt")] }
    }
    #expect(excluded?.summary == "`/a.txt` is left out by `--exclude=*.txt`")
  }

  @Test("refuses broken patterns, and says why", arguments: ["[", "a[b-]", "x\\"])
  func broken(_ pattern: String) {
    let failure = #expect(throws: LayerFailure.self) { try digest(pattern) }
    #expect(failure?.summary.hasPrefix("`\(pattern)` is not a pattern") == true)
  }

  @Test("follows a link that is named itself, and none below")
  func links() throws {
    try bench.link("to-src", to: "src")
    #expect(try digest("to-src") == digest("src"))
    try bench.link("to-link", to: "/src/link")
    #expect(try digest("to-link").bytes == 1)
    // Not past an ignore file.
    #expect(throws: LayerFailure.self) {
      try digest("to-link") { $0.source = bench.source(ignoring: ["src/b.txt"]) }
    }
  }
}
