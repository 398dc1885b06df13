// Many sockets behind one descriptor.

import CLinux
import Glibc
import Linux
import SystemPackage

/// Whoever waits for a socket.
protocol WatchedParty: AnyObject {
  var raw: CInt { get }

  /// Something happened at the socket. May be called without need; never blocks.
  func ready(_ events: UInt32)
}

/// One epoll set for all sockets of one subject, which is itself one descriptor to wait for.
final class WatchSet {
  static let readable = EPOLLIN.rawValue
  static let writable = EPOLLOUT.rawValue
  static let gone = EPOLLHUP.rawValue | EPOLLERR.rawValue

  private let epoll: Descriptor
  private var parties: [CInt: any WatchedParty] = [:]
  private static let eventsPerTurn = 32

  init() throws(SystemCallError) {
    epoll = Descriptor(
      owning: try checking("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
  }

  var raw: CInt { epoll.raw }

  /// Keeps `party` until `remove`.
  func add(_ party: some WatchedParty, _ events: UInt32) throws(SystemCallError) {
    try control(EPOLL_CTL_ADD, party.raw, events)
    parties[party.raw] = party
  }

  func change(_ party: some WatchedParty, _ events: UInt32) throws(SystemCallError) {
    try control(EPOLL_CTL_MOD, party.raw, events)
  }

  /// To be called before the socket is closed.
  func remove(_ party: some WatchedParty) {
    if parties.removeValue(forKey: party.raw) == nil { return }
    epoll_ctl(epoll.raw, EPOLL_CTL_DEL, party.raw, nil)
  }

  func removeAll() {
    for party in parties.values { epoll_ctl(epoll.raw, EPOLL_CTL_DEL, party.raw, nil) }
    parties = [:]
  }

  /// Handles what has happened, without waiting for more.
  func turn() {
    withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.eventsPerTurn) { events in
      let count = epoll_wait(epoll.raw, events.baseAddress, CInt(events.count), 0)
      if count <= 0 { return }
      // One that an earlier one has removed is not there any more.
      for event in events[..<Int(count)] { parties[event.data.fd]?.ready(event.events) }
    }
  }

  private func control(_ operation: CInt, _ fd: CInt, _ events: UInt32) throws(SystemCallError) {
    var event = epoll_event()
    event.events = events
    event.data.fd = fd
    try checking("epoll_ctl") { epoll_ctl(epoll.raw, operation, fd, &event) }
  }
}
