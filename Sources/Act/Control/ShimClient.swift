// Requests to a running shim, from berth's side. Each call opens a connection of its own; all block,
// so the Engine calls them through `blocking`.

import CLinux
import Glibc
package import Linux
package import SystemPackage

package struct ShimClient: Sendable {
  /// `<run>/containers/<id>`.
  package let folder: FilePath

  package init(runFolder: FilePath) { folder = runFolder }

  /// Stops the container for good and waits until nothing of it is left. Returns its exit code.
  /// `graceNanoseconds` before SIGKILL; negative waits for ever.
  package func stop(signal: Int32, graceNanoseconds: Int64, cleanup: Bool) throws -> Int32 {
    try startStop(signal: signal, graceNanoseconds: graceNanoseconds, cleanup: cleanup)
      .exitCode()
  }

  /// As `stop`, with the waiting left to the caller.
  package func startStop(signal: Int32, graceNanoseconds: Int64, cleanup: Bool) throws
    -> PendingReply
  {
    try ask(.stop(signal: signal, graceNanoseconds: graceNanoseconds, cleanup: cleanup))
  }

  package func kill(signal: Int32) throws { try ask(.kill(signal: signal)).done() }
  package func pause() throws { try ask(.pause).done() }
  package func unpause() throws { try ask(.unpause).done() }

  /// The first process of the container, by pidfd: for `exec`.
  package func join() throws -> (pid: Int32, pidfd: SharedDescriptor) { try first(.join) }

  /// The same for `cp`, which also copies while the container is paused.
  package func view() throws -> SharedDescriptor { try first(.view).pidfd }

  /// The same with its number, for those who read what the kernel says of it.
  package func firstProcess() throws -> (pid: Int32, pidfd: SharedDescriptor) { try first(.view) }

  private func first(_ request: ControlRequest) throws -> (pid: Int32, pidfd: SharedDescriptor) {
    let (reply, descriptors) = try ask(request).receive()
    guard case .joined(let pid) = reply, let pidfd = descriptors.first else {
      throw ControlError.unexpected("\(reply)")
    }
    return (pid, pidfd)
  }

  /// The container's network namespace.
  package func namespace() throws -> SharedDescriptor {
    let (reply, descriptors) = try ask(.namespace).receive()
    guard case .done = reply, let namespace = descriptors.first else {
      throw ControlError.unexpected("\(reply)")
    }
    return namespace
  }

  /// Lets the shim take the networks of the container's blueprint as they are now.
  package func renetwork() throws { try ask(.renetwork).done() }

  /// The writing end of the container's input: a pipe, or the master of its terminal.
  package func input() throws -> SharedDescriptor {
    let (reply, descriptors) = try ask(.input).receive()
    guard case .done = reply, let input = descriptors.first else {
      throw ControlError.unexpected("\(reply)")
    }
    return input
  }

  /// Waits for the final exit; its code.
  package func wait() throws -> Int32 { try startWait().exitCode() }

  /// As `wait`, with the waiting left to the caller.
  package func startWait() throws -> PendingReply { try ask(.wait) }

  /// Whether the shim lives: it holds the lock of its run folder for its whole life.
  package var isAlive: Bool {
    guard let file = try? Descriptor.open(folder.appending("lock"), O_RDONLY | O_NOFOLLOW)
    else {
      // No lock file, no shim.
      return false
    }
    return flock(file.raw, LOCK_SH | LOCK_NB) != 0 && Errno.current == .wouldBlock
  }

  private func ask(_ request: ControlRequest) throws -> PendingReply {
    do throws(SystemCallError) {
      let socket = try connect()
      try socket.send(request)
      return PendingReply(socket: socket, request: request)
    } catch {
      if Self.meansGone.contains(error.errno) { throw ControlError.notRunning }
      throw error
    }
  }

  private func connect() throws(SystemCallError) -> Descriptor {
    let folder = try Descriptor.open(folder, O_RDONLY | O_DIRECTORY)
    let socket = try Descriptor.packetSocket()
    try withSocketAddress(folder: folder, "control.sock") { address, length in
      // Until it is taken or refused: a signal of ours says nothing about the shim.
      var result: CInt
      repeat {
        result = Glibc.connect(socket.raw, address, length)
      } while result == -1 && Errno.current == .interrupted
      return result
    }
    return socket
  }

  private static let meansGone: Set<Errno> = [
    .noSuchFileOrDirectory, .connectionRefused, .notDirectory, .brokenPipe, .connectionReset,
  ]
}

/// A request that has been sent. The connection closes with it.
package final class PendingReply: Sendable {
  private let socket: Descriptor
  private let request: ControlRequest

  init(socket: consuming Descriptor, request: ControlRequest) {
    self.socket = socket
    self.request = request
  }

  /// Readable when the reply is there: for those who wait for many.
  package var raw: CInt { socket.raw }

  /// Makes a blocked `receive` of another thread throw `ControlError.lost`.
  package func cancel() { shutdown(socket.raw, CInt(SHUT_RDWR)) }

  /// Blocks for the reply.
  package func receive() throws -> (ControlReply, [SharedDescriptor]) {
    guard let (reply, descriptors) = try socket.receive(ControlReply.self) else {
      throw ControlError.lost(while: "\(request)")
    }
    switch reply {
    case .failed(let failure): throw failure
    // The same as if it had been asked a moment later, when nobody listens any more.
    case .notRunning: throw ControlError.notRunning
    case .done, .exited, .joined: return (reply, descriptors)
    }
  }

  /// Blocks for the exit code that `stop` and `wait` are answered with.
  package func exitCode() throws -> Int32 {
    let (reply, _) = try receive()
    guard case .exited(let code) = reply else { throw ControlError.unexpected("\(reply)") }
    return code
  }

  fileprivate func done() throws {
    let (reply, _) = try receive()
    guard case .done = reply else { throw ControlError.unexpected("\(reply)") }
  }
}
