// One epoll set with a handler for each descriptor, and the clocks. Nothing here starts a thread.

import CLinux
import Glibc
import Linux
import SystemPackage

/// Nanoseconds of the clock that waits are counted on.
func monotonicNow() -> Int64 { clock(CLOCK_MONOTONIC) }

/// Nanoseconds since 1970, for stamps.
func wallNow() -> Int64 { clock(CLOCK_REALTIME) }

private func clock(_ id: clockid_t) -> Int64 {
  var time = timespec()
  clock_gettime(id, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

final class EventLoop {
  typealias Handler = (_ events: UInt32) -> Void

  static let readable = EPOLLIN.rawValue
  static let writable = EPOLLOUT.rawValue
  static let gone = EPOLLHUP.rawValue | EPOLLERR.rawValue

  private let epoll: Descriptor
  private var handlers: [CInt: Handler] = [:]
  private static let eventsPerWait = 16

  init() throws(SystemCallError) {
    epoll = Descriptor(
      owning: try checking("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
  }

  /// Calls `handler` whenever `fd` has `events` (or an error), until `forget`. A handler may be
  /// called without need, so what it does must not block.
  func watch(_ fd: CInt, _ events: UInt32 = readable, _ handler: @escaping Handler)
    throws(SystemCallError)
  {
    var event = epoll_event()
    event.events = events
    event.data.fd = fd
    let operation = handlers[fd] == nil ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
    try checking("epoll_ctl") { epoll_ctl(epoll.raw, operation, fd, &event) }
    handlers[fd] = handler
  }

  /// To be called before `fd` is closed.
  func forget(_ fd: CInt) {
    if handlers.removeValue(forKey: fd) == nil { return }
    epoll_ctl(epoll.raw, EPOLL_CTL_DEL, fd, nil)
  }

  /// Waits for events, at the longest until `deadline`, and handles them; false when none came.
  func turn(until deadline: Int64?) throws(SystemCallError) -> Bool {
    let timeout = deadline.map { milliseconds(until: $0) } ?? -1
    return try withUnsafeTemporaryAllocation(
      of: epoll_event.self, capacity: Self.eventsPerWait
    ) { events throws(SystemCallError) in
      let count = epoll_wait(epoll.raw, events.baseAddress, CInt(events.count), timeout)
      if count < 0 {
        if Errno.current == .interrupted { return false }
        throw SystemCallError("epoll_wait")
      }
      for event in events[..<Int(count)] {
        // Gone when an earlier handler has forgotten it.
        handlers[event.data.fd]?(event.events)
      }
      return count > 0
    }
  }
}

/// Rounded up, so that a deadline has passed when the wait for it ends.
func milliseconds(until deadline: Int64) -> Int32 {
  let (span, overflow) = deadline.subtractingReportingOverflow(monotonicNow())
  if overflow { return Int32.max }
  return Int32(clamping: max(0, span) / 1_000_000 + (span > 0 ? 1 : 0))
}
