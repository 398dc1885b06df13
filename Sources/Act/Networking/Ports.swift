// Host ports reserved by bound sockets before any container starts, so that a conflict creates
// nothing and is told with the name of who holds the port.

import Addressing
package import Blueprint
import CLinux
package import Diagnostics
import Glibc
package import Linux
import Store
import SystemPackage

/// A host port that cannot be had.
package struct PortConflict: Diagnosable, Hashable {
  package var port: PublishedPort
  package var reason: String
  /// "container `shop-proxy-1`" or "process `nginx` (pid 812)"; nil when it cannot be seen.
  package var holder: String?

  package var diagnostics: [Diagnostic] {
    let host = port.hostAddress.isEmpty ? "0.0.0.0" : port.hostAddress
    let place = "\(host):\(port.hostPort)/\(port.transport.rawValue)"
    let held = holder.map { ": held by \($0)" } ?? ""
    return [
      Diagnostic(
        "cannot use port \(place)", causes: [reason + held],
        hint: "stop what holds it, or publish another port")
    ]
  }
}

/// Reserved ports: as they were asked for but with a host port chosen, and the sockets that hold them.
package struct PortReservation: Sendable {
  package var ports: [PublishedPort]
  /// To be kept open for as long as the ports are published. At most two for each port.
  package var sockets: [SharedDescriptor]
}

extension NetworkStore {
  /// Reserves all `ports` in the calling thread's network namespace, or none. Host port 0 chooses one.
  /// - Throws: `PortConflict` for the first that cannot be had.
  package func reserve(_ ports: [PublishedPort]) throws -> PortReservation {
    var reservation = PortReservation(ports: [], sockets: [])
    for port in ports {
      do {
        let (chosen, sockets) =
          try port.transport == .sctp ? reserveFile(port) : reserveOne(port)
        reservation.ports.append(chosen)
        reservation.sockets += sockets
      } catch let error as SystemCallError {
        let isTaken = error.errno == .addressInUse
        throw PortConflict(
          port: port, reason: error.errno.text, holder: isTaken ? try holder(of: port) : nil)
      }
    }
    return reservation
  }

  /// Many kernels have no sockets of SCTP: there nobody else can have such a port, and among containers
  /// a locked file stands for it, whatever the address.
  private func reserveFile(_ port: PublishedPort) throws -> (PublishedPort, [SharedDescriptor]) {
    let folder = layout.run.appending("networks")
    try makeFolders(folder)
    var chosen = port
    for _ in 1...ephemeralAttempts {
      if port.hostPort == 0 {
        // Any number that the host itself would give.
        chosen.hostPort = try boundPort(bindSocket(.v4(.unspecified), 0, .tcp))
      }
      let file = SharedDescriptor(
        try Descriptor.open(
          folder.appending(".sctp-\(chosen.hostPort)"), O_WRONLY | O_CREAT | O_NOFOLLOW))
      if flock(file.raw, LOCK_EX | LOCK_NB) == 0 {
        return (chosen, try [file] + (sctpSockets(of: chosen)))
      }
      if port.hostPort != 0 { break }
    }
    throw SystemCallError("flock", "port \(port.hostPort)", .addressInUse)
  }

  /// Those that keep other programs off, where the kernel has them.
  private func sctpSockets(of port: PublishedPort) throws -> [SharedDescriptor] {
    try (port.hosts ?? []).compactMap { host in
      do throws(SystemCallError) {
        return try bindSocket(host, port.hostPort, .sctp)
      } catch {
        let lacks: [Errno] = [
          .protocolNotSupported, .addressFamilyNotSupported, .socketTypeNotSupported,
        ]
        if lacks.contains(error.errno) { return nil }
        throw error
      }
    }
  }

  /// Who has the port: a container of berth by its records, else a process by what /proc shows.
  private func holder(of port: PublishedPort) throws -> String? {
    let publication = try publications().first { $0.ports.contains { $0.isSame(as: port) } }
    if let publication { return "container `\(publication.name)`" }
    return PortHolder.find(port.transport, port.hostPort)
  }
}

extension PublishedPort {
  /// The addresses of this host that it is published on: one, or the wildcards of both families. Nil
  /// when the text is no address.
  var hosts: [IPAddress]? {
    if hostAddress.isEmpty { return [.v4(.unspecified), .v6(.unspecified)] }
    return IPAddress(hostAddress).map { [$0] }
  }

  /// Whether not both can be had: the same number on an address that both want. A text that is no
  /// address shares none.
  package func isSame(as other: PublishedPort) -> Bool {
    guard transport == other.transport, hostPort == other.hostPort else { return false }
    return (hosts ?? []).contains { own in
      (other.hosts ?? []).contains { its in
        own == its || own.isV6 == its.isV6 && (own.isUnspecified || its.isUnspecified)
      }
    }
  }
}

