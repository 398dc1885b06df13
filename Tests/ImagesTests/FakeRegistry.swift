// A registry that can lie, stall and break off: plain HTTP on a loopback port, one answer for each
// connection, every request written down.

import Archive
import CLinux
import Glibc
import JSON
import Linux
import OCI
import Synchronization
import TestSupport

/// What a client asked. Header names are in lower case.
struct FakeRequest: Sendable {
  var method: String
  var path: String
  var headers: [String: String]
  /// As much of it as the registry reads.
  var body: [UInt8] = []
}

struct FakeReply: Sendable {
  var status = 200
  var headers: [(String, String)] = []
  var body: [UInt8] = []
  /// Closes the connection after so many bytes of the body, though more were announced.
  var cutAfter: Int?
  /// Announces no length: the end of the connection is the end of the body.
  var isUnsized = false

  static let missing = FakeReply(
    status: 404,
    body: Array(#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#.utf8))
}

final class FakeRegistry: Sendable {
  typealias Answer = @Sendable (FakeRequest) -> FakeReply?
  /// How many bytes of a request's body are read before the connection is closed; nil is all.
  typealias Patience = @Sendable (FakeRequest) -> Int?

  let address: String
  private let listener: SharedDescriptor
  private let log = Mutex<[FakeRequest]>([])
  private let content = Mutex<[String: FakeReply]>([:])
  private let special: Answer
  private let patience: Patience

  var requests: [FakeRequest] { log.withLock { $0 } }

  /// - Parameter special: answers first; nil leaves the answer to what was put in.
  init(
    special: @escaping Answer = { _ in nil }, patience: @escaping Patience = { _ in nil }
  ) throws {
    self.special = special
    self.patience = patience
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = Glibc.socket(AF_INET, type, 0)
    listener = SharedDescriptor(Descriptor(owning: socket))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout.size(ofValue: address))
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, size) == 0 && listen(socket, 64) == 0 ? getsockname(socket, $0, &size) : -1
      }
    }
    guard result == 0 else { throw TestFailure("no listener") }
    self.address = "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    let (listener, registry) = (self.listener, Weak(self))
    detachThread {
      while true {
        let raw = accept(listener.raw, nil, nil)
        guard raw >= 0 else { return }
        let connection = SharedDescriptor(Descriptor(owning: raw))
        detachThread { registry.value?.serve(connection) }
      }
    }
  }

  private final class Weak: Sendable {
    private let reference: Mutex<Box>
    private struct Box { weak var value: FakeRegistry? }
    init(_ value: FakeRegistry) { reference = Mutex(Box(value: value)) }
    var value: FakeRegistry? { reference.withLock { $0.value } }
  }

  func stop() { shutdown(listener.raw, Int32(SHUT_RDWR)) }

  private func serve(_ connection: SharedDescriptor) {
    var text: [UInt8] = []
    while !text.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      var byte: UInt8 = 0
      guard text.count < 16384, read(connection.raw, &byte, 1) == 1 else { return }
      text.append(byte)
      // A greeting of TLS begins so; who speaks http alone hangs up.
      if text.first == 0x16 { return }
    }
    guard var request = parse(text) else { return }
    let size = request.headers["content-length"].flatMap { Int($0) } ?? 0
    let limit = patience(request)
    request.body = readBody(min(size, limit ?? size), connection)
    log.withLock { $0.append(request) }
    if let limit, limit < size {
      // The answer is for what was noted; nobody gets it.
      _ = special(request)
      return
    }
    let stored = content.withLock { $0[request.path] }
    send(special(request) ?? ranged(stored, request) ?? .missing, to: request, connection)
  }

  private func readBody(_ size: Int, _ connection: SharedDescriptor) -> [UInt8] {
    var body: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while body.count < size {
      let count = read(connection.raw, &buffer, min(buffer.count, size - body.count))
      guard count > 0 else { break }
      body += buffer[..<count]
    }
    return body
  }

  private func parse(_ text: [UInt8]) -> FakeRequest? {
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ").map(String.init) ?? []
    guard words.count == 3 else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].dropFirst())
    }
    return FakeRequest(method: words[0], path: words[1], headers: headers)
  }

  /// Honours `Range: bytes=N-`.
  private func ranged(_ reply: FakeReply?, _ request: FakeRequest) -> FakeReply? {
    guard var reply, let range = request.headers["range"],
      let start = Int(range.dropFirst("bytes=".count).dropLast()), start < reply.body.count
    else { return reply }
    reply.status = 206
    reply.headers.append(
      ("Content-Range", "bytes \(start)-\(reply.body.count - 1)/\(reply.body.count)"))
    reply.body = Array(reply.body[start...])
    return reply
  }

  private func send(_ reply: FakeReply, to request: FakeRequest, _ connection: SharedDescriptor) {
    var head = "HTTP/1.1 \(reply.status) X\r\nConnection: close\r\n"
    if !reply.isUnsized { head += "Content-Length: \(reply.body.count)\r\n" }
    for (name, value) in reply.headers { head += "\(name): \(value)\r\n" }
    var bytes = Array((head + "\r\n").utf8)
    if request.method != "HEAD" { bytes += reply.body.prefix(reply.cutAfter ?? reply.body.count) }
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map {
          Glibc.send(
            connection.raw, $0 + offset, bytes.count - offset, Int32(MSG_NOSIGNAL))
        } ?? -1
      }
      if count <= 0 { return }
      offset += count
    }
    shutdown(connection.raw, Int32(SHUT_WR))
    // Waits for the client's end, so that nothing sent is lost to a reset.
    var byte: UInt8 = 0
    while read(connection.raw, &byte, 1) > 0 {}
  }
}

