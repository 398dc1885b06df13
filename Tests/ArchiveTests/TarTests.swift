// Tar streams: what the writer writes the reader reads, in chunks of any size; damage is refused.

import Testing

@testable import Archive

/// Keeps all that a reader tells.
struct Recorder: TarVisitor {
  struct Member: Equatable {
    var entry: TarEntry
    var content: [UInt8] = []
  }
  var members: [Member] = []
  var isOpen = false

  mutating func begin(_ entry: TarEntry) {
    members.append(Member(entry: entry))
    isOpen = true
  }

  mutating func data(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
    let index = members.count - 1
    let hole = Int(offset) - members[index].content.count
    members[index].content += [UInt8](repeating: 0, count: max(0, hole)) + Array(bytes)
  }

  mutating func end() { isOpen = false }
}

func read(_ bytes: [UInt8], chunk: Int = 1 << 20, limits: ArchiveLimits = ArchiveLimits()) throws
  -> [Recorder.Member]
{
  var reader = TarReader(limits: limits)
  var recorder = Recorder()
  for start in stride(from: 0, to: bytes.count, by: chunk) {
    let part = Array(bytes[start..<min(start + chunk, bytes.count)])
    try part.withUnsafeBytes { try reader.feed($0, to: &recorder) }
  }
  try reader.finish(&recorder)
  return recorder.members
}

func file(_ name: String, _ content: [UInt8]) -> Recorder.Member {
  var entry = TarEntry(.file, path: Array(name.utf8))
  entry.size = UInt64(content.count)
  return Recorder.Member(entry: entry, content: content)
}

func archive(_ members: [Recorder.Member]) -> [UInt8] {
  var writer = TarWriter()
  for member in members { writer.add(member.entry, content: member.content) }
  writer.finish()
  return writer.output
}

@Suite("A tar archive")
struct TarTests {
  static var sample: [Recorder.Member] {
    var folder = TarEntry(.directory, path: Array("d/".utf8))
    folder.mode = 0o1777
    var link = TarEntry(.symbolicLink, path: Array("l".utf8))
    link.target = [UInt8](repeating: UInt8(ascii: "t"), count: 300)
    var device = TarEntry(.characterDevice, path: Array("null".utf8))
    (device.major, device.minor) = (1, 3)
    var hard = TarEntry(.hardLink, path: Array("h".utf8))
    hard.target = Array("a".utf8)
    var rich = file("n", Array("rich".utf8))
    rich.entry.path = [UInt8](repeating: UInt8(ascii: "x"), count: 200) + [0xFF, 0xFE]
    rich.entry.uid = 3_000_000_000
    rich.entry.gid = 70_000
    rich.entry.modified = TarTime(seconds: -2, nanoseconds: 500_000_000)
    rich.entry.attributes = [
      .init(name: Array("user.a".utf8), value: [0, 1, 0x0A, 255]),
      .init(name: Array("security.capability".utf8), value: [UInt8](repeating: 7, count: 20)),
    ]
    return [
      .init(entry: folder), file("a", []), file("b", [UInt8](repeating: 9, count: 1300)),
      .init(entry: link), .init(entry: device), .init(entry: hard), rich, file("c", [1]),
    ]
  }

  @Test("comes back as it was written", arguments: [1, 7, 511, 512, 513, 4096, 1 << 20])
  func roundTrip(_ chunk: Int) throws {
    #expect(try read(archive(Self.sample), chunk: chunk) == Self.sample)
  }

