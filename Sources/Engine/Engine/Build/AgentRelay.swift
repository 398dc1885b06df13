// A socket for one step that leads to an agent outside of it. An agent answers its own user and root alone; who
// may open this one, its owner and mode say.

import CLinux
import Control
import Glibc
import Linux
import SystemPackage

final class AgentRelay: Sendable {
  /// More than any step speaks on at once.
  private static let connectionLimit = 64
  /// Seconds that one who does not read is waited for.
  private static let patience = 10

  let socket: FilePath
  private let agent: FilePath
  private let listener: SharedDescriptor
  /// Has something to read when it is over.
  private let ending: SharedDescriptor
  private let stop: SharedDescriptor

  /// - Parameters:
  ///   - agent: the path of its socket.
  ///   - folder: where the new socket is made, as `agent`.
  init(to agent: String, in folder: FilePath, owner: uid_t, group: gid_t, mode: mode_t) throws {
    self.agent = FilePath(agent)
    socket = folder.appending("agent")
    let place = try Descriptor.open(folder, O_RDONLY | O_DIRECTORY)
    let listener = try Descriptor.listenForStreams(in: place, "agent")
    try checking("fchownat", socket.string) { fchownat(place.raw, "agent", owner, group, 0) }
    try checking("fchmodat", socket.string) { fchmodat(place.raw, "agent", mode, 0) }
    let pipe = try Descriptor.pipe()
    self.listener = SharedDescriptor(try listener.duplicate())
    ending = SharedDescriptor(try pipe.reading.duplicate())
    stop = SharedDescriptor(try pipe.writing.duplicate())
  }

  /// Has `run` return.
  func end() {
    // A pipe with room takes one byte at once.
    _ = withUnsafeBytes(of: UInt8(0)) { write(stop.raw, $0.baseAddress, 1) }
  }

  /// Carries what is said from one side to the other until `end`. Blocks.
  func run() {
    var pairs: [Pair] = []
    while true {
      var watched = [ending.raw, pairs.count < Self.connectionLimit ? listener.raw : -1].map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      for end in pairs.flatMap({ [$0.step, $0.agent] }) {
        watched.append(pollfd(fd: end.raw, events: Int16(POLLIN), revents: 0))
      }
      guard poll(&watched, nfds_t(watched.count), -1) >= 0 else {
        if Errno.current == .interrupted { continue }
        return
      }
      if watched[0].revents != 0 { return }
      var open: [Pair] = []
      for (index, pair) in pairs.enumerated() {
        let ready = [watched[2 + 2 * index], watched[3 + 2 * index]].map { $0.revents != 0 }
        let isOpen =
          (!ready[0] || carry(from: pair.step, to: pair.agent))
          && (!ready[1] || carry(from: pair.agent, to: pair.step))
        if isOpen { open.append(pair) }
      }
      pairs = open
      // One that the agent does not take is closed again; the next one may be luckier.
      if watched[1].revents != 0, let pair = try? accepted() { pairs.append(pair) }
    }
  }

  private struct Pair {
    let step: SharedDescriptor
    let agent: SharedDescriptor
  }

  private func accepted() throws -> Pair {
    let raw = try retrying("accept4") {
      berth_accept4(listener.raw, CInt(SOCK_CLOEXEC.rawValue))
    }
    let step = Descriptor(owning: CInt(raw))
    let outside = try Descriptor.connectStream(to: agent)
    let pair = Pair(
      step: SharedDescriptor(try step.duplicate()), agent: SharedDescriptor(try outside.duplicate())
    )
    for end in [pair.step, pair.agent] {
      var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
      let size = socklen_t(MemoryLayout<timeval>.size)
      try checking("setsockopt") {
        setsockopt(end.raw, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
      }
    }
    return pair
  }

  /// - Returns: false when one of the two has gone, or does not read.
  private func carry(from source: SharedDescriptor, to target: SharedDescriptor) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    let count = read(source.raw, &buffer, buffer.count)
    guard count > 0 else { return count < 0 && Errno.current == .interrupted }
    var sent = 0
    while sent < count {
      let more = buffer[sent..<count].withUnsafeBytes {
        send(target.raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      guard more > 0 else { return false }
      sent += more
    }
    return true
  }
}