/// An image as a registry has it: documents and layers by digest.
struct FakeImage: Sendable {
  var layers: [[UInt8]]
  var diffIDs: [Digest]
  var architecture = "amd64"
  var layerType = MediaType.ociGzipLayer

  /// One gzip layer for each tar.
  init(tars: [[UInt8]]) throws {
    layers = try tars.map { try Compressor.gzip($0) }
    diffIDs = tars.map { Digest(of: $0) }
  }

  var config: [UInt8] {
    let diffs = diffIDs.map { "\"\($0)\"" }.joined(separator: ",")
    return Array(
      (#"{"os":"linux","architecture":"\#(architecture)","config":{"Cmd":["/bin/true"]},"#
        + #""rootfs":{"type":"layers","diff_ids":[\#(diffs)]}}"#).utf8)
  }

  var manifest: [UInt8] {
    let config = ContentDescriptor(
      mediaType: MediaType.ociConfig, digest: Digest(of: self.config),
      size: Int64(self.config.count))
    let layers = layers.map {
      ContentDescriptor(mediaType: layerType, digest: Digest(of: $0), size: Int64($0.count))
    }
    return Manifest(config: config, layers: layers).json.bytes()
  }
}

extension FakeRegistry {
  func put(_ image: FakeImage, as repository: String, tag: String = "latest") {
    let base = "/v2/\(repository)"
    let manifest = document(image.manifest, MediaType.ociManifest)
    content.withLock { content in
      content["\(base)/manifests/\(tag)"] = manifest
      content["\(base)/manifests/\(Digest(of: image.manifest))"] = manifest
      for blob in image.layers + [image.config] {
        content["\(base)/blobs/\(Digest(of: blob))"] = FakeReply(body: blob)
      }
    }
  }

  func put(_ index: ImageIndex, as repository: String, tag: String = "latest") {
    let bytes = index.json
    content.withLock {
      $0["/v2/\(repository)/manifests/\(tag)"] = document(bytes, MediaType.ociIndex)
    }
  }

  /// Puts any bytes where a blob would be.
  func put(_ reply: FakeReply, at path: String) { content.withLock { $0[path] = reply } }

  private func document(_ bytes: [UInt8], _ type: String) -> FakeReply {
    FakeReply(
      headers: [("Content-Type", type), ("Docker-Content-Digest", "\(Digest(of: bytes))")],
      body: bytes)
  }
}

extension ImageIndex {
  fileprivate var json: [UInt8] {
    let value: JSONValue = [
      "schemaVersion": 2, "mediaType": .string(mediaType),
      "manifests": .array(manifests.map(\.json)),
    ]
    return value.bytes()
  }
}
