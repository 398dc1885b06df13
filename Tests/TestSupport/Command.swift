// A program started by a test: its output captured as it comes, its end awaited with a bound.

package import CLinux
import Glibc
import Linux
import Synchronization
import SystemPackage

/// What is left of a program that ended.
package struct CommandResult: Sendable, CustomStringConvertible {
  package var command: String
  /// The exit status; 128 and the signal's number when one ended it, as shells say it.
  package var exitCode: Int32
  package var outputBytes: [UInt8]
  package var errorBytes: [UInt8]
  /// Another process still holds the program's output: something was left behind with it.
  package var isOutputHeld: Bool
  package var duration: Duration

  package var output: String { String(decoding: outputBytes, as: UTF8.self) }
  package var errorOutput: String { String(decoding: errorBytes, as: UTF8.self) }
  package var lines: [String] { output.split(separator: "\n").map(String.init) }

  package var description: String {
    """
    \(command)
      exit code \(exitCode) after \(duration)
      stdout: \(output)
      stderr: \(errorOutput)
    """
  }
}

package struct TestFailure: Error, CustomStringConvertible {
  package var description: String

  package init(_ description: String) { self.description = description }
}

/// A running program. It is killed when nothing refers to it any more.
package final class Command: Sendable {
  package let pid: pid_t
  private let text: String
  private let capture: Capture

  /// - Parameters:
  ///   - arguments: the program first, looked up in PATH of `environment` when it has no slash.
  ///   - input: what the program reads; nil is /dev/null.
  package init(
    _ arguments: [String], folder: String, environment: [String: String], input: [UInt8]? = nil
  ) throws {
    let output = try pipeEnds()
    let errors = try pipeEnds()
    let source = try pipeEnds()
    text = arguments.joined(separator: " ")
    pid = try spawn(
      arguments, folder: folder, environment: environment,
      standard: [input == nil ? nil : source.reading.raw, output.writing.raw, errors.writing.raw])
    capture = Capture(pid: pid, output: output.reading, errors: errors.reading)
    if let input {
      let writing = source.writing
      BlockingPool.shared.run { writeInput(input, to: writing) }
    }
    withExtendedLifetime((output, errors, source)) {}
    let capture = capture
    BlockingPool.shared.run { capture.run() }
  }

  deinit { if capture.exitCode == nil { kill(pid, SIGKILL) } }

  package var isRunning: Bool { capture.exitCode == nil }
  package var outputSoFar: String { String(decoding: capture.snapshot.output, as: UTF8.self) }
  package var errorSoFar: String { String(decoding: capture.snapshot.errors, as: UTF8.self) }

  package func signal(_ number: Int32) {
    if isRunning { kill(pid, number) }
  }

  /// The result, once the program has ended. One that does not end in time is killed, and that is
  /// a failure which shows what it said until then.
  package func wait(within limit: Duration = .seconds(30)) async throws -> CommandResult {
    let deadline = ContinuousClock.now + limit
    while capture.exitCode == nil {
      if ContinuousClock.now > deadline {
        signal(SIGKILL)
        throw TestFailure(
          "`\(text)` did not end within \(limit)\nstdout: \(outputSoFar)\nstderr: \(errorSoFar)")
      }
      try await Task.sleep(for: .milliseconds(2))
    }
    let state = capture.snapshot
    return CommandResult(
      command: text, exitCode: state.exitCode ?? -1, outputBytes: state.output,
      errorBytes: state.errors, isOutputHeld: state.isHeld, duration: state.duration)
  }
}

private func pipeEnds() throws -> (reading: SharedDescriptor, writing: SharedDescriptor) {
  var ends: [CInt] = [-1, -1]
  guard berth_pipe2(&ends, O_CLOEXEC) == 0 else { throw TestFailure("pipe2: \(errno)") }
  return (
    SharedDescriptor(Descriptor(owning: ends[0])), SharedDescriptor(Descriptor(owning: ends[1]))
  )
}

private func writeInput(_ input: [UInt8], to descriptor: SharedDescriptor) {
  var offset = 0
  while offset < input.count {
    let count = input.withUnsafeBytes { bytes in
      bytes.baseAddress.map { write(descriptor.raw, $0 + offset, bytes.count - offset) } ?? 0
    }
    if count <= 0 { return }
    offset += count
  }
}

