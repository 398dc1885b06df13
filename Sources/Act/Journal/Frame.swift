// The bytes of a journal. A folder of segments `NNNNNN.log`; each is a row of frames, little endian:
//
//    0  magic        u32   "BJ01"
//    4  length       u32   bytes of payload, at most 64 KiB
//    8  nanoseconds  i64   wall time of the read
//   16  stream       u8    JournalStream, or 4: a run of the container has ended; the payload of that is
//                          the exit code (i32) and a byte: 1 when another run follows
//   17  flags        u8    1: the last line goes on in a later frame; 2: begins within a line
//   18  (zero)       u16
//   20  check        u32   over the twenty bytes before
//   24  payload
//    …  length       u32   again, so that a reader can walk backwards
//
// A frame that is not whole, or whose numbers disagree, is the torn end of its segment.

import Glibc

/// Where a line came from.
package enum JournalStream: UInt8, Hashable, Sendable, CaseIterable {
  case output = 1
  case error = 2
  /// Words of berth about the log itself: lines that were lost.
  case notice = 3
}

struct Frame: Equatable {
  static let headerSize = 24
  static let footerSize = 4
  static let payloadLimit = 64 << 10
  static let largest = headerSize + payloadLimit + footerSize

  private static let magic: UInt32 = 0x3130_4A42
  private static let endOfRun: UInt8 = 4

  var length: Int
  var nanoseconds: Int64
  /// Nil for the mark that a run of the container has ended.
  var stream: JournalStream?
  var isPartial = false
  var isContinued = false

  var size: Int { Self.headerSize + length + Self.footerSize }

  func encode(into buffer: UnsafeMutableRawBufferPointer) {
    buffer.storeBytes(of: Self.magic.littleEndian, toByteOffset: 0, as: UInt32.self)
    buffer.storeBytes(of: UInt32(length).littleEndian, toByteOffset: 4, as: UInt32.self)
    buffer.storeBytes(of: nanoseconds.littleEndian, toByteOffset: 8, as: Int64.self)
    buffer[16] = stream?.rawValue ?? Self.endOfRun
    buffer[17] = (isPartial ? 1 : 0) | (isContinued ? 2 : 0)
    buffer[18] = 0
    buffer[19] = 0
    let check = Self.check(UnsafeRawBufferPointer(rebasing: buffer[..<20]))
    buffer.storeBytes(of: check.littleEndian, toByteOffset: 20, as: UInt32.self)
  }

  /// The header at the start of `buffer`, which holds at least `headerSize` bytes; nil when torn.
  init?(decoding buffer: UnsafeRawBufferPointer) {
    let word = { (offset: Int) in
      UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    guard word(0) == Self.magic, word(4) <= Self.payloadLimit,
      word(20) == Self.check(UnsafeRawBufferPointer(rebasing: buffer[..<20]))
    else { return nil }
    let stream = JournalStream(rawValue: buffer[16])
    guard stream != nil || buffer[16] == Self.endOfRun else { return nil }
    self.init(
      length: Int(word(4)),
      nanoseconds: Int64(littleEndian: buffer.loadUnaligned(fromByteOffset: 8, as: Int64.self)),
      stream: stream, isPartial: buffer[17] & 1 != 0, isContinued: buffer[17] & 2 != 0)
  }

  init(
    length: Int, nanoseconds: Int64, stream: JournalStream?, isPartial: Bool = false,
    isContinued: Bool = false
  ) {
    self.length = length
    self.nanoseconds = nanoseconds
    self.stream = stream
    self.isPartial = isPartial
    self.isContinued = isContinued
  }

  /// FNV-1a: enough to tell a header from garbage.
  private static func check(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var hash: UInt32 = 0x811C_9DC5
    for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    return hash
  }
}

/// How a run of the container has ended, as its mark says it.
package struct RunEnd: Hashable, Sendable {
  /// Wall time, nanoseconds since 1970.
  package var nanoseconds: Int64
  /// Nil in journals from before marks said it.
  package var code: Int32?
  /// Whether the container is started again by its restart policy.
  package var restarts: Bool

  package init(nanoseconds: Int64, code: Int32?, restarts: Bool) {
    self.nanoseconds = nanoseconds
    self.code = code
    self.restarts = restarts
  }

  static let payloadSize = 5

  init(nanoseconds: Int64, decoding payload: UnsafeRawBufferPointer) {
    self.nanoseconds = nanoseconds
    guard payload.count >= Self.payloadSize else {
      (code, restarts) = (nil, false)
      return
    }
    code = Int32(littleEndian: payload.loadUnaligned(as: Int32.self))
    restarts = payload[4] == 1
  }
}

let newline: UInt8 = 0x0A

/// The bytes up to and with the last newline; 0 when there is none.
func wholeLines(_ bytes: UnsafeRawBufferPointer) -> Int {
  bytes.lastIndex(of: newline).map { $0 + 1 } ?? 0
}

func countNewlines(_ bytes: UnsafeRawBufferPointer) -> Int {
  guard let base = bytes.baseAddress else { return 0 }
  var count = 0
  var offset = 0
  while offset < bytes.count,
    let found = memchr(base + offset, CInt(newline), bytes.count - offset)
  {
    count += 1
    offset = UnsafeRawPointer(found) - base + 1
  }
  return count
}
