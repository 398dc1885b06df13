// The reading end of a container's output: lines joined over frames and segments, from the start or
// from the last lines, and on while the container writes. Never stands in the writer's way.

import CLinux
import Glibc
package import Linux
package import SystemPackage

/// One reader, used by one thread at a time. Several may read one journal.
package final class JournalReader {
  package enum Start: Hashable, Sendable {
    case beginning
    /// So many lines before what is there now; 0 is only what comes.
    case lastLines(Int)
  }

  package enum Progress: Hashable, Sendable {
    case batch(JournalBatch)
    /// A run has ended behind the lines so far. Told of runs behind the lines that reading began with.
    case runEnded(RunEnd)
    /// All is read that there is; a writer lives and may add to it.
    case idle
    /// All is read that there is, and nobody writes. Reading on is allowed: a container that is
    /// started again goes on in the same journal.
    case ended
  }

  private enum Item {
    case lines(JournalBatch)
    case end(RunEnd)
  }

  /// A line is joined up to this many bytes, then given in pieces.
  package static let lineLimit = 1 << 20

  private let folder: FilePath
  private var frames: FrameReader
  private let watch: Descriptor?
  private var lock: Descriptor?
  private var unfinished: [JournalStream: (nanoseconds: Int64, bytes: [UInt8])] = [:]
  /// Streams of which nothing was seen yet: what was before may have been taken away by rotation.
  private var unseen = Set(JournalStream.allCases)
  private var inFragment: Set<JournalStream> = []
  private var ready: [Item] = []
  private var linesToSkip = 0

  /// A journal or folder that is missing is empty. `follow` opens `notifications`.
  package init(folder: FilePath, from start: Start, follow: Bool) throws(SystemCallError) {
    self.folder = folder
    watch = follow ? try watching(folder) : nil
    switch start {
    case .beginning:
      frames = FrameReader(folder: folder, at: Position(segment: 0, offset: 0))
    case .lastLines(let count):
      let position = positionBefore(lastLines: max(0, count), in: folder)
      frames = FrameReader(folder: folder, at: position ?? Position(segment: 0, offset: 0))
      linesToSkip = try Self.lines(in: folder, from: position) - max(0, count)
    }
  }

  /// Readable when `next` may have more; nil without `follow`. Read nothing from it.
  package var notifications: CInt? {
    switch watch {
    case .some(let descriptor): descriptor.raw
    case .none: nil
    }
  }

  /// The next lines. Does not wait for any.
  package func next() throws(SystemCallError) -> Progress {
    while true {
      if !ready.isEmpty {
        switch ready.removeFirst() {
        case .end(let end):
          if linesToSkip <= 0 { return .runEnded(end) }
        case .lines(var batch):
          if skipLines(of: &batch) { continue }
          return .batch(batch)
        }
        continue
      }
      if try readFrame() { continue }
      drainNotifications()
      // Asked before the last look, so that nothing written before the end is missed.
      let writerLives = isBeingWritten
      if try readFrame() { continue }
      return writerLives ? .idle : .ended
    }
  }

  /// The next lines there are now, whatever runs they are of; nil when there are no more.
  package func nextBatch() throws(SystemCallError) -> JournalBatch? {
    while true {
      switch try next() {
      case .batch(let batch): return batch
      case .runEnded: continue
      case .idle, .ended: return nil
      }
    }
  }

  /// Takes away what comes before the last lines that were asked for; true when that is all of it.
  private func skipLines(of batch: inout JournalBatch) -> Bool {
    guard linesToSkip > 0 else { return false }
    let count = batch.lineCount
    if linesToSkip >= count {
      linesToSkip -= count
      return true
    }
    batch.removeFirst(lines: linesToSkip)
    linesToSkip = 0
    return false
  }

  /// Blocks until there may be more to read, at most `milliseconds`.
  package func wait(milliseconds: Int32) throws(SystemCallError) {
    var watched = pollfd(fd: notifications ?? -1, events: Int16(POLLIN), revents: 0)
    let result = poll(&watched, 1, milliseconds)
    if result < 0, Errno.current != .interrupted { throw SystemCallError("poll") }
  }

  /// Whether a shim has the journal open.
  package var isBeingWritten: Bool {
    if lock == nil { lock = try? Descriptor.open(folder.appending("lock"), O_RDONLY | O_NOFOLLOW) }
    switch lock {
    case .some(let file): return WriterLock.isHeld(file)
    case .none: return false
    }
  }

  private func readFrame() throws(SystemCallError) -> Bool {
    try frames.next { frame, payload, isBehindGap in
      if isBehindGap { tellGap(at: frame.nanoseconds) }
      take(frame, payload)
    }
  }

  private func tellGap(at nanoseconds: Int64) {
    finishLines()
    let text = "lines of output are missing here: the log was rotated before they were read\n"
    add(.notice, nanoseconds, Array(text.utf8))
    unseen = Set(JournalStream.allCases)
  }

  private func take(_ frame: Frame, _ payload: UnsafeRawBufferPointer) {
    guard let stream = frame.stream else {
      finishLines()
      ready.append(.end(RunEnd(nanoseconds: frame.nanoseconds, decoding: payload)))
      return
    }
    var payload = payload
    if unseen.remove(stream) != nil, frame.isContinued { inFragment.insert(stream) }
    if inFragment.contains(stream) {
      guard let end = payload.firstIndex(of: newline) else { return }
      inFragment.remove(stream)
      payload = UnsafeRawBufferPointer(rebasing: payload[(end + 1)...])
      if payload.isEmpty { return }
    }
    if stream == .notice { finishLines() }
    join(stream, frame.nanoseconds, payload)
  }

  private func join(
    _ stream: JournalStream, _ nanoseconds: Int64, _ payload: UnsafeRawBufferPointer
  ) {
    let whole = wholeLines(payload)
    var bytes = unfinished[stream]?.bytes ?? []
    if whole > 0 {
      unfinished[stream] = nil
      bytes.reserveCapacity(bytes.count + whole)
      bytes.append(contentsOf: payload[..<whole])
      add(stream, nanoseconds, bytes)
      bytes = []
    } else {
      // Taken out, so that appending does not copy.
      unfinished[stream] = nil
    }
    if whole == payload.count { return }
    bytes.append(contentsOf: payload[whole...])
    if bytes.count >= Self.lineLimit {
      add(stream, nanoseconds, bytes)
    } else {
      unfinished[stream] = (nanoseconds, bytes)
    }
  }

  private func add(_ stream: JournalStream, _ nanoseconds: Int64, _ bytes: [UInt8]) {
    ready.append(.lines(JournalBatch(stream: stream, nanoseconds: nanoseconds, bytes: bytes)))
  }

  private func finishLines() {
    for stream in JournalStream.allCases {
      if let rest = unfinished.removeValue(forKey: stream) {
        add(stream, rest.nanoseconds, rest.bytes)
      }
    }
  }

  /// Lines that nobody finished because their shim was killed: call at the true end.
  package func unfinishedLines() -> [JournalBatch] {
    finishLines()
    defer { ready = [] }
    return ready.compactMap { item in
      guard case .lines(let batch) = item else { return nil }
      return batch
    }
  }

  private func drainNotifications() {
    guard let raw = notifications else { return }
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while read(raw, buffer.baseAddress, buffer.count) > 0 {}
    }
  }

  /// How many lines reading from `position` gives now.
  private static func lines(in folder: FilePath, from position: Position?) throws(SystemCallError)
    -> Int
  {
    let counter = JournalReader(counting: folder, from: position)
    var lines = 0
    while let batch = try counter.nextBatch() { lines += batch.lineCount }
    return lines
  }

  private init(counting folder: FilePath, from position: Position?) {
    self.folder = folder
    watch = nil
    frames = FrameReader(folder: folder, at: position ?? Position(segment: 0, offset: 0))
  }
}

private func watching(_ folder: FilePath) throws(SystemCallError) -> Descriptor {
  try makeFolders(folder)
  let watch = Descriptor(
    owning: try checking("inotify_init1") {
      inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK))
    })
  // IN_CLOSE_WRITE also tells of a writer that was killed.
  let events = UInt32(IN_MODIFY | IN_CREATE | IN_CLOSE_WRITE)
  try checking("inotify_add_watch", folder.string) {
    folder.withPlatformString { inotify_add_watch(watch.raw, $0, events) }
  }
  return watch
}
