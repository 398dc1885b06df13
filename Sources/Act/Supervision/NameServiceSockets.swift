// The sockets of a name service.

package import Addressing
import CLinux
import DNS
import Glibc
package import Linux
import SystemPackage

/// Opened inside the container's network namespace, to which they belong from then on, wherever they
/// are used. They take what comes by `lo` alone, so nobody outside of the container can ask.
///
/// A program of the container that itself serves names on all addresses meets these at port 53. Over
/// UDP both can be when it sets SO_REUSEADDR, as dnsmasq does; over TCP Linux does not let two
/// listen, so such a program listens on the container's own address instead.
package struct NameServiceSockets: Sendable {
  package let datagrams: SharedDescriptor
  package let streams: SharedDescriptor
  /// The port that both have: the wanted one, or one that the kernel chose for 0.
  package let port: UInt16

  /// Belongs to the namespace of the calling thread. `lo` must be up.
  package static func open(
    address: IPv4Address = IPv4Address(127, 0, 0, 11), port: UInt16 = 53
  ) throws(SystemCallError) -> NameServiceSockets {
    let streams = try bound(SOCK_STREAM, address, port)
    try checking("listen") { listen(streams.raw, CInt(streamBacklog)) }
    let chosen = try localPort(of: streams)
    let datagrams = try bound(SOCK_DGRAM, address, chosen)
    return NameServiceSockets(
      datagrams: SharedDescriptor(datagrams), streams: SharedDescriptor(streams), port: chosen)
  }
}

private let streamBacklog = 16

private func bound(
  _ type: __socket_type, _ address: IPv4Address, _ port: UInt16
) throws(SystemCallError) -> Descriptor {
  let place = SocketAddress(NameServer(address: .v4(address)), port: port)
  let socket = try makeSocket(type, place)
  var one: CInt = 1
  try checking("setsockopt", "SO_REUSEADDR") {
    setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &one, 4)
  }
  try checking("setsockopt", "SO_BINDTODEVICE") {
    setsockopt(socket.raw, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2)
  }
  try checking("bind", "\(address):\(port)") { place.withPointer { bind(socket.raw, $0, $1) } }
  return socket
}

/// Non-blocking and close-on-exec.
func makeSocket(
  _ type: __socket_type, _ address: SocketAddress
) throws(SystemCallError) -> Descriptor {
  let flags = CInt(type.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
  return Descriptor(owning: try checking("socket") { socket(CInt(address.family), flags, 0) })
}

private func localPort(of socket: borrowing Descriptor) throws(SystemCallError) -> UInt16 {
  var address = sockaddr_in()
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  try checking("getsockname") {
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.raw, $0, &size) }
    }
  }
  return UInt16(bigEndian: address.sin_port)
}

/// An address and port as the kernel takes them.
struct SocketAddress {
  private var storage = sockaddr_in6()
  private let size: socklen_t

  init(_ server: NameServer, port: UInt16) {
    switch server.address {
    case .v4(let address):
      var content = sockaddr_in()
      content.sin_family = sa_family_t(AF_INET)
      content.sin_port = port.bigEndian
      content.sin_addr.s_addr = address.number.bigEndian
      size = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: content, as: sockaddr_in.self) }
    case .v6(let address):
      storage.sin6_family = sa_family_t(AF_INET6)
      storage.sin6_port = port.bigEndian
      storage.sin6_scope_id = server.interface.map { if_nametoindex($0) } ?? 0
      withUnsafeMutableBytes(of: &storage.sin6_addr) { $0.copyBytes(from: address.octets) }
      size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    }
  }

  var family: sa_family_t { storage.sin6_family }

  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
    }
  }
}
