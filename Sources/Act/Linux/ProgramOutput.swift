// What a program says until it ends, with a bound in time and in bytes.

import CLinux
import Glibc
import SystemPackage

package struct ProgramOutput: Sendable {
  package var output: [UInt8] = []
  package var errors: [UInt8] = []
  /// Whether the program has ended in time.
  package var hasEnded = false

  package init() {}
}

/// Gathers what the program `pid` writes to two pipes until it ends. What it started and left behind may hold
/// the pipes: its own end counts. Blocks; the caller reaps it, and ends it where it took too long.
///
/// - Parameters:
///   - limit: bytes of each stream that are kept; more is read and dropped.
///   - patience: how long the program may take.
package func gatherOutput(
  of pid: CInt, _ output: borrowing Descriptor, _ errors: borrowing Descriptor, limit: Int,
  patience: Duration
) throws(SystemCallError) -> ProgramOutput {
  let process = Descriptor(
    owning: CInt(try checking("pidfd_open") { berth_pidfd_open(pid, 0) }))
  try output.setNonBlocking(true)
  try errors.setNonBlocking(true)
  let deadline = ContinuousClock.now + patience
  var gathered = ProgramOutput()
  var isOpen = (output: true, errors: true)
  while true {
    let left = (deadline - ContinuousClock.now).components
    guard left.seconds >= 0, left.attoseconds >= 0 else { return gathered }
    var waiting = [
      pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0),
      pollfd(fd: isOpen.output ? output.raw : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: isOpen.errors ? errors.raw : -1, events: Int16(POLLIN), revents: 0),
    ]
    let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1
    _ = poll(&waiting, 3, CInt(clamping: milliseconds))
    if isOpen.output { isOpen.output = try drain(output, into: &gathered.output, limit) }
    if isOpen.errors { isOpen.errors = try drain(errors, into: &gathered.errors, limit) }
    if waiting[0].revents != 0 {
      gathered.hasEnded = true
      return gathered
    }
  }
}

/// - Returns: false when nothing more comes.
private func drain(_ pipe: borrowing Descriptor, into bytes: inout [UInt8], _ limit: Int)
  throws(SystemCallError) -> Bool
{
  while true {
    do throws(SystemCallError) {
      let part = try pipe.read(upTo: 64 << 10)
      if part.isEmpty { return false }
      bytes += part.prefix(max(0, limit - bytes.count))
    } catch {
      if error.errno == .wouldBlock { return true }
      throw error
    }
  }
}
