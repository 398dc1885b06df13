// Zstandard frames (RFC 8878), one after the other. The header of each is looked at first: it says how
// much memory the frame asks for.

import CCompression

final class ZstdDecoder: StreamDecoder {
  /// 2^25: 32 MiB, so that a hostile frame cannot ask for more.
  static let windowLog: Int32 = 25
  /// Up to here no leave is asked for; levels up to 9 need no more.
  static let smallWindow: UInt64 = 4 << 20

  private let stream: OpaquePointer
  private let largeWindows: LargeWindows
  private var mayBeLarge = false
  /// The beginning of a frame whose header is not complete yet.
  private var head: [UInt8] = []
  private var isInside = false
  private var frames = 0

  /// Whether a stream that begins so is zstd's: a frame, or one to be skipped.
  static func isFrame(_ head: [UInt8]) -> Bool {
    guard head.count >= 4 else { return false }
    return head.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
      || head[0] & 0xF0 == 0x50 && head[1...3] == [0x2A, 0x4D, 0x18]
  }

  init(_ largeWindows: @escaping LargeWindows = {}) throws {
    guard let stream = ZSTD_createDStream() else { throw ArchiveFault.outOfMemory }
    self.stream = stream
    self.largeWindows = largeWindows
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, Self.windowLog)
  }

  deinit { ZSTD_freeDStream(stream) }

  func feed(_ input: [UInt8], _ emit: ([UInt8]) throws -> Void) throws {
    var rest = input[...]
    while !rest.isEmpty {
      if isInside {
        rest = rest.dropFirst(try run(rest, emit))
        continue
      }
      let needed = try headerLacks()
      if needed > 0 {
        head += rest.prefix(needed)
        rest = rest.dropFirst(needed)
      }
      guard try headerLacks() == 0 else { continue }
      isInside = true
      frames += 1
      // A header is never longer than what a frame of its own takes.
      _ = try run(head[...], emit)
      head = []
    }
  }

  func finish() throws {
    if isInside || !head.isEmpty || frames == 0 { throw ArchiveFault.truncated(format: "zstd") }
  }

  /// How many bytes more the header needs to be read; 0 when what it asks for is granted.
  private func headerLacks() throws -> Int {
    var window: UInt64 = 0
    let result = head.withUnsafeBytes { berth_zstd_window($0.baseAddress, $0.count, &window) }
    try check(result)
    guard result == 0 else { return max(1, result - head.count) }
    if window > Self.smallWindow, !mayBeLarge {
      guard window <= 1 << UInt64(Self.windowLog) else {
        throw ArchiveFault.demanding(format: "zstd", limit: 1 << UInt64(Self.windowLog))
      }
      try largeWindows()
      mayBeLarge = true
    }
    return 0
  }

  /// Decodes up to the end of the frame.
  /// - Returns: how much of `input` was used.
  private func run(_ input: ArraySlice<UInt8>, _ emit: ([UInt8]) throws -> Void) throws -> Int {
    try decode(input, emit) { bytes, output in
      var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
      var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
      let result = ZSTD_decompressStream(stream, &target, &source)
      try check(result)
      if result == 0 { isInside = false }
      return DecodingStep(consumed: source.pos, produced: target.pos, isAtEnd: result == 0)
    }
  }

  private func check(_ result: Int) throws {
    guard ZSTD_isError(result) == 0 else {
      let reason = String(cString: ZSTD_getErrorName(result)).lowercased()
      throw ArchiveFault.corrupt(format: "zstd", reason: reason)
    }
  }
}
