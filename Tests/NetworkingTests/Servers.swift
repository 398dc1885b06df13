// Servers that answer with their machine's name and the address that they see the asker at, and the
// askers: many at once, as what is dropped is only known by waiting.

import Addressing
import Blueprint
import CLinux
import Glibc
import Linux
import Netlink
import TestSupport
import Synchronization
import SystemPackage

/// One thread that serves all sockets of a laboratory until it is stopped.
final class Servers: Sendable {
  private struct Server: Sendable {
    let name: String
    let transport: PublishedPort.Transport
    let socket: SharedDescriptor
  }

  private let servers = Mutex<[Server]>([])
  private let stopped = Mutex(false)
  private let isServing = Mutex(false)

  func add(_ machine: Machine, _ transport: PublishedPort.Transport, _ port: UInt16) throws {
    let socket = try openSocket(machine, transport)
    var on: CInt = 1
    setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &on, 4)
    try bindIPv4(socket, .unspecified, port)
    if transport == .tcp { try checking("listen") { listen(socket.raw, 64) } }
    let isFirst = servers.withLock { servers in
      servers.append(Server(name: machine.name, transport: transport, socket: socket))
      return servers.count == 1
    }
    if !isFirst { return }
    isServing.withLock { $0 = true }
    detachThread { self.serve() }
  }

  /// Returns when the thread has gone and the sockets are closed.
  func stop() {
    stopped.withLock { $0 = true }
    while isServing.withLock({ $0 }) { usleep(1000) }
    servers.withLock { $0 = [] }
  }

  private func serve() {
    defer { isServing.withLock { $0 = false } }
    while !stopped.withLock({ $0 }) {
      let servers = servers.withLock { $0 }
      var waiting = servers.map { pollfd(fd: $0.socket.raw, events: Int16(POLLIN), revents: 0) }
      poll(&waiting, nfds_t(waiting.count), 5)
      for (server, state) in zip(servers, waiting) where state.revents != 0 { answer(server) }
    }
  }

  private func answer(_ server: Server) {
    var peer = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    var byte: UInt8 = 0
    let fd = withUnsafeMutablePointer(to: &peer) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        server.transport == .tcp
          ? accept(server.socket.raw, address, &size)
          : CInt(recvfrom(server.socket.raw, &byte, 1, 0, address, &size))
      }
    }
    guard fd >= 0 else { return }
    let text = Array("\(server.name) \(IPv4Address(UInt32(bigEndian: peer.sin_addr.s_addr)))".utf8)
    withUnsafePointer(to: &peer) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        if server.transport == .tcp {
          send(fd, text, text.count, CInt(MSG_NOSIGNAL))
          close(fd)
        } else {
          sendto(server.socket.raw, text, text.count, 0, address, size)
        }
      }
    }
  }
}

/// One try to reach a server.
struct Question: Sendable, CustomStringConvertible {
  let from: Machine
  let transport: PublishedPort.Transport
  let to: String
  let port: UInt16

  init(_ from: Machine, _ to: String, _ port: UInt16, _ transport: PublishedPort.Transport = .tcp) {
    self.from = from
    self.to = to
    self.port = port
    self.transport = transport
  }

  var description: String { "\(from.name) → \(to):\(port)/\(transport.rawValue)" }
}

