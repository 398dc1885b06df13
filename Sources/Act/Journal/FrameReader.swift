// Frames in order over all segments, while they are being written, rotated and removed.

import CLinux
import Glibc
import Linux
import SystemPackage

/// Where a frame begins.
struct Position: Hashable {
  var segment: UInt64
  var offset: Int
}

struct FrameReader: ~Copyable {
  private let folder: FilePath
  private var segment: Descriptor?
  private var number: UInt64
  /// Offset in the segment of `buffer[start]`.
  private var offset: Int
  private let buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  /// Whether segments were removed before they were read, and nobody was told.
  private var hasSkipped = false

  /// Frames are read in pieces of this many bytes: a few of the largest.
  private static let bufferSize = 8 * Frame.largest

  init(folder: FilePath, at position: Position) {
    self.folder = folder
    number = position.segment
    offset = position.offset
    buffer = .allocate(byteCount: Self.bufferSize, alignment: 8)
  }

  deinit { buffer.deallocate() }

  /// Calls `body` with the next frame, its payload and whether rotation has taken away what was before
  /// it; false when there is none now.
  mutating func next(
    _ body: (Frame, UnsafeRawBufferPointer, Bool) -> Void
  ) throws(SystemCallError) -> Bool {
    while true {
      if let frame = bufferedFrame() {
        let payload = UnsafeRawBufferPointer(buffer)[start + Frame.headerSize..<start + frame.size]
        let bytes = UnsafeRawBufferPointer(rebasing: payload.prefix(frame.length))
        body(frame, bytes, hasSkipped)
        hasSkipped = false
        start += frame.size
        offset += frame.size
        return true
      }
      if try fill() { continue }
      // Asked before the last look: what comes after it is in that segment, not in ours.
      guard let successor = Segments.list(folder).first(where: { $0 > number }) else {
        return false
      }
      if try fill() { continue }
      segment = nil
      // Reading begins before the first segment, whatever its number is.
      if number > 0, successor > number + 1 { hasSkipped = true }
      number = successor
      offset = 0
      start = 0
      end = 0
    }
  }

  private func bufferedFrame() -> Frame? {
    guard end - start >= Frame.headerSize,
      let frame = Frame(
        decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[start..<end])),
      end - start >= frame.size
    else { return nil }
    let footer = buffer.loadUnaligned(
      fromByteOffset: start + frame.size - Frame.footerSize, as: UInt32.self)
    return UInt32(littleEndian: footer) == UInt32(frame.length) ? frame : nil
  }

  /// Reads more of the segment; true when there is a whole frame now. What is not whole is read
  /// again the next time: its writer may have taken it back.
  private mutating func fill() throws(SystemCallError) -> Bool {
    if segment == nil {
      do {
        segment = try Descriptor.open(folder.pushing(Segments.name(number)), O_RDONLY)
      } catch  where error.errno == .noSuchFileOrDirectory {
        return false
      }
    }
    start = 0
    end = 0
    let raw = rawSegment
    while end < buffer.count {
      let count = try retrying("pread", folder.string) {
        pread(raw, buffer.baseAddress.map { $0 + end }, buffer.count - end, off_t(offset + end))
      }
      if count == 0 { break }
      end += count
    }
    return bufferedFrame() != nil
  }

  private var rawSegment: CInt {
    switch segment {
    case .some(let file): file.raw
    case .none: -1
    }
  }
}