/// Reads both pipes until the program has ended and they are empty.
private final class Capture: Sendable {
  struct State {
    var output: [UInt8] = []
    var errors: [UInt8] = []
    var exitCode: Int32?
    var isHeld = false
    var duration = Duration.zero
  }

  private let pid: pid_t
  private let output: SharedDescriptor
  private let errors: SharedDescriptor
  private let started = ContinuousClock.now
  private let state = Mutex(State())

  init(pid: pid_t, output: SharedDescriptor, errors: SharedDescriptor) {
    self.pid = pid
    self.output = output
    self.errors = errors
  }

  var snapshot: State { state.withLock { $0 } }
  var exitCode: Int32? { state.withLock { $0.exitCode } }

  func run() {
    for pipe in [output, errors] { _ = fcntl(pipe.raw, F_SETFL, O_NONBLOCK) }
    let exit = CInt(berth_pidfd_open(pid, 0))
    var isOutputOpen = true
    var isErrorsOpen = true
    // A program that another thread starts has our pipes until its exec: that ends by itself soon.
    var deadline: ContinuousClock.Instant?
    while true {
      var waiting = [
        pollfd(fd: deadline == nil ? exit : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: isOutputOpen ? output.raw : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: isErrorsOpen ? errors.raw : -1, events: Int16(POLLIN), revents: 0),
      ]
      poll(&waiting, nfds_t(waiting.count), deadline == nil ? -1 : 10)
      if waiting[0].revents != 0 { deadline = ContinuousClock.now + .milliseconds(500) }
      if isOutputOpen { isOutputOpen = drain(output, into: \.output) }
      if isErrorsOpen { isErrorsOpen = drain(errors, into: \.errors) }
      if let deadline, !(isOutputOpen || isErrorsOpen) || ContinuousClock.now > deadline { break }
    }
    close(exit)
    finish(isHeld: isOutputOpen || isErrorsOpen)
  }

  /// Takes what is there; false at the end.
  private func drain(_ pipe: SharedDescriptor, into part: WritableKeyPath<State, [UInt8]>) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(pipe.raw, &buffer, buffer.count)
      if count == 0 { return false }
      if count < 0 { return true }
      state.withLock { $0[keyPath: part] += buffer[..<count] }
    }
  }

  private func finish(isHeld: Bool) {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    let signal = status & 0x7f
    let code = signal == 0 ? (status >> 8) & 0xff : 128 + signal
    state.withLock {
      $0.isHeld = isHeld
      $0.duration = ContinuousClock.now - started
      $0.exitCode = code
    }
  }
}

/// Starts a program, by way of env(1) which changes the folder; nil in `standard` is /dev/null.
private func spawn(
  _ arguments: [String], folder: String, environment: [String: String], standard: [CInt?]
) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for (number, descriptor) in standard.enumerated() {
    if let descriptor {
      posix_spawn_file_actions_adddup2(&actions, descriptor, CInt(number))
    } else {
      posix_spawn_file_actions_addopen(&actions, CInt(number), "/dev/null", O_RDWR, 0)
    }
  }
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  // A group of its own: a Ctrl-C meant for the tests does not reach it twice. The threads of the
  // tests block signals, and a child would inherit that.
  var signals = sigset_t()
  sigemptyset(&signals)
  posix_spawnattr_setsigmask(&attributes, &signals)
  posix_spawnattr_setflags(
    &attributes, Int16(POSIX_SPAWN_SETPGROUP) | Int16(POSIX_SPAWN_SETSIGMASK))
  let words = ["env", "-C", folder] + arguments
  var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  var envp: [UnsafeMutablePointer<CChar>?] =
    environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
  defer { for pointer in argv + envp { free(pointer) } }
  var pid: pid_t = 0
  let reason = posix_spawnp(&pid, "env", &actions, &attributes, &argv, &envp)
  guard reason == 0 else {
    throw TestFailure("cannot start `\(arguments.first ?? "")`: \(Errno(rawValue: reason))")
  }
  return pid
}