/// Asks all at once. Each answer is "<machine> <the asker's address>", nil where nothing answered
/// before `milliseconds` were over. Returns as soon as all have answered.
func ask(_ questions: [Question], within milliseconds: Int32 = 5000) throws -> [String?] {
  var answers = [String?](repeating: nil, count: questions.count)
  let sockets = try questions.map { question in
    let socket = try openSocket(question.from, question.transport)
    try socket.withFlags(O_NONBLOCK)
    withAddress(IPv4Address(question.to) ?? .unspecified, question.port) { address, size in
      // Failures show as answers that lack.
      _ = connect(socket.raw, address, size)
    }
    if question.transport == .udp { send(socket.raw, "?", 1, CInt(MSG_NOSIGNAL)) }
    return socket
  }
  var open = Set(questions.indices)
  let deadline = ContinuousClock.now + .milliseconds(Int(milliseconds))
  while !open.isEmpty, ContinuousClock.now < deadline {
    let order = open.sorted()
    var waiting = order.map { pollfd(fd: sockets[$0].raw, events: Int16(POLLIN), revents: 0) }
    poll(&waiting, nfds_t(waiting.count), 20)
    for (index, state) in zip(order, waiting) where state.revents != 0 {
      open.remove(index)
      var buffer = [UInt8](repeating: 0, count: 128)
      let count = recv(sockets[index].raw, &buffer, buffer.count, 0)
      if count > 0 { answers[index] = String(decoding: buffer[..<count], as: UTF8.self) }
    }
  }
  return answers
}

/// A client that keeps its socket, and with it its port.
struct DatagramClient {
  private let socket: SharedDescriptor

  init(_ from: Machine, _ to: String, _ port: UInt16) throws {
    socket = try openSocket(from, .udp)
    withAddress(IPv4Address(to) ?? .unspecified, port) { _ = connect(socket.raw, $0, $1) }
  }

  /// The answer, nil when there is none within 300 ms.
  func ask() -> String? {
    send(socket.raw, "?", 1, CInt(MSG_NOSIGNAL))
    var waiting = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
    poll(&waiting, 1, 300)
    var buffer = [UInt8](repeating: 0, count: 128)
    let count = recv(socket.raw, &buffer, buffer.count, CInt(MSG_DONTWAIT))
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }
}

private func openSocket(_ machine: Machine, _ transport: PublishedPort.Transport) throws
  -> SharedDescriptor
{
  let kind = transport == .tcp ? SOCK_STREAM : SOCK_DGRAM
  let type = CInt(kind.rawValue | SOCK_CLOEXEC.rawValue)
  return try inNetworkNamespace(machine.namespace.raw) { () throws(SystemCallError) in
    SharedDescriptor(Descriptor(owning: try checking("socket") { socket(AF_INET, type, 0) }))
  }
}

private func bindIPv4(_ socket: SharedDescriptor, _ host: IPv4Address, _ port: UInt16)
  throws(SystemCallError)
{
  var result: CInt = 0
  withAddress(host, port) { result = bind(socket.raw, $0, $1) }
  try checking("bind") { result }
}

/// A listening (or datagram) socket on this thread's machine. `::` takes IPv6 alone.
func bindSocket(_ host: String, _ port: UInt16, _ transport: PublishedPort.Transport)
  throws(SystemCallError) -> SharedDescriptor
{
  let type = transport == .tcp ? SOCK_STREAM : SOCK_DGRAM
  let family = host == "::" ? AF_INET6 : AF_INET
  let socket = SharedDescriptor(
    Descriptor(owning: try checking("socket") { Glibc.socket(family, CInt(type.rawValue), 0) }))
  if let address = IPv4Address(host) {
    try bindIPv4(socket, address, port)
  } else {
    var on: CInt = 1
    setsockopt(socket.raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &on, 4)
    var name = sockaddr_in6()
    name.sin6_family = sa_family_t(AF_INET6)
    name.sin6_port = port.bigEndian
    let result = withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(socket.raw, address, socklen_t(MemoryLayout<sockaddr_in6>.size))
      }
    }
    try checking("bind") { result }
  }
  if transport == .tcp { try checking("listen") { listen(socket.raw, 8) } }
  return socket
}

extension SharedDescriptor {
  fileprivate func withFlags(_ flags: CInt) throws {
    try checking("fcntl") { berth_fcntl(raw, F_SETFL, Int(flags)) }
  }
}

private func withAddress(
  _ address: IPv4Address, _ port: UInt16,
  _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
) rethrows {
  var name = sockaddr_in()
  name.sin_family = sa_family_t(AF_INET)
  name.sin_port = port.bigEndian
  name.sin_addr.s_addr = address.number.bigEndian
  try withUnsafePointer(to: &name) { pointer in
    try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
}
