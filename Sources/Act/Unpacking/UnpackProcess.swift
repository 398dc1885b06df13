// Berth's side of the child that unpacks one layer: starts it, feeds it, hears its report.

import CLinux
import Glibc
package import Linux
package import SystemPackage

/// One child for one layer. Calls block; it is used by one thread at a time.
package final class UnpackProcess {
  /// The child takes no more: what it met is in its report.
  package struct Closed: Error {}

  let pid: pid_t
  private let report: Descriptor
  private var input: Descriptor?
  private var hasEnded = false

  /// - Parameters:
  ///   - program: `berth-unpack`.
  ///   - folder: empty; all that the child can reach.
  ///   - limit: bytes of content that may be written there.
  ///   - implied: a file, made here, for the paths of folders that the layer itself does not describe,
  ///     each with a NUL behind it; that of the root is empty.
  ///   - turns: a file, made if need be, by which the children of one pull take turns in using much
  ///     memory.
  package init(
    _ program: FilePath, into folder: FilePath, limit: UInt64, implied: FilePath, turns: FilePath
  ) throws(SystemCallError) {
    let files = try Descriptor.open(folder, CLinux.O_PATH | O_DIRECTORY | O_NOFOLLOW)
    let lock = try Descriptor.open(turns, O_RDWR | O_CREAT | O_NOFOLLOW)
    let names = try Descriptor.open(implied, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
    // A socket and no pipe: writing to a child that is gone must not raise a signal.
    let input = try Descriptor.socketPair(CInt(SOCK_STREAM.rawValue))
    let report = try Descriptor.pipe()
    pid = try spawn(
      program, ["berth-unpack", "\(limit)"],
      descriptors: [
        (input.second.raw, UnpackDescriptor.input), (report.writing.raw, UnpackDescriptor.report),
        (files.raw, UnpackDescriptor.folder), (lock.raw, UnpackDescriptor.largeWindow),
        (names.raw, UnpackDescriptor.implied),
      ])
    self.input = try input.first.duplicate()
    self.report = try report.reading.duplicate()
  }

  /// Throws `Closed` when the child has ended.
  package func write(_ chunk: [UInt8]) throws {
    var done = 0
    while done < chunk.count {
      guard let raw = input?.raw else { throw Closed() }
      let count = chunk.withUnsafeBytes { bytes in
        bytes.baseAddress.map { send(raw, $0 + done, bytes.count - done, CInt(MSG_NOSIGNAL)) } ?? 0
      }
      if count >= 0 {
        done += count
      } else if Errno.current == .brokenPipe || Errno.current == .connectionReset {
        throw Closed()
      } else if Errno.current != .interrupted {
        throw SystemCallError("send")
      }
    }
  }

  /// Tells the child that all is sent, waits for its end and gives its report. Whatever happens, the
  /// child is gone afterwards and writes no more.
  package func finish() throws -> UnpackReport {
    input = nil
    let bytes = Result { try report.readAll(limit: UnpackReport.limit) }
    let status = try end()
    guard let report = UnpackReport(try bytes.get()) else {
      throw RefusedLayer(
        reason: "the program that unpacks a layer ended without a word", causes: [how(status)],
        hint: nil)
    }
    return report
  }

  private func end() throws(SystemCallError) -> CInt {
    var status: CInt = 0
    try retrying("waitpid") { waitpid(pid, &status, 0) }
    hasEnded = true
    return status
  }

  private func how(_ status: CInt) -> String {
    berth_signaled(status) != 0
      ? "signal \(berth_term_signal(status))" : "exit status \(berth_exit_status(status))"
  }

  deinit {
    guard !hasEnded else { return }
    // Given up: what it was to write is not wanted.
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }
}
