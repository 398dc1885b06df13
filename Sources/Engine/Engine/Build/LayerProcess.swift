// `berth-unpack layer`: what is copied, and the copying.

import Blueprint
import CLinux
import Control
import Diagnostics
import Glibc
import Host
import JSON
import Linux
import OCI
import Store
import SystemPackage

/// The most that is read of what it says, in bytes.
private let reportLimit = 1 << 20

extension Session {
  /// Says what the copies of a job would take, one digest each.
  ///
  /// Layers never change: what is taken of them is looked at once.
  func layerDigests(_ job: LayerJob) async throws -> [LayerDigest] {
    let known = try await blocking { try job.steps.map { try self.keptDigest($0) } }
    if known.allSatisfy({ $0 != nil }) { return known.compactMap { $0 } }
    var job = job
    job.action = .digest
    let (process, output) = try await blocking { [job] in
      let pipe = try Descriptor.pipe()
      let process = try LayerProcess(job, output: pipe.writing, self.host)
      return (process, SharedDescriptor(try pipe.reading.duplicate()))
    }
    return try await process.attended { [job] in
      let digests = try process.digests(from: output)
      try self.keep(digests, of: job)
      return digests
    }
  }

  /// Does a job of which the files are wanted, or nothing but to know that all is there; not its layer.
  func perform(_ job: LayerJob) async throws {
    let process = try await blocking {
      let nowhere = try Descriptor.open("/dev/null", O_WRONLY)
      return try LayerProcess(job, output: nowhere, self.host)
    }
    try await process.attended { try process.finish() }
  }

  private func keep(_ digests: [LayerDigest], of job: LayerJob) throws {
    let copies = job.steps.filter { if case .copy = $0 { true } else { false } }
    for (step, digest) in zip(copies, digests) {
      guard let file = try digestFile(step) else { continue }
      // Others may find out the same at the same time.
      let own = FilePath("\(file)-\(randomID())")
      try writeRecord(digest, to: own, .volatile)
      try checking("rename", file.string) { rename(own.string, file.string) }
    }
  }

  private func keptDigest(_ step: LayerStep) throws -> LayerDigest? {
    guard let file = try digestFile(step) else { return nil }
    // One that cannot be read is made again.
    return try? readRecord(LayerDigest.self, at: file)
  }

  /// Where the digest of a copy out of layers is kept; nil for all else.
  private func digestFile(_ step: LayerStep) throws -> FilePath? {
    guard case .copy(let copy) = step, case .layers = copy.source else { return nil }
    let text = try JSONValue(encoding: copy).bytes()
    return layout.buildDigests.appending("layers-" + Digest(of: text).hex)
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
    child = ChildProcess(
      try spawn(
        host.unpacker, ["berth-unpack", "layer"],
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

  /// Waits for its end by `work`, which may block; ends it when the task is cancelled.
  fileprivate func attended<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value)
    async throws -> Value
  {
    do {
      return try await withTaskCancellationHandler {
        try await blocking(work)
      } onCancel: {
        cancel()
      }
    } catch {
      // That it was killed is nothing to tell of.
      try Task.checkCancellation()
      throw error
    }
  }

  /// Reads what it says to its end. Blocks.
  fileprivate func digests(from output: SharedDescriptor) throws -> [LayerDigest] {
    let text = try Descriptor(
      owning: try checking("fcntl") { berth_fcntl(output.raw, F_DUPFD_CLOEXEC, 3) }
    ).readAll(limit: reportLimit)
    try finish()
    return try text.split(separator: 0x0A).map {
      try JSONValue(parsing: Array($0)).decode(LayerDigest.self)
    }
  }

  /// Ends it: who waits for it then is told so.
  func cancel() { child.kill() }

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
        "`berth-unpack layer` ended with \(status)",
        hint: text.isEmpty ? nil : String(decoding: text, as: UTF8.self))
    }
    throw failure
  }
}
