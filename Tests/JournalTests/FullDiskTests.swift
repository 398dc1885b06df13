// A full disk never blocks or ends anything: lines are dropped, counted and told.

import CLinux
import Glibc
import Journal
import Linux
import Synchronization
import SystemPackage
import Testing

@Suite("A full disk drops lines and says how many", .enabled(if: geteuid() == 0))
struct FullDiskTests {
  @Test("what was lost is counted, and what was written before and after is whole")
  func fullDisk() throws {
    let result = onSmallDisk(bytes: 256 << 10) { disk in
      let journal = disk.appending("journal")
      let writer = JournalWriter(folder: journal, segmentSize: 1 << 20, segmentCount: 4)
      let line = String(repeating: "x", count: 99) + "\n"
      for _ in 0..<5000 { writer.write(line) }
      return try JournalReader(folder: journal, from: .beginning, follow: false).lines()
    }
    let lines = try result.get()
    #expect(lines.count > 1000 && lines.count < 5000)
    #expect(lines.allSatisfy { $0.utf8.count == 101 })
  }

  @Test("one line tells of the loss when there is room again")
  func notice() throws {
    let result = onSmallDisk(bytes: 256 << 10) { disk in
      let ballast = disk.appending("ballast")
      let journal = disk.appending("journal")
      let writer = JournalWriter(folder: journal, segmentSize: 1 << 20, segmentCount: 4)
      writer.write("before\n")
      try fill(ballast)
      // What fits into the last page may still be written.
      writer.append(.output, at: 1, [UInt8](repeating: 0x2E, count: 8191) + [0x0A])
      writer.write("a\nb\nc", .error)
      for _ in 0..<100 {
        writer.append(.output, at: 1, [UInt8](repeating: 0x2E, count: 8191) + [0x0A])
      }
      unlink(ballast.string)
      writer.write("after\n")
      return try JournalReader(folder: journal, from: .beginning, follow: false).lines()
    }
    let lines = try result.get()
    #expect(lines.first == "o:before")
    #expect(lines.last == "o:after")
    let notices = lines.filter { $0.hasPrefix("n:") }
    #expect(notices.count == 1)
    #expect(notices.first?.hasSuffix(" of output were lost: the disk was full") == true)
  }

  @Test("a journal that cannot be made does not stop its writer")
  func noFolder() throws {
    let result = onSmallDisk(bytes: 64 << 10) { disk in
      try fill(disk.appending("ballast"))
      var made = 0
      while mkdir(disk.string + "/folder\(made)", 0o700) == 0 { made += 1 }
      let writer = JournalWriter(
        folder: disk.appending("journal"), segmentSize: 1 << 20, segmentCount: 4)
      for _ in 0..<100 { writer.write("lost\n") }
      writer.endRun(at: 1, code: 0, restarts: false)
      return [String]()
    }
    #expect(try result.get().isEmpty)
  }
}

// MS_REC | MS_PRIVATE: two headers define them, so neither name is clear.
private let recursivelyPrivate: UInt = 1 << 14 | 1 << 18

private func fill(_ path: FilePath) throws {
  let file = try Descriptor.open(path, O_WRONLY | O_CREAT)
  let block = [UInt8](repeating: 0, count: 4096)
  while write(file.raw, block, block.count) > 0 {}
}

/// Runs `body` on a thread with a mount namespace of its own, where a tmpfs of so many bytes is
/// mounted. The mount is gone with the thread.
private func onSmallDisk(
  bytes: Int, _ body: @escaping @Sendable (FilePath) throws -> [String]
) -> Result<[String], any Error> {
  final class Job: Sendable {
    let bytes: Int
    let body: @Sendable (FilePath) throws -> [String]
    let result = Mutex<Result<[String], any Error>?>(nil)
    init(_ bytes: Int, _ body: @escaping @Sendable (FilePath) throws -> [String]) {
      self.bytes = bytes
      self.body = body
    }

    func run() throws -> [String] {
      try checking("unshare") { berth_unshare(UInt(CLONE_NEWNS | CLONE_FS)) }
      try checking("mount") {
        mount("none", "/", nil, recursivelyPrivate, nil)
      }
      try checking("mount") { mount("small", "/mnt", "tmpfs", 0, "size=\(bytes),nr_inodes=32") }
      return try body("/mnt")
    }
  }
  let job = Job(bytes, body)
  var thread = pthread_t()
  let started = pthread_create(
    &thread, nil,
    { pointer in
      guard let pointer else { return nil }
      let job = Unmanaged<Job>.fromOpaque(pointer).takeUnretainedValue()
      job.result.withLock { $0 = Result { try job.run() } }
      return nil
    }, Unmanaged.passUnretained(job).toOpaque())
  guard started == 0 else { return .failure(SystemCallError("pthread_create")) }
  pthread_join(thread, nil)
  return job.result.withLock { $0 ?? .failure(SystemCallError("thread")) }
}
