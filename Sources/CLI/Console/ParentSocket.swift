// docker's client, when it runs berth as its plugin: what it is told to end it passes on by closing a
// socket, unless both are at a terminal, whose signals reach both.

import CLinux
import Glibc

extension Signals {
  /// Connects to the socket; its end is a SIGTERM from then on.
  ///
  /// - Parameter address: as docker's client has it in the environment; `@` before an abstract name.
  package static func heedEnd(of address: String) {
    var name = Array(address.utf8)
    var target = sockaddr_un()
    guard !name.isEmpty, name.count < MemoryLayout.size(ofValue: target.sun_path) else { return }
    if name[0] == UInt8(ascii: "@") { name[0] = 0 }
    target.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: name) }
    let length = MemoryLayout<sa_family_t>.size + name.count
    // Held open until the process ends, and by no program that takes its place.
    let descriptor = socket(
      AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    let connected = withUnsafePointer(to: &target) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(length))
      }
    }
    guard connected == 0 else {
      close(descriptor)
      return
    }
    // The kernel sends the signal when there is anything to read, and all that comes is the end.
    _ = berth_fcntl(descriptor, F_SETOWN, Int(getpid()))
    _ = berth_fcntl(descriptor, setSignal, Int(SIGTERM))
    _ = berth_fcntl(descriptor, F_SETFL, Int(O_ASYNC))
  }

  /// F_SETSIG, which Swift's view of glibc lacks.
  private static let setSignal: CInt = 10
}
