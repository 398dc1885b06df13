// Between our terminal and the pty of a process in a container: raw mode, bytes both ways, sizes.

import CLinux
import Glibc
import Linux
import SystemPackage

/// Restores the terminal when it goes.
final class TerminalBridge {
  private let master: SharedDescriptor
  private let saved: termios?
  private var isInputOpen = true
  private var isOutputOpen = true
  /// Typed, and not taken by the pty yet.
  private var pending: [UInt8] = []
  private static let chunk = 16 << 10

  init(_ master: SharedDescriptor) throws(SystemCallError) {
    self.master = master
    let flags = berth_fcntl(master.raw, F_GETFL, 0)
    try checking("fcntl") { berth_fcntl(master.raw, F_SETFL, Int(flags | O_NONBLOCK)) }
    var settings = termios()
    if tcgetattr(STDIN_FILENO, &settings) == 0 {
      saved = settings
      cfmakeraw(&settings)
      tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    } else {
      saved = nil
    }
    resize()
  }

  deinit { restore() }

  /// Gives the pty the size of our terminal.
  func resize() {
    var size = winsize()
    // Not a terminal: the pty keeps its size.
    guard berth_ioctl_pointer(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return }
    _ = berth_ioctl_pointer(master.raw, UInt(TIOCSWINSZ), &size)
  }

  /// Waits for any of the streams or for `other`, and moves what there is.
  func waitAndMove(or other: CInt) throws(SystemCallError) {
    let reads = isInputOpen && pending.isEmpty
    let masterEvents = (isOutputOpen ? POLLIN : 0) | (pending.isEmpty ? 0 : POLLOUT)
    var watched = [
      pollfd(fd: other, events: Int16(POLLIN), revents: 0),
      pollfd(fd: reads ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: isOutputOpen ? master.raw : -1, events: Int16(masterEvents), revents: 0),
    ]
    try retrying("poll") { poll(&watched, 3, -1) }
    if watched[1].revents != 0 { readInput() }
    if !pending.isEmpty { writeInput() }
    if watched[2].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 { isOutputOpen = moveOutput() }
  }

  /// What the process has written before its end; then the terminal is as it was.
  func finish() {
    // A program left in the background may go on writing: so much is taken, no more.
    var rounds = 64
    while isOutputOpen, rounds > 0 {
      var watched = pollfd(fd: master.raw, events: Int16(POLLIN), revents: 0)
      guard poll(&watched, 1, 0) > 0 else { break }
      isOutputOpen = moveOutput()
      rounds -= 1
    }
    restore()
  }

  private func restore() {
    if var saved { tcsetattr(STDIN_FILENO, TCSADRAIN, &saved) }
  }

  private func readInput() {
    var bytes = [UInt8](repeating: 0, count: Self.chunk)
    let count = read(STDIN_FILENO, &bytes, bytes.count)
    if count > 0 {
      pending = Array(bytes[..<count])
    } else if count == 0 || Errno.current != .interrupted {
      isInputOpen = false
      // What the end of a file is at a terminal, where our input is none.
      if saved == nil { pending = [4] }
    }
  }

  private func writeInput() {
    let count = write(master.raw, pending, pending.count)
    if count > 0 {
      pending.removeFirst(count)
    } else if Errno.current != .wouldBlock, Errno.current != .interrupted {
      pending = []
    }
  }

  private func moveOutput() -> Bool {
    var bytes = [UInt8](repeating: 0, count: Self.chunk)
    let count = read(master.raw, &bytes, bytes.count)
    if count < 0 { return Errno.current == .wouldBlock || Errno.current == .interrupted }
    if count == 0 { return false }
    var written = 0
    while written < count {
      let step = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map { write(STDOUT_FILENO, $0 + written, count - written) } ?? -1
      }
      if step < 0, Errno.current == .interrupted { continue }
      // Nobody reads our output any more: the process goes on, its words are dropped.
      if step <= 0 { return true }
      written += step
    }
    return true
  }
}
