// Finds where the last lines of a journal begin, from its end, so that a tail costs what it shows.

import CLinux
import Glibc
import Linux
import SystemPackage

/// How much further back than the lines themselves the beginning of a cut line is looked for.
private let cutLineLimit = 4 << 20

/// A position such that the last `count` lines follow it uncut; nil when the journal is to be read
/// from its beginning for that.
func positionBefore(lastLines count: Int, in folder: FilePath) -> Position? {
  var lines = 0
  var walkedFurther = 0
  // For each stream whose first frame seen so far begins within a line: how many lines follow that
  // line. It is not shown, so it must not be one of the last `count`.
  var behindCut: [JournalStream: Int] = [:]
  for number in Segments.list(folder).reversed() {
    guard let file = try? Descriptor.open(folder.pushing(Segments.name(number)), O_RDONLY) else {
      // Removed by rotation meanwhile: nothing older is there either.
      return nil
    }
    var end = wholeFrames(file)
    while let (offset, frame) = frameBefore(end, in: file) {
      end = offset
      guard let stream = frame.stream else { continue }
      let found = newlines(file, at: offset + Frame.headerSize, count: frame.length)
      if !frame.isContinued {
        behindCut[stream] = nil
      } else if found > 0 {
        behindCut[stream] = lines + found - 1
      } else if behindCut[stream] == nil {
        behindCut[stream] = lines
      }
      lines += found
      if lines < count { continue }
      walkedFurther += frame.size
      if behindCut.values.allSatisfy({ $0 >= count }) || walkedFurther > cutLineLimit {
        return Position(segment: number, offset: offset)
      }
    }
  }
  return nil
}

/// Where the last whole frame ends. Mostly the end of the file; else found by walking from its start.
private func wholeFrames(_ file: borrowing Descriptor) -> Int {
  var status = stat()
  guard fstat(file.raw, &status) == 0 else { return 0 }
  let size = Int(status.st_size)
  if frameBefore(size, in: file) != nil { return size }
  var offset = 0
  while let frame = header(file, at: offset), offset + frame.size <= size { offset += frame.size }
  return offset
}

private func frameBefore(_ end: Int, in file: borrowing Descriptor) -> (offset: Int, frame: Frame)?
{
  var length: UInt32 = 0
  guard end >= Frame.headerSize + Frame.footerSize,
    pread(file.raw, &length, 4, off_t(end - Frame.footerSize)) == 4
  else { return nil }
  length = UInt32(littleEndian: length)
  guard length <= Frame.payloadLimit else { return nil }
  let offset = end - Frame.footerSize - Int(length) - Frame.headerSize
  guard offset >= 0, let frame = header(file, at: offset), frame.length == Int(length) else {
    return nil
  }
  return (offset, frame)
}

private func header(_ file: borrowing Descriptor, at offset: Int) -> Frame? {
  withUnsafeTemporaryAllocation(byteCount: Frame.headerSize, alignment: 8) { buffer in
    guard pread(file.raw, buffer.baseAddress, Frame.headerSize, off_t(offset)) == Frame.headerSize
    else { return nil }
    return Frame(decoding: UnsafeRawBufferPointer(buffer))
  }
}

private func newlines(_ file: borrowing Descriptor, at offset: Int, count: Int) -> Int {
  withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 8) { buffer in
    guard pread(file.raw, buffer.baseAddress, count, off_t(offset)) == count else { return 0 }
    return countNewlines(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }
}
