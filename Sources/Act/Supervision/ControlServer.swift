// The control socket of a running container: who asks, one request for each connection, and who
// waits for the exit.

import Control
import Linux

final class ControlServer {
  typealias Handler = (ControlRequest, ControlConnection) -> Void

  private let listener: Descriptor
  private let loop: EventLoop
  private let handler: Handler
  private var connections: [CInt: ControlConnection] = [:]
  /// More at once are not answered: each is a command that somebody typed.
  private static let connectionLimit = 256

  init(listener: consuming Descriptor, loop: EventLoop, handler: @escaping Handler)
    throws(SystemCallError)
  {
    self.listener = listener
    self.loop = loop
    self.handler = handler
    try loop.watch(self.listener.raw) { [unowned self] _ in accept() }
  }

  private func accept() {
    // Somebody who goes away again is nobody's failure.
    guard let socket = try? listener.acceptPeer(), connections.count < Self.connectionLimit else {
      return
    }
    let connection = ControlConnection(socket)
    let fd = connection.raw
    connections[fd] = connection
    do {
      try loop.watch(fd) { [unowned self] _ in serve(fd) }
    } catch {
      connections[fd] = nil
    }
  }

  private func serve(_ fd: CInt) {
    guard let connection = connections[fd] else { return }
    // A second packet or the end: the asker has gone or talks out of turn.
    if connection.isWaiting { return close(connection) }
    do {
      guard let request = try connection.receive() else { return close(connection) }
      handler(request, connection)
    } catch {
      connection.reply(.failed(ShimFailure(stage: "reading the request", error)))
    }
    if !connection.isWaiting { close(connection) }
  }

  private func close(_ connection: ControlConnection) {
    loop.forget(connection.raw)
    connections[connection.raw] = nil
  }

  /// Answers all who wait for the exit.
  func tellWaiters(_ reply: ControlReply) {
    for connection in connections.values where connection.isWaiting { connection.reply(reply) }
  }

  /// Closes the socket: from now on the container does not run.
  func stopListening() { loop.forget(listener.raw) }
}

final class ControlConnection {
  private let socket: Descriptor
  /// True for a request that is answered later.
  var isWaiting = false

  var raw: CInt { socket.raw }

  init(_ socket: consuming Descriptor) { self.socket = socket }

  func receive() throws -> ControlRequest? { try socket.receive(ControlRequest.self)?.0 }

  func reply(_ reply: ControlReply, _ descriptors: [CInt] = []) {
    // Who asked has gone: nobody to tell.
    try? socket.send(reply, descriptors)
  }
}
