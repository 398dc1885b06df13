// Layers as `berth-unpack layer` makes them: where copies go, whose they are, and what a layer does not say.

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

@Suite("A layer", .serialized, .enabled(if: Workbench.needsRoot))
struct LayerTests {
  let bench: Workbench

  init() throws {
    bench = try Workbench()
    try bench.file("a.txt", "a")
    try bench.file("src/b.txt", "b", mode: 0o755)
    try bench.file("/below/etc/passwd", "root:x:0:0::/:/bin/sh\nbob:x:1000:1001::/:/bin/sh\n")
    try bench.file("/below/etc/group", "root:x:0:\nstaff:x:50:\n")
    try bench.link("/below/lib", to: "usr/lib")
    try bench.file("/below/usr/lib/old.so", "old")
  }

  @Test("takes one file to a name, into a folder that is there, and into one that is made")
  func places() async throws {
    let made = try await bench.make(
      bench.copy("a.txt", to: "/n"), bench.copy("a.txt", to: "/etc"),
      bench.copy("a.txt", to: "/new/"), bench.copy("a.txt", to: "/x/y/z"),
      bench.copy("a.txt", to: "/lib/../w"))
    #expect(made["n"]?.content == "a")
    #expect(made["etc/a.txt"]?.content == "a")
    #expect(made["new/a.txt"]?.content == "a")
    #expect(made["x/y/z"]?.content == "a")
    // Behind the link, as the kernel would go.
    #expect(made["usr/w"]?.content == "a")
    #expect(made["lib/"] == nil)
    #expect(made["new/"]?.mode == 0o755)
    #expect(made["x/y/"]?.owner == "0:0")
  }

  @Test("takes what is in a folder, into folders that are there and behind links")
  func folders() async throws {
    try bench.file("root/lib/new.so", "new")
    try bench.folder("root/empty", mode: 0o700)
    try bench.age("root/empty", to: 5_000)
    let made = try await bench.make(bench.copy("root", to: "/"))
    #expect(made["usr/lib/new.so"]?.content == "new")
    #expect(made["lib"] == nil)
    #expect(made["empty/"]?.mode == 0o700)
    #expect(made["empty/"]?.seconds == 5_000)
    #expect(made.keys.sorted() == ["empty/", "usr/", "usr/lib/", "usr/lib/new.so"])
  }

  @Test("keeps modes and times, and gives all to root")
  func keeps() async throws {
    try bench.file("suid", "s", mode: 0o4755)
    try bench.age("suid", to: 1_000_000)
    #expect(lchown(bench.path("src/b.txt"), 7, 8) == 0)
    let made = try await bench.make(bench.copy("suid", "src", to: "/o/"))
    #expect(made["o/suid"]?.mode == 0o4755)
    #expect(made["o/suid"]?.seconds == 1_000_000)
    #expect(made["o/b.txt"]?.mode == 0o755)
    #expect(made["o/b.txt"]?.owner == "0:0")
  }

  @Test(
    "gives files to whom it is told, by the accounts of the image",
    arguments: [
      ("bob", "1000:1001"), ("bob:staff", "1000:50"), ("7", "7:7"), ("7:8", "7:8"),
      ("bob:8", "1000:8"), ("7:staff", "7:50"),
    ])
  func owners(_ owner: String, _ expected: String) async throws {
    let made = try await bench.make(
      bench.copy("src", to: "/o/p/") {
        $0.owner = owner
        $0.mode = "u=rwX,go="
      })
    #expect(made["o/p/b.txt"]?.owner == expected)
    #expect(made["o/p/b.txt"]?.mode == 0o700)
    #expect(made["o/"]?.owner == expected)
    #expect(made["o/"]?.mode == 0o755)
  }

  @Test(
    "is not made for a user or group that the image does not know", arguments: ["eve", "bob:eve"])
  func unknownOwner(_ owner: String) async throws {
    let failure = try await bench.failure(bench.copy("a.txt", to: "/o/") { $0.owner = owner })
    #expect(failure.summary.contains("eve"))
  }

  @Test("says nothing of folders that are as they were")
  func quiet() async throws {
    try bench.age("/below/etc", to: 9_000)
    try bench.file("same/etc/x", "x")
    try bench.age("same/etc", to: 9_000)
    let made = try await bench.make(bench.copy("same", to: "/"))
    #expect(made.keys.sorted() == ["etc/", "etc/x"])
    #expect(made["etc/"]?.seconds == 9_000)
    // No folder hides what is below it.
    #expect(!made.keys.contains { $0.contains(".wh.") })
    try bench.folder("alike/etc")
    try bench.age("alike/etc", to: 9_000)
    #expect(try await bench.make(bench.copy("alike", to: "/")).isEmpty)
  }

