// Messages between berth and a shim, over real sockets and with real descriptors.

import Blueprint
import CLinux
import Control
import Glibc
import Linux
import SystemPackage
import Testing

@Suite("Messages between berth and a shim")
struct ControlTests {
  @Test(
    "every report comes back as it was sent",
    arguments: [
      StartReport.born(pid: 4711),
      .ready,
      .exited(code: 137),
      .started(pid: 2, startedAt: Timestamp(nanoseconds: 1_700_000_000_123_456_789)),
      .failed(
        ShimFailure(stage: "mounting volume `data`", errno: 1, message: "EPERM", exitCode: 126)),
      .failed(ShimFailure(stage: "starting", message: "not found", exitCode: 127)),
    ])
  func reports(_ report: StartReport) throws {
    let pair = try Descriptor.socketPair(CInt(SOCK_SEQPACKET.rawValue))
    try pair.first.send(report)
    let received = try #require(try pair.second.receive(StartReport.self))
    #expect(received.0 == report)
    #expect(received.1.isEmpty)
  }

  @Test(
    "every request comes back as it was sent",
    arguments: [
      ControlRequest.stop(signal: 15, graceNanoseconds: -1, cleanup: false),
      .kill(signal: 9), .pause, .unpause, .join, .input, .wait,
    ])
  func requests(_ request: ControlRequest) throws {
    let pair = try Descriptor.socketPair(CInt(SOCK_SEQPACKET.rawValue))
    try pair.first.send(request)
    #expect(try pair.second.receive(ControlRequest.self)?.0 == request)
  }

  @Test("descriptors arrive open, in order and close-on-exec", arguments: [1, 2, 253])
  func descriptors(count: Int) throws {
    let pair = try Descriptor.socketPair(CInt(SOCK_SEQPACKET.rawValue))
    let pipe = try Descriptor.pipe()
    try pair.first.send(
      StartCommand.ports, Array(repeating: pipe.reading.raw, count: count - 1) + [pipe.writing.raw])
    let (command, received) = try #require(try pair.second.receive(StartCommand.self))
    #expect(command == .ports)
    #expect(received.count == count)
    let last = try #require(received.last)
    #expect(berth_fcntl(last.raw, F_GETFD, 0) & FD_CLOEXEC != 0)
    #expect(write(last.raw, "x", 1) == 1)
    #expect(try pipe.reading.read(upTo: 2) == [UInt8(ascii: "x")])
  }

  @Test("more descriptors than a packet carries are refused by the sender")
  func tooMany() throws {
    let pair = try Descriptor.socketPair(CInt(SOCK_SEQPACKET.rawValue))
    #expect(throws: SystemCallError.self) {
      try pair.first.send(StartCommand.ports, Array(repeating: 0, count: 254))
    }
  }

  @Test("a closed peer is the end, not an error")
  func closed() throws {
    let pair = try Descriptor.socketPair(CInt(SOCK_SEQPACKET.rawValue))
    shutdown(pair.first.raw, CInt(SHUT_RDWR))
    #expect(try pair.second.receive(StartReport.self) == nil)
  }

  @Test("what is no message is refused", arguments: ["", "{", "{\"fly\":{}}", "[1]"])
  func garbage(_ text: String) throws {
    let pair = try Descriptor.socketPair(CInt(SOCK_SEQPACKET.rawValue))
    try pair.first.sendPacket(Array((text + " ").utf8))
    #expect(throws: ControlError.self) { try pair.second.receive(ControlRequest.self) }
  }

  @Test("a packet over the limit is refused whole")
  func oversized() throws {
    let pair = try Descriptor.socketPair(CInt(SOCK_SEQPACKET.rawValue))
    try pair.first.sendPacket(Array(repeating: 0x20, count: packetLimit + 1))
    #expect(throws: SystemCallError.self) { try pair.second.receive(ControlRequest.self) }
  }
}

@Suite("Requests to a shim")
struct ShimClientTests {
  @Test("a container without a shim is not running")
  func nobody() throws {
    let folder = try TemporaryFolder(depth: 0)
    defer { folder.remove() }
    let client = ShimClient(runFolder: folder.path)
    #expect(throws: ControlError.notRunning) { try client.wait() }
    #expect(!client.isAlive)
  }

  @Test("a socket file that nobody listens on is not running")
  func stale() throws {
    let folder = try TemporaryFolder(depth: 0)
    defer { folder.remove() }
    let directory = try Descriptor.open(folder.path, O_RDONLY | O_DIRECTORY)
    do { _ = try Descriptor.listen(in: directory) }
    #expect(throws: ControlError.notRunning) {
      try ShimClient(runFolder: folder.path).kill(signal: 9)
    }
  }

  @Test("requests are answered in folders of any depth", arguments: [0, 3])
  func answered(depth: Int) throws {
    let folder = try TemporaryFolder(depth: depth)
    defer { folder.remove() }
    let directory = try Descriptor.open(folder.path, O_RDONLY | O_DIRECTORY)
    let listener = try Descriptor.listen(in: directory)
    let pending = try ShimClient(runFolder: folder.path)
      .startStop(signal: 15, graceNanoseconds: 5, cleanup: true)
    let connection = try accept(listener)
    let request = try #require(try connection.receive(ControlRequest.self)).0
    #expect(request == .stop(signal: 15, graceNanoseconds: 5, cleanup: true))
    try connection.send(ControlReply.exited(code: 137))
    #expect(try pending.exitCode() == 137)
  }

  @Test("a failure is thrown as it was sent")
  func failure() throws {
    let folder = try TemporaryFolder(depth: 0)
    defer { folder.remove() }
    let directory = try Descriptor.open(folder.path, O_RDONLY | O_DIRECTORY)
    let listener = try Descriptor.listen(in: directory)
    let pending = try ShimClient(runFolder: folder.path).startWait()
    let connection = try accept(listener)
    let failure = ShimFailure(stage: "freezing", errno: 5, message: "input/output error")
    try connection.send(ControlReply.failed(failure))
    #expect(throws: failure) { try pending.exitCode() }
  }

  @Test("a shim that dies before its answer is reported as lost")
  func lost() throws {
    let folder = try TemporaryFolder(depth: 0)
    defer { folder.remove() }
    let directory = try Descriptor.open(folder.path, O_RDONLY | O_DIRECTORY)
    let listener = try Descriptor.listen(in: directory)
    let pending = try ShimClient(runFolder: folder.path).startWait()
    do { _ = try listener.acceptPeer() }
    #expect(throws: ControlError.self) { try pending.exitCode() }
  }
}

private func accept(_ listener: borrowing Descriptor) throws -> Descriptor {
  guard let connection = try listener.acceptPeer() else { throw ControlError.notRunning }
  return connection
}

struct TemporaryFolder {
  let root: FilePath
  let path: FilePath

  init(depth: Int) throws {
    var template = Array("/tmp/berth-control-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    root = FilePath(platformString: template)
    var path = root
    for _ in 0..<depth {
      path.append(FilePath.Component("a-folder-with-a-name-that-is-as-long-as-an-id"))
      try checking("mkdir") { path.withPlatformString { mkdir($0, 0o700) } }
    }
    self.path = path
  }

  func remove() {
    var path = path
    unlink(path.string + "/control.sock")
    while path != root {
      rmdir(path.string)
      path.removeLastComponent()
    }
    rmdir(root.string)
  }
}
