// Names, walls between networks and published ports, tried from inside and from the host.

import TestSupport
import Testing

@Suite(
  "services find and reach each other, and the host reaches what they publish",
  .enabled(if: isRoot))
struct NetworkTests {
  private static let names = """
    x-all: &all {image: "${IMAGE}", stop_grace_period: 0s}
    services:
      web:
        <<: *all
        command: httpd -f -p 80 -h /etc
        networks: {default: {aliases: [www, the.page]}}
      client: {<<: *all, command: sleep 1000}
    """

  @Test("a name is known inside", arguments: ["web", "www", "the.page", "shop-web-1", "WEB"])
  func name(_ name: String) async throws {
    try await scenario(Self.names) { berth in
      try await berth.succeeds("up", "-d")
      // httpd listens a moment after its container has started.
      try await eventually("the page") {
        try await berth("exec", "client", "wget", "-q", "-O", "/tmp/page", "http://\(name)/group")
          .exitCode == 0
      }
      #expect(try await berth.inside("client", "head -n 1 /tmp/page") == "root:x:0:")
    }
  }

  @Test("an unknown name is no address, and a service that has stopped is none any more")
  func unknownName() async throws {
    try await scenario(Self.names) { berth in
      try await berth.succeeds("up", "-d")
      #expect(try await berth("exec", "client", "nslookup", "web").exitCode == 0)
      // The reserved domain never exists; a host without a network has no answer either.
      #expect(try await berth("exec", "client", "nslookup", "nosuch.invalid").exitCode != 0)
      try await berth.succeeds("stop", "-t", "0", "web")
      #expect(
        try await berth("exec", "client", "wget", "-q", "-O", "-", "http://web/").exitCode != 0)
      try await berth.succeeds("start", "web")
      #expect(try await berth("exec", "client", "nslookup", "web").exitCode == 0)
    }
  }

  @Test("all replicas answer under the name of their service")
  func replicas() async throws {
    let compose = """
      x-all: &all {image: "${IMAGE}", command: sleep 1000}
      services: {web: {<<: *all, scale: 3}, client: *all}
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      let answer = try await berth.inside("client", "nslookup web")
      let addresses = Set(
        answer.split(whereSeparator: { " \n".contains($0) })
          .filter { $0.hasPrefix("172.") || $0.hasPrefix("192.168.") || $0.hasPrefix("10.") })
      #expect(addresses.count == 3, "\(answer)")
    }
  }

  @Test("services of different networks neither see nor reach each other; one in both sees both")
  func isolation() async throws {
    let compose = """
      x-all: &all {image: "${IMAGE}", command: httpd -f -p 80 -h /etc}
      services:
        left: {<<: *all, networks: [a]}
        right: {<<: *all, networks: [b]}
        middle: {<<: *all, networks: [a, b]}
      networks: {a: , b: }
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      for other in ["left", "right"] {
        try await eventually("the middle to reach \(other)") {
          try await berth("exec", "middle", "wget", "-q", "-O", "-", "http://\(other)/group")
            .exitCode == 0
        }
      }
      #expect(try await berth("exec", "left", "nslookup", "right").exitCode != 0)
      let right = try await berth.inside("right", "hostname -i")
      let allowed = try await berth(
        "exec", "middle", "wget", "-q", "-O", "-", "http://\(right)/group")
      #expect(allowed.exitCode == 0)
      let direct = try await berth(
        "exec", "left", "wget", "-q", "-T", "1", "-O", "-", "http://\(right)/group")
      #expect(direct.exitCode != 0)
    }
  }

  @Test("a published TCP port answers on 127.0.0.1 and on the host's own address")
  func tcp() async throws {
    let port = try freePort()
    let compose = """
      services:
        web: {image: "${IMAGE}", command: httpd -f -p 80 -h /etc, ports: ["\(port):80"]}
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      for address in ["127.0.0.1"] + (try await hostAddresses(berth)) {
        try await eventually("the page on \(address)") {
          try await berth.tool("curl", "-fsS", "-m", "2", "http://\(address):\(port)/group")
            .output.hasPrefix("root:x:0:")
        }
      }
      try await berth.succeeds("stop", "-t", "0")
      let gone = try await berth.tool("curl", "-s", "-m", "2", "http://127.0.0.1:\(port)/group")
      #expect(gone.exitCode != 0)
    }
  }

  @Test("a port published on 127.0.0.1 answers there alone")
  func loopbackOnly() async throws {
    let port = try freePort()
    let compose = """
      services:
        web:
          image: ${IMAGE}
          command: httpd -f -p 80 -h /etc
          ports: [{target: 80, published: \(port), host_ip: 127.0.0.1}]
      """
    try await scenario(compose) { berth in
      try await berth.succeeds("up", "-d")
      try await eventually("the page") {
        try await berth.tool("curl", "-fsS", "-m", "2", "http://127.0.0.1:\(port)/group").exitCode
          == 0
      }
      for address in try await hostAddresses(berth) {
        let other = try await berth.tool("curl", "-s", "-m", "2", "http://\(address):\(port)/group")
        #expect(other.exitCode != 0, "\(address)")
      }
    }
  }

  @Test("a published UDP port takes datagrams and sends the answers back from where they were sent")
  func udp() async throws {
    let port = try freePort()
    // The image has no UDP server; the host's Python is one, with all it needs bound into it.
    let compose = """
      services:
        echo:
          image: ${IMAGE}
          command: [/usr/bin/python3, /echo.py]
          ports: ["\(port):69/udp"]
          volumes: ["./echo.py:/echo.py:ro", "/usr:/usr:ro", "/lib:/lib:ro", "/lib64:/lib64:ro"]
      """
    let echo = """
      import socket
      s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      s.bind(("", 69))
      while True:
          data, sender = s.recvfrom(2048)
          s.sendto(b"echo " + data, sender)
      """
    let ask = """
      import socket, sys
      s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      s.settimeout(1)
      s.connect((sys.argv[1], \(port)))
      s.send(b"ping")
      print(s.recv(2048).decode())
      """
    try await scenario(compose, files: ["echo.py": echo, "ask.py": ask]) { berth in
      try await berth.succeeds("up", "-d")
      for address in ["127.0.0.1"] + (try await hostAddresses(berth)) {
        try await eventually("an answer from \(address)") {
          try await berth.tool("python3", "ask.py", address).output == "echo ping\n"
        }
      }
    }
  }

  private func hostAddresses(_ berth: Berth) async throws -> [String] {
    let words = try await berth.tool("hostname", "-I").output
      .split(whereSeparator: { $0.isWhitespace }).map(String.init)
    // Bridges of other scenarios come and go.
    return words.filter { $0.contains(".") && !$0.hasPrefix("172.") }
  }
}
