// A name service on loopback, with its run folder, its clients and the servers behind it, all in the
// one thread of a test.

import Addressing
import CLinux
import DNS
import Glibc
import Linux
import Store
import Supervision
import SystemPackage
import Testing

final class Bench {
  let root: FilePath
  let servers: [FakeServer]
  let service: NameService
  let port: UInt16
  private let client: Descriptor
  private static let patience: Int64 = 10_000_000_000

  /// - Parameters:
  ///   - servers: how many stand behind the service, on addresses of their own.
  ///   - resolverFile: true when a file in the run folder names them.
  init(
    networks: [String] = ["net"], servers count: Int = 1, resolverFile: Bool = false,
    forwards: Bool = true, step: Int64 = 40_000_000, patience: Int64 = 400_000_000
  ) throws {
    var template = Array("/tmp/berth-names-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    root = FilePath(platformString: template)
    var servers: [FakeServer] = []
    for index in 0..<count {
      // An address that no other test has: the port is the same for all servers of one bench.
      let address = IPv4Address(
        127, UInt8.random(in: 64...250), UInt8.random(in: 0...250), UInt8(index + 1))
      servers.append(try FakeServer(address, port: servers.first?.port ?? 0))
    }
    self.servers = servers
    let sockets = try NameServiceSockets.open(address: IPv4Address(127, 0, 0, 11), port: 0)
    port = sockets.port
    var settings = NameServiceSettings(run: root, networks: networks, upstreams: .nobody)
    if forwards {
      settings.upstreams = .servers(servers.map { NameServer(address: .v4($0.address)) })
    }
    if resolverFile { settings.upstreams = .file(root.appending("resolv.conf")) }
    settings.upstreamPort = servers.first?.port ?? 53
    settings.pace.step = step
    settings.pace.patience = patience
    service = try NameService(sockets: sockets, settings: settings)
    client = try connected(SOCK_DGRAM, port)
  }

  deinit {
    // A folder that stays in /tmp is no reason to fail.
    _ = try? removeTree(root)
  }

  func names(_ network: String) -> FilePath {
    root.appending("networks").appending(network).appending("names")
  }

  func publish(_ id: String, _ address: String, _ names: [String], network: String = "net") throws {
    try makeFolders(self.names(network))
    let list = names.map { "\"\($0)\"" }.joined(separator: ",")
    let record = "{\"address\":\"\(address)\",\"names\":[\(list)],\"container\":\"\(id)\"}"
    try writeFile(Array(record.utf8), to: self.names(network).appending(id), .volatile)
  }

  func withdraw(_ id: String, network: String = "net") throws {
    try removeFile(names(network).appending(id))
  }

  /// Lets everybody do what there is to do.
  func pump() {
    service.ready()
    let now = monotonic()
    if let deadline = service.deadline, now >= deadline { service.expire(now) }
    for server in servers { server.pump() }
  }

  /// Until `found` has something, at the longest ten seconds.
  func pump<Value>(until found: () throws -> Value?) throws -> Value {
    let end = monotonic() + Self.patience
    while monotonic() < end {
      pump()
      if let value = try found() { return value }
    }
    return try #require(nil as Value?, "nothing came")
  }

  /// The answer to one datagram.
  func ask(_ message: [UInt8]) throws -> [UInt8] {
    tell(message)
    return try pump { self.hear() }
  }

  func ask(_ name: String, _ type: UInt16 = 1, id: UInt16 = 0x1234) throws -> [UInt8] {
    try ask(question(name, type, id: id))
  }

  func tell(_ message: [UInt8]) { send(client.raw, message, message.count, 0) }

  func hear() -> [UInt8]? { Self.take(client) }

  /// What has come in, nil when nothing has; empty at the end.
  static func take(_ socket: borrowing Descriptor) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 70_000)
    let count = recv(socket.raw, &buffer, buffer.count, 0)
    return count < 0 ? nil : Array(buffer[..<count])
  }

  func wait(nanoseconds: Int64) {
    let end = monotonic() + nanoseconds
    while monotonic() < end { pump() }
  }
}

/// A client's socket, connected to the service at `port`.
func connected(_ type: __socket_type, _ port: UInt16) throws -> Descriptor {
  let client = Descriptor(
    owning: try checking("socket") {
      socket(AF_INET, CInt(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
    })
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = IPv4Address(127, 0, 0, 11).number.bigEndian
  try checking("connect") {
    withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client.raw, $0, 16) }
    }
  }
  try client.setNonBlocking(true)
  return client
}

func monotonic() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// A query as resolvers send it; `size` is the answer that it takes, by EDNS.
func question(_ name: String, _ type: UInt16 = 1, id: UInt16 = 0x1234, size: UInt16? = nil)
  -> [UInt8]
{
  var message: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xFF), 1, 0, 0, 1, 0, 0, 0, 0, 0]
  message.append(size == nil ? 0 : 1)
  for label in name.split(separator: ".") {
    message.append(UInt8(label.utf8.count))
    message += Array(label.utf8)
  }
  message += [0, UInt8(type >> 8), UInt8(type & 0xFF), 0, 1]
  if let size {
    message += [0, 0, 41, UInt8(size >> 8), UInt8(size & 0xFF), 0, 0, 0, 0, 0, 0] as [UInt8]
  }
  return message
}

/// What the tests look at in an answer.
struct Seen: Equatable {
  var id: UInt16
  var code: UInt8
  var isTruncated: Bool
  var addresses: [String]

  /// Reads answers whose records all have a pointer for a name, as ours and the fake servers' do.
  init(_ message: [UInt8]) throws {
    try #require(message.count >= 12 && message[2] & 0x80 != 0)
    id = UInt16(message[0]) << 8 | UInt16(message[1])
    code = message[3] & 0x0F
    isTruncated = message[2] & 0x02 != 0
    addresses = []
    var offset = (message[12...].firstIndex(of: 0) ?? message.count) + 5
    for _ in 0..<(Int(message[6]) << 8 | Int(message[7])) {
      try #require(offset + 16 <= message.count)
      if message[offset + 3] == 1 {
        let octets = message[(offset + 12)..<(offset + 16)]
        addresses.append(octets.map { "\($0)" }.joined(separator: "."))
      }
      offset += 12 + Int(message[offset + 11])
    }
    addresses.sort()
  }
}