  @Test("may lack its end marker, but may not be cut inside of a member")
  func ends() throws {
    let whole = archive([file("a", [UInt8](repeating: 1, count: 600))])
    #expect(try read(Array(whole.dropLast(1024))).count == 1)
    for length in [100, 512, 513, 1000] {
      #expect(throws: ArchiveFault.truncated(format: "tar")) {
        try read(Array(whole.prefix(length)))
      }
    }
  }

  @Test("may be followed by anything after its end marker")
  func trailer() throws {
    #expect(try read(archive([file("a", [1])]) + Array("trailing".utf8)).count == 1)
  }

  @Test(
    "with one bit of a header changed is refused", arguments: [0, 101, 125, 150, 156, 300, 511])
  func damaged(_ offset: Int) {
    var bytes = archive([file("a", [1])])
    bytes[offset] ^= 1
    #expect(throws: ArchiveFault.self) { try read(bytes) }
  }

  @Test(
    "is refused for a bad extended header",
    arguments: [
      "5 a=b\n", "99 path=x\n", "x path=x\n", "0 path=x\n", "9 pathxy\n", "9 path=x ",
      "11 size=-1\n", "27 size=99999999999999999999\n", "10 uid=1x\n", "18 uid=4294967296\n",
      "12 mtime=1.x\n", "11 path=a\u{0}b\n", "99999999999999999999 a=b\n",
    ])
  func badRecords(_ text: String) {
    var bytes = withExtendedHeader(Array(text.utf8))
    bytes += archive([file("a", [1])])
    #expect(throws: ArchiveFault.self) { try read(bytes) }
  }

  /// The first two parts of an extended header, as the writer makes them.
  private func withExtendedHeader(_ records: [UInt8]) -> [UInt8] {
    let entry = file("p", records)
    var bytes = Array(archive([entry]).dropLast(1024))
    bytes[156] = UInt8(ascii: "x")
    return withChecksum(bytes)
  }

  private func withChecksum(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    bytes.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
    let digits = String(bytes.prefix(512).reduce(0) { $0 + Int($1) }, radix: 8)
    let text = String(repeating: "0", count: 6 - digits.utf8.count) + digits
    bytes.replaceSubrange(148..<155, with: Array(text.utf8) + [0])
    return bytes
  }

  @Test("is bounded in entries, names and metadata")
  func limits() throws {
    let three = archive([file("a", []), file("b", []), file("c", [])])
    #expect(throws: ArchiveFault.tooMuch("entries", limit: 2)) {
      try read(three, limits: ArchiveLimits(entries: 2))
    }
    var long = file("x", [])
    long.entry.path = [UInt8](repeating: UInt8(ascii: "x"), count: 5000)
    #expect(throws: ArchiveFault.tooMuch("bytes in a name", limit: 4096)) {
      try read(archive([long]))
    }
    var huge = file("x", [])
    huge.entry.attributes = [
      .init(name: Array("user.a".utf8), value: [UInt8](repeating: 1, count: 2 << 20))
    ]
    #expect(throws: ArchiveFault.self) { try read(archive([huge])) }
  }

  @Test(
    "with a size that no disk has is refused, not trapped on",
    arguments: [[0x80, 0, 0, 0, 0xFF], [0x80, 0, 0, 0, 0x7F], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF]])
  func absurdSizes(_ first: [UInt8]) {
    var bytes = archive([file("a", [])])
    bytes.replaceSubrange(124..<136, with: first + [UInt8](repeating: 0xFF, count: 7))
    bytes = withChecksum(bytes)
    #expect(throws: ArchiveFault.self) { try read(bytes) }
  }

  @Test("gives sparse files as regions, in GNU's PAX format 0.1")
  func sparse() throws {
    var member = file("s", Array("abcd".utf8))
    member.entry.attributes = []
    let records =
      "22 GNU.sparse.major=0\n" + "22 GNU.sparse.minor=1\n" + "24 GNU.sparse.size=2000\n"
      + "33 GNU.sparse.map=100,2,1000,2\n"
    let fixed = records.split(separator: "\n").map { line -> String in
      let body = line.drop { $0 != " " } + "\n"
      var length = body.utf8.count + 2
      if String(length).utf8.count != 2 { length = body.utf8.count + String(length).utf8.count }
      return "\(length)" + body
    }.joined()
    let bytes = withExtendedHeader(Array(fixed.utf8)) + archive([member])
    let result = try #require(try read(bytes).first)
    #expect(result.entry.size == 2000)
    #expect(Array(result.content[100..<102]) == Array("ab".utf8))
    #expect(Array(result.content[1000..<1002]) == Array("cd".utf8))
  }

  /// `length key=value` lines, with the length that counts itself.
  private func records(_ pairs: [(String, String)]) -> [UInt8] {
    pairs.flatMap { key, value -> [UInt8] in
      let body = " \(key)=\(value)\n"
      var length = body.utf8.count + 1
      while "\(length)\(body)".utf8.count != length { length += 1 }
      return Array("\(length)\(body)".utf8)
    }
  }

  @Test("reads a sparse map of many blocks once, and refuses one that never ends")
  func longSparseMap() throws {
    let count = 2000
    let lines = (0..<count).flatMap { ["\($0 * 10)", "1"] }
    var map = Array(([String(count)] + lines).joined(separator: "\n").utf8) + [0x0A]
    map += [UInt8](repeating: 0, count: (512 - map.count % 512) % 512)
    func sparse(_ content: [UInt8]) -> [UInt8] {
      let header = withExtendedHeader(
        records([
          ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s"),
          ("GNU.sparse.realsize", "\(count * 10)"),
        ]))
      return header + archive([file("x", content)])
    }
    let result = try #require(
      try read(sparse(map + [UInt8](repeating: 7, count: count))).first)
    #expect(result.entry.size == UInt64(count * 10))
    #expect(result.content[19_990] == 7)
    #expect(throws: ArchiveFault.self) {
      try read(sparse([UInt8](repeating: UInt8(ascii: "1"), count: 1 << 20)))
    }
    #expect(throws: ArchiveFault.self) { try read(sparse(Array("65537\n".utf8) + map)) }
  }

  @Test("takes so many attributes of one member, the last value of each")
  func attributes() throws {
    let many = (0..<1024).map { ("SCHILY.xattr.user.\($0)", "a") }
    let twice = records(many + [("SCHILY.xattr.user.0", "b")])
    let result = try #require(try read(withExtendedHeader(twice) + archive([file("x", [])])).first)
    #expect(result.entry.attributes.count == 1024)
    #expect(result.entry.attributes[0].value == Array("b".utf8))
    #expect(throws: ArchiveFault.tooMuch("attributes of one member", limit: 1024)) {
      try read(withExtendedHeader(records(many + [("SCHILY.xattr.user.x", "")])) + archive([]))
    }
  }
}
