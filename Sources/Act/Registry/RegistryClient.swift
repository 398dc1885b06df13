// Registries as the rest of berth sees them, and the pulling half of the OCI distribution protocol:
// manifests and blobs of one registry or another.

import Diagnostics
package import OCI

/// A manifest as served, its digest verified.
package struct FetchedManifest: Sendable {
  package var digest: Digest
  package var mediaType: String
  package var bytes: [UInt8]
  package var document: ManifestDocument
}

package final class RegistryClient: Sendable {
  /// So much new content makes a broken download start counting its attempts anew.
  static let progressBytes: Int64 = 1 << 20

  let exchange: Exchange
  var retry: RetryPolicy { exchange.retry }

  package init(
    credentials: Credentials = Credentials(), settings: RegistrySettings = RegistrySettings(),
    proxies: Proxies = Proxies(), retry: RetryPolicy = RetryPolicy()
  ) {
    exchange = Exchange(
      credentials: credentials, settings: settings, proxies: proxies, retry: retry)
  }

  /// With the credentials, settings and proxies of the caller's files and environment. Blocks on the
  /// disk.
  package convenience init(environment: [String: String]) throws {
    self.init(
      credentials: Credentials(
        try DockerConfig(environment: environment), environment: environment),
      settings: try RegistrySettings(environment: environment),
      proxies: Proxies(environment: environment))
  }

  /// To be called when a sink that answered `full` has room.
  package func wake() { exchange.http.wake() }

  /// The digest that the reference stands for now, without fetching the manifest; nil when the
  /// registry does not say so by HEAD.
  package func currentDigest(_ reference: ImageReference) async throws -> Digest? {
    let call = manifestCall(.head, reference)
    return try await exchange.reading(reference) { site in
      let response = try await exchange.answer(call, at: site)
      guard response.status == 200 else { throw exchange.fault(response, call) }
      return response.header("docker-content-digest").flatMap { Digest($0) }
    }
  }

  /// - Parameter digest: fetch this one of the reference's repository instead of the tag.
  package func manifest(_ reference: ImageReference, digest: Digest? = nil) async throws
    -> FetchedManifest
  {
    let target = digest.map { reference.pinned(to: $0) } ?? reference
    let call = manifestCall(.get, target)
    return try await exchange.reading(reference) { site in
      let response = try await exchange.answer(call, at: site)
      guard response.status == 200 else { throw exchange.fault(response, call) }
      return try verified(response, target)
    }
  }

  private func verified(_ response: HTTPResponse, _ target: ImageReference) throws
    -> FetchedManifest
  {
    let received = Digest(of: response.body)
    let expected =
      target.digest ?? response.header("docker-content-digest").flatMap { Digest($0) } ?? received
    guard received == expected else {
      throw RegistryFault.wrongDigest(
        registry: target.registry, expected: expected, received: received)
    }
    let type = response.header("content-type").map {
      String($0.prefix { $0 != ";" }).trimmingSpace().lowercased()
    }
    let document = try ManifestDocument(parsing: response.body, contentType: type)
    return FetchedManifest(
      digest: received, mediaType: document.mediaType, bytes: response.body, document: document)
  }

  private func manifestCall(_ method: HTTPRequest.Method, _ reference: ImageReference) -> Call {
    let target = reference.digest?.description ?? reference.tag ?? "latest"
    var call = Call(method, "/v2/\(reference.repository)/manifests/\(target)", reference)
    call.headers = [("Accept", MediaType.accepted.joined(separator: ", "))]
    call.limit = ImageLimits.manifestBytes
    return call
  }

  /// A small blob, its size and digest verified.
  package func blob(_ descriptor: ContentDescriptor, of reference: ImageReference, limit: Int)
    async throws -> [UInt8]
  {
    var call = blobCall(descriptor, reference)
    call.limit = limit
    return try await exchange.reading(reference) { [call] site in
      let response = try await exchange.answer(call, at: site)
      guard response.status == 200 else {
        throw exchange.fault(response, call, missing: "blob unknown")
      }
      guard Int64(response.body.count) == descriptor.size else {
        throw RegistryFault.wrongSize(
          registry: reference.registry, digest: descriptor.digest, expected: descriptor.size,
          received: Int64(response.body.count))
      }
      let received = Digest(of: response.body)
      guard received == descriptor.digest else {
        throw RegistryFault.wrongDigest(
          registry: reference.registry, expected: descriptor.digest, received: received)
      }
      return response.body
    }
  }

  private func blobCall(_ descriptor: ContentDescriptor, _ reference: ImageReference) -> Call {
    Call(
      .get, "/v2/\(reference.repository)/blobs/\(descriptor.digest)", reference,
      what: "\(descriptor.digest)")
  }
}

// MARK: - Mirrors

extension RegistryClient {
  /// Asks no mirror in this registry's place any more.
  /// - Returns: whether there was one to be asked.
  package func leaveMirrors(of reference: ImageReference) async throws -> Bool {
    let mirrors = try await exchange.addresses.sites(reference.registry).dropLast()
      .filter { !$0.isAvoided }
    for mirror in mirrors { mirror.avoid() }
    return !mirrors.isEmpty
  }
}

// MARK: - Large blobs

extension RegistryClient {
  /// Streams a blob. Broken connections are resumed by Range; `sink` gets each byte once, in order.
  /// The caller verifies size and digest.
  /// - Parameter received: how many bytes the sink has taken so far.
  package func stream(
    _ descriptor: ContentDescriptor, of reference: ImageReference,
    received: @Sendable () -> Int64, sink: @escaping BodySink
  ) async throws {
    // What one mirror began another goes on with: the digest is of the whole.
    try await exchange.reading(reference) { site in
      try await stream(descriptor, of: reference, at: site, received: received, sink: sink)
    }
  }

  private func stream(
    _ descriptor: ContentDescriptor, of reference: ImageReference, at site: Site,
    received: @Sendable () -> Int64, sink: @escaping BodySink
  ) async throws {
    var call = blobCall(descriptor, reference)
    var attempt = 1
    let attempts = site.isMirror ? 1 : retry.attempts
    while true {
      let start = received()
      var failure: RegistryFault
      var pause: Duration?
      do {
        call.offset = start
        let response = try await exchange.send(call, at: site, sink: sink)
        if response.status == 200 || response.status == 206 {
          if received() >= descriptor.size { return }
          failure = interrupted(descriptor, reference, received(), "it sent too little")
        } else {
          failure = exchange.fault(response, call, missing: "blob unknown")
          guard exchange.isTransient(response.status) else { throw failure }
          pause = try exchange.retryAfter(response, call)
        }
      } catch let error as HTTPFault {
        // All bytes are here and only the end of the message is broken: the digest decides.
        if received() == descriptor.size, case .broken = error { return }
        switch error {
        case .unreachable(let reason), .broken(let reason):
          failure = interrupted(descriptor, reference, received(), reason)
        default: throw exchange.translate(error, call)
        }
      }
      if received() - start >= Self.progressBytes { attempt = 1 }
      guard attempt < attempts else { throw failure }
      try await Task.sleep(for: pause ?? retry.wait(before: attempt))
      attempt += 1
    }
  }

  private func interrupted(
    _ descriptor: ContentDescriptor, _ reference: ImageReference, _ received: Int64,
    _ reason: String
  ) -> RegistryFault {
    .interrupted(
      registry: reference.registry, what: descriptor.digest.short, received: received,
      of: descriptor.size, reason: reason)
  }
}
