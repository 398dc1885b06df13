import Addressing
import CLinux
import DNS
import Glibc
import Linux
import Supervision
import SystemPackage
import Testing

@Suite("The service listens inside a container's network and asks from outside of it")
struct NamespaceTests {
  /// Runs `body` in a new network namespace whose `lo` is up; the thread is back in its own after.
  private func inNewNamespace<Value>(_ body: () throws -> Value) throws -> Value {
    let home = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
    try checking("unshare") { berth_unshare(UInt(CLONE_NEWNET)) }
    let result = Result {
      let control = Descriptor(
        owning: try checking("socket") {
          socket(AF_INET, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        })
      // struct ifreq: sixteen bytes of name, then the flags.
      var request = [UInt8](repeating: 0, count: 40)
      request.replaceSubrange(0..<2, with: "lo".utf8)
      request[16] = UInt8(IFF_UP)
      try checking("ioctl") { berth_ioctl_pointer(control.raw, UInt(SIOCSIFFLAGS), &request) }
      return try body()
    }
    try checking("setns") { berth_setns(home.raw, CLONE_NEWNET) }
    return try result.get()
  }

  private func bound(_ type: __socket_type, reuse: Bool) throws -> SharedDescriptor {
    let server = Descriptor(
      owning: try checking("socket") {
        socket(AF_INET, CInt(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
      })
    var one: CInt = reuse ? 1 : 0
    try checking("setsockopt") { setsockopt(server.raw, SOL_SOCKET, SO_REUSEADDR, &one, 4) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(53).bigEndian
    try checking("bind") {
      withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(server.raw, $0, 16) }
      }
    }
    return SharedDescriptor(server)
  }

  @Test("at 127.0.0.11, port 53, both ways", .enabled(if: geteuid() == 0))
  func bothSides() throws {
    // The server is out here, where the service is made; the client is inside.
    let outside = try FakeServer(
      IPv4Address(127, UInt8.random(in: 64...250), UInt8.random(in: 0...250), 9))
    outside.behaviour = { message, _ in [reply(to: message, address: IPv4Address(192, 0, 2, 1))] }
    let (sockets, datagrams, stream, other) = try inNewNamespace {
      let sockets = try NameServiceSockets.open()
      // What serves names in the container itself can do so beside us, as dnsmasq does.
      let other = try bound(SOCK_DGRAM, reuse: true)
      return (
        sockets, SharedDescriptor(try connected(SOCK_DGRAM, 53)),
        SharedDescriptor(try connected(SOCK_STREAM, 53)), other
      )
    }
    #expect(sockets.port == 53)
    var settings = NameServiceSettings(
      run: "/nonexistent", networks: ["net"],
      upstreams: .servers([NameServer(address: .v4(outside.address))]))
    settings.upstreamPort = outside.port
    let service = try NameService(sockets: sockets, settings: settings)
    let asked = question("example.com")
    #expect(send(datagrams.raw, asked, asked.count, 0) == asked.count)
    let frame = framed(asked)
    #expect(send(stream.raw, frame, frame.count, 0) == frame.count)
    for (client, prefix) in [(datagrams, 0), (stream, 2)] {
      var answer: [UInt8] = []
      let end = monotonic() + 10_000_000_000
      while answer.isEmpty, monotonic() < end {
        service.ready()
        outside.pump()
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(client.raw, &buffer, buffer.count, 0)
        if count > 0 { answer = Array(buffer[prefix..<count]) }
      }
      #expect(try Seen(answer).addresses == ["192.0.2.1"])
    }
    withExtendedLifetime(other) {}
  }
}
