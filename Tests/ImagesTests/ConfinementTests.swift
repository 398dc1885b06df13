// What the child that unpacks a layer can still reach while it is at work, by the kernel's word.

import Archive
import Glibc
import Linux
import OCI
import SystemPackage
import TestSupport
import Testing

@testable import Unpacking

@Suite("The child that unpacks a layer", .enabled(if: isRoot), .timeLimit(.minutes(1)))
struct ConfinementTests {
  static let program = FilePath(builtProgram("berth-unpack"))

  @Test("has no root but the layer's folder, no network, few rights and a filter")
  func isConfined() async throws {
    try await Bench.using { bench in
      let child = try UnpackProcess(
        Self.program, into: bench.layer, limit: 1 << 20, implied: bench.implied, turns: bench.turns)
      let bytes = bench.archive([(folder("etc"), []), (plain("etc/name"), Array("x".utf8))])
      // Without the end of the archive, so that it waits for more.
      try child.write(Array(bytes[..<1536]))
      let made = FilePath(bench.layer.string + "/etc/name")
      try await eventually("the first file") { access(made.string, F_OK) == 0 }

      let status = try text("/proc/\(child.pid)/status")
      #expect(field("Seccomp", status) == "2")
      #expect(field("NoNewPrivs", status) == "1")
      // chown, dac_override, fowner, fsetid, sys_admin, mknod, setfcap.
      let capabilities: UInt64 = 1 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 21 | 1 << 27 | 1 << 31
      for name in ["CapPrm", "CapEff", "CapBnd"] {
        let mask = try #require(field(name, status).flatMap { UInt64($0, radix: 16) })
        #expect(mask & ~capabilities == 0, "\(name)")
      }
      #expect(field("CapInh", status).flatMap { UInt64($0, radix: 16) } == 0)
      #expect(field("CapAmb", status).flatMap { UInt64($0, radix: 16) } == 0)

      let mounts = try text("/proc/\(child.pid)/mountinfo").split(separator: "\n")
      try #require(mounts.count == 1)
      let words = mounts[0].split(separator: " ")
      #expect(words[4] == "/")
      #expect(Set(words[5].split(separator: ",")).isSuperset(of: ["nosuid", "nodev", "noexec"]))
      #expect(try namesInFolder(FilePath("/proc/\(child.pid)/root")).map(\.string) == ["etc"])

      try child.write(Array(bytes[1536...]))
      guard case .done(let written, let diffID) = try child.finish() else {
        Issue.record("a good layer is refused")
        return
      }
      #expect(written == 1)
      #expect(diffID == Digest(of: bytes))
    }
  }

  @Test("tells in its report what it refuses, and takes no more")
  func refuses() async throws {
    try await Bench.using { bench in
      let child = try UnpackProcess(
        Self.program, into: bench.layer, limit: 1 << 20, implied: bench.implied, turns: bench.turns)
      let bytes = bench.archive([(plain("../canary/x"), Array("x".utf8))])
      try child.write(bytes)
      try await eventually("the end of the child") {
        do {
          try child.write([UInt8](repeating: 0, count: 1024))
          return false
        } catch is UnpackProcess.Closed {
          return true
        }
      }
      guard case .refused(let layer) = try child.finish() else {
        Issue.record("a hostile layer is taken")
        return
      }
      #expect(layer.reason.contains("leads upwards"))
      #expect(try namesInFolder(bench.layer).isEmpty)
    }
  }

  @Test("ends with whoever has let go of it")
  func isEnded() async throws {
    try await Bench.using { bench in
      var child: UnpackProcess? = try UnpackProcess(
        Self.program, into: bench.layer, limit: 1 << 20, implied: bench.implied, turns: bench.turns)
      let pid = try #require(child?.pid)
      child = nil
      #expect(kill(pid, 0) != 0 && Errno.current == .noSuchProcess)
    }
  }

  @Test("that never was is an error that names it")
  func isMissing() async throws {
    try await Bench.using { bench in
      #expect(throws: SystemCallError("posix_spawn", "/nonexistent", .noSuchFileOrDirectory)) {
        _ = try UnpackProcess(
          "/nonexistent", into: bench.layer, limit: 1, implied: bench.implied, turns: bench.turns)
      }
    }
  }

  private func text(_ path: String) throws -> String {
    let file = try Descriptor.open(FilePath(path), O_RDONLY)
    return String(decoding: try file.readAll(limit: 1 << 20), as: UTF8.self)
  }

  private func field(_ name: String, _ status: String) -> String? {
    status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
      .map { $0.dropFirst(name.utf8.count + 1).filter { $0 != "\t" && $0 != " " } }
  }
}
