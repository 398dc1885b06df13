// The pushing half of the OCI distribution protocol: blobs that a repository lacks, by mount from
// another one or by upload, and manifests.

package import Linux
package import OCI

/// A blob on this machine.
package struct BlobFile: Sendable {
  package var descriptor: ContentDescriptor
  package var file: SharedDescriptor

  package init(_ descriptor: ContentDescriptor, _ file: SharedDescriptor) {
    self.descriptor = descriptor
    self.file = file
  }
}

package enum BlobArrival: Hashable, Sendable {
  case wasThere
  case mounted(from: String)
  case uploaded
}

extension RegistryClient {
  /// Up to this size a blob goes in one request; a larger one in one that can be gone on with.
  static let oneRequestBytes: Int64 = 4 << 20

  /// Makes sure that the repository has the blob.
  /// - Parameters:
  ///   - sources: repositories of the same registry that may have it.
  ///   - progress: called with the bytes that are on their way, from the client's own thread.
  package func bring(
    _ blob: BlobFile, to reference: ImageReference, from sources: [String] = [],
    progress: @escaping @Sendable (Int64) -> Void
  ) async throws -> BlobArrival {
    let site = try await exchange.site(reference)
    let digest = blob.descriptor.digest
    if try await hasBlob(digest, reference, site) { return .wasThere }
    for source in sources {
      if try await mount(digest, from: source, reference, site) { return .mounted(from: source) }
    }
    var upload = BlobUpload(blob: blob, reference: reference, site: site, progress: progress)
    try await upload.run(by: exchange) { try await hasBlob(digest, reference, site) }
    return .uploaded
  }

  private func hasBlob(_ digest: Digest, _ reference: ImageReference, _ site: Site) async throws
    -> Bool
  {
    var call = Call(
      .head, "/v2/\(reference.repository)/blobs/\(digest)", reference, what: "\(digest)",
      actions: .push)
    // Where it could be had is of no interest: it is there.
    call.followsRedirects = false
    let response = try await exchange.answer(call, at: site)
    switch response.status {
    case 200, 301, 302, 303, 307, 308: return true
    case 404: return false
    default: throw exchange.fault(response, call)
    }
  }

  /// A registry that does not let us read the source, or does not mount, gets an upload instead.
  private func mount(
    _ digest: Digest, from source: String, _ reference: ImageReference, _ site: Site
  ) async throws -> Bool {
    let query = "mount=\(digest)&from=\(percentEncoded(source))"
    var call = Call(
      .post, "/v2/\(reference.repository)/blobs/uploads/?\(query)", reference, what: "\(digest)",
      actions: .push)
    call.scope.source = source
    do {
      return try await exchange.answer(call, at: site).status == 201
    } catch RegistryFault.denied {
      return false
    }
  }

  /// Puts the manifest under the reference's tag.
  package func put(
    manifest bytes: [UInt8], mediaType: String, as reference: ImageReference
  ) async throws {
    let digest = Digest(of: bytes)
    let target = reference.tag ?? "\(digest)"
    var call = Call(
      .put, "/v2/\(reference.repository)/manifests/\(target)", reference, actions: .push)
    call.headers = [("Content-Type", mediaType)]
    call.body = .bytes(bytes)
    let response = try await exchange.answer(call, at: try await exchange.site(reference))
    guard response.status == 201 || response.status == 200 else {
      throw exchange.fault(response, call)
    }
    if let said = response.header("docker-content-digest").flatMap({ Digest($0) }), said != digest {
      throw RegistryFault.wrongDigest(
        registry: reference.registry, expected: digest, received: said)
    }
  }
}

/// One blob on its way up: where, and how much of it has arrived.
private struct BlobUpload {
  let blob: BlobFile
  let reference: ImageReference
  let site: Site
  let progress: @Sendable (Int64) -> Void
  /// The address of the upload; nil before it has begun, and when it is lost.
  var address: String?
  var arrived: Int64 = 0

  var size: Int64 { blob.descriptor.size }

  /// What happened to one request of the upload.
  private enum Step {
    case done
    case goesOn
    case failed(RegistryFault, pause: Duration?)
  }

  /// - Parameter isThere: whether the blob has arrived after all: an answer can be lost.
  mutating func run(by exchange: Exchange, isThere: () async throws -> Bool) async throws {
    var attempt = 1
    while true {
      let before = arrived
      switch try await step(by: exchange) {
      case .done: return
      case .goesOn: attempt = 1
      case .failed(let failure, let pause):
        if arrived - before >= RegistryClient.progressBytes { attempt = 1 }
        guard attempt < exchange.retry.attempts else { throw failure }
        try await Task.sleep(for: pause ?? exchange.retry.wait(before: attempt))
        attempt += 1
        if try await isThere() { return }
        try await lookWhatArrived(by: exchange)
      }
    }
  }

  private func call(_ method: HTTPRequest.Method, _ target: String) -> Call {
    Call(method, target, reference, what: blob.descriptor.digest.short, actions: .push)
  }

  private mutating func step(by exchange: Exchange) async throws -> Step {
    do {
      guard let address else { return try await begin(by: exchange) }
      if size <= RegistryClient.oneRequestBytes || arrived == size {
        return try await end(at: address, by: exchange)
      }
      return try await send(to: address, by: exchange)
    } catch let error as HTTPFault {
      switch error {
      case .unreachable(let reason), .broken(let reason):
        return .failed(
          .interrupted(
            registry: reference.registry, what: blob.descriptor.digest.short, received: arrived,
            of: size, reason: reason), pause: nil)
      default: throw exchange.translate(error, call(.put, ""))
      }
    }
  }

