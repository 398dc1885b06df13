// The journal on real files: joining, tails, rotation, torn ends, following.

import CLinux
import Glibc
import Journal
import Linux
import SystemPackage
import Testing

@Suite("A journal gives back the lines that were written")
struct JournalTests {
  @Test(
    "lines come back in order, by stream, joined over reads",
    arguments: [
      (["a\nb\n"], ["o:a", "o:b"]),
      (["a", "b", "\n"], ["o:ab"]),
      (["a\nb", "c\n", "d\n"], ["o:a", "o:bc", "o:d"]),
      (["\n\n"], ["o:", "o:"]),
      (["a\r\n"], ["o:a\r"]),
    ])
  func joined(_ parts: [String], _ expected: [String]) throws {
    let folder = try JournalFolder()
    let writer = folder.writer()
    for part in parts { writer.write(part) }
    #expect(try folder.reader().lines() == expected)
  }

  @Test("the streams do not mix where one cuts the other's line")
  func streams() throws {
    let folder = try JournalFolder()
    let writer = folder.writer()
    writer.write("one ")
    writer.write("bad\n", .error)
    writer.write("line\n")
    #expect(try folder.reader().lines() == ["e:bad", "o:one line"])
  }

  @Test("bytes that are no text come back as they were")
  func bytes() throws {
    let folder = try JournalFolder()
    let raw: [UInt8] = [0, 0xFF, 0xC3, 0x28, 0x0D]
    folder.writer().append(.error, at: 42, raw + [0x0A])
    let progress = try folder.reader().next()
    #expect(progress == .batch(JournalBatch(stream: .error, nanoseconds: 42, bytes: raw + [0x0A])))
  }

  @Test("a line without its newline waits, and is a line when the run ends")
  func unfinished() throws {
    let folder = try JournalFolder()
    let writer = folder.writer()
    writer.write("done\nprompt> ")
    let reader = try folder.reader()
    #expect(try reader.lines() == ["o:done"])
    writer.endRun(at: 2, code: 0, restarts: false)
    #expect(try reader.lines() == ["o:prompt> "])
  }

  @Test("the end of a run comes behind its lines, with its exit code and whether another follows")
  func ends() throws {
    let folder = try JournalFolder()
    let writer = folder.writer()
    writer.endRun(at: 1, code: 3, restarts: true)
    writer.write("a\nb\nlast")
    writer.endRun(at: 5, code: -1, restarts: false)
    let first = JournalReader.Progress.runEnded(RunEnd(nanoseconds: 1, code: 3, restarts: true))
    let last = JournalReader.Progress.runEnded(RunEnd(nanoseconds: 5, code: -1, restarts: false))
    let reader = try folder.reader()
    #expect(try reader.next() == first)
    guard case .batch = try reader.next(), case .batch = try reader.next() else {
      Issue.record("no lines")
      return
    }
    #expect(try reader.next() == last)
    let tail = try folder.reader(.lastLines(1))
    #expect(try tail.lines() == ["o:last"])
    let cut = try folder.reader(.lastLines(2))
    guard case .batch = try cut.next(), case .batch = try cut.next() else {
      Issue.record("the end of an earlier run before the last lines")
      return
    }
    #expect(try cut.next() == last)
  }

  @Test("what a killed writer left unfinished can be had at the end")
  func leftOver() throws {
    let folder = try JournalFolder()
    do { folder.writer().write("half") }
    let reader = try folder.reader()
    #expect(try reader.lines().isEmpty)
    #expect(reader.unfinishedLines().map(\.bytes) == [Array("half".utf8)])
  }

  @Test("a line over the limit is given in pieces and nothing is lost")
  func longLine() throws {
    let folder = try JournalFolder()
    let writer = folder.writer(segmentSize: 8 << 20)
    let piece = [UInt8](repeating: 0x78, count: 64 << 10)
    for _ in 0..<40 { writer.append(.output, at: 1, piece) }
    writer.write("\n")
    let entries = try folder.reader().lines()
    #expect(entries.map { $0.utf8.count - 2 }.reduce(0, +) == 40 * piece.count)
    #expect(entries.count == 3)
  }

