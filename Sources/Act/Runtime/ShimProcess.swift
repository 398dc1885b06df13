// Berth's side of the hand-shake that starts a container (drawn in Control/Messages.swift). Each
// call blocks; the Engine makes them through `blocking`.

package import Blueprint
import CLinux
package import Control
import Glibc
package import Linux
package import SystemPackage

/// A shim that starts a container. Letting go of it before `go` undoes everything; after
/// `started` the shim lives on by itself.
package final class ShimProcess: Sendable {
  private let socket: Descriptor
  /// The shim itself.
  package let pid: Int32

  private init(socket: consuming Descriptor, pid: pid_t) {
    self.socket = socket
    self.pid = pid
  }

  /// Starts the shim of the container whose folder is `containerFolder`. `cleanup` is the program
  /// that it calls to release network things when nobody else does: our own.
  package static func spawn(
    _ program: borrowing ShimProgram, containerFolder: FilePath, run: FilePath, state: FilePath,
    cleanup: FilePath
  ) throws(SystemCallError) -> ShimProcess {
    let pair = try Descriptor.socketPair(CInt(SOCK_SEQPACKET.rawValue))
    let pid = try Linux.spawn(
      program.path,
      [
        "berth-shim", "run", "--container", containerFolder.string, "--run", run.string,
        "--state", state.string, "--cleanup", cleanup.string,
      ],
      descriptors: [(from: pair.second.raw, to: 3)])
    return ShimProcess(socket: try pair.first.duplicate(), pid: pid)
  }

  /// Hands over the values of the blueprint's handed files, in their order, before all else.
  package func handOver(_ files: [CInt]) throws {
    var rest = files[...]
    while !rest.isEmpty {
      try send(.files, Array(rest.prefix(descriptorsPerPacket)))
      rest = rest.dropFirst(descriptorsPerPacket)
    }
  }

  /// The container's network namespace, where it has one of its own; nil for the host's or another
  /// container's.
  package func born() throws -> SharedDescriptor? {
    let (report, descriptors) = try receive(while: "making the container's namespaces")
    guard case .born = report else { throw unexpected(report) }
    return descriptors.first
  }

  /// Says that the network is furnished. `ports` are the sockets that reserve published ports:
  /// the shim keeps copies for the container's life.
  package func networkReady(ports: [CInt]) throws {
    var rest = ports[...]
    while !rest.isEmpty {
      try send(.ports, Array(rest.prefix(descriptorsPerPacket)))
      rest = rest.dropFirst(descriptorsPerPacket)
    }
    try send(.networkReady)
  }

  /// Waits until everything but the program itself is in place.
  /// - Returns: what was asked for and is left out, in sentences.
  @discardableResult
  package func ready() throws -> [String] {
    var warnings: [String] = []
    while true {
      let (report, _) = try receive(while: "preparing the container")
      switch report {
      case .warning(let text): warnings.append(text)
      case .ready: return warnings
      case .born, .started, .failed, .exited: throw unexpected(report)
      }
    }
  }

  package func go() throws { try send(.go) }

  /// Why the shim has failed, where it has said so already: what others then meet with its
  /// namespaces is only what follows from it. Does not block.
  package func failure() -> ShimFailure? {
    var watched = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
    while poll(&watched, 1, 0) > 0 {
      // One that can no longer be read has nothing more to say.
      guard let (report, _) = try? socket.receive(StartReport.self) else { return nil }
      if case .failed(let failure) = report { return failure }
    }
    return nil
  }

  /// Waits until the program runs.
  package func started() throws -> (pid: Int32, startedAt: Timestamp) {
    let (report, _) = try receive(while: "starting the program")
    guard case .started(let pid, let startedAt) = report else { throw unexpected(report) }
    return (pid, startedAt)
  }

  /// Waits for the end of a held container, all of which is gone by then; its exit code.
  package func exited() throws -> Int32 {
    let (report, _) = try receive(while: "running the program")
    guard case .exited(let code) = report else { throw unexpected(report) }
    return code
  }

  /// Gives up: a blocked call of another thread throws, the shim undoes what it has done.
  package func cancel() { shutdown(socket.raw, CInt(SHUT_RDWR)) }

  deinit {
    // A shim that failed is dead soon and one that runs is nobody's child to wait for: whatever
    // has ended is reaped here, what has not when berth ends.
    shutdown(socket.raw, CInt(SHUT_RDWR))
    waitpid(pid, nil, WNOHANG)
  }

  private func send(_ command: StartCommand, _ descriptors: [CInt] = []) throws {
    do throws(SystemCallError) {
      try socket.send(command, descriptors)
    } catch {
      // It has failed and said why before it closed.
      if error.errno == .brokenPipe { _ = try receive(while: "preparing the container") }
      throw error
    }
  }

  private func receive(while doing: String) throws -> (StartReport, [SharedDescriptor]) {
    guard let (report, descriptors) = try socket.receive(StartReport.self) else {
      throw ControlError.lost(while: doing)
    }
    if case .failed(let failure) = report { throw failure }
    return (report, descriptors)
  }

  private func unexpected(_ report: StartReport) -> ControlError { .unexpected("\(report)") }
}

/// The program `berth-shim`, so opened that nothing which runs it can write to it: a container
/// could get hold of it through /proc/PID/exe and replace the host's copy (CVE-2019-5736).
package struct ShimProgram: ~Copyable, Sendable {
  private let file: Descriptor

  private init(file: consuming Descriptor) { self.file = file }

  /// A read-only bind of `program` that is attached nowhere. Where that is not allowed the program
  /// itself.
  package static func open(_ program: FilePath) throws(SystemCallError) -> ShimProgram {
    let cloneTree: UInt32 = 1  // OPEN_TREE_CLONE
    let flags = cloneTree | UInt32(bitPattern: O_CLOEXEC)
    let tree = program.withPlatformString { berth_open_tree(AT_FDCWD, $0, flags) }
    let file =
      tree < 0 ? try Descriptor.open(program, O_RDONLY) : Descriptor(owning: CInt(tree))
    if tree >= 0 {
      try checking("mount_setattr", program.string) {
        berth_mount_setattr(
          CInt(tree), "", UInt32(AT_EMPTY_PATH), UInt64(MOUNT_ATTR_RDONLY), 0, 0, 0)
      }
    }
    // Out of the way of the numbers that a started program gets its own descriptors on.
    let high = try checking("fcntl") { berth_fcntl(file.raw, F_DUPFD_CLOEXEC, 64) }
    return ShimProgram(file: Descriptor(owning: high))
  }

  /// For execve and posix_spawn of this process.
  package var path: FilePath { FilePath("/proc/self/fd/\(file.raw)") }
}
