// Between our standard streams and a process in a container that has no terminal of its own. It gets
// pipes instead of our terminal, into whose input it could type, and instead of files, which it could open
// once more by /proc with other rights than ours.

import CLinux
import Glibc
import Linux
import SystemPackage

final class StreamBridge {
  private struct Output {
    let from: SharedDescriptor
    let to: CInt
  }

  /// What the process gets as 0, 1 and 2.
  let streams: (input: CInt, output: CInt, error: CInt)
  /// The process's ends, until it has them.
  private var given: [SharedDescriptor] = []
  private var outputs: [Output] = []
  /// The writing end of its input, while that goes on.
  private var input: SharedDescriptor?
  private var pending: ArraySlice<UInt8> = []
  private static let chunk = 64 << 10

  /// - Returns: nil when all three may be handed over as they are.
  init?() throws(SystemCallError) {
    let bridged = (CInt(0)...2).filter(mustStayOurs)
    if bridged.isEmpty { return nil }
    var streams: [CInt] = [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    for number in bridged {
      let (reading, writing) = try pipeEnds()
      let (ours, theirs) = number == 0 ? (writing, reading) : (reading, writing)
      let flags = berth_fcntl(ours.raw, F_GETFL, 0)
      try checking("fcntl") { berth_fcntl(ours.raw, F_SETFL, Int(flags | O_NONBLOCK)) }
      given.append(theirs)
      streams[Int(number)] = theirs.raw
      if number == 0 { input = ours } else { outputs.append(Output(from: ours, to: number)) }
    }
    self.streams = (streams[0], streams[1], streams[2])
  }

  /// The process has its ends: the end of it is now the end of the pipes.
  func handedOver() { given = [] }

  /// Waits for any of the streams or for `other`, and moves what there is.
  func waitAndMove(or other: CInt) throws(SystemCallError) {
    let reads = input != nil && pending.isEmpty
    var watched = [
      pollfd(fd: other, events: Int16(POLLIN), revents: 0),
      pollfd(fd: reads ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
      // Without pending bytes only the end of its reader is of interest.
      pollfd(fd: input?.raw ?? -1, events: pending.isEmpty ? 0 : Int16(POLLOUT), revents: 0),
    ]
    watched += outputs.map { pollfd(fd: $0.from.raw, events: Int16(POLLIN), revents: 0) }
    try retrying("poll") { poll(&watched, nfds_t(watched.count), -1) }
    if watched[1].revents != 0 { readInput() }
    if watched[2].revents & Int16(POLLERR) != 0 { input = nil }
    if input != nil, !pending.isEmpty { writeInput() }
    let ready = zip(outputs, watched[3...]).filter { $1.revents != 0 }.map(\.0)
    for output in ready where !move(output) { outputs.removeAll { $0.to == output.to } }
  }

  /// What the process has written before its end.
  func finish() {
    // A program left in the background may go on writing: so much is taken, no more.
    for output in outputs {
      var rounds = 64
      var watched = pollfd(fd: output.from.raw, events: Int16(POLLIN), revents: 0)
      while rounds > 0, poll(&watched, 1, 0) > 0, move(output) { rounds -= 1 }
    }
  }

  private func readInput() {
    var bytes = [UInt8](repeating: 0, count: Self.chunk)
    let count = read(STDIN_FILENO, &bytes, bytes.count)
    if count > 0 {
      pending = bytes[..<count]
    } else if count == 0 || Errno.current != .interrupted {
      input = nil
    }
  }

  private func writeInput() {
    guard let input else { return }
    let count = pending.withUnsafeBytes { write(input.raw, $0.baseAddress, $0.count) }
    if count > 0 {
      pending = pending.dropFirst(count)
    } else if Errno.current != .wouldBlock, Errno.current != .interrupted {
      // It reads no more.
      self.input = nil
    }
  }

  /// False at the end.
  private func move(_ output: Output) -> Bool {
    var bytes = [UInt8](repeating: 0, count: Self.chunk)
    let count = read(output.from.raw, &bytes, bytes.count)
    if count < 0 { return Errno.current == .wouldBlock || Errno.current == .interrupted }
    if count == 0 { return false }
    var written = 0
    while written < count {
      let step = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map { write(output.to, $0 + written, count - written) } ?? -1
      }
      if step < 0, Errno.current == .interrupted { continue }
      // Nobody reads our output any more: the process learns of it with its next words.
      if step <= 0 { return false }
      written += step
    }
    return true
  }
}

/// Terminals, files and devices. Pipes and sockets cannot be opened again, and /dev/null is everybody's.
private func mustStayOurs(_ stream: CInt) -> Bool {
  var status = stat()
  guard fstat(stream, &status) == 0 else { return false }
  switch status.st_mode & S_IFMT {
  case S_IFIFO, S_IFSOCK: return false
  case S_IFCHR: return status.st_rdev != gnu_dev_makedev(1, 3)
  default: return true
  }
}
