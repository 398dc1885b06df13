// The two streams of the terminal. Everything that berth prints goes through here.

import SystemPackage
package import Diagnostics
package import Linux
import CLinux
import Glibc
import Synchronization

/// A stream that others may write to at the same time; each `write` comes out whole.
package final class Output: Sendable {
  package static let standard = Output(descriptor: STDOUT_FILENO)
  package static let error = Output(descriptor: STDERR_FILENO)

  private let descriptor: CInt
  /// Held while one `write` goes on; true once the terminal has gone.
  private let gate = Mutex(false)
  package let isTerminal: Bool

  init(descriptor: CInt) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
  }

  /// Writes all bytes. A reader that went away ends the program well: it has seen what it wanted. A
  /// terminal that went away is a hangup, as if the kernel had told of it: it does so only to the
  /// programs in its foreground.
  package func write(_ bytes: [UInt8]) {
    gate.withLock { isGone in
      var offset = 0
      while !isGone, offset < bytes.count {
        let count = bytes.withUnsafeBytes { buffer in
          buffer.baseAddress.map { Glibc.write(descriptor, $0 + offset, buffer.count - offset) }
            ?? 0
        }
        if count >= 0 {
          offset += count
        } else if errno == EAGAIN {
          var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&waiting, 1, -1)
        } else if errno == EIO, isTerminal {
          isGone = true
          kill(getpid(), SIGHUP)
        } else if errno != EINTR {
          let status: Int32 = errno == EPIPE ? 0 : 1
          RawTerminal.restoreIfChanged()
          exit(status)
        }
      }
    }
  }

  package func write(_ text: String) { write(Array(text.utf8)) }
  package func line(_ text: String) { write(Array(text.utf8) + [0x0A]) }

  /// Columns and rows of the terminal; nil when this is none or it does not say.
  package var size: (columns: Int, rows: Int)? {
    var window = winsize()
    guard isTerminal, ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else {
      return nil
    }
    return (Int(window.ws_col), Int(window.ws_row))
  }
}

/// Text from outside, made safe for a terminal: control characters are shown, not obeyed.
package func printable(_ text: String) -> String {
  guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0xC2 }) else { return text }
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar.value {
    case 0..<0x20, 0x7F, 0x80..<0xA0:
      result += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// A file that the user named for output cannot be written.
package struct OutputFault: Diagnosable {
  var path: String
  var reason: String

  package var diagnostics: [Diagnostic] {
    [Diagnostic("cannot write `\(path)`", causes: [reason])]
  }
}

/// Writes a file that the user named: mode 0666 less the umask, an earlier one replaced.
package func writeOutputFile(_ bytes: [UInt8], to path: String) throws(OutputFault) {
  do throws(SystemCallError) {
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    try Descriptor.open(FilePath(path), flags, mode: 0o666).writeAll(bytes)
  } catch {
    throw OutputFault(path: path, reason: error.errno.text)
  }
}

/// Whether somebody sits at a terminal.
package var canAsk: Bool { isatty(STDIN_FILENO) == 1 && Output.error.isTerminal }

/// Asks a question on the terminal; the line that was typed. Nil when nobody can answer.
package func ask(_ question: String) -> String? {
  guard canAsk else { return nil }
  Output.error.write(question)
  return readLine()
}

/// Standard output for content that is not text.
package func standardOutput() throws(SystemCallError) -> SharedDescriptor {
  SharedDescriptor(
    Descriptor(owning: try checking("fcntl") { berth_fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) }))
}

/// Standard input for content that is not text; nil when it is a terminal.
package func standardInput() throws(SystemCallError) -> SharedDescriptor? {
  guard isatty(STDIN_FILENO) == 0 else { return nil }
  return SharedDescriptor(
    Descriptor(owning: try checking("fcntl") { berth_fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) }))
}
