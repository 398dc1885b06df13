// Questions to the person at the terminal.

import Glibc

package enum Prompt {
  /// Longer answers are cut.
  private static let limit = 4096

  /// One line as typed, without its end; nil at the end of input. Blocks.
  package static func line(_ question: String) -> String? {
    Output.error.write(question)
    return readLine()
  }

  /// The same without showing what is typed.
  package static func secret(_ question: String) -> String? {
    Output.error.write(question)
    RawTerminal.hideInput()
    defer {
      RawTerminal.restoreIfChanged()
      Output.error.line("")
    }
    return readLine()
  }

  private static func readLine() -> String? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = read(STDIN_FILENO, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1 else { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
      if byte == 0x0A { return String(decoding: bytes, as: UTF8.self) }
      if byte != 0x0D, bytes.count < limit { bytes.append(byte) }
    }
  }

  /// All of the input, without one line end at its end; nil when there is more than a password can be.
  package static func wholeInput() -> String? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: limit)
    while bytes.count <= limit {
      let count = read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        if bytes.last == 0x0A { bytes.removeLast() }
        if bytes.last == 0x0D { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
      }
      bytes += buffer[..<count]
    }
    return nil
  }
}
