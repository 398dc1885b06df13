// The user's terminal handed to a container: every key goes through, and all is put back after.

import CLinux
import Glibc
import Synchronization

package enum RawTerminal {
  private static let saved = Mutex<termios?>(nil)

  /// Sets stdin raw; does nothing when it is no terminal.
  package static func enter() {
    var settings = termios()
    guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
    saved.withLock { if $0 == nil { $0 = settings } }
    cfmakeraw(&settings)
    tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }

  /// Shows no more what is typed; line ends still are.
  package static func hideInput() {
    var settings = termios()
    guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
    saved.withLock { if $0 == nil { $0 = settings } }
    settings.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
  }

  /// Puts back what `enter` or `hideInput` found.
  package static func restoreIfChanged() {
    saved.withLock { saved in
      if var settings = saved { tcsetattr(STDIN_FILENO, TCSANOW, &settings) }
      saved = nil
    }
  }

  /// Gives the size of this terminal to the one behind `master`.
  package static func copySize(to master: CInt) {
    var window = winsize()
    guard ioctl(STDIN_FILENO, UInt(TIOCGWINSZ), &window) == 0 else { return }
    _ = ioctl(master, UInt(TIOCSWINSZ), &window)
  }
}

package func isInputTerminal() -> Bool { isatty(STDIN_FILENO) == 1 }

/// Copies stdin to `target` on a thread of its own until either ends, then calls `atEnd`.
package func pumpInput(to target: CInt, atEnd: @escaping @Sendable () -> Void) {
  let job = Unmanaged.passRetained(InputPump(target: target, atEnd: atEnd))
  var thread = pthread_t()
  let made = pthread_create(
    &thread, nil,
    { pointer in
      guard let pointer else { return nil }
      Unmanaged<InputPump>.fromOpaque(pointer).takeRetainedValue().run()
      return nil
    }, job.toOpaque())
  if made == 0 {
    pthread_detach(thread)
  } else {
    job.release()
    atEnd()
  }
}

private final class InputPump: Sendable {
  let target: CInt
  let atEnd: @Sendable () -> Void

  init(target: CInt, atEnd: @escaping @Sendable () -> Void) {
    self.target = target
    self.atEnd = atEnd
  }

  func run() {
    defer { atEnd() }
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      var offset = 0
      while offset < count {
        let written = buffer.withUnsafeBytes { bytes in
          bytes.baseAddress.map { write(target, $0 + offset, count - offset) } ?? -1
        }
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { return }
        offset += written
      }
    }
  }
}
