// bzip2 streams, one after the other. A block of them, 900 KB at most, is decoded as a whole.

import CCompression

final class BzipDecoder: StreamDecoder {
  /// The library keeps its address.
  private let stream = UnsafeMutablePointer<bz_stream>.allocate(capacity: 1)
  /// A stream has begun and has not ended.
  private var isInside = false
  private var streams = 0

  /// `BZh`, a digit that is the size of its blocks, and what a block or the end begins with.
  static func isStream(_ head: [UInt8]) -> Bool {
    guard head.count >= 6, head.starts(with: "BZh".utf8) else { return false }
    return (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(head[3])
      && (head[4...5].elementsEqual([0x31, 0x41]) || head[4...5].elementsEqual([0x17, 0x72]))
  }

  init() throws {
    stream.initialize(to: bz_stream())
    guard BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else {
      stream.deallocate()
      throw ArchiveFault.outOfMemory
    }
  }

  deinit {
    BZ2_bzDecompressEnd(stream)
    stream.deallocate()
  }

  func feed(_ input: [UInt8], _ emit: ([UInt8]) throws -> Void) throws {
    var rest = input[...]
    while !rest.isEmpty {
      if !isInside, streams > 0 { try reset() }
      isInside = true
      let used = try decode(rest, emit) { bytes, output in
        let step = try run(bytes, output)
        if step.isAtEnd {
          isInside = false
          streams += 1
        }
        return step
      }
      rest = rest.dropFirst(used)
    }
  }

  func finish() throws {
    if isInside || streams == 0 { throw ArchiveFault.truncated(format: "bzip2") }
  }

  private func reset() throws {
    BZ2_bzDecompressEnd(stream)
    stream.pointee = bz_stream()
    guard BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else { throw ArchiveFault.outOfMemory }
  }

  private func run(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) throws
    -> DecodingStep
  {
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.assumingMemoryBound(to: CChar.self).baseAddress)
    stream.pointee.avail_in = UInt32(clamping: input.count)
    stream.pointee.next_out = output.assumingMemoryBound(to: CChar.self).baseAddress
    stream.pointee.avail_out = UInt32(clamping: output.count)
    let result = BZ2_bzDecompress(stream)
    switch result {
    case BZ_OK, BZ_STREAM_END: break
    case BZ_MEM_ERROR: throw ArchiveFault.outOfMemory
    default: throw ArchiveFault.corrupt(format: "bzip2", reason: "damaged or not bzip2")
    }
    return DecodingStep(
      consumed: input.count - Int(stream.pointee.avail_in),
      produced: output.count - Int(stream.pointee.avail_out), isAtEnd: result == BZ_STREAM_END)
  }
}
