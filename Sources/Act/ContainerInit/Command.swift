// From the words of a command to exec: where the program is, and what to say when it is not.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// A program and its words, ready for execve(2).
struct Command {
  var arguments: [Bytes]
  var environment: [Bytes]

  init(_ arguments: [Bytes], environment: [Bytes], home: [UInt8]) {
    self.arguments = arguments
    self.environment = environment
    let prefix = Array("HOME=".utf8)
    if !environment.contains(where: { $0.raw.starts(with: prefix) }) {
      self.environment.append(Bytes(prefix + home))
    }
  }

  /// Looks for the program with the rights that the caller has now.
  /// - Throws: exit code 127 when there is none, 126 when it may not be executed.
  func find() throws(LaunchFailure) -> [UInt8] {
    guard let name = arguments.first?.raw, !name.isEmpty else {
      throw LaunchFailure(stage: "starting the program", message: "no command specified")
    }
    if name.contains(UInt8(ascii: "/")) {
      if let reason = whyNotExecutable(name) { throw refusal(name, reason) }
      return name
    }
    var denied: Errno?
    for folder in searchPath {
      let candidate = (folder.isEmpty ? Array(".".utf8) : Array(folder)) + [0x2f] + name
      guard let reason = whyNotExecutable(candidate) else { return candidate }
      if reason == .permissionDenied { denied = reason }
    }
    if let denied { throw refusal(name, denied) }
    throw LaunchFailure(
      stage: "starting the program", errno: .noSuchFileOrDirectory,
      message: "exec: \"\(arguments[0].text)\": executable file not found in $PATH",
      exitCode: 127)
  }

  /// Becomes the program.
  func execute(_ program: [UInt8]) -> LaunchFailure {
    withCStrings(arguments) { arguments in
      withCStrings(environment) { environment in
        (program + [0]).withUnsafeBufferPointer { path in
          path.withMemoryRebound(to: CChar.self) { path in
            guard let path = path.baseAddress else { return }
            execve(path, arguments, environment)
          }
        }
      }
    }
    return refusal(program, .current)
  }

  private var searchPath: [ArraySlice<UInt8>] {
    let prefix = Array("PATH=".utf8)
    guard let entry = environment.last(where: { $0.raw.starts(with: prefix) }) else { return [] }
    return entry.raw.dropFirst(prefix.count).split(
      separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
  }

  private func whyNotExecutable(_ path: [UInt8]) -> Errno? {
    (path + [0]).withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { path -> Errno? in
        guard let path = path.baseAddress else { return .invalidArgument }
        var status = stat()
        guard stat(path, &status) == 0 else { return .current }
        if status.st_mode & S_IFMT == S_IFDIR { return .isDirectory }
        // Root passes access(2) on any file with one x bit.
        return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? nil : .current
      }
    }
  }

  private func refusal(_ name: [UInt8], _ reason: Errno) -> LaunchFailure {
    let text = String(decoding: name, as: UTF8.self)
    let isMissing = reason == .noSuchFileOrDirectory || reason == .notDirectory
    let what = isMissing ? "stat \(text): \(reason.text)" : reason.text
    return LaunchFailure(
      stage: "starting the program", errno: reason, message: "exec: \"\(text)\": \(what)",
      exitCode: isMissing ? 127 : 126)
  }
}

/// Calls `body` with a NULL-ended array of NUL-ended copies.
private func withCStrings(
  _ strings: [Bytes], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Void
) {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { string in
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: string.raw.count + 1)
    for (index, byte) in string.raw.enumerated() { copy[index] = CChar(bitPattern: byte) }
    copy[string.raw.count] = 0
    return copy
  }
  pointers.append(nil)
  pointers.withUnsafeBufferPointer { buffer in
    if let base = buffer.baseAddress { body(base) }
  }
  for pointer in pointers { pointer?.deallocate() }
}
