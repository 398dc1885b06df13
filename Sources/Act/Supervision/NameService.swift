// The name server of one container: answers the names of its networks, passes on the rest. One thread;
// nothing here blocks.

package import Blueprint
import CLinux
package import DNS
import Glibc
package import Linux
package import SystemPackage

package struct NameServiceSettings: Sendable {
  /// Who is asked for what is not ours.
  package enum Upstreams: Hashable, Sendable {
    /// The servers of this resolv.conf, read again when it changes.
    case file(FilePath)
    case servers([NameServer])
    /// Nobody: there is no way out of the container's networks, and names are one.
    case nobody
  }

  /// The run folder's root.
  package var run: FilePath
  package var networks: [String]
  /// Names of the container's own.
  package var links: [LinkBlueprint] = []
  package var upstreams: Upstreams
  package var upstreamPort: UInt16 = 53
  package var pace = NameServicePace()

  package init(run: FilePath, networks: [String], upstreams: Upstreams) {
    self.run = run
    self.networks = networks
    self.upstreams = upstreams
  }

  package init(
    _ network: NetworkBlueprint, run: FilePath, resolverFile: FilePath = "/etc/resolv.conf"
  ) {
    let servers = network.nameServers.compactMap { NameServer($0) }.prefix(NameServer.limit)
    let upstreams: Upstreams =
      if network.endpoints.allSatisfy(\.isInternal) {
        .nobody
      } else if servers.isEmpty {
        .file(resolverFile)
      } else {
        .servers(Array(servers))
      }
    self.init(run: run, networks: network.endpoints.map(\.network), upstreams: upstreams)
    links = network.links
  }
}

/// The loop waits for `descriptor` to be readable and calls `ready`, and calls `expire` at `deadline`.
package final class NameService {
  private let watch: WatchSet
  private let forwarder: NameServiceForwarder
  private let streams: NameServiceStreams
  private let resolver: NameServiceResolver

  /// To be made in the namespace from which other servers are asked: the host's.
  package init(sockets: NameServiceSockets, settings: NameServiceSettings) throws(SystemCallError) {
    watch = try WatchSet()
    forwarder = NameServiceForwarder(watch, settings)
    resolver = NameServiceResolver(
      names: NameServiceNames(
        run: settings.run, networks: settings.networks, links: settings.links),
      forwards: settings.upstreams != .nobody)
    streams = NameServiceStreams(sockets.streams, watch, resolver, forwarder)
    let datagrams = NameServiceDatagrams(sockets.datagrams, resolver, forwarder)
    try watch.add(datagrams, WatchSet.readable)
    try watch.add(streams, WatchSet.readable)
  }

  deinit {
    // They hold each other.
    watch.removeAll()
    forwarder.forgetAll()
  }

  /// Answers by the networks of `settings` from now on.
  func take(_ settings: NameServiceSettings) {
    resolver.take(
      NameServiceNames(run: settings.run, networks: settings.networks, links: settings.links),
      forwards: settings.upstreams != .nobody)
    forwarder.take(settings.upstreams)
  }

  /// Belongs to the service. Readable when there is something to do.
  package var descriptor: CInt { watch.raw }

  package func ready() { watch.turn() }

  /// On the monotonic clock, in nanoseconds; nil for never.
  package var deadline: Int64? {
    [forwarder.deadline, streams.deadline].compactMap { $0 }.min()
  }

  package func expire(_ now: Int64) {
    forwarder.expire(now)
    streams.expire(now)
  }
}

/// Decides what becomes of a message.
final class NameServiceResolver {
  enum Outcome {
    case reply([UInt8])
    case forward(Query)
    case nothing
  }

  private var names: NameServiceNames
  private var forwards: Bool
  private var random = ShuffleNumbers(state: .random(in: 0...UInt64.max))

  init(names: NameServiceNames, forwards: Bool) {
    self.names = names
    self.forwards = forwards
  }

  func take(_ names: NameServiceNames, forwards: Bool) {
    self.names = names
    self.forwards = forwards
  }

