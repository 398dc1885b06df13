// When a process began: with its number that is one process, though numbers are given again.

import Glibc
import SystemPackage

/// What tells a process from all others of this boot.
package struct ProcessStart: Sendable {
  package let pid: UInt64
  /// Clock ticks since the machine started.
  package let time: UInt64

  /// - Parameter name: of a folder of /proc: a number or `self`.
  package init(of name: String) throws(SystemCallError) {
    try self.init(try Descriptor.open(FilePath("/proc/\(name)"), O_RDONLY | O_DIRECTORY))
  }

  /// - Parameter process: its folder in the host's /proc.
  package init(_ process: borrowing Descriptor) throws(SystemCallError) {
    // proc_pid_stat(5): the name in brackets may hold anything, so fields count from its end.
    let text = try process.openChild("stat", O_RDONLY).readAll(limit: 1 << 16)
    let own = text.prefix { $0 != UInt8(ascii: " ") }
    let end = text.lastIndex(of: UInt8(ascii: ")")) ?? text.startIndex
    let fields = text[end...].split(separator: UInt8(ascii: " "))
    let startTime = 20
    guard let pid = UInt64(String(decoding: own, as: UTF8.self)), fields.count > startTime,
      let time = UInt64(String(decoding: fields[startTime], as: UTF8.self))
    else { throw SystemCallError("read", "stat", .invalidArgument) }
    self.pid = pid
    self.time = time
  }
}