  @Test("a chunk larger than a frame is split and joined")
  func largeChunk() throws {
    let folder = try JournalFolder()
    let text = (0..<30_000).map { "line \($0)\n" }.joined()
    folder.writer().write(text)
    let lines = try folder.reader().lines()
    #expect(lines.count == 30_000)
    #expect(lines.last == "o:line 29999")
  }

  @Test("a journal that is missing is empty and ended")
  func missing() throws {
    let folder = try JournalFolder()
    #expect(try folder.reader().next() == .ended)
    #expect(try folder.reader(.lastLines(5)).next() == .ended)
  }
}

@Suite("The last lines of a journal are found from its end")
struct TailTests {
  @Test("a tail has exactly so many lines", arguments: [0, 1, 2, 5, 99, 100, 101, 1000])
  func counts(_ count: Int) throws {
    let folder = try JournalFolder()
    let writer = folder.writer(segmentSize: 4096, segments: 100)
    for line in 0..<100 { writer.write("line \(line) \(String(repeating: ".", count: 200))\n") }
    let lines = try folder.reader(.lastLines(count)).lines()
    #expect(lines.count == min(count, 100))
    #expect(lines.first == (count == 0 ? nil : try folder.reader().lines()[max(0, 100 - count)]))
  }

  @Test("lines that begin before the first frame read are not shown cut", arguments: 1...6)
  func cut(_ count: Int) throws {
    let folder = try JournalFolder()
    let writer = folder.writer()
    for part in ["a\nb", "b\nc", "c\n", "d\ne", "e\nf\n"] { writer.write(part) }
    let all = ["o:a", "o:bb", "o:cc", "o:d", "o:ee", "o:f"]
    #expect(try folder.reader(.lastLines(count)).lines() == all.suffix(count))
  }

  @Test("two streams that cut each other's lines", arguments: 1...4)
  func twoStreams(_ count: Int) throws {
    let folder = try JournalFolder()
    let writer = folder.writer()
    writer.write("o1\no")
    writer.write("e1\ne", .error)
    writer.write("2\n")
    writer.write("2\n", .error)
    let all = ["o:o1", "e:e1", "o:o2", "e:e2"]
    #expect(try folder.reader(.lastLines(count)).lines() == all.suffix(count))
  }

  @Test("a last line without newline counts as one")
  func unterminated() throws {
    let folder = try JournalFolder()
    let writer = folder.writer()
    writer.write("a\nb\nc")
    writer.endRun(at: 1, code: 0, restarts: false)
    #expect(try folder.reader(.lastLines(2)).lines() == ["o:b", "o:c"])
  }

  @Test("a tail of nothing still follows")
  func onlyNew() throws {
    let folder = try JournalFolder()
    let writer = folder.writer()
    writer.write("old\n")
    let reader = try folder.reader(.lastLines(0), follow: true)
    #expect(try reader.lines().isEmpty)
    writer.write("new\n")
    #expect(try reader.lines() == ["o:new"])
  }

  @Test("a tail behind a torn end is found by walking")
  func torn() throws {
    let folder = try JournalFolder()
    do {
      let writer = folder.writer()
      for line in 0..<10 { writer.write("line \(line)\n") }
    }
    let file = try Descriptor.open(FilePath(try folder.newest), O_WRONLY | O_APPEND)
    try file.writeAll([0x42, 0x4A, 0x30, 0x31, 200, 0, 0])
    #expect(try folder.reader(.lastLines(2)).lines() == ["o:line 8", "o:line 9"])
  }
}

@Suite("A journal is bounded and survives its writer")
struct RotationTests {
  @Test("the oldest segments go and the newest lines stay")
  func rotation() throws {
    let folder = try JournalFolder()
    let writer = folder.writer(segmentSize: 4096, segments: 3)
    for line in 0..<500 { writer.write("line \(line)\n") }
    #expect(try folder.segments.count == 3)
    let lines = try folder.reader().lines()
    #expect(lines.last == "o:line 499")
    #expect(lines.count < 500)
    #expect(lines.first == "o:line \(500 - lines.count)")
    for segment in try folder.segments {
      var status = stat()
      stat(folder.path.string + "/" + segment, &status)
      #expect(status.st_size <= 4096)
    }
  }