/// A free port must be free for both families; the kernel is asked for another one this often.
private let ephemeralAttempts = 32

private func reserveOne(_ port: PublishedPort) throws -> (PublishedPort, [SharedDescriptor]) {
  guard let host = port.hosts?.first else {
    throw NetworkError.unsupportedAddress(port.hostAddress)
  }
  let hasTwoHalves = port.hosts?.count == 2
  var chosen = port
  for attempt in 1...ephemeralAttempts {
    let first = try bindSocket(host, port.hostPort, port.transport)
    chosen.hostPort = try boundPort(first)
    guard hasTwoHalves else { return (chosen, [first]) }
    let second = bindOtherHalf(chosen)
    switch second {
    case .success(let socket): return (chosen, [first] + (socket.map { [$0] } ?? []))
    case .failure(let error):
      let mayTryAnother = port.hostPort == 0 && attempt < ephemeralAttempts
      if !mayTryAnother || error.errno != .addressInUse { throw error }
    }
  }
  throw SystemCallError("bind", "", .addressInUse)
}

/// The wildcard is both families' for the user, so nobody else may have the other half. Nil on a
/// machine without IPv6.
private func bindOtherHalf(_ port: PublishedPort) -> Result<SharedDescriptor?, SystemCallError> {
  do throws(SystemCallError) {
    return .success(try bindSocket(.v6(.unspecified), port.hostPort, port.transport))
  } catch {
    let lacks = [Errno.addressFamilyNotSupported, .addressNotAvailable].contains(error.errno)
    return lacks ? .success(nil) : .failure(error)
  }
}

/// Bound and no more: nobody else can bind, and nothing is accepted. Packets for the port are
/// translated before they would reach the socket.
private func bindSocket(
  _ host: IPAddress, _ port: UInt16, _ transport: PublishedPort.Transport
) throws(SystemCallError) -> SharedDescriptor {
  do {
    return try openBound(host, port, transport, reuse: false)
  } catch  where error.errno == .addressInUse && transport == .tcp {
    // Closed connections of an earlier holder linger for a minute. With SO_REUSEADDR they do not
    // count, but listening is then what keeps the port from others who set it too.
    let socket = try openBound(host, port, transport, reuse: true)
    try checking("listen") { listen(socket.raw, 0) }
    return socket
  }
}

private func openBound(
  _ host: IPAddress, _ port: UInt16, _ transport: PublishedPort.Transport, reuse: Bool
) throws(SystemCallError) -> SharedDescriptor {
  let kind = transport == .udp ? SOCK_DGRAM : SOCK_STREAM
  let type = CInt(kind.rawValue | SOCK_CLOEXEC.rawValue)
  var family = AF_INET
  if case .v6 = host { family = AF_INET6 }
  let socket = SharedDescriptor(
    Descriptor(
      owning: try checking("socket") {
        Glibc.socket(family, type, transport == .sctp ? CInt(IPPROTO_SCTP) : 0)
      }))
  var on: CInt = 1
  if reuse { setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &on, 4) }
  if transport == .udp {
    // What still arrives is never read: the least room that the kernel grants.
    var size: CInt = 1
    setsockopt(socket.raw, SOL_SOCKET, SO_RCVBUF, &size, 4)
  }
  switch host {
  case .v4(let address):
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    name.sin_addr.s_addr = address.number.bigEndian
    try bindTo(socket, &name)
  case .v6(let address):
    setsockopt(socket.raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &on, 4)
    var name = sockaddr_in6()
    name.sin6_family = sa_family_t(AF_INET6)
    name.sin6_port = port.bigEndian
    withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: address.octets) }
    try bindTo(socket, &name)
  }
  return socket
}

private func bindTo<Name>(_ socket: SharedDescriptor, _ name: inout Name)
  throws(SystemCallError)
{
  let size = socklen_t(MemoryLayout<Name>.size)
  let raw = socket.raw
  _ = try checking("bind") {
    withUnsafeBytes(of: &name) { bytes in
      bytes.baseAddress.map { bind(raw, $0.assumingMemoryBound(to: sockaddr.self), size) } ?? -1
    }
  }
}

private func boundPort(_ socket: SharedDescriptor) throws(SystemCallError) -> UInt16 {
  var name = sockaddr_storage()
  var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
  let raw = socket.raw
  _ = try checking("getsockname") {
    withUnsafeMutableBytes(of: &name) { bytes in
      bytes.baseAddress.map {
        getsockname(raw, $0.assumingMemoryBound(to: sockaddr.self), &size)
      } ?? -1
    }
  }
  // The port stands after the family in both.
  return withUnsafeBytes(of: &name) {
    UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
  }
}
