// The talk between a new process and the one that made it, over a pair of SOCK_SEQPACKET sockets.
//
//   child → parent   R [+ the pty's master]   everything is set up
//   parent → child   G                        go
//   child → parent   X                        exec comes next
//   child → parent   F errno exit stage\0message   it failed; the child ends
//
// The sockets close on exec: an end of file after X is the proof that the program runs.

import Glibc
import Linux
import SystemPackage

enum Progress {
  case ready(terminal: SharedDescriptor?)
  case executing
  case failed(LaunchFailure)
  case closed
}

private let packetLimit = 4096

extension Descriptor {
  func report(_ progress: Progress) throws(SystemCallError) {
    switch progress {
    case .ready(let terminal):
      try sendPacket([UInt8(ascii: "R")], terminal.map { [$0.raw] } ?? [])
    case .executing:
      try sendPacket([UInt8(ascii: "X")])
    case .failed(let failure):
      var packet = [UInt8(ascii: "F")]
      for number in [failure.errno?.rawValue ?? 0, failure.exitCode] {
        withUnsafeBytes(of: number.littleEndian) { packet += $0 }
      }
      packet += failure.stage.utf8.prefix(1024)
      packet.append(0)
      packet += failure.message.utf8.prefix(2048)
      try sendPacket(packet)
    case .closed:
      break
    }
  }

  func receiveProgress() throws(SystemCallError) -> Progress {
    guard let packet = try receivePacket(limit: packetLimit) else { return .closed }
    switch packet.bytes.first {
    case UInt8(ascii: "R"): return .ready(terminal: packet.descriptors.first)
    case UInt8(ascii: "X"): return .executing
    case UInt8(ascii: "F") where packet.bytes.count >= 9: return .failed(failure(packet.bytes))
    default: throw SystemCallError("progress", "", .invalidArgument)
    }
  }
}

private func failure(_ packet: [UInt8]) -> LaunchFailure {
  func number(at offset: Int) -> Int32 {
    packet.withUnsafeBytes {
      Int32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Int32.self))
    }
  }
  let texts = packet[9...].split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
  let errno = number(at: 1)
  return LaunchFailure(
    stage: String(decoding: texts.first ?? [], as: UTF8.self),
    errno: errno == 0 ? nil : Errno(rawValue: errno),
    message: String(decoding: texts.dropFirst().first ?? [], as: UTF8.self),
    exitCode: number(at: 5))
}
