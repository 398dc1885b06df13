// Clients over TCP: several questions on one connection, answers in the order in which they are known.

import CLinux
import DNS
import Glibc
import Linux
import SystemPackage

/// The listening socket and its connections.
final class NameServiceStreams: WatchedParty {
  private let socket: SharedDescriptor
  private let watch: WatchSet
  private let resolver: NameServiceResolver
  private let forwarder: NameServiceForwarder
  private var clients: [CInt: NameServiceStream] = [:]
  private static let clientLimit = 64

  init(
    _ socket: SharedDescriptor, _ watch: WatchSet, _ resolver: NameServiceResolver,
    _ forwarder: NameServiceForwarder
  ) {
    self.socket = socket
    self.watch = watch
    self.resolver = resolver
    self.forwarder = forwarder
  }

  var raw: CInt { socket.raw }

  func ready(_ events: UInt32) {
    let flags = CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let fd = CInt(truncatingIfNeeded: berth_accept4(raw, flags))
    if fd < 0 { return }
    let connection = Descriptor(owning: fd)
    // More at once would cost memory that a container is not worth: this one is closed unheard.
    guard clients.count < Self.clientLimit else { return }
    let client = NameServiceStream(connection, watch, resolver, forwarder) { [unowned self] in
      clients[fd] = nil
    }
    // A connection that cannot be watched is closed as it goes out of scope.
    guard (try? watch.add(client, WatchSet.readable)) != nil else { return }
    clients[fd] = client
  }

  /// When the first of the connections has been silent for too long.
  var deadline: Int64? { clients.values.lazy.map(\.deadline).min() }

  func expire(_ now: Int64) {
    for client in clients.values.filter({ $0.deadline <= now }) { client.close() }
  }
}

final class NameServiceStream: WatchedParty {
  private let socket: Descriptor
  private let watch: WatchSet
  private let resolver: NameServiceResolver
  private let forwarder: NameServiceForwarder
  private let closed: () -> Void
  private var frames = Frames(limit: queryLimit)
  private var output: [UInt8] = []
  private var unanswered = 0
  private var hasEnded = false
  private var isClosed = false
  private(set) var deadline: Int64

  private static let patience: Int64 = 10_000_000_000
  private static let outputLimit = 256 << 10
  private static let unansweredLimit = 64

  init(
    _ socket: consuming Descriptor, _ watch: WatchSet, _ resolver: NameServiceResolver,
    _ forwarder: NameServiceForwarder, closed: @escaping () -> Void
  ) {
    self.socket = socket
    self.watch = watch
    self.resolver = resolver
    self.forwarder = forwarder
    self.closed = closed
    deadline = monotonicNow() + Self.patience
  }

  var raw: CInt { socket.raw }

  func close() {
    if isClosed { return }
    isClosed = true
    watch.remove(self)
    closed()
  }

  func ready(_ events: UInt32) {
    if events & WatchSet.gone != 0 { return close() }
    if events & WatchSet.readable != 0, !receive() { return close() }
    proceed()
  }

  /// False when the connection is broken.
  private func receive() -> Bool {
    do {
      let bytes = try socket.read(upTo: queryLimit)
      if bytes.isEmpty { hasEnded = true } else { frames.append(bytes) }
    } catch {
      return error.errno == .wouldBlock
    }
    deadline = monotonicNow() + Self.patience
    return true
  }

  /// Answers what has been asked so far, as long as the client takes the answers.
  private func proceed() {
    guard flush() else { return close() }
    while output.isEmpty, unanswered < Self.unansweredLimit {
      let next = frames.next()
      guard case .message(let message) = next else {
        if next == .malformed { return close() }
        break
      }
      answer(message)
      guard flush() else { return close() }
    }
    if hasEnded, output.isEmpty, unanswered == 0 { return close() }
    let isListening = !hasEnded && output.isEmpty && unanswered < Self.unansweredLimit
    let events =
      (isListening ? WatchSet.readable : 0)
      | (output.isEmpty ? 0 : WatchSet.writable)
    // A connection that cannot be watched would never be heard again.
    if (try? watch.change(self, events)) == nil { close() }
  }

  private func answer(_ message: [UInt8]) {
    resolver.refresh()
    switch resolver.resolve(message.span, limit: Int(UInt16.max)) {
    case .nothing: break
    case .reply(let reply): append(reply)
    case .forward(let query):
      unanswered += 1
      var isNow = true
      forwarder.forward(query, message, .stream) { [weak self] reply in
        guard let self, !isClosed else { return }
        unanswered -= 1
        append(reply)
        // Answered before `forward` returned: the caller goes on by itself.
        if !isNow { proceed() }
      }
      isNow = false
    }
  }

  private func append(_ reply: [UInt8]) {
    if let frame = Frames.framed(reply) { output += frame }
  }

  /// Writes what the socket takes; false when the client is gone or takes nothing.
  private func flush() -> Bool {
    while !output.isEmpty {
      let count = send(raw, output, output.count, CInt(MSG_NOSIGNAL))
      if count < 0 {
        return Errno.current == .wouldBlock && output.count <= Self.outputLimit
      }
      output.removeFirst(count)
    }
    // What a long answer took is given back.
    output = []
    return true
  }
}
