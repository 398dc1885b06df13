// A netlink socket: several requests in one send, and the answers matched to them.

import CLinux
import Glibc
package import Linux
import SystemPackage

/// One request: what it is called in errors, and how its bytes are made.
package struct NetlinkRequest {
  /// "create link" and the link's name, say.
  package var action: String
  package var subject: String
  package var type: UInt16
  /// Beside NLM_F_REQUEST and NLM_F_ACK.
  package var flags: UInt16
  /// An errno that is as good as success: what should exist does, what should go has gone.
  package var tolerated: CInt?
  package var body: (inout NetlinkWriter) -> Void

  package init(
    _ action: String, _ subject: String, type: Int, flags: Int = 0, tolerated: CInt? = nil,
    body: @escaping (inout NetlinkWriter) -> Void
  ) {
    self.action = action
    self.subject = subject
    self.type = UInt16(truncatingIfNeeded: type)
    self.flags = UInt16(truncatingIfNeeded: flags)
    self.tolerated = tolerated
    self.body = body
  }
}

/// Belongs to the network namespace in which it was opened. Calls block for as long as the kernel works.
package struct NetlinkSocket: ~Copyable {
  package static let bufferSize = 64 << 10
  /// A dump that other changes keep interrupting is begun again this often.
  private static let dumpAttempts = 8

  private let socket: Descriptor
  private var sequence: UInt32 = 0

  package init(_ family: CInt = NETLINK_ROUTE) throws(SystemCallError) {
    socket = try openNetlink(family)
  }

  /// A socket inside the network namespace `namespace`. The calling thread goes there and back.
  package init(inNamespace namespace: CInt, _ family: CInt = NETLINK_ROUTE)
    throws(SystemCallError)
  {
    socket = try inNetworkNamespace(namespace) { () throws(SystemCallError) in
      try openNetlink(family)
    }
  }

  /// Answers wait in the socket's buffer while the kernel works off what was sent: no more at once
  /// than surely fit. A link's takes 5 KiB of the 208 that there are on most machines.
  private static let requestsPerSend = 24

  /// Sends all requests at once and waits for each to be acknowledged.
  /// - Throws: the first failure; later requests may have been carried out all the same.
  package mutating func perform(_ requests: [NetlinkRequest]) throws(SystemCallError) {
    _ = try exchange(requests)
  }

  /// Like `perform`, and gives the message that answered each request before its acknowledgement.
  package mutating func exchange(_ requests: [NetlinkRequest]) throws(SystemCallError)
    -> [NetlinkMessage?]
  {
    if requests.isEmpty { return [] }
    if requests.count > Self.requestsPerSend {
      return try exchange(Array(requests.prefix(Self.requestsPerSend)))
        + exchange(Array(requests.dropFirst(Self.requestsPerSend)))
    }
    var writer = NetlinkWriter()
    let first = sequence &+ 1
    for request in requests {
      sequence &+= 1
      writer.message(
        type: request.type, flags: UInt16(NLM_F_REQUEST | NLM_F_ACK) | request.flags,
        sequence: sequence, request.body)
    }
    try send(writer.bytes)
    var answers = [NetlinkMessage?](repeating: nil, count: requests.count)
    var failure: SystemCallError?
    var open = requests.count
    while open > 0 {
      try receive { message in
        let index = Int(message.sequence &- first)
        guard requests.indices.contains(index) else { return }
        guard message.type == NLMSG_ERROR else {
          answers[index] = message
          return
        }
        open -= 1
        let code = message.body.number(Int32.self, at: 0) ?? -EPROTO
        if code != 0, -code != requests[index].tolerated, failure == nil {
          failure = SystemCallError(
            requests[index].action, requests[index].subject, Errno(rawValue: -code))
        }
      }
    }
    if let failure { throw failure }
    return answers
  }

  /// Asks for a whole table and gives those of its entries that `read` knows.
  package mutating func dump<Entry>(
    _ request: NetlinkRequest, _ read: (NetlinkMessage) -> Entry?
  ) throws(SystemCallError) -> [Entry] {
    for _ in 0..<Self.dumpAttempts {
      var entries: [Entry] = []
      if try dumpOnce(request, { message in read(message).map { entries.append($0) } }) {
        return entries
      }
    }
    throw SystemCallError(request.action, request.subject, .interrupted)
  }

  /// False when the table changed on the way, so that entries may lack or stand twice.
  private mutating func dumpOnce(
    _ request: NetlinkRequest, _ body: (NetlinkMessage) -> Void
  ) throws(SystemCallError) -> Bool {
    sequence &+= 1
    let expected = sequence
    var writer = NetlinkWriter()
    writer.message(
      type: request.type, flags: UInt16(NLM_F_REQUEST | NLM_F_DUMP) | request.flags,
      sequence: expected, request.body)
    try send(writer.bytes)
    var isWhole = true
    var isDone = false
    var code: Int32 = 0
    while !isDone {
      try receive { message in
        guard message.sequence == expected else { return }
        if message.flags & UInt16(NLM_F_DUMP_INTR) != 0 { isWhole = false }
        switch CInt(message.type) {
        case NLMSG_DONE: isDone = true
        case NLMSG_ERROR:
          isDone = true
          code = message.body.number(Int32.self, at: 0) ?? -EPROTO
        default: body(message)
        }
      }
    }
    if code != 0 {
      throw SystemCallError(request.action, request.subject, Errno(rawValue: -code))
    }
    return isWhole
  }

  private func send(_ bytes: [UInt8]) throws(SystemCallError) {
    _ = try retrying("send", "netlink") {
      bytes.withUnsafeBytes { Glibc.send(socket.raw, $0.baseAddress, $0.count, 0) }
    }
  }

  private func receive(_ body: (NetlinkMessage) -> Void) throws(SystemCallError) {
    var bytes = try socket.read(upTo: Self.bufferSize)[...]
    guard !bytes.isEmpty else { throw SystemCallError("recv", "netlink", .ioError) }
    while let message = NetlinkMessage.next(&bytes) { body(message) }
  }
}

private func openNetlink(_ family: CInt) throws(SystemCallError) -> Descriptor {
  let type = CInt(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
  let socket = Descriptor(
    owning: try checking("socket", "netlink") { Glibc.socket(AF_NETLINK, type, family) })
  // Acknowledgements without a copy of what was sent; without it they are only longer.
  var on: CInt = 1
  let netlinkLevel: CInt = 270  // SOL_NETLINK
  setsockopt(socket.raw, netlinkLevel, NETLINK_CAP_ACK, &on, 4)
  return socket
}

/// Runs `body` with the calling thread inside the network namespace `namespace`. Only what is opened
/// there matters later: the thread comes back before this returns.
package func inNetworkNamespace<Value: ~Copyable>(
  _ namespace: CInt, _ body: () throws(SystemCallError) -> Value
) throws(SystemCallError) -> Value {
  let home = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
  try checking("setns") { berth_setns(namespace, CInt(CLONE_NEWNET)) }
  defer {
    // A thread left behind there would do the next thing to the wrong machine.
    let result = berth_setns(home.raw, CInt(CLONE_NEWNET))
    precondition(result == 0, "a thread must come back from a network namespace")
  }
  return try body()
}
