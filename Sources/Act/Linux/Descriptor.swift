// An open file descriptor that closes itself, and the calls that make one.

package import CLinux
import Glibc
package import SystemPackage

/// Owns one descriptor; closed when it goes out of scope. Always close-on-exec.
package struct Descriptor: ~Copyable, Sendable {
  package let raw: CInt

  /// Takes ownership of `raw`.
  package init(owning raw: CInt) { self.raw = raw }

  deinit { close(raw) }

  /// Gives the number away; the caller closes it.
  package consuming func release() -> CInt {
    let raw = raw
    discard self
    return raw
  }

  package func duplicate() throws(SystemCallError) -> Descriptor {
    Descriptor(owning: try checking("fcntl") { berth_fcntl(raw, F_DUPFD_CLOEXEC, 3) })
  }

  /// Lets the descriptor survive exec, or not.
  package func setInherited(_ inherited: Bool) throws(SystemCallError) {
    try checking("fcntl") { berth_fcntl(raw, F_SETFD, inherited ? 0 : Int(FD_CLOEXEC)) }
  }

  package func setNonBlocking(_ nonBlocking: Bool) throws(SystemCallError) {
    let flags = try checking("fcntl") { berth_fcntl(raw, F_GETFL, 0) }
    let wanted = nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
    try checking("fcntl") { berth_fcntl(raw, F_SETFL, Int(wanted)) }
  }
}

/// A descriptor that several owners share; closed when the last of them lets go.
package final class SharedDescriptor: Sendable {
  private let descriptor: Descriptor
  package var raw: CInt { descriptor.raw }

  package init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}

extension Descriptor {
  /// open(2) with O_CLOEXEC. `flags` and `mode` as there.
  package static func open(_ path: FilePath, _ flags: CInt, mode: mode_t = 0o600)
    throws(SystemCallError) -> Descriptor
  {
    let raw = try retrying("open", path.description) {
      path.withPlatformString { berth_openat(AT_FDCWD, $0, flags | O_CLOEXEC, mode) }
    }
    return Descriptor(owning: raw)
  }

  /// openat(2) below this directory, with O_CLOEXEC.
  package func openChild(_ path: FilePath, _ flags: CInt, mode: mode_t = 0o600)
    throws(SystemCallError) -> Descriptor
  {
    let raw = try retrying("openat", path.description) {
      path.withPlatformString { berth_openat(self.raw, $0, flags | O_CLOEXEC, mode) }
    }
    return Descriptor(owning: raw)
  }

  /// More lost races than this are somebody's doing.
  private static let racesLost = 1000

  /// openat2(2) below this directory: how `path` may be walked is said by `resolve`
  /// (RESOLVE_BENEATH, RESOLVE_IN_ROOT, …). O_CLOEXEC is added. The kernel answers EAGAIN when
  /// anything on the machine was renamed or mounted while it walked a `..` and it cannot tell whether
  /// the walk stayed inside: it is asked again, as openat2(2) says.
  package func resolve(_ path: FilePath, _ flags: CInt, mode: mode_t = 0, resolve: Int32)
    throws(SystemCallError) -> Descriptor
  {
    for attempt in 1...Self.racesLost {
      do throws(SystemCallError) {
        let raw = try retrying("openat2", path.description) {
          path.withPlatformString {
            berth_openat2(
              self.raw, $0, UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), UInt64(mode),
              UInt64(UInt32(bitPattern: resolve)))
          }
        }
        return Descriptor(owning: CInt(raw))
      } catch {
        if error.errno != .resourceTemporarilyUnavailable || attempt == Self.racesLost {
          throw error
        }
      }
    }
    throw SystemCallError("openat2", path.description, .resourceTemporarilyUnavailable)
  }

  /// A pipe, both ends close-on-exec.
  package static func pipe() throws(SystemCallError) -> Pipe {
    var ends: [CInt] = [-1, -1]
    try checking("pipe2") { berth_pipe2(&ends, O_CLOEXEC) }
    return Pipe(reading: Descriptor(owning: ends[0]), writing: Descriptor(owning: ends[1]))
  }

  /// A connected pair of unix sockets of `type` (SOCK_STREAM, SOCK_SEQPACKET), close-on-exec.
  package static func socketPair(_ type: CInt) throws(SystemCallError) -> SocketPair {
    var ends: [CInt] = [-1, -1]
    try checking("socketpair") { socketpair(AF_UNIX, type | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) }
    return SocketPair(first: Descriptor(owning: ends[0]), second: Descriptor(owning: ends[1]))
  }
}

/// The two ends of a pipe.
package struct Pipe: ~Copyable, Sendable {
  package var reading: Descriptor
  package var writing: Descriptor
}

/// The two ends of a socket pair.
package struct SocketPair: ~Copyable, Sendable {
  package var first: Descriptor
  package var second: Descriptor
}

/// Whether the process may open so many more descriptors.
package func hasFreeDescriptors(_ count: Int) -> Bool {
  var opened: [CInt] = []
  defer { for raw in opened { close(raw) } }
  for _ in 0..<count {
    do throws(SystemCallError) {
      opened.append(try retrying("open") { berth_openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0) })
    } catch {
      return false
    }
  }
  return true
}
