// `berth-shim layer`: what is copied, and the copying.

import Blueprint
import CLinux
import Control
import Diagnostics
import Glibc
import Host
import JSON
import Linux
import Runtime
import SystemPackage

/// The most that is read of what it says, in bytes.
private let reportLimit = 1 << 20

extension Session {
  /// Says what the copies of a job would take, one digest each. Blocks.
  func layerDigests(_ job: LayerJob) throws -> [LayerDigest] {
    var job = job
    job.action = .digest
    let output = try Descriptor.pipe()
    let process = try LayerProcess(job, output: output.writing, host)
    let reading = try output.reading.duplicate()
    _ = consume output
    let text = try reading.readAll(limit: reportLimit)
    try process.finish()
    return try text.split(separator: 0x0A).map {
      try JSONValue(parsing: Array($0)).decode(LayerDigest.self)
    }
  }
}

/// One that runs; its end is waited for once.
final class LayerProcess: Sendable {
  private let child: ChildProcess
  private let errors: SharedDescriptor

  /// Starts it and hands the job over.
  init(_ job: LayerJob, output: borrowing Descriptor, _ host: HostProfile) throws {
    let input = try Descriptor.pipe()
    let error = try Descriptor.pipe()
    let program = try ShimProgram.open(host.shim)
    child = ChildProcess(
      try spawn(
        program.path, ["berth-shim", "layer"],
        descriptors: [
          (input.reading.raw, STDIN_FILENO), (output.raw, STDOUT_FILENO),
          (error.writing.raw, STDERR_FILENO),
        ]))
    errors = SharedDescriptor(try error.reading.duplicate())
    let writing = try input.writing.duplicate()
    _ = consume input
    _ = consume error
    let text = try JSONValue(encoding: job).bytes()
    do throws(SystemCallError) {
      try writing.writeAll(text)
    } catch {
      // It has given up, and says why.
      guard error.errno == .brokenPipe else { throw error }
    }
  }

  /// Waits for its end. Throws what it says went wrong. Blocks.
  func finish() throws {
    let text = try Descriptor(
      owning: try checking("fcntl") { berth_fcntl(errors.raw, F_DUPFD_CLOEXEC, 3) }
    ).readAll(limit: reportLimit)
    let status = try child.status()
    if status == 0 { return }
    let line = text.split(separator: 0x0A).last.map(Array.init) ?? []
    guard let failure = try? JSONValue(parsing: line).decode(LayerFailure.self) else {
      // It was killed, or is another program than it should be.
      throw LayerFailure(
        "`berth-shim layer` ended with \(status)",
        hint: text.isEmpty ? nil : String(decoding: text, as: UTF8.self))
    }
    throw failure
  }
}
