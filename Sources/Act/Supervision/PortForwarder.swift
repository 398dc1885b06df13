// Ports of this host that packets cannot be translated for: the container has no address of that
// family, or the packet is for ::1, which the kernel lets nobody send on. The shim takes them and passes
// on what comes, to the container's IPv4 address, or that of IPv6 where it has no other.

import Addressing
import Blueprint
import CLinux
import DNS
import Glibc
import Linux
import SystemPackage

/// The ports of one container for as long as it lives. One descriptor waits for all of them.
final class PortForwarder {
  private let watch: WatchSet
  private var streams: [ForwardedStreams] = []
  private var datagrams: [ForwardedDatagrams] = []

  /// - Parameter sockets: those that reserve the published ports; the ones of IPv6 are taken, and those of
  ///   IPv4 for a container without.
  /// - Returns: nil when there is nothing to forward.
  init?(_ sockets: [SharedDescriptor], _ network: NetworkBlueprint) throws(SystemCallError) {
    guard let address = network.primary?.addresses.first.flatMap({ IPAddress($0) }) else {
      return nil
    }
    watch = try WatchSet()
    for socket in sockets {
      guard let (port, transport, isV6) = reserved(socket), isV6 || address.isV6,
        let published = network.ports.first(where: {
          $0.hostPort == port && $0.transport == transport
        })
      else { continue }
      let target = SocketAddress(
        NameServer(address: address), port: published.containerPort)
      try setFlags(socket)
      if transport == .tcp {
        // Connections take it over, and linger for a minute after their end: without it nobody could have
        // the port for as long.
        var on: CInt = 1
        setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        try checking("listen") { listen(socket.raw, 128) }
        let listener = ForwardedStreams(socket, target, watch)
        try watch.add(listener, WatchSet.readable)
        streams.append(listener)
      } else {
        try DatagramEnds.prepare(socket.raw, isV6: isV6)
        let receiver = ForwardedDatagrams(socket, target, watch)
        try watch.add(receiver, WatchSet.readable)
        datagrams.append(receiver)
      }
    }
    if streams.isEmpty, datagrams.isEmpty { return nil }
  }

  deinit {
    watch.removeAll()
  }

  var descriptor: CInt { watch.raw }

  func ready() { watch.turn() }

  /// On the monotonic clock, in nanoseconds; nil for never.
  var deadline: Int64? { datagrams.compactMap(\.deadline).min() }

  func expire(_ now: Int64) {
    for receiver in datagrams { receiver.expire(now) }
  }
}

/// The port that a reserving socket has.
private func reserved(_ socket: SharedDescriptor)
  -> (port: UInt16, transport: PublishedPort.Transport, isV6: Bool)?
{
  var address = sockaddr_in6()
  var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
  let named = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.raw, $0, &size) }
  }
  guard named == 0 else { return nil }
  var kind: CInt = 0
  var length = socklen_t(MemoryLayout<CInt>.size)
  guard getsockopt(socket.raw, SOL_SOCKET, SO_TYPE, &kind, &length) == 0 else { return nil }
  var transport: CInt = 0
  length = socklen_t(MemoryLayout<CInt>.size)
  getsockopt(socket.raw, SOL_SOCKET, SO_PROTOCOL, &transport, &length)
  // Nobody passes those on: they are translated or not served.
  if transport == CInt(IPPROTO_SCTP) { return nil }
  let isStream = kind == CInt(SOCK_STREAM.rawValue)
  // The port stands at the same place in the address of either family.
  return (
    UInt16(bigEndian: address.sin6_port), isStream ? .tcp : .udp,
    CInt(address.sin6_family) == AF_INET6
  )
}

/// Sockets that only reserve have the least room and block.
private func setFlags(_ socket: SharedDescriptor) throws(SystemCallError) {
  try checking("fcntl") { berth_fcntl(socket.raw, F_SETFL, Int(O_NONBLOCK)) }
  var size: CInt = 208 << 10
  setsockopt(socket.raw, SOL_SOCKET, SO_RCVBUF, &size, 4)
}

// MARK: - TCP

