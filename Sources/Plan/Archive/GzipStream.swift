// Bytes to one gzip member, chunk by chunk: for what is too large to be held whole.

import CCompression

/// Nothing in the result depends on the time or the machine. Not for use by two threads at once.
package final class GzipStream {
  private static let chunk = 256 << 10

  /// zlib keeps its address.
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

  package init(level: Int32 = 6) throws(ArchiveFault) {
    stream.initialize(to: z_stream())
    guard berth_deflate_init_gzip(stream, level) == Z_OK else {
      stream.deallocate()
      throw .outOfMemory
    }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// `emit` is called for each chunk of the result.
  package func feed(_ bytes: [UInt8], _ emit: ([UInt8]) throws -> Void) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = Array(rest.prefix(Self.chunk))
      rest = rest.dropFirst(part.count)
      try deflate(part, Z_NO_FLUSH, emit)
    }
  }

  /// Call at the end, once.
  package func finish(_ emit: ([UInt8]) throws -> Void) throws { try deflate([], Z_FINISH, emit) }

  private func deflate(_ part: [UInt8], _ flush: Int32, _ emit: ([UInt8]) throws -> Void) throws {
    try part.withUnsafeBufferPointer { input in
      stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
      stream.pointee.avail_in = UInt32(input.count)
      // Done when there was room left in the output.
      repeat {
        let output = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, filled in
          stream.pointee.next_out = buffer.baseAddress
          stream.pointee.avail_out = UInt32(Self.chunk)
          _ = CCompression.deflate(stream, flush)
          filled = Self.chunk - Int(stream.pointee.avail_out)
        }
        if !output.isEmpty { try emit(output) }
      } while stream.pointee.avail_out == 0
    }
    stream.pointee.next_in = nil
  }
}