  @Test("replaces files and links by files and links, not folders by files or files by folders")
  func replaces() async throws {
    try bench.link("/below/l", to: "etc/passwd")
    let made = try await bench.make(
      bench.copy("a.txt", to: "/usr/lib/old.so"), bench.copy("a.txt", to: "/l"))
    #expect(made["usr/lib/old.so"]?.content == "a")
    // A link at the end of the target is followed.
    #expect(made["etc/passwd"]?.content == "a")
    try bench.file("tree/etc", "no folder")
    var failure = try await bench.failure(bench.copy("tree", to: "/"))
    #expect(failure.summary.contains("in place of the folder `/etc`"))
    try bench.file("other/l/x", "x")
    try bench.file("other/etc/passwd/x", "x")
    failure = try await bench.failure(bench.copy("other", to: "/"))
    #expect(failure.summary.contains("in place of `/etc/passwd`: it is not a folder"))
    failure = try await bench.failure(bench.copy("a.txt", to: "/etc/passwd/"))
    #expect(failure.summary.contains("`/etc/passwd`: it is not a folder"))
  }

  @Test("keeps several names of one file one file")
  func hardLinks() async throws {
    #expect(Glibc.link(bench.path("src/b.txt"), bench.path("src/again")) == 0)
    let made = try await bench.make(bench.copy("src", to: "/h/"))
    #expect(made["h/again"]?.kind == .file)
    #expect(made["h/b.txt"]?.kind == .hardLink)
    #expect(made["h/b.txt"]?.content == "h/again")
  }

