// The socket in a run folder that a shim listens on, and how both sides name it.

import CLinux
import Glibc
package import Linux
package import SystemPackage

extension Descriptor {
  /// An unconnected unix socket of packets.
  package static func packetSocket(_ flags: CInt = 0) throws(SystemCallError) -> Descriptor {
    let type = CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue) | flags
    return Descriptor(owning: try checking("socket") { socket(AF_UNIX, type, 0) })
  }

  /// Listens on `control.sock` in `folder`, for the owner alone; never blocks in accept.
  package static func listen(in folder: borrowing Descriptor) throws(SystemCallError) -> Descriptor
  {
    let listener = try packetSocket(CInt(SOCK_NONBLOCK.rawValue))
    unlinkat(folder.raw, "control.sock", 0)
    try withSocketAddress(folder: folder, "control.sock") { bind(listener.raw, $0, $1) }
    try checking("fchmodat") { fchmodat(folder.raw, "control.sock", 0o600, 0) }
    try checking("listen") { Glibc.listen(listener.raw, 128) }
    return listener
  }

  /// A stream socket that listens on `name` in `folder`, for whom its owner and mode let in.
  package static func listenForStreams(in folder: borrowing Descriptor, _ name: String)
    throws(SystemCallError) -> Descriptor
  {
    let listener = try streamSocket()
    try withSocketAddress(folder: folder, name) { bind(listener.raw, $0, $1) }
    try checking("listen") { Glibc.listen(listener.raw, 128) }
    return listener
  }

  /// A stream socket that is connected to the one at `path`.
  package static func connectStream(to path: FilePath) throws(SystemCallError) -> Descriptor {
    let folder = try Descriptor.open(path.removingLastComponent(), O_PATH | O_DIRECTORY)
    let stream = try streamSocket()
    try withSocketAddress(folder: folder, path.lastComponent?.string ?? "") {
      Glibc.connect(stream.raw, $0, $1)
    }
    return stream
  }

  private static func streamSocket() throws(SystemCallError) -> Descriptor {
    let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    return Descriptor(owning: try checking("socket") { socket(AF_UNIX, type, 0) })
  }

  /// The next connection of a process of our own user; nil when none waits.
  package func acceptPeer() throws(SystemCallError) -> Descriptor? {
    let flags = CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let raw: Int
    do {
      raw = try retrying("accept4") { berth_accept4(self.raw, flags) }
    } catch  where error.errno == .wouldBlock || error.errno == .connectionAbort {
      return nil
    }
    let connection = Descriptor(owning: CInt(raw))
    // struct ucred: pid, uid, gid. glibc shows it to C with _GNU_SOURCE alone.
    var peer: (pid: pid_t, uid: uid_t, gid: gid_t) = (0, .max, .max)
    var size = socklen_t(MemoryLayout.size(ofValue: peer))
    try checking("getsockopt") {
      getsockopt(connection.raw, SOL_SOCKET, SO_PEERCRED, &peer, &size)
    }
    if peer.uid != geteuid() { return nil }
    return connection
  }
}

/// Calls `body` with the address of `name` in `folder`. It goes through /proc/self/fd, so that no
/// run folder is too deep for the 108 bytes of an address.
func withSocketAddress(
  folder: borrowing Descriptor, _ name: String,
  _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
) throws(SystemCallError) {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  let path = Array("/proc/self/fd/\(folder.raw)/\(name)".utf8)
  let fits = withUnsafeMutableBytes(of: &address.sun_path) { buffer in
    guard path.count < buffer.count else { return false }
    buffer.copyBytes(from: path)
    return true
  }
  guard fits else { throw SystemCallError("socket address", name, .fileNameTooLong) }
  let result = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
  if result == -1 { throw SystemCallError("control socket", name, .current) }
}
