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

  /// Gives each key as it is typed, unseen; keys that mean signals still do. False when stdin is no
  /// terminal, or that of another program's foreground.
  static func enterKeys() -> Bool {
    var settings = termios()
    guard tcgetattr(STDIN_FILENO, &settings) == 0, tcgetpgrp(STDIN_FILENO) == getpgrp() else {
      return false
    }
    saved.withLock { if $0 == nil { $0 = settings } }
    settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
    return tcsetattr(STDIN_FILENO, TCSANOW, &settings) == 0
  }

  /// Puts back what `enter`, `enterKeys` or `hideInput` found. In the background the terminal is another
  /// program's by now.
  package static func restoreIfChanged() {
    saved.withLock { saved in
      if var settings = saved, tcgetpgrp(STDIN_FILENO) == getpgrp() {
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
      }
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

/// Copies stdin to `target` on a thread of its own until either ends, then calls `atEnd`; or until
/// `keys` were typed, then calls `onDetach` before.
package func pumpInput(
  to target: CInt, until keys: DetachKeys? = nil,
  onDetach: @escaping @Sendable () -> Void = {}, atEnd: @escaping @Sendable () -> Void
) {
  let pump = InputPump(target: target, keys: keys, onDetach: onDetach, atEnd: atEnd)
  if !startThread({ pump.run() }) { atEnd() }
}

/// Calls `body` with each key that is typed, on a thread of its own; `atEnd` when there will be no more.
/// False where nobody can type.
package func readKeys(
  _ body: @escaping @Sendable (UInt8) -> Void, atEnd: @escaping @Sendable () -> Void
) -> Bool {
  guard Output.standard.isTerminal, RawTerminal.enterKeys() else { return false }
  // In the background reading fails in place of stopping the program.
  signal(SIGTTIN, SIG_IGN)
  let reader = KeyReader(body: body, atEnd: atEnd)
  return startThread { reader.run() }
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void

  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `body` on a thread of its own that nobody waits for. False when there can be none.
private func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
  let job = Unmanaged.passRetained(ThreadBody(body))
  var thread = pthread_t()
  let made = pthread_create(
    &thread, nil,
    { pointer in
      guard let pointer else { return nil }
      Unmanaged<ThreadBody>.fromOpaque(pointer).takeRetainedValue().run()
      return nil
    }, job.toOpaque())
  if made == 0 {
    pthread_detach(thread)
  } else {
    job.release()
  }
  return made == 0
}

private final class KeyReader: Sendable {
  let body: @Sendable (UInt8) -> Void
  let atEnd: @Sendable () -> Void

  init(body: @escaping @Sendable (UInt8) -> Void, atEnd: @escaping @Sendable () -> Void) {
    self.body = body
    self.atEnd = atEnd
  }

  func run() {
    defer { atEnd() }
    var key: UInt8 = 0
    while true {
      let count = read(STDIN_FILENO, &key, 1)
      if count == 1 {
        body(key)
      } else if count < 0, errno == EIO, tcgetpgrp(STDIN_FILENO) > 0 {
        // Somebody else is in the foreground: this thread waits for its turn.
        usleep(200_000)
      } else if count >= 0 || errno != EINTR {
        return
      }
    }
  }
}

private final class InputPump: Sendable {
  let target: CInt
  let keys: DetachKeys?
  let onDetach: @Sendable () -> Void
  let atEnd: @Sendable () -> Void

  init(
    target: CInt, keys: DetachKeys?, onDetach: @escaping @Sendable () -> Void,
    atEnd: @escaping @Sendable () -> Void
  ) {
    self.target = target
    self.keys = keys
    self.onDetach = onDetach
    self.atEnd = atEnd
  }

  func run() {
    defer { atEnd() }
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    var keys = keys
    while true {
      let count = read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      let passed = keys?.pass(buffer[..<count])
      guard send(passed?.onward ?? Array(buffer[..<count])) else { return }
      if passed?.isComplete ?? false { return onDetach() }
    }
  }

  /// False when nobody takes it any more.
  private func send(_ bytes: [UInt8]) -> Bool {
    var offset = 0
    while offset < bytes.count {
      let written = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map { write(target, $0 + offset, bytes.count - offset) } ?? -1
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return false }
      offset += written
    }
    return true
  }
}