  @Test("what is left of a line whose beginning went is no line")
  func cutByRotation() throws {
    let folder = try JournalFolder()
    let writer = folder.writer(segmentSize: 4096, segments: 2)
    for line in 0..<3000 { writer.write(line % 2 == 0 ? "begin \(line / 2)" : " end\n") }
    let lines = try folder.reader().lines()
    #expect(lines.allSatisfy { $0.hasPrefix("o:begin ") && $0.hasSuffix(" end") })
    #expect(lines.last == "o:begin 1499 end")
    #expect(try folder.reader(.lastLines(lines.count)).lines() == lines)
  }

  @Test("a slow reader goes on with what is left")
  func overtaken() throws {
    let folder = try JournalFolder()
    let writer = folder.writer(segmentSize: 4096, segments: 2)
    writer.write("first\n")
    let reader = try folder.reader(follow: true)
    #expect(try reader.lines() == ["o:first"])
    for line in 0..<1000 { writer.write("line \(line)\n") }
    let lines = try reader.lines()
    #expect(lines.last == "o:line 999")
    #expect(Set(lines).count == lines.count)
    let told = lines.filter { $0.hasPrefix("n:lines of output are missing here") }
    #expect(told.count == 1)
    #expect(try !folder.reader().lines().contains { $0.hasPrefix("n:") })
  }

  @Test("every byte of a frame may be missing at the end", arguments: [1, 3, 4, 5, 20, 27, 28])
  func torn(_ missing: Int) throws {
    let folder = try JournalFolder()
    do {
      let writer = folder.writer()
      writer.write("whole\n")
      writer.write("torn!\n")
    }
    var status = stat()
    let path = try folder.newest
    stat(path, &status)
    #expect(truncate(path, status.st_size - off_t(missing)) == 0)
    #expect(try folder.reader().lines() == ["o:whole"])
    folder.writer().write("again\n")
    #expect(try folder.segments.count == 2)
    #expect(try folder.reader().lines() == ["o:whole", "o:again"])
    #expect(try folder.reader(.lastLines(2)).lines() == ["o:whole", "o:again"])
  }

  @Test("garbage in a segment hides that segment's rest alone")
  func garbage() throws {
    let folder = try JournalFolder()
    do { folder.writer().write("before\n") }
    let file = try Descriptor.open(FilePath(try folder.newest), O_WRONLY | O_APPEND)
    try file.writeAll([UInt8](repeating: 0xAA, count: 5000))
    folder.writer().write("after\n")
    #expect(try folder.reader().lines() == ["o:before", "o:after"])
  }

  @Test("a reader knows whether a writer lives")
  func lives() throws {
    let folder = try JournalFolder()
    var writer: JournalWriter? = folder.writer()
    writer?.write("a\n")
    let reader = try folder.reader(follow: true)
    #expect(try reader.lines() == ["o:a"])
    #expect(try reader.next() == .idle)
    writer = nil
    #expect(try reader.next() == .ended)
    writer = folder.writer()
    writer?.write("b\n")
    #expect(try reader.lines() == ["o:b"])
    #expect(try reader.next() == .idle)
  }

  @Test("a follower is woken by new lines and by the writer's end")
  func woken() throws {
    let folder = try JournalFolder()
    var writer: JournalWriter? = folder.writer()
    let reader = try folder.reader(follow: true)
    #expect(try reader.next() == .idle)
    #expect(!readable(reader))
    writer?.write("a\n")
    #expect(readable(reader))
    #expect(try reader.lines() == ["o:a"])
    #expect(!readable(reader))
    writer = nil
    #expect(readable(reader))
    #expect(try reader.next() == .ended)
  }

  private func readable(_ reader: JournalReader) -> Bool {
    var watched = pollfd(fd: reader.notifications ?? -1, events: Int16(POLLIN), revents: 0)
    return poll(&watched, 1, 0) == 1
  }
}
