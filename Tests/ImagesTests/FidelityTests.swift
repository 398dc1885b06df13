// What tar(1) packs, the unpacker unpacks: every kind of file, with owner, mode, time, links,
// attributes and holes, compared with the folder that it came from.

import Archive
import CLinux
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

@testable import Unpacking

@Suite("An unpacked layer", .enabled(if: isRoot), .timeLimit(.minutes(1)))
struct FidelityTests {
  static let script = """
    set -e
    mkdir -p src/dir/sub src/sticky src/own
    cd src
    printf hello > dir/file; chmod 4755 dir/file; chown 1234:4321 dir/file
    printf x > own/big; chown 3000000000:70000 own/big; chown 5:6 own
    ln dir/file dir/sub/hard
    ln -s ../nowhere dir/link; ln -s "$(printf 't%.0s' $(seq 200))" longlink
    chown -h 7:8 dir/link
    mkfifo -m 600 pipe; mknod -m 666 null c 1 3; mknod -m 640 disk b 7 200
    chmod 1777 sticky; chmod 0700 dir/sub
    long=$(printf 'n%.0s' $(seq 120)); mkdir -p "$long/$long"; printf deep > "$long/$long/$long"
    printf '' > "$(printf 'bad\\377name')"
    truncate -s 10M sparse; printf mid | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
    truncate -s 3M hole
    touch -h -d '2001-02-03 04:05:06.789 UTC' dir/link longlink
    touch -d '1999-12-31 23:59:59 UTC' dir/file dir/sub dir sticky own
    cd ..
    """

  @Test(
    "is what was packed",
    arguments: [
      ("gnu", ["--format=gnu", "--sparse"]),
      (
        "pax",
        ["--format=pax", "--xattrs", "--xattrs-include=*", "--sparse", "--sparse-version=1.0"]
      ),
      (
        "pax",
        ["--format=pax", "--xattrs", "--xattrs-include=*", "--sparse", "--sparse-version=0.1"]
      ),
      (
        "pax",
        ["--format=pax", "--xattrs", "--xattrs-include=*", "--sparse", "--sparse-version=0.0"]
      ),
      ("plain", ["--format=gnu"]),
    ])
  func isTheSame(_ kind: String, _ options: [String]) async throws {
    try await Bench.using { bench in
      let top = bench.top.string
      let environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
      func run(_ command: [String]) async throws {
        let result = try await Command(command, folder: top, environment: environment).wait()
        try #require(result.exitCode == 0, "\(result)")
      }
      try await run(["sh", "-c", Self.script])
      if kind == "pax" { try setAttributes(bench.top.appending("src")) }
      try await run(["tar"] + options + ["-C", "src", "-cf", "layer.tar", "."])
      let bytes = try Descriptor.open(bench.top.appending("layer.tar"), O_RDONLY)
        .readAll(limit: 64 << 20)
      try bench.unpack(bytes)
      let exact = kind == "pax"
      let expected = try describe(bench.top.appending("src"), exactTimes: exact)
      let found = try describe(bench.top.appending("fs"), exactTimes: exact)
      #expect(expected.count == 19)
      #expect(found == expected)
      if options.contains("--sparse") {
        #expect(try #require(bench.status("sparse")).st_blocks < 1000, "holes stay holes")
        #expect(try #require(bench.status("hole")).st_blocks == 0)
      }
    }
  }

  private func setAttributes(_ folder: FilePath) throws {
    // cap_net_bind_service in the form of linux/capability.h, revision 2.
    let capability: [UInt8] = [1, 0, 0, 2, 0, 4] + [UInt8](repeating: 0, count: 14)
    for (path, name, value) in [
      ("dir/file", "user.note", [1, 0, 0x0A, 255]), ("own/big", "security.capability", capability),
      ("sticky", "user.folder", Array("yes".utf8)),
    ] {
      guard setxattr(folder.appending(path).string, name, value, value.count, 0) == 0 else {
        throw TestFailure("setxattr \(name): \(errno)")
      }
    }
  }

  /// One line for each thing in the folder. GNU headers have whole seconds.
  private func describe(_ folder: FilePath, exactTimes: Bool) throws -> [String] {
    var lines: [String] = []
    var waiting = [(FilePath(""), folder)]
    while let (name, path) = waiting.popLast() {
      var status = stat()
      guard lstat(path, &status) else { throw TestFailure("lstat \(path)") }
      let nanoseconds = exactTimes ? status.st_mtim.tv_nsec : 0
      var line =
        "\(name) \(String(status.st_mode, radix: 8)) \(status.st_uid):\(status.st_gid) "
        + "\(status.st_mtim.tv_sec).\(nanoseconds) \(status.st_nlink) \(status.st_rdev) "
        + "\(xattrs(path))"
      switch status.st_mode & 0o170000 {
      case 0o040000:
        for child in try namesInFolder(path) {
          waiting.append((name.appending(child), path.appending(child)))
        }
      case 0o100000:
        let content = try Descriptor.open(path, O_RDONLY).readAll(limit: 16 << 20)
        line += " \(status.st_size) \(content.hashValue)"
      case 0o120000: line += " \(status.st_size)"
      default: break
      }
      lines.append(line)
    }
    return lines.sorted()
  }

  private func lstat(_ path: FilePath, _ status: inout stat) -> Bool {
    path.withPlatformString { Glibc.lstat($0, &status) } == 0
  }
}