  @Test("keeps files apart whose names another source has taken")
  func linksOfSources() async throws {
    try bench.file("one/f", "I")
    try bench.file("two/f", "J")
    #expect(Glibc.link(bench.path("one/f"), bench.path("two/g")) == 0)
    for patterns in [["one", "two"], ["*o*"], ["one/f", "two/f", "two/g"]] {
      var copy = bench.copy(to: "/dst/")
      copy.patterns = patterns.map { Bytes($0) }
      copy.isOfSeveral = true
      let made = try await bench.make(copy)
      #expect(made["dst/f"]?.content == "J", "\(patterns)")
      #expect(
        made["dst/g"]
          == made["dst/f"].map { member in
            var member = member
            member.content = "I"
            return member
          }, "\(patterns)")
    }
  }

  @Test("has the fifos of its source, and no sockets and devices of a context")
  func nodes() async throws {
    #expect(mkfifo(bench.path("src/pipe"), 0o640) == 0)
    #expect(mknod(bench.path("src/socket"), S_IFSOCK | 0o600, 0) == 0)
    try bench.age("src/pipe", to: 5_000)
    let made = try await bench.make(
      bench.copy("src", to: "/o/"), bench.copy("src/pipe", to: "/p") { $0.owner = "7:8" })
    #expect(made.keys.sorted() == ["o/", "o/b.txt", "o/pipe", "p"])
    #expect(
      made["o/pipe"]
        == Member(kind: .fifo, mode: 0o640, owner: "0:0", content: "", seconds: 5_000))
    #expect(made["p"]?.owner == "7:8")
    #expect(mknod(bench.path("src/device"), S_IFCHR | 0o600, 0x103) == 0)
    let failure = try await bench.failure(bench.copy("src", to: "/o/"))
    #expect(failure.summary == "cannot copy `device`: it is a device, not a file")
  }

  @Test("is of more sources than a process may have open")
  func manySources() async throws {
    for number in 0..<200 { try bench.file("many/d\(number)/f\(number)", "") }
    for pattern in ["many/*", "many/*/*"] {
      for action in [LayerJob.Action.digest, .apply] {
        let result = try await bench.run(
          action, [.copy(bench.copy(pattern, to: "/o/"))], descriptors: 64)
        #expect(result.exitCode == 0, "\(pattern): \(result.errorOutput)")
      }
    }
  }

  @Test("is no one's when nobody hears of it", arguments: [LayerJob.Action.digest, .apply])
  func alone(_ action: LayerJob.Action) async throws {
    let file = try bench.file("large", "")
    #expect(truncate(file, 64 << 20) == 0)
    let result = try await bench.run(
      action, [.copy(bench.copy("large", to: "/o/"))], isHeard: false)
    #expect(result.exitCode == 1)
    #expect(result.outputBytes.isEmpty || action == .apply)
    let there = try await bench.run(action, [.copy(bench.copy("large", to: "/o/"))])
    #expect(there.exitCode == 0)
  }

  @Test("that links looks at nothing below it")
  func independent() async throws {
    let made = try await bench.make(
      bench.copy("a.txt", to: "/lib/x/") {
        $0.isLink = true
        $0.owner = "bob"
      })
    #expect(made["lib/"]?.kind == .directory)
    #expect(made["lib/x/a.txt"]?.owner == "1000:1001")
  }

  @Test("that links says nothing of the folders on the way, and puts those like them on top")
  func implied() async throws {
    try bench.folder("/below/tmp", mode: 0o1777)
    let step = bench.copy("a.txt", to: "/tmp/x/") { $0.isLink = true }
    let made = try await bench.make(step)
    #expect(made.keys.sorted() == ["tmp/x/a.txt"])
    var status = stat()
    try checking("stat") { stat(bench.root + "/round1/upper/tmp", &status) }
    #expect(status.st_mode & 0o7777 == 0o1777)
    // The same on another base.
    try bench.folder("/below/tmp", mode: 0o700)
    #expect(try await bench.make(step) == made)
  }

  @Test("wants a folder for several files")
  func several() async throws {
    try bench.file("b.txt", "b")
    let several = bench.copy("*.txt", to: "/one") { $0.isOfSeveral = true }
    let failure = try await bench.failure(several)
    #expect(failure.hint == "end it with `/` to have one made")
    #expect(failure.isOfTarget)
    // Those that one pattern finds go onto the name one after the other.
    let made = try await bench.make(bench.copy("*.txt", to: "/one"))
    #expect(made.keys.sorted() == ["one"])
    #expect(made["one"]?.content == "b")
    #expect(try await bench.make(bench.copy("*.txt", to: "/etc")).count == 3)
  }

  @Test("makes a folder to work in, with those above it, for its user")
  func workingFolder() async throws {
    let made = try await bench.make([
      .folder(path: "/srv/app", user: "bob"), .folder(path: "/etc", user: "bob"),
      .folder(path: "/lib/work", user: ""),
    ])
    #expect(made["srv/"]?.owner == "1000:1001")
    #expect(made["srv/app/"]?.owner == "1000:1001")
    #expect(made["usr/lib/work/"]?.owner == "0:0")
    #expect(made["etc/"] == nil)
  }

  @Test("of a stage keeps owners, devices and what several layers are together")
  func stages() async throws {
    try bench.file("/one/d/gone", "1")
    try bench.file("/one/d/kept", "1")
    try bench.folder("/two/d")
    #expect(mknod(bench.root + "/two/d/gone", S_IFCHR | 0o600, 0) == 0)
    #expect(mknod(bench.root + "/two/d/null", S_IFCHR | 0o666, 0x103) == 0)
    #expect(mkfifo(bench.root + "/two/d/pipe", 0o600) == 0)
    #expect(lchown(bench.root + "/one/d/kept", 3, 4) == 0)
    let stage = LayerSource.layers([Bytes(bench.root + "/one"), Bytes(bench.root + "/two")])
    bench.lowers = []
    let made = try await bench.make(bench.copy("/d", to: "/") { $0.source = stage })
    #expect(made.keys.sorted() == ["kept", "null", "pipe"])
    #expect(made["kept"]?.owner == "3:4")
    #expect(made["null"]?.kind == .characterDevice)
    let given = try await bench.make(
      bench.copy("d/kept", to: "/k") {
        $0.source = stage
        $0.owner = "5"
      })
    #expect(given["k"]?.owner == "5:5")
  }

  @Test("takes files that came with the job by their names, whatever is in them")
  func documents() async throws {
    let made = try await bench.make(
      bench.copy("[x]*", to: "/d/") {
        $0.source = .files([
          LayerFile(name: "[x]*", content: "text", mode: 0o640, modified: 77)
        ])
      })
    #expect(made["d/[x]*"]?.content == "text")
    #expect(made["d/[x]*"]?.mode == 0o640)
    #expect(made["d/[x]*"]?.seconds == 77)
  }

  @Test("is no later than it is told")
  func latest() async throws {
    try bench.age("a.txt", to: 100)
    let made = try await bench.make(bench.copy("a.txt", "src", to: "/n/m/"), latest: 1_000)
    #expect(made["n/m/a.txt"]?.seconds == 100)
    #expect(made["n/m/b.txt"]?.seconds == 1_000)
    #expect(made["n/"]?.seconds == 1_000)
    #expect(made["n/m/"]?.seconds == 1_000)
  }

  @Test("names the pattern at fault on one line of its standard error")
  func faults() async throws {
    let failure = try await bench.failure(bench.copy("a.txt", "a.tx", to: "/n/"), action: .digest)
    #expect(failure.pattern == 1)
    #expect(failure.hint == "there is `/a.txt`")
  }
}
