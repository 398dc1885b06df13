// Gzip, zstd or plain, and where it is asked for bzip2 and xz, told apart by the first bytes, to plain bytes
// in chunks.

import CCompression

/// Called, once, before a decoder takes tens of mebibytes; throws when it may not.
package typealias LargeWindows = () throws -> Void

/// Decodes one stream. Not for use by two threads at once.
package final class Decompressor {
  package enum Formats: Sendable {
    /// What layers of images come in.
    case layers
    /// What archives come in as well. Nothing is loaded to read them.
    case archives
  }

  /// The largest chunk that is emitted.
  package static let chunk = 256 << 10

  private var head: [UInt8] = []
  private var decoder: (any StreamDecoder)?

  private let formats: Formats
  private let largeWindows: LargeWindows

  /// - Parameter largeWindows: waits until a zstd frame may take more than 4 MiB for its window.
  package init(_ formats: Formats = .layers, largeWindows: @escaping LargeWindows = {}) {
    self.formats = formats
    self.largeWindows = largeWindows
  }

  /// Loads what decoding needs, for a process that can load nothing later.
  package static func prepare() { _ = berth_isal_available() }

  /// Decodes what `input` holds; `emit` is called for each chunk of the result.
  package func feed(_ input: [UInt8], _ emit: ([UInt8]) throws -> Void) throws {
    if let decoder { return try decoder.feed(input, emit) }
    head += input
    if head.count >= XZDecoder.magic.count { try start(emit) }
  }

  /// Call at the end of the input: throws when the stream is not complete.
  package func finish(_ emit: ([UInt8]) throws -> Void) throws {
    if decoder == nil { try start(emit) }
    try decoder?.finish()
  }

  private func start(_ emit: ([UInt8]) throws -> Void) throws {
    let decoder: any StreamDecoder =
      if head.starts(with: [0x1F, 0x8B]) {
        try GzipDecoder(allowISAL: formats == .layers)
      } else if ZstdDecoder.isFrame(head) {
        try ZstdDecoder(largeWindows)
      } else if formats == .archives, BzipDecoder.isStream(head) {
        try BzipDecoder()
      } else if formats == .archives, head.starts(with: XZDecoder.magic) {
        try XZDecoder()
      } else {
        PlainDecoder()
      }
    self.decoder = decoder
    let input = head
    head = []
    try decoder.feed(input, emit)
  }
}

protocol StreamDecoder {
  func feed(_ input: [UInt8], _ emit: ([UInt8]) throws -> Void) throws
  func finish() throws
}

private struct PlainDecoder: StreamDecoder {
  func feed(_ input: [UInt8], _ emit: ([UInt8]) throws -> Void) throws {
    if !input.isEmpty { try emit(input) }
  }
  func finish() {}
}

/// How far one step of a decoder came.
struct DecodingStep {
  var consumed = 0
  var produced = 0
  var isAtEnd = false
}

/// Runs `step` over `input` until it is used up or the frame ends, emitting what comes out.
/// - Returns: how much of `input` was used.
func decode(
  _ input: ArraySlice<UInt8>, _ emit: ([UInt8]) throws -> Void,
  step: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) throws -> DecodingStep
) throws -> Int {
  var offset = 0
  var outputWasFull = false
  while offset < input.count || outputWasFull {
    var result = DecodingStep()
    let output = try [UInt8](unsafeUninitializedCapacity: Decompressor.chunk) { buffer, count in
      result = try input.withUnsafeBytes { bytes in
        try step(
          UnsafeRawBufferPointer(rebasing: bytes[offset...]),
          UnsafeMutableRawBufferPointer(
            UnsafeMutableBufferPointer(rebasing: buffer.prefix(Decompressor.chunk))))
      }
      count = result.produced
    }
    offset += result.consumed
    outputWasFull = output.count == Decompressor.chunk
    // A small piece must not keep the memory of a large one while it waits for its reader.
    if !output.isEmpty {
      try emit(
        output.count < Decompressor.chunk / 4
          ? output.withUnsafeBufferPointer { [UInt8]($0) } : output)
    }
    if result.isAtEnd { return offset }
    if result.consumed == 0, output.isEmpty {
      guard offset == input.count else {
        throw ArchiveFault.corrupt(format: "compressed", reason: "no progress")
      }
      return offset
    }
  }
  return offset
}

/// Gzip by ISA-L where it can be used, by zlib elsewhere. Members may follow one another.
final class GzipDecoder: StreamDecoder {
  private enum Engine {
    case isal(OpaquePointer)
    case zlib(UnsafeMutablePointer<z_stream>)
  }

  private let engine: Engine
  /// A member has begun and has not ended.
  private var isInside = false
  private var members = 0

  /// - Parameter allowISAL: false where nothing may be loaded, and for tests of the fallback.
  init(allowISAL: Bool = true) throws {
    if allowISAL, let state = berth_isal_new() {
      engine = .isal(state)
      return
    }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard berth_inflate_init_gzip(stream) == Z_OK else {
      stream.deallocate()
      throw ArchiveFault.outOfMemory
    }
    engine = .zlib(stream)
  }

  deinit {
    switch engine {
    case .isal(let state): berth_isal_free(state)
    case .zlib(let stream):
      inflateEnd(stream)
      stream.deallocate()
    }
  }

  func feed(_ input: [UInt8], _ emit: ([UInt8]) throws -> Void) throws {
    var rest = input[...]
    while !rest.isEmpty {
      if !isInside, members > 0 { reset() }
      isInside = true
      let used = try decode(rest, emit) { bytes, output in
        let step = try inflate(bytes, output)
        if step.isAtEnd {
          isInside = false
          members += 1
        }
        return step
      }
      rest = rest.dropFirst(used)
    }
  }

  func finish() throws {
    if isInside || members == 0 { throw ArchiveFault.truncated(format: "gzip") }
  }

  private func reset() {
    switch engine {
    case .isal(let state): berth_isal_reset(state)
    case .zlib(let stream): inflateReset(stream)
    }
  }

  private func inflate(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer)
    throws -> DecodingStep
  {
    let corrupt = ArchiveFault.corrupt(format: "gzip", reason: "damaged or not gzip")
    var step = DecodingStep()
    switch engine {
    case .isal(let state):
      let result = berth_isal_inflate(
        state, input.assumingMemoryBound(to: UInt8.self).baseAddress, input.count, &step.consumed,
        output.assumingMemoryBound(to: UInt8.self).baseAddress, output.count, &step.produced)
      guard result >= 0 else { throw corrupt }
      step.isAtEnd = result == Int32(BERTH_INFLATE_FINISHED.rawValue)
    case .zlib(let stream):
      stream.pointee.next_in = UnsafeMutablePointer(
        mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
      stream.pointee.avail_in = UInt32(clamping: input.count)
      stream.pointee.next_out = output.assumingMemoryBound(to: UInt8.self).baseAddress
      stream.pointee.avail_out = UInt32(clamping: output.count)
      let result = CCompression.inflate(stream, Z_NO_FLUSH)
      guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { throw corrupt }
      step.consumed = input.count - Int(stream.pointee.avail_in)
      step.produced = output.count - Int(stream.pointee.avail_out)
      step.isAtEnd = result == Z_STREAM_END
    }
    return step
  }
}
