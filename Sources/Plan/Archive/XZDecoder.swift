// xz streams, one after the other. How much memory they may ask for is bounded.

import CCompression

final class XZDecoder: StreamDecoder {
  static let magic: [UInt8] = [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]
  /// `xz -9` asks for 65 MiB.
  private static let memory: UInt64 = 128 << 20

  /// The library keeps its address.
  private let stream = UnsafeMutablePointer<lzma_stream>.allocate(capacity: 1)

  /// What is wrong behind bytes that were good.
  private var failure: ArchiveFault?

  init() throws {
    stream.initialize(to: lzma_stream())
    guard berth_xz_init(stream, Self.memory) == Int32(LZMA_OK.rawValue) else {
      stream.deallocate()
      throw ArchiveFault.outOfMemory
    }
  }

  deinit {
    lzma_end(stream)
    stream.deallocate()
  }

  func feed(_ input: [UInt8], _ emit: ([UInt8]) throws -> Void) throws {
    _ = try decode(input[...], emit) { bytes, output in try run(bytes, output, LZMA_RUN).step }
  }

  func finish() throws {
    var last: UInt8 = 0
    let (step, isAtEnd) = try withUnsafeMutableBytes(of: &last) { output in
      try run(UnsafeRawBufferPointer(start: nil, count: 0), output, LZMA_FINISH)
    }
    // All that was in the input has been emitted before.
    guard isAtEnd, step.produced == 0 else { throw ArchiveFault.truncated(format: "xz") }
  }

  private func run(
    _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ action: lzma_action
  ) throws -> (step: DecodingStep, isAtEnd: Bool) {
    if let failure { throw failure }
    stream.pointee.next_in = input.assumingMemoryBound(to: UInt8.self).baseAddress
    stream.pointee.avail_in = input.count
    stream.pointee.next_out = output.assumingMemoryBound(to: UInt8.self).baseAddress
    stream.pointee.avail_out = output.count
    let result = lzma_code(stream, action)
    let step = DecodingStep(
      consumed: input.count - stream.pointee.avail_in,
      produced: output.count - stream.pointee.avail_out)
    if let fault = fault(result) {
      // One call may have decoded the end of a stream and have met what follows it.
      if step.produced == 0 { throw fault }
      failure = fault
    }
    return (step, result == LZMA_STREAM_END)
  }

  private func fault(_ result: lzma_ret) -> ArchiveFault? {
    switch result {
    case LZMA_OK, LZMA_STREAM_END, LZMA_BUF_ERROR: nil
    case LZMA_MEM_ERROR: .outOfMemory
    case LZMA_MEMLIMIT_ERROR: .demanding(format: "xz", limit: Self.memory)
    default: .corrupt(format: "xz", reason: "damaged or not xz")
    }
  }
}
