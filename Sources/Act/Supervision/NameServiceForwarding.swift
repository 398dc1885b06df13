// Questions that others answer: asked one server after the other, each from a port of its own.

import CLinux
import DNS
import Glibc
import Linux
import Store
import SystemPackage

/// How long to wait, in nanoseconds.
package struct NameServicePace: Sendable {
  /// Without an answer for so long, the next server is asked as well, or the same ones again.
  package var step: Int64 = 1_000_000_000
  /// Then the client is told that nobody answers: before the five seconds after which it would ask
  /// again by itself.
  package var patience: Int64 = 4_000_000_000

  package init() {}
}

/// Knows whom to ask, and holds what is being asked.
final class NameServiceForwarder {
  enum Transport {
    case datagrams
    case stream
  }

  let watch: WatchSet
  let port: UInt16
  let pace: NameServicePace
  private var upstreams: NameServiceSettings.Upstreams
  private var stamp = Stamp.missing
  private var servers: [NameServer]?
  private var forwards: [ObjectIdentifier: Forward] = [:]
  /// Sockets that wait for an answer; never more than half of the descriptors we may have.
  private(set) var exchanges = 0
  private let exchangeLimit: Int
  private static let forwardLimit = 1024
  /// When `expire` is to be called at the latest: not later than the first that is due, as those
  /// that are answered in time do not put it off.
  private(set) var deadline: Int64?
  /// A datagram's place, empty as long as nothing is asked.
  var buffer: [UInt8] = []

  init(_ watch: WatchSet, _ settings: NameServiceSettings) {
    self.watch = watch
    port = settings.upstreamPort
    pace = settings.pace
    upstreams = settings.upstreams
    var limit = rlimit()
    let known = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    exchangeLimit = min(Self.forwardLimit, known ? Int(clamping: limit.rlim_cur) / 2 : 256)
  }

  func take(_ upstreams: NameServiceSettings.Upstreams) {
    if upstreams == self.upstreams { return }
    self.upstreams = upstreams
    stamp = .missing
    servers = nil
  }

  /// Calls `deliver` once with the answer, perhaps before it returns.
  func forward(
    _ query: Query, _ message: [UInt8], _ transport: Transport,
    deliver: @escaping ([UInt8]) -> Void
  ) {
    guard exchanges < exchangeLimit else { return deliver(query.failure(.serverFailure)) }
    let forward = Forward(
      query, message, transport, servers: currentServers(), by: self, deliver: deliver)
    forwards[ObjectIdentifier(forward)] = forward
    deadline = min(deadline ?? Int64.max, forward.deadline)
    forward.askNext()
  }

  func isOver(_ forward: Forward) {
    forwards[ObjectIdentifier(forward)] = nil
    if forwards.isEmpty {
      buffer = []
      deadline = nil
    }
  }

  func exchangeBegins() throws(SystemCallError) {
    if exchanges >= exchangeLimit { throw SystemCallError("socket", "", .tooManyOpenFiles) }
    exchanges += 1
  }

  func exchangeEnds() { exchanges -= 1 }

  func forgetAll() { forwards = [:] }

  func expire(_ now: Int64) {
    for forward in forwards.values.filter({ $0.deadline <= now }) { forward.expire(now) }
    deadline = forwards.values.lazy.map(\.deadline).min()
  }

  /// A file that cannot be read for the moment leaves what it said before.
  private func currentServers() -> [NameServer] {
    switch upstreams {
    case .nobody: return []
    case .servers(let servers): return servers
    case .file(let path):
      let hasChanged = stamp.update(path)
      if let servers, !hasChanged { return servers }
      // Links are followed: resolv.conf is one on many hosts.
      let content = try? Descriptor.open(path, O_RDONLY).readAll(limit: 64 << 10)
      let read = NameServer.servers(inResolverFile: content ?? [])
      if content != nil || servers == nil { servers = read }
      return servers ?? read
    }
  }
}

/// One question on its way.
final class Forward {
  let query: Query
  let message: [UInt8]
  private let transport: NameServiceForwarder.Transport
  private let servers: [NameServer]
  private let forwarder: NameServiceForwarder
  private let deliver: ([UInt8]) -> Void
  private var nextServer = 0
  private var open: [Exchange] = []
  /// The best that there is to say when nobody says anything better.
  private var fallback: [UInt8]?
  private var stepAt: Int64
  private let giveUpAt: Int64
  private var isOver = false

  init(
    _ query: Query, _ message: [UInt8], _ transport: NameServiceForwarder.Transport,
    servers: [NameServer], by forwarder: NameServiceForwarder, deliver: @escaping ([UInt8]) -> Void
  ) {
    self.query = query
    self.message = message
    self.transport = transport
    self.servers = servers
    self.forwarder = forwarder
    self.deliver = deliver
    let now = monotonicNow()
    stepAt = now + forwarder.pace.step
    giveUpAt = now + forwarder.pace.patience
  }

  var deadline: Int64 { min(stepAt, giveUpAt) }

  /// Asks the next server that can be asked at all. Over when nobody is left who might answer.
  func askNext() {
    while nextServer < servers.count {
      let server = servers[nextServer]
      nextServer += 1
      if ask(server, transport) { return }
    }
    if open.isEmpty { finish(fallback ?? query.failure(.serverFailure)) }
  }

  private func ask(_ server: NameServer, _ transport: NameServiceForwarder.Transport) -> Bool {
    // A server that cannot be asked is passed over, as one that does not answer.
    guard let exchange = try? Exchange(self, server, transport, forwarder) else { return false }
    open.append(exchange)
    return true
  }

  func expire(_ now: Int64) {
    if now >= giveUpAt { return finish(fallback ?? query.failure(.serverFailure)) }
    if now < stepAt { return }
    stepAt = now + forwarder.pace.step
    if nextServer < servers.count {
      askNext()
    } else {
      for exchange in open { exchange.askAgain() }
    }
  }

  /// An answer to our question.
  func receive(_ bytes: [UInt8], _ reply: Reply, from exchange: Exchange) {
    let answer = Query.renumbered(bytes, id: query.id)
    if reply.isFailure {
      fallback = fallback ?? answer
      return drop(exchange)
    }
    if exchange.transport == .datagrams, reply.isTruncated {
      return askForAll(exchange, cut: answer)
    }
    if transport == .datagrams, exchange.transport == .stream, answer.count > query.datagramLimit,
      let fallback
    {
      // More than the client takes: it gets what is cut off, and asks over TCP.
      return finish(fallback)
    }
    finish(answer)
  }

  /// No answer will come.
  func fail(_ exchange: Exchange) { drop(exchange) }

  /// Half an answer: the same server has all of it over TCP.
  private func askForAll(_ exchange: Exchange, cut: [UInt8]) {
    fallback = cut
    nextServer = servers.count
    closeAll()
    if !ask(exchange.server, .stream) { finish(cut) }
  }

  private func drop(_ exchange: Exchange) {
    exchange.close()
    open.removeAll { $0 === exchange }
    askNext()
  }

  private func finish(_ answer: [UInt8]) {
    if isOver { return }
    isOver = true
    closeAll()
    forwarder.isOver(self)
    deliver(answer)
  }

  private func closeAll() {
    for exchange in open { exchange.close() }
    open = []
  }
}
