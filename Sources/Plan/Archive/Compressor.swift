// Whole buffers to gzip and zstd.

import CCompression

package enum Compressor {
  /// One gzip member. Nothing in it depends on the time or the machine.
  package static func gzip(_ bytes: [UInt8], level: Int32 = 6) throws(ArchiveFault) -> [UInt8] {
    var stream = z_stream()
    guard berth_deflate_init_gzip(&stream, level) == Z_OK else { throw .outOfMemory }
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, UInt(bytes.count)))
    guard let count = UInt32(exactly: bytes.count), let room = UInt32(exactly: bound) else {
      throw .tooMuch("bytes", limit: Int(UInt32.max))
    }
    var result = Z_OK
    let output = [UInt8](unsafeUninitializedCapacity: bound) { buffer, filled in
      result = bytes.withUnsafeBufferPointer { input in
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.avail_in = count
        stream.next_out = buffer.baseAddress
        stream.avail_out = room
        return deflate(&stream, Z_FINISH)
      }
      filled = bound - Int(stream.avail_out)
    }
    guard result == Z_STREAM_END else { throw .outOfMemory }
    return output
  }

  /// One zstd frame.
  package static func zstd(_ bytes: [UInt8], level: Int32 = 3) throws(ArchiveFault) -> [UInt8] {
    let bound = ZSTD_compressBound(bytes.count)
    var result = 0
    let output = [UInt8](unsafeUninitializedCapacity: bound) { buffer, filled in
      result = bytes.withUnsafeBytes { input in
        ZSTD_compress(buffer.baseAddress, bound, input.baseAddress, input.count, level)
      }
      filled = ZSTD_isError(result) == 0 ? result : 0
    }
    guard ZSTD_isError(result) == 0 else { throw .outOfMemory }
    return output
  }
}
