// From a container's pipes or terminal to its journal. Reads as much as there is; a pipe that is
// often full is made larger. The one buffer is given back to the kernel when it is quiet.

import Blueprint
import CLinux
import Glibc
import Journal
import Linux
import SystemPackage

/// The one buffer of a shim.
final class ReadBuffer {
  static let size = 64 << 10
  private static let pageSize = 4096

  private let memory: UnsafeMutableRawPointer
  private var touched = 0

  init() throws(SystemCallError) {
    // Mapped, not from the heap: only touched pages cost, and they can be given back.
    let mapped = mmap(
      nil, Self.size, PROT_READ | PROT_WRITE, CInt(MAP_PRIVATE | MAP_ANONYMOUS), -1, 0)
    guard let mapped, mapped != MAP_FAILED else { throw SystemCallError("mmap") }
    memory = mapped
  }

  deinit { munmap(memory, Self.size) }

  /// One read; nil when there is nothing now, empty at the end.
  func read(_ fd: CInt) -> UnsafeRawBufferPointer? {
    while true {
      let count = Glibc.read(fd, memory, Self.size)
      if count >= 0 {
        touched = max(touched, count)
        return UnsafeRawBufferPointer(start: memory, count: count)
      }
      switch Errno.current {
      case .interrupted: continue
      case .wouldBlock: return nil
      // EIO is how a terminal says that nobody has it open any more.
      default: return UnsafeRawBufferPointer(start: memory, count: 0)
      }
    }
  }

  var isLarge: Bool { touched > 2 * Self.pageSize }

  func giveBack() {
    madvise(memory, Self.size, MADV_DONTNEED)
    touched = 0
  }
}

/// Where the output of a container goes.
final class OutputSink {
  let journal: JournalWriter
  private let forwarder: LogForwarder?

  init(_ journal: JournalWriter, _ forward: LogForward?) {
    self.journal = journal
    forwarder = forward.map(LogForwarder.init)
  }

  func append(_ stream: JournalStream, at now: Int64, _ bytes: UnsafeRawBufferPointer) {
    journal.append(stream, at: now, bytes)
    forwarder?.take(stream, bytes)
  }

  func endRun(at now: Int64, code: Int32, restarts: Bool) {
    journal.endRun(at: now, code: code, restarts: restarts)
    forwarder?.finishLines()
  }
}

/// One stream of one run.
final class OutputPump {
  let descriptor: SharedDescriptor
  private let stream: JournalStream
  private let isPipe: Bool
  private var fullReads = 0
  /// Reads for one event: other descriptors get their turn.
  private static let readsPerTurn = 64

  init(_ descriptor: SharedDescriptor, _ stream: JournalStream, isPipe: Bool) {
    self.descriptor = descriptor
    self.stream = stream
    self.isPipe = isPipe
    let flags = berth_fcntl(descriptor.raw, F_GETFL, 0)
    _ = berth_fcntl(descriptor.raw, F_SETFL, Int(flags | O_NONBLOCK))
  }

  enum Outcome {
    case more
    case ended
  }

  /// Moves what is there; `ended` when nobody writes any more.
  func drain(into sink: OutputSink, _ buffer: ReadBuffer) -> Outcome {
    for _ in 0..<Self.readsPerTurn {
      guard let bytes = buffer.read(descriptor.raw) else { return .more }
      if bytes.isEmpty { return .ended }
      sink.append(stream, at: wallNow(), bytes)
      if bytes.count < ReadBuffer.size / 2 { return .more }
      widen()
    }
    return .more
  }

  /// The last drain, when every writer is dead: all that is left.
  func drainToEnd(into sink: OutputSink, _ buffer: ReadBuffer) {
    while let bytes = buffer.read(descriptor.raw), !bytes.isEmpty {
      sink.append(stream, at: wallNow(), bytes)
    }
  }

  private func widen() {
    fullReads += 1
    // Refused beyond the user's share of pipe memory: then it stays as it is.
    if isPipe, fullReads == 4 { _ = berth_fcntl(descriptor.raw, setPipeSize, 1 << 20) }
  }

  private let setPipeSize: CInt = 1031  // F_SETPIPE_SZ
}