/// A listening socket and the connections that came by it.
private final class ForwardedStreams: WatchedParty {
  private let socket: SharedDescriptor
  private let target: SocketAddress
  private let watch: WatchSet
  private var connections: [ObjectIdentifier: ForwardedConnection] = [:]
  private static let connectionLimit = 1024

  init(_ socket: SharedDescriptor, _ target: SocketAddress, _ watch: WatchSet) {
    self.socket = socket
    self.target = target
    self.watch = watch
  }

  var raw: CInt { socket.raw }

  func ready(_ events: UInt32) {
    let flags = CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let fd = CInt(truncatingIfNeeded: berth_accept4(raw, flags))
    if fd < 0 { return }
    let client = Descriptor(owning: fd)
    // More at once would cost memory that a container is not worth.
    guard connections.count < Self.connectionLimit,
      let connection = ForwardedConnection(client, target, watch)
    else { return }
    let identity = ObjectIdentifier(connection)
    connections[identity] = connection
    connection.begin { [unowned self] in connections[identity] = nil }
  }
}

/// A client and the container, each with what the other has not taken yet.
private final class ForwardedConnection {
  private let client: ForwardedEnd
  private let server: ForwardedEnd
  private let watch: WatchSet
  private var isConnected = false
  private var isClosed = false
  private var closed: () -> Void = {}

  /// Nil when the container cannot be asked at all: the client is closed then.
  init?(_ client: consuming Descriptor, _ target: SocketAddress, _ watch: WatchSet) {
    guard let socket = try? makeSocket(SOCK_STREAM, target) else { return nil }
    let answer = target.withPointer { connect(socket.raw, $0, $1) }
    guard answer == 0 || Errno.current == Errno(rawValue: EINPROGRESS) else { return nil }
    self.client = ForwardedEnd(client)
    server = ForwardedEnd(socket)
    self.watch = watch
  }

  func begin(_ closed: @escaping () -> Void) {
    self.closed = closed
    for end in [client, server] {
      end.happened = { [unowned self] _ in proceed() }
    }
    let begun: Void? = try? watch.add(server, WatchSet.writable)
    let heard: Void? = try? watch.add(client, 0)
    // What cannot be watched would hang for ever.
    if begun == nil || heard == nil { close(refusing: true) }
  }

  private func proceed() {
    if isClosed { return }
    if !isConnected {
      var error: CInt = 0
      var size = socklen_t(MemoryLayout<CInt>.size)
      getsockopt(server.raw, SOL_SOCKET, SO_ERROR, &error, &size)
      if error != 0 { return close(refusing: true) }
      isConnected = true
    }
    guard client.move(to: server), server.move(to: client) else { return close(refusing: true) }
    if client.isDone, server.isDone { return close(refusing: false) }
    for (end, other) in [(client, server), (server, client)] {
      let events =
        (end.wantsToRead ? WatchSet.readable : 0)
        | (other.hasUnsent ? WatchSet.writable : 0)
      if (try? watch.change(end, events)) == nil { return close(refusing: true) }
    }
  }

  /// `refusing` tells the client that something broke, as the container would have.
  private func close(refusing: Bool) {
    if isClosed { return }
    isClosed = true
    if refusing {
      var choice = linger(l_onoff: 1, l_linger: 0)
      setsockopt(client.raw, SOL_SOCKET, SO_LINGER, &choice, socklen_t(MemoryLayout<linger>.size))
    }
    watch.remove(client)
    watch.remove(server)
    closed()
  }
}

private final class ForwardedEnd: WatchedParty {
  private let socket: Descriptor
  /// Read here, and not yet taken by the other end.
  private var unsent: [UInt8] = []
  private var hasEnded = false
  /// The other end has been told that no more will come.
  private(set) var isDone = false
  var happened: (UInt32) -> Void = { _ in }

  private static let roomPerRead = 64 << 10

  init(_ socket: consuming Descriptor) { self.socket = socket }

  var raw: CInt { socket.raw }
  var hasUnsent: Bool { !unsent.isEmpty }
  var wantsToRead: Bool { !hasEnded && unsent.isEmpty }

  func ready(_ events: UInt32) { happened(events) }

