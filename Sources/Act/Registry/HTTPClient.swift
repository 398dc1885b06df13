// HTTP over libcurl's multi interface: one thread of the blocking pool drives all transfers in flight
// and goes away when there are none; connections are kept for the next ones. Redirects and
// credentials are left to the caller.

import CCurl
import Linux
import Synchronization

package final class HTTPClient: Sendable {
  private struct Job {
    let id: UInt64
    let request: HTTPRequest
    let sink: BodySink?
    let continuation: CheckedContinuation<HTTPResponse, any Error>
  }

  private struct State {
    var pending: [Job] = []
    var cancelled: Set<UInt64> = []
    var lastID: UInt64 = 0
    var isRunning = false
    /// The address of the multi handle; 0 before the first transfer. The driver alone works with
    /// it; others only wake it, under this lock.
    var multi: UInt = 0
  }

  private let state = Mutex(State())
  private let proxies: Proxies

  package init(proxies: Proxies = Proxies()) { self.proxies = proxies }

  deinit {
    let multi = state.withLock { $0.multi }
    if let handle = UnsafeMutableRawPointer(bitPattern: multi) { berth_multi_free(handle) }
  }

  /// Sends and waits for the whole answer. With a `sink`, the body of a 200 or 206 goes there from
  /// `request.offset` on; other bodies are kept up to `request.limit`.
  package func perform(_ request: HTTPRequest, sink: BodySink? = nil) async throws -> HTTPResponse {
    try Task.checkCancellation()
    guard berth_curl_load() == 0 else { throw HTTPFault.noLibrary }
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        submit(Job(id: id, request: request, sink: sink, continuation: continuation))
      }
    } onCancel: {
      cancel(id)
    }
  }

  /// Lets paused transfers offer their bytes again.
  package func wake() {
    state.withLock { Self.wake($0) }
  }

  private static func wake(_ state: State) {
    if let handle = UnsafeMutableRawPointer(bitPattern: state.multi) {
      _ = berth_multi_wakeup(handle)
    }
  }

  private func cancel(_ id: UInt64) {
    state.withLock { state in
      state.cancelled.insert(id)
      Self.wake(state)
    }
  }

  private func submit(_ job: Job) {
    let startsDriver = state.withLock { state in
      state.pending.append(job)
      if state.isRunning {
        Self.wake(state)
        return false
      }
      state.isRunning = true
      return true
    }
    if startsDriver { BlockingPool.shared.run { self.drive() } }
  }

  private func multiHandle() -> UnsafeMutableRawPointer? {
    let address = state.withLock { state in
      if state.multi == 0 {
        let handle = berth_multi_new()
        state.multi = handle.map { UInt(bitPattern: $0) } ?? 0
        if let handle {
          _ = berth_multi_set_long(handle, CURLMOPT_MAX_HOST_CONNECTIONS, 8)
        }
      }
      return state.multi
    }
    return UnsafeMutableRawPointer(bitPattern: address)
  }

  private func drive() {
    let multi = multiHandle()
    var transfers: [UnsafeMutableRawPointer: (id: UInt64, transfer: Transfer, job: Job)] = [:]
    while true {
      let (jobs, cancelled) = state.withLock { state in
        let jobs = state.pending
        let cancelled = state.cancelled
        state.pending = []
        state.cancelled = []
        if jobs.isEmpty, transfers.isEmpty { state.isRunning = false }
        return (jobs, cancelled)
      }
      if jobs.isEmpty, transfers.isEmpty { return }
      for job in jobs {
        if cancelled.contains(job.id) {
          job.continuation.resume(throwing: HTTPFault.cancelled)
        } else if let multi, let transfer = Transfer(job.request, job.sink, proxies: proxies) {
          transfers[transfer.easy] = (job.id, transfer, job)
          _ = berth_multi_add(multi, transfer.easy)
        } else {
          job.continuation.resume(throwing: HTTPFault.broken("no memory for a transfer"))
        }
      }
      guard let multi else { continue }
      for (easy, entry) in transfers where cancelled.contains(entry.id) {
        _ = berth_multi_remove(multi, easy)
        transfers[easy] = nil
        entry.job.continuation.resume(throwing: HTTPFault.cancelled)
      }
      for entry in transfers.values { entry.transfer.resumeIfPaused() }
      var running: CInt = 0
      _ = berth_multi_perform(multi, &running)
      var easy: UnsafeMutableRawPointer?
      var result = CURLE_OK
      while berth_multi_finished(multi, &easy, &result) == 1 {
        guard let handle = easy, let entry = transfers.removeValue(forKey: handle) else { continue }
        let outcome = entry.transfer.outcome(result)
        _ = berth_multi_remove(multi, handle)
        entry.job.continuation.resume(with: outcome)
      }
      if !transfers.isEmpty { _ = berth_multi_poll(multi, 1000) }
    }
  }
}