  /// Looks whether names have changed. To be called after the messages that are resolved next have
  /// come in: who asks after a change must meet it.
  func refresh() { names.refresh() }

  /// `limit` is the most that the client's transport carries; nil for a datagram, where the query
  /// says it.
  func resolve(_ message: Span<UInt8>, limit: Int?) -> Outcome {
    switch Incoming(message) {
    case .ignored: return .nothing
    case .refused(let reply): return .reply(reply)
    case .query(let query):
      if let answer = names.zone.lookUp(query.name, query.type, using: &random) {
        return .reply(
          query.response(
            query.isOfInternet ? answer : .empty, limit: limit ?? query.datagramLimit))
      }
      return forwards ? .forward(query) : .reply(query.failure(.noSuchName))
    }
  }
}

/// Orders the addresses of replicas (SplitMix64). Nobody gains by foretelling it, and the system's
/// numbers cost two calls for each answer. Numbers of questions to other servers are the system's.
private struct ShuffleNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// The longest message that a client may send; honest ones are a tenth of it.
let queryLimit = 4096

/// Clients over UDP.
final class NameServiceDatagrams: WatchedParty {
  private let socket: SharedDescriptor
  private let resolver: NameServiceResolver
  private let forwarder: NameServiceForwarder
  /// So many are taken in before the names are looked at and all are answered.
  private static let messagesPerBatch = 16
  /// Then the loop looks at its other descriptors again.
  private static let batchesPerTurn = 4

  init(
    _ socket: SharedDescriptor, _ resolver: NameServiceResolver, _ forwarder: NameServiceForwarder
  ) {
    self.socket = socket
    self.resolver = resolver
    self.forwarder = forwarder
  }

  var raw: CInt { socket.raw }

  func ready(_ events: UInt32) {
    let capacity = Self.messagesPerBatch * queryLimit
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { memory in
      for _ in 0..<Self.batchesPerTurn {
        if !answerBatch(memory) { return }
      }
    }
  }

  /// False when no more has come than it answered.
  private func answerBatch(_ memory: UnsafeMutableBufferPointer<UInt8>) -> Bool {
    var received: [(count: Int, client: sockaddr_in)] = []
    received.reserveCapacity(Self.messagesPerBatch)
    while received.count < Self.messagesPerBatch {
      let slot = memory[(received.count * queryLimit)...].prefix(queryLimit)
      var client = sockaddr_in()
      let count = receive(UnsafeMutableBufferPointer(rebasing: slot), from: &client)
      if count < 0 { break }
      received.append((count, client))
    }
    if received.isEmpty { return false }
    resolver.refresh()
    for (index, one) in received.enumerated() where one.count <= queryLimit {
      // Longer ones were cut off: a question so long is none.
      let slot = memory[(index * queryLimit)...].prefix(one.count)
      answer(UnsafeBufferPointer(rebasing: slot), to: one.client)
    }
    return received.count == Self.messagesPerBatch
  }

  private func answer(_ message: UnsafeBufferPointer<UInt8>, to client: sockaddr_in) {
    switch resolver.resolve(message.span, limit: nil) {
    case .nothing: break
    case .reply(let reply): Self.send(reply, to: client, socket)
    case .forward(let query):
      forwarder.forward(query, Array(message), .datagrams) { [socket] reply in
        Self.send(reply, to: client, socket)
      }
    }
  }

  private func receive(
    _ slot: UnsafeMutableBufferPointer<UInt8>, from client: inout sockaddr_in
  ) -> Int {
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &client) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        recvfrom(raw, slot.baseAddress, slot.count, CInt(MSG_TRUNC), $0, &size)
      }
    }
  }

  /// An answer that cannot be sent is lost, as datagrams are; the client asks again.
  private static func send(
    _ reply: [UInt8], to client: sockaddr_in, _ socket: SharedDescriptor
  ) {
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafePointer(to: client) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(socket.raw, reply, reply.count, CInt(MSG_NOSIGNAL), $0, size)
      }
    }
  }
}
