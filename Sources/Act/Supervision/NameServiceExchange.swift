// One question to one server over a socket of its own, so that the port and the number of the question
// are both unknown to who would forge an answer.

import CLinux
import DNS
import Glibc
import Linux
import SystemPackage

final class Exchange: WatchedParty {
  let server: NameServer
  let transport: NameServiceForwarder.Transport
  private let socket: Descriptor
  private unowned let forward: Forward
  private let forwarder: NameServiceForwarder
  private let id: UInt16
  private var frames = Frames(limit: Int(UInt16.max))
  private var isConnected: Bool
  private var isClosed = false

  private static let datagramSize = 4096

  init(
    _ forward: Forward, _ server: NameServer, _ transport: NameServiceForwarder.Transport,
    _ forwarder: NameServiceForwarder
  ) throws(SystemCallError) {
    let address = SocketAddress(server, port: forwarder.port)
    socket = try makeSocket(transport == .stream ? SOCK_STREAM : SOCK_DGRAM, address)
    self.server = server
    self.transport = transport
    self.forward = forward
    self.forwarder = forwarder
    id = UInt16.random(in: 0...UInt16.max)
    isConnected = transport == .datagrams
    // The kernel chooses a random port here.
    let result = address.withPointer { connect(socket.raw, $0, $1) }
    if result != 0, Errno.current != .nowInProgress { throw SystemCallError("connect") }
    if isConnected { try sendQuestion() }
    try forwarder.exchangeBegins()
    do {
      try forwarder.watch.add(
        self, isConnected ? WatchSet.readable : WatchSet.writable)
    } catch {
      forwarder.exchangeEnds()
      throw error
    }
  }

  var raw: CInt { socket.raw }

  func close() {
    if isClosed { return }
    isClosed = true
    forwarder.watch.remove(self)
    forwarder.exchangeEnds()
  }

  /// The first datagram may be lost. A stream loses nothing.
  func askAgain() {
    // If it cannot be sent, the time runs out as if it had been lost.
    if transport == .datagrams { try? sendQuestion() }
  }

  private func sendQuestion() throws(SystemCallError) {
    let message = Query.renumbered(forward.message, id: id)
    let bytes = transport == .stream ? Frames.framed(message) ?? [] : message
    let count = try retrying("send") { send(raw, bytes, bytes.count, CInt(MSG_NOSIGNAL)) }
    // A new connection has room for all of it.
    if count != bytes.count { throw SystemCallError("send", "", .noBufferSpace) }
  }

  func ready(_ events: UInt32) {
    if isClosed { return }
    do {
      switch transport {
      case .datagrams: try receiveDatagrams()
      case .stream: try isConnected ? receiveStream() : connected()
      }
    } catch {
      if error.errno != .wouldBlock { forward.fail(self) }
    }
  }

  private func connected() throws(SystemCallError) {
    try sendQuestion()
    isConnected = true
    try forwarder.watch.change(self, WatchSet.readable)
  }

  /// What is no answer to our question is passed over: it may be forged.
  private func receiveDatagrams() throws(SystemCallError) {
    if forwarder.buffer.isEmpty {
      forwarder.buffer = [UInt8](repeating: 0, count: Self.datagramSize)
    }
    let count = try retrying("recv") {
      forwarder.buffer.withUnsafeMutableBytes {
        recv(raw, $0.baseAddress, $0.count, CInt(MSG_TRUNC))
      }
    }
    let message = Array(forwarder.buffer[..<min(count, Self.datagramSize)])
    guard let reply = Reply(message.span, to: forward.query.question, id: id) else { return }
    if count > Self.datagramSize { return forward.fail(self) }
    forward.receive(message, reply, from: self)
  }

  private func receiveStream() throws(SystemCallError) {
    let bytes = try socket.read(upTo: 16 << 10)
    frames.append(bytes)
    switch frames.next() {
    case .incomplete: if bytes.isEmpty { forward.fail(self) }
    case .malformed: forward.fail(self)
    case .message(let message):
      guard let reply = Reply(message.span, to: forward.query.question, id: id) else {
        return forward.fail(self)
      }
      forward.receive(message, reply, from: self)
    }
  }
}
