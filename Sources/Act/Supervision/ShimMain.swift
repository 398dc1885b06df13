// The door of `berth-shim`: words in, exit status out.

package import Blueprint
import Glibc

/// Does what the words after the program's name say. Returns when the container or command has
/// ended; a shim that could not start says why and returns 125.
package func shimMain(_ arguments: [Bytes]) -> Int32 {
  do throws(UsageError) {
    switch try parse(arguments) {
    case .run(let options): return runContainer(options)
    case .end(let options): return endLostContainer(options)
    case .exec(let options): return execInContainer(options)
    case .copy(let options): return copyFiles(options)
    }
  } catch {
    complain(error.message)
    return 125
  }
}

/// One line for whoever has started us by hand.
func complain(_ message: String) {
  let line = Array("berth-shim: \(message)\n".utf8)
  _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
