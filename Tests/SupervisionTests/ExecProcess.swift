// `berth-shim exec` as a process of the test, with pipes for its streams.

import CLinux
import Glibc
import Linux
import Store
import SystemPackage
import Testing

final class ExecProcess {
  let pid: pid_t
  private let output: SharedDescriptor
  private var collected: [UInt8] = []

  init(_ program: FilePath, _ arguments: [String], input: String) throws {
    let input = Array(input.utf8)
    let typed = try Descriptor.pipe()
    try typed.writing.writeAll(input)
    shutdownWriting = SharedDescriptor(try typed.writing.duplicate())
    let printed = try Descriptor.pipe()
    output = SharedDescriptor(try printed.reading.duplicate())
    pid = try spawn(
      program, ["berth-shim"] + arguments,
      descriptors: [(typed.reading.raw, 0), (printed.writing.raw, 1), (printed.writing.raw, 2)])
  }

  private var shutdownWriting: SharedDescriptor?

  func readLine() throws -> String {
    while !collected.contains(0x0A) {
      let bytes = try #require(try read())
      collected += bytes
    }
    let line = collected.prefix { $0 != 0x0A }
    collected.removeFirst(line.count + 1)
    return String(decoding: line, as: UTF8.self)
  }

  /// Closes its input and waits for its end.
  func finish() throws -> (code: Int32, output: String) {
    shutdownWriting = nil
    while let bytes = try read() { collected += bytes }
    var status: CInt = 0
    try retrying("waitpid") { waitpid(pid, &status, 0) }
    let code =
      berth_exited(status) != 0 ? berth_exit_status(status) : 128 + berth_term_signal(status)
    return (code, String(decoding: collected, as: UTF8.self))
  }

  private func read() throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = try retrying("read") { Glibc.read(output.raw, &buffer, buffer.count) }
    return count == 0 ? nil : Array(buffer[..<count])
  }
}

extension TestContainer {
  func startExec(_ command: [String], options: [String] = [], input: String = "") throws
    -> ExecProcess
  {
    try ExecProcess(
      Self.program,
      ["exec", "--container", folder.string, "--run", layout.run.string] + options + ["--"]
        + command, input: input)
  }

  func exec(_ command: [String], options: [String] = [], input: String = "") throws
    -> (code: Int32, output: String)
  {
    try startExec(command, options: options, input: input).finish()
  }

  func shim(_ words: [String]) throws -> (code: Int32, output: String) {
    try ExecProcess(Self.program, words, input: "").finish()
  }
}
