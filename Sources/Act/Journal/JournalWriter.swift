// The writing end of a container's output on disk, used by its shim alone. Nothing here throws or
// waits: what cannot be written is counted, and one line says so once the disk takes lines again.

import CLinux
import Glibc
import Linux
package import SystemPackage

package final class JournalWriter {
  private let folder: FilePath
  private let segmentSize: Int
  private let segmentCount: Int
  private var lock: Descriptor?
  private var segment: Descriptor?
  private var segmentBytes = 0
  private var nextNumber: UInt64
  /// Streams whose last line has not ended yet.
  private var open: Set<JournalStream> = []
  private var lostLines = 0
  private var lostBytes = 0
  private let keepSize: CInt = 1  // FALLOC_FL_KEEP_SIZE

  /// `folder` is made when it lacks. A new segment begins with the first line.
  /// `segmentSize` in bytes; beyond `segmentCount` segments the oldest are removed.
  package init(folder: FilePath, segmentSize: UInt64, segmentCount: Int) {
    self.folder = folder
    self.segmentSize = Int(clamping: max(segmentSize, 4096))
    self.segmentCount = max(1, segmentCount)
    // Whatever fails here fails again when a line is written, and is counted there.
    try? makeFolders(folder)
    nextNumber = (Segments.list(folder).last ?? 0) + 1
    if let file = try? Descriptor.open(folder.appending("lock"), O_RDWR | O_CREAT | O_NOFOLLOW),
      WriterLock.take(file)
    {
      lock = consume file
    }
  }

  /// Adds what one read gave. Lines may be cut anywhere: a reader joins them.
  package func append(
    _ stream: JournalStream, at nanoseconds: Int64, _ bytes: UnsafeRawBufferPointer
  ) {
    var rest = bytes
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Frame.payloadLimit))
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
      let endsLine = part.last == newline
      let frame = Frame(
        length: part.count, nanoseconds: nanoseconds, stream: stream, isPartial: !endsLine,
        isContinued: open.contains(stream))
      guard reportLoss(at: nanoseconds, before: frame.size), write(frame, part) else {
        lostLines += countNewlines(part)
        lostBytes += part.count
        continue
      }
      if endsLine { open.remove(stream) } else { open.insert(stream) }
    }
  }

  package func append(_ stream: JournalStream, at nanoseconds: Int64, _ bytes: [UInt8]) {
    bytes.withUnsafeBytes { append(stream, at: nanoseconds, $0) }
  }

  /// A run of the container has ended: what has no newline is a line all the same.
  package func endRun(at nanoseconds: Int64, code: Int32, restarts: Bool) {
    let mark = Frame(length: RunEnd.payloadSize, nanoseconds: nanoseconds, stream: nil)
    guard reportLoss(at: nanoseconds, before: mark.size) else { return }
    withUnsafeTemporaryAllocation(byteCount: RunEnd.payloadSize, alignment: 4) { payload in
      payload.storeBytes(of: code.littleEndian, as: Int32.self)
      payload[4] = restarts ? 1 : 0
      if write(mark, UnsafeRawBufferPointer(payload)) { open = [] }
    }
  }

  /// Writes the line about what was lost; true when nothing is left to say. A disk that has room
  /// for that line but not for the `size` bytes that follow is still full: else there would be
  /// such a line for each that is lost.
  private func reportLoss(at nanoseconds: Int64, before size: Int) -> Bool {
    if lostBytes == 0 { return true }
    if segment == nil, !openSegment() { return false }
    guard let raw = rawSegment else { return false }
    let room = berth_fallocate(raw, keepSize, off_t(segmentBytes), off_t(Frame.largest + size))
    if room != 0, Errno.current == .noSpace { return false }
    let text = "\(lostLines) lines (\(lostBytes) bytes) of output were lost: the disk was full\n"
    let written = Array(text.utf8).withUnsafeBytes { bytes in
      let frame = Frame(length: bytes.count, nanoseconds: nanoseconds, stream: .notice)
      return write(frame, bytes)
    }
    if written {
      lostLines = 0
      lostBytes = 0
      open = []
    }
    return written
  }

  private func write(_ frame: Frame, _ payload: UnsafeRawBufferPointer) -> Bool {
    if segmentBytes > 0, segmentBytes + frame.size > segmentSize { segment = nil }
    if segment == nil, !openSegment() { return false }
    guard let raw = rawSegment else { return false }
    if writeWhole(raw, frame, payload) {
      segmentBytes += frame.size
      return true
    }
    // Half a frame would hide all that follows it.
    if ftruncate(raw, off_t(segmentBytes)) != 0 { segment = nil }
    return false
  }

  private var rawSegment: CInt? {
    switch segment {
    case .some(let file): file.raw
    case .none: nil
    }
  }

  private func writeWhole(_ raw: CInt, _ frame: Frame, _ payload: UnsafeRawBufferPointer) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: Frame.headerSize + Frame.footerSize, alignment: 8) {
      edges in
      frame.encode(into: edges)
      let footer = UInt32(frame.length).littleEndian
      edges.storeBytes(of: footer, toByteOffset: Frame.headerSize, as: UInt32.self)
      let base = edges.baseAddress
      var parts = [
        iovec(iov_base: base, iov_len: Frame.headerSize),
        iovec(
          iov_base: UnsafeMutableRawPointer(mutating: payload.baseAddress), iov_len: payload.count),
        iovec(iov_base: base.map { $0 + Frame.headerSize }, iov_len: Frame.footerSize),
      ]
      // A regular file takes all or stops at a full disk: a short count is tried once more, for
      // the error.
      var written = 0
      while written < frame.size {
        let count = writev(raw, &parts, CInt(parts.count))
        if count < 0, Errno.current == .interrupted { continue }
        if count <= 0 { return false }
        written += count
        advance(&parts, by: count)
      }
      return true
    }
  }

  private func advance(_ parts: inout [iovec], by count: Int) {
    var count = count
    for index in parts.indices {
      let step = min(count, parts[index].iov_len)
      parts[index].iov_base = parts[index].iov_base.map { $0 + step }
      parts[index].iov_len -= step
      count -= step
    }
  }

  private func openSegment() -> Bool {
    let numbers = Segments.list(folder)
    for number in numbers.dropLast(segmentCount - 1) {
      unlink(folder.pushing(Segments.name(number)).string)
    }
    let path = folder.pushing(Segments.name(nextNumber))
    do {
      segment = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND)
    } catch {
      // On a full disk: the caller counts what is lost.
      if error.errno == .fileExists { nextNumber += 1 }
      return false
    }
    segmentBytes = 0
    nextNumber += 1
    return true
  }
}
