// Another name server, as badly behaved as a test wants it.

import Addressing
import CLinux
import DNS
import Glibc
import Linux
import Supervision
import SystemPackage

/// Listens on an address of its own and answers what `behaviour` says, when it is pumped.
final class FakeServer {
  enum Transport { case datagram, stream }

  let address: IPv4Address
  let port: UInt16
  /// The question as it came → the messages to send back.
  var behaviour: (_ message: [UInt8], _ transport: Transport) -> [[UInt8]] = { _, _ in [] }
  private(set) var datagrams: [(message: [UInt8], port: UInt16)] = []
  private(set) var streamQuestions: [[UInt8]] = []
  private var sockets: NameServiceSockets?
  private var connections: [SharedDescriptor] = []

  init(_ address: IPv4Address, port: UInt16 = 0) throws {
    self.address = address
    let sockets = try NameServiceSockets.open(address: address, port: port)
    self.sockets = sockets
    self.port = sockets.port
  }

  /// From now on nobody listens here.
  func close() { sockets = nil }

  func pump() {
    guard let sockets else { return }
    pumpDatagrams(sockets.datagrams.raw)
    let fd = CInt(truncatingIfNeeded: berth_accept4(sockets.streams.raw, O_NONBLOCK | O_CLOEXEC))
    if fd >= 0 { connections.append(SharedDescriptor(Descriptor(owning: fd))) }
    for connection in connections {
      var frame = [UInt8](repeating: 0, count: 70_000)
      let count = recv(connection.raw, &frame, frame.count, 0)
      if count <= 2 { continue }
      let message = Array(frame[2..<count])
      streamQuestions.append(message)
      for reply in behaviour(message, .stream) {
        guard let bytes = Frames.framed(reply) else { continue }
        send(connection.raw, bytes, bytes.count, CInt(MSG_NOSIGNAL))
      }
    }
  }

  private func pumpDatagrams(_ fd: CInt) {
    while true {
      var client = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = withUnsafeMutablePointer(to: &client) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(fd, &buffer, buffer.count, 0, $0, &size)
        }
      }
      if count < 0 { return }
      let message = Array(buffer[..<count])
      datagrams.append((message, UInt16(bigEndian: client.sin_port)))
      for reply in behaviour(message, .datagram) {
        _ = withUnsafePointer(to: client) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            sendto(fd, reply, reply.count, 0, $0, size)
          }
        }
      }
    }
  }
}

/// The question of `message` answered with `code` and one address.
func reply(
  to message: [UInt8], address: IPv4Address? = nil, code: UInt8 = 0, isTruncated: Bool = false,
  padding: Int = 0
) -> [UInt8] {
  let end = 12 + (message[12...].firstIndex(of: 0) ?? 12) - 12 + 5
  var reply = Array(message[..<min(end, message.count)])
  reply[2] = 0x81 | (isTruncated ? 0x02 : 0)
  reply[3] = 0x80 | code
  reply[7] = address == nil ? 0 : 1
  reply[10] = 0
  reply[11] = 0
  if let address { reply += [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4] + address.octets }
  return reply + [UInt8](repeating: 0, count: padding)
}
