// Gzip and zstd streams, whole, split, cut and damaged.

import Testing

@testable import Archive

private let text = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* $0 / 7) }

private func decode(_ bytes: [UInt8], chunk: Int = 10_000) throws -> [UInt8] {
  let decompressor = Decompressor()
  var result: [UInt8] = []
  for start in stride(from: 0, to: bytes.count, by: chunk) {
    try decompressor.feed(Array(bytes[start..<min(start + chunk, bytes.count)])) { result += $0 }
  }
  try decompressor.finish { result += $0 }
  return result
}

@Suite("A compressed stream")
struct DecompressorTests {
  @Test("of gzip, zstd or nothing comes back", arguments: [1, 3, 1000, 1 << 20])
  func roundTrip(_ chunk: Int) throws {
    #expect(try decode(Compressor.gzip(text), chunk: chunk) == text)
    #expect(try decode(Compressor.zstd(text), chunk: chunk) == text)
    #expect(try decode(text, chunk: chunk) == text)
    #expect(try decode([], chunk: chunk) == [])
    #expect(try decode([1, 2], chunk: chunk) == [1, 2])
    #expect(try decode(Compressor.gzip([]), chunk: chunk) == [])
  }

  @Test("may have several members", arguments: [1, 1000, 1 << 20])
  func members(_ chunk: Int) throws {
    let two = try Compressor.gzip(text) + Compressor.gzip(Array("end".utf8))
    #expect(try decode(two, chunk: chunk) == text + Array("end".utf8))
    let frames = try Compressor.zstd(text) + Compressor.zstd(Array("end".utf8))
    #expect(try decode(frames, chunk: chunk) == text + Array("end".utf8))
  }

  @Test("that is cut is told to be", arguments: [1, 5, 11, 100])
  func cut(_ missing: Int) throws {
    let gzip = try Compressor.gzip(text)
    let zstd = try Compressor.zstd(text)
    #expect(throws: ArchiveFault.truncated(format: "gzip")) { try decode(gzip.dropLast(missing)) }
    #expect(throws: ArchiveFault.truncated(format: "zstd")) { try decode(zstd.dropLast(missing)) }
  }

  @Test("with a wrong checksum or garbage behind it is refused")
  func damaged() throws {
    var gzip = try Compressor.gzip(text)
    gzip[gzip.count - 6] ^= 1
    #expect(throws: ArchiveFault.self) { try decode(gzip) }
    #expect(throws: ArchiveFault.self) {
      try decode(Compressor.gzip(text) + Array("garbage!".utf8))
    }
    #expect(throws: ArchiveFault.self) {
      try decode(Compressor.zstd(text) + Array("garbage!".utf8))
    }
  }

  @Test("is read by zlib where ISA-L lacks", arguments: [1, 1000, 1 << 20])
  func fallback(_ chunk: Int) throws {
    let bytes = try Compressor.gzip(text) + Compressor.gzip(text)
    let decoder = try GzipDecoder(allowISAL: false)
    var result: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: chunk) {
      try decoder.feed(Array(bytes[start..<min(start + chunk, bytes.count)])) { result += $0 }
    }
    try decoder.finish()
    #expect(result == text + text)
  }

  @Test("of zstd may begin with frames that say nothing", arguments: [1, 5, 1 << 20])
  func skippable(_ chunk: Int) throws {
    let skipped: [UInt8] = [0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 7, 7, 7]
    #expect(try decode(skipped + Compressor.zstd(text), chunk: chunk) == text)
    #expect(try decode(Compressor.zstd(text) + skipped + skipped, chunk: chunk) == text)
    #expect(throws: ArchiveFault.truncated(format: "zstd")) { try decode(skipped.dropLast()) }
  }

  @Test("asks, once, before it takes a large window")
  func largeWindow() throws {
    // Frames of one raw block of one byte: descriptor 0x00, then a window of 2^(10 + n / 8).
    func frame(_ window: UInt8) -> [UInt8] {
      [0x28, 0xB5, 0x2F, 0xFD, 0x00, window, 0x09, 0x00, 0x00, 0x61]
    }
    var asked = 0
    let decompressor = Decompressor { asked += 1 }
    var result: [UInt8] = []
    try decompressor.feed(frame(12 << 3)) { result += $0 }
    #expect(asked == 0, "4 MiB")
    try decompressor.feed(frame(13 << 3)) { result += $0 }
    try decompressor.feed(frame(15 << 3)) { result += $0 }
    try decompressor.finish { result += $0 }
    #expect(asked == 1)
    #expect(result == Array("aaa".utf8))
    struct Refused: Error {}
    #expect(throws: Refused.self) {
      try Decompressor { throw Refused() }.feed(frame(13 << 3)) { _ in }
    }
  }

  @Test("that asks for a window of gigabytes is refused")
  func window() {
    // A frame header with window descriptor 0xF8: 2^41 bytes.
    let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xF8, 0x01, 0x00, 0x00]
    #expect(throws: ArchiveFault.self) { try decode(frame) }
  }
}