  private mutating func begin(by exchange: Exchange) async throws -> Step {
    let call = call(.post, "/v2/\(reference.repository)/blobs/uploads/")
    let response = try await exchange.send(call, at: site)
    guard response.status == 202 else { return try failure(response, call, exchange) }
    try take(response)
    arrived = 0
    return .goesOn
  }

  /// All that has not arrived, in one request.
  private mutating func send(to address: String, by exchange: Exchange) async throws -> Step {
    var call = call(.patch, address)
    let start = arrived
    call.headers = [
      ("Content-Type", "application/octet-stream"), ("Content-Range", "\(start)-\(size - 1)"),
    ]
    call.body = .file(part(from: start))
    let response = try await exchange.send(call, at: site)
    guard (200...204).contains(response.status) else {
      return try failure(response, call, exchange)
    }
    try take(response)
    arrived = Self.arrived(response) ?? size
    guard arrived > start, arrived <= size else {
      return .failed(fault("it says that nothing has arrived"), pause: nil)
    }
    return .goesOn
  }

  /// The last request, which names the digest; small blobs go with it.
  private mutating func end(at address: String, by exchange: Exchange) async throws -> Step {
    let separator = address.contains("?") ? "&" : "?"
    var call = call(
      .put, address + separator + "digest=\(percentEncoded("\(blob.descriptor.digest)"))")
    call.headers = [("Content-Type", "application/octet-stream")]
    if arrived < size { call.body = .file(part(from: arrived)) }
    let response = try await exchange.send(call, at: site)
    guard response.status == 201 || response.status == 204 else {
      return try failure(response, call, exchange)
    }
    progress(size)
    return .done
  }

  private func part(from start: Int64) -> FilePart {
    let progress = progress
    return FilePart(blob.file, offset: start, count: size - start) { progress(start + $0) }
  }

  private mutating func take(_ response: HTTPResponse) throws {
    guard let location = response.header("location"),
      let next = resolved(location, against: response.url)
    else { throw fault("it does not say where the upload goes on") }
    address = next
  }

  /// After a failure: the upload goes on where it broke off, where the registry knows that, or
  /// begins anew.
  private mutating func lookWhatArrived(by exchange: Exchange) async throws {
    guard let address, size > RegistryClient.oneRequestBytes else {
      self.address = nil
      arrived = 0
      return
    }
    let response: HTTPResponse
    do {
      response = try await exchange.send(call(.get, address), at: site)
    } catch is HTTPFault {
      // Out of reach now; the next attempt tells.
      self.address = nil
      arrived = 0
      return
    }
    guard response.status == 204 || response.status == 200, let count = Self.arrived(response),
      count <= size
    else {
      self.address = nil
      arrived = 0
      return
    }
    arrived = count
    if let location = response.header("location") {
      self.address = resolved(location, against: response.url) ?? address
    }
  }

  /// `Range: 0-N` names the last byte that arrived; `0-0` is also said of nothing at all, and one byte
  /// too much would be a wrong blob.
  private static func arrived(_ response: HTTPResponse) -> Int64? {
    guard var range = response.header("range")?[...] else { return nil }
    if range.hasPrefix("bytes=") { range = range.dropFirst("bytes=".count) }
    guard range.hasPrefix("0-"), let last = Int64(range.dropFirst(2)), last >= 0, last < .max else {
      return nil
    }
    return last == 0 ? 0 : last + 1
  }

  /// What a refusal means: a wait, a new beginning, or the end.
  private mutating func failure(_ response: HTTPResponse, _ call: Call, _ exchange: Exchange)
    throws -> Step
  {
    let fault = exchange.fault(response, call, missing: "upload unknown")
    if exchange.isTransient(response.status) {
      return .failed(fault, pause: try exchange.retryAfter(response, call))
    }
    // An upload that was lost, or is not where we took it to be, is not the blob's fault.
    if arrived > 0, [400, 404, 416].contains(response.status) {
      address = nil
      arrived = 0
      return .failed(fault, pause: nil)
    }
    throw fault
  }

  private func fault(_ reason: String) -> RegistryFault {
    .answered(
      registry: reference.registry, what: blob.descriptor.digest.short, status: 202,
      reason: reason)
  }
}

/// A `Location`, made absolute (RFC 3986 5.2, as far as registries go). Nil when it leads out of http.
func resolved(_ location: String, against url: String) -> String? {
  guard let origin = Origin(url) else { return nil }
  if Origin(location) != nil { return location }
  if location.hasPrefix("//") { return "\(origin.scheme):\(location)" }
  if location.firstRange(of: "://") != nil, !location.hasPrefix("/") { return nil }
  if location.hasPrefix("/") { return "\(origin)\(location)" }
  let path = url.prefix { $0 != "?" && $0 != "#" }
  if location.hasPrefix("?") { return path + location }
  guard let start = path.firstRange(of: "://")?.upperBound,
    let slash = path[start...].lastIndex(of: "/")
  else { return "\(origin)/\(location)" }
  return path[...slash] + location
}
