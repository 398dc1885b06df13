// Passes a container's lines on to journald or a syslog. What they do not take at once is lost to them,
// and stands in the journal all the same.

import Addressing
import Blueprint
import CLinux
import DNS
import Glibc
import Journal
import Linux
import SystemPackage

final class LogForwarder {
  private let forward: LogForward
  private let before: [UInt8]
  private var socket: Descriptor?
  /// When a connection may be tried again.
  private var retryAt: Int64 = 0
  private var unfinished: (output: [UInt8], error: [UInt8]) = ([], [])
  /// Of a stream: what is not sent yet.
  private var pending: [UInt8] = []

  /// A longer line goes in pieces.
  private static let lineLimit = 16 << 10
  private static let pendingLimit = 1 << 20
  private static let retrySpan: Int64 = 1_000_000_000
  /// Milliseconds.
  private static let lastMoment: CInt = 200

  init(_ forward: LogForward) {
    self.forward = forward
    var fields: [UInt8] = []
    for field in forward.fields {
      fields += field.utf8
      fields.append(lineEnd)
    }
    before = fields
  }

  /// The bytes may begin and end within lines.
  func take(_ stream: JournalStream, _ bytes: UnsafeRawBufferPointer) {
    var isError = false
    if case .error = stream { isError = true }
    var line = isError ? unfinished.error : unfinished.output
    for byte in bytes {
      if byte == lineEnd {
        send(line, isError: isError)
        line.removeAll(keepingCapacity: true)
      } else {
        line.append(byte)
        if line.count >= Self.lineLimit {
          send(line, isError: isError)
          line.removeAll(keepingCapacity: true)
        }
      }
    }
    if isError { unfinished.error = line } else { unfinished.output = line }
  }

  /// A run has ended: what has no newline is a line all the same.
  func finishLines() {
    if !unfinished.output.isEmpty { send(unfinished.output, isError: false) }
    if !unfinished.error.isEmpty { send(unfinished.error, isError: true) }
    unfinished = ([], [])
    guard !pending.isEmpty, let raw else { return }
    // The last words of a container are worth a moment.
    var writable = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
    if poll(&writable, 1, Self.lastMoment) > 0 { flush(raw) }
  }

  // MARK: - Messages

  private func send(_ line: [UInt8], isError: Bool) {
    // Syslog's words for an error and for information.
    let severity: UInt8 = isError ? 3 : 6
    var message: [UInt8]
    switch forward.form {
    case .journald: message = fields(line, severity)
    case .rfc3164, .rfc5424:
      message = head(severity) + line
      if case .tcp = forward.transport { message.append(lineEnd) }
    }
    if raw == nil { connect() }
    if let raw { deliver(message, raw) }
  }

  private var raw: CInt? {
    switch socket {
    case .some(let socket): socket.raw
    case .none: nil
    }
  }

  /// In the form that takes any bytes: the name, a length of eight bytes, the value.
  private func fields(_ line: [UInt8], _ severity: UInt8) -> [UInt8] {
    var message = before
    message += "PRIORITY=\(severity)\nMESSAGE\n".utf8
    withUnsafeBytes(of: UInt64(line.count).littleEndian) { message += $0 }
    message += line
    message.append(lineEnd)
    return message
  }

  private func head(_ severity: UInt8) -> [UInt8] {
    let priority = forward.facility &* 8 | severity
    let host = forward.hostname.map { $0 + " " } ?? ""
    let pid = getpid()
    switch forward.form {
    case .rfc5424:
      let name = forward.hostname ?? "-"
      return Array(
        "<\(priority)>1 \(time("%Y-%m-%dT%H:%M:%SZ", isUTC: true)) \(name) \(forward.tag) \(pid) \(forward.tag) - "
          .utf8)
    case .rfc3164, .journald:
      return Array(
        "<\(priority)>\(time("%b %e %H:%M:%S", isUTC: false)) \(host)\(forward.tag)[\(pid)]: ".utf8)
    }
  }

  private func time(_ form: StaticString, isUTC: Bool) -> String {
    var now = Glibc.time(nil)
    var fields = tm()
    if isUTC { gmtime_r(&now, &fields) } else { localtime_r(&now, &fields) }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
      form.withUTF8Buffer { bytes in
        guard let base = text.baseAddress, let start = bytes.baseAddress else { return "" }
        return start.withMemoryRebound(to: CChar.self, capacity: bytes.count + 1) { form in
          strftime(base, text.count, form, &fields) > 0 ? String(cString: base) : ""
        }
      }
    }
  }

  // MARK: - Sending

  private func deliver(_ message: [UInt8], _ raw: CInt) {
    if case .tcp = forward.transport {
      if pending.count + message.count <= Self.pendingLimit { pending += message }
      flush(raw)
      return
    }
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    if Glibc.send(raw, message, message.count, flags) < 0 { lost(Errno.current) }
  }

  private func flush(_ raw: CInt) {
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    let count = Glibc.send(raw, pending, pending.count, flags)
    if count < 0 { return lost(Errno.current) }
    pending.removeFirst(count)
  }

  /// A receiver that is slow loses what it does not take; one that has gone is looked for again.
  private func lost(_ error: Errno) {
    switch error {
    case .wouldBlock, .noBufferSpace, .messageTooLong: break
    default:
      socket = nil
      pending = []
    }
  }

  private func connect() {
    let now = monotonicNow()
    guard now >= retryAt else { return }
    retryAt = now + Self.retrySpan
    do {
      switch forward.transport {
      case .unix: socket = try connected(toPath: forward.address)
      case .udp: socket = try connected(SOCK_DGRAM)
      case .tcp: socket = try connected(SOCK_STREAM)
      }
    } catch {
      // Nobody listens, or not yet: the journal has the lines.
      socket = nil
    }
  }

  private func connected(_ type: __socket_type) throws -> Descriptor? {
    guard let target = IPAddress(forward.address) else { return nil }
    let address = SocketAddress(NameServer(address: target), port: forward.port)
    let socket = try makeSocket(type, address)
    let result = address.withPointer { Glibc.connect(socket.raw, $0, $1) }
    if result != 0, Errno.current != .nowInProgress { throw SystemCallError("connect") }
    return socket
  }

  private func connected(toPath path: String) throws -> Descriptor {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    try withUnsafeMutableBytes(of: &address.sun_path) { buffer in
      guard bytes.count < buffer.count else {
        throw SystemCallError("connect", path, .fileNameTooLong)
      }
      buffer.copyBytes(from: bytes)
    }
    let kind = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let socket = Descriptor(owning: try checking("socket") { Glibc.socket(AF_UNIX, kind, 0) })
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if result != 0 { throw SystemCallError("connect", path, .current) }
    return socket
  }
}

private let lineEnd: UInt8 = 0x0A