  /// Passes on what there is; false when the connection is broken.
  func move(to other: ForwardedEnd) -> Bool {
    guard flush(to: other) else { return false }
    // A few reads in a row, so that one busy connection does not hold up the others.
    for _ in 0..<8 where wantsToRead {
      let answer = receive()
      guard let answer else { return false }
      if answer == 0 { break }
      guard flush(to: other) else { return false }
    }
    if hasEnded, unsent.isEmpty, !isDone {
      isDone = true
      shutdown(other.raw, CInt(SHUT_WR))
    }
    return true
  }

  /// The count that was read, 0 for nothing now; nil when broken.
  private func receive() -> Int? {
    withUnsafeTemporaryAllocation(byteCount: Self.roomPerRead, alignment: 16) { room in
      let count = read(raw, room.baseAddress, room.count)
      if count > 0 {
        unsent = Array(room.prefix(count))
        return count
      }
      if count == 0 {
        hasEnded = true
        return 0
      }
      return [.wouldBlock, .interrupted].contains(Errno.current) ? 0 : nil
    }
  }

  private func flush(to other: ForwardedEnd) -> Bool {
    var sent = 0
    while sent < unsent.count {
      let count = unsent[sent...].withUnsafeBytes {
        send(other.raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      if count < 0 {
        if Errno.current == .interrupted { continue }
        unsent.removeFirst(sent)
        return Errno.current == .wouldBlock
      }
      sent += count
    }
    unsent = []
    return true
  }
}

// MARK: - UDP

/// A socket and those who have sent something to it: each has a socket of its own towards the
/// container, by which the answers are known to be theirs.
private final class ForwardedDatagrams: WatchedParty {
  private let socket: SharedDescriptor
  private let target: SocketAddress
  private let watch: WatchSet
  private var clients: [DatagramEnds: DatagramClient] = [:]
  private static let clientLimit = 256
  private static let perTurn = 32

  init(_ socket: SharedDescriptor, _ target: SocketAddress, _ watch: WatchSet) {
    self.socket = socket
    self.target = target
    self.watch = watch
  }

  var raw: CInt { socket.raw }

  var deadline: Int64? { clients.values.lazy.map(\.deadline).min() }

  func expire(_ now: Int64) {
    for (ends, client) in clients where client.deadline <= now {
      watch.remove(client)
      clients[ends] = nil
    }
  }

  func ready(_ events: UInt32) {
    withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { room in
      for _ in 0..<Self.perTurn {
        guard let (count, ends) = DatagramEnds.receive(raw, into: room) else { return }
        client(ends)?.send(UnsafeRawBufferPointer(rebasing: room[..<count]))
      }
    }
  }

  private func client(_ ends: DatagramEnds) -> DatagramClient? {
    if let known = clients[ends] { return known }
    // As with any lost packet, the client tries again.
    guard clients.count < Self.clientLimit, let made = DatagramClient(ends, socket, target),
      (try? watch.add(made, WatchSet.readable)) != nil
    else { return nil }
    clients[ends] = made
    return made
  }
}

private final class DatagramClient: WatchedParty {
  private let ends: DatagramEnds
  private let outer: SharedDescriptor
  private let inner: Descriptor
  private(set) var deadline: Int64
  private static let patience: Int64 = 90_000_000_000

  init?(_ ends: DatagramEnds, _ outer: SharedDescriptor, _ target: SocketAddress) {
    guard let socket = try? makeSocket(SOCK_DGRAM, target),
      target.withPointer({ connect(socket.raw, $0, $1) }) == 0
    else { return nil }
    self.ends = ends
    self.outer = outer
    inner = socket
    deadline = monotonicNow() + Self.patience
  }

  var raw: CInt { inner.raw }

  func send(_ message: UnsafeRawBufferPointer) {
    deadline = monotonicNow() + Self.patience
    _ = Glibc.send(raw, message.baseAddress, message.count, CInt(MSG_NOSIGNAL))
  }

  func ready(_ events: UInt32) {
    withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { room in
      for _ in 0..<32 {
        let count = recv(raw, room.baseAddress, room.count, CInt(MSG_DONTWAIT))
        if count < 0 { return }
        deadline = monotonicNow() + Self.patience
        ends.answer(outer.raw, UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
      }
    }
  }
}
