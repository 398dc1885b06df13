// The pulling half of the OCI distribution protocol: manifests and blobs of one registry or another,
// with redirects, tokens, retries and resumption.

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
  private static let maximalRedirects = 10
  /// So much new content makes a broken download start counting its attempts anew.
  private static let progressBytes: Int64 = 1 << 20

  private let http: HTTPClient
  private let authorizer: Authorizer
  private let retry: RetryPolicy

  package init(credentials: Credentials = Credentials(), retry: RetryPolicy = RetryPolicy()) {
    http = HTTPClient()
    authorizer = Authorizer(http: http, credentials: credentials)
    self.retry = retry
  }

  /// To be called when a sink that answered `full` has room.
  package func wake() { http.wake() }

  /// The digest that the reference stands for now, without fetching the manifest; nil when the
  /// registry does not say so by HEAD.
  package func currentDigest(_ reference: ImageReference) async throws -> Digest? {
    let response = try await manifestResponse(.head, reference)
    guard response.status == 200 else { throw fault(response, reference) }
    return response.header("docker-content-digest").flatMap { Digest($0) }
  }

  /// - Parameter digest: fetch this one of the reference's repository instead of the tag.
  package func manifest(_ reference: ImageReference, digest: Digest? = nil) async throws
    -> FetchedManifest
  {
    let target = digest.map { reference.pinned(to: $0) } ?? reference
    let response = try await manifestResponse(.get, target)
    guard response.status == 200 else { throw fault(response, target) }
    let received = Digest(of: response.body)
    let expected =
      target.digest ?? response.header("docker-content-digest").flatMap { Digest($0) } ?? received
    guard received == expected else {
      throw RegistryFault.wrongDigest(
        registry: reference.registry, expected: expected, received: received)
    }
    let type = response.header("content-type").map {
      String($0.prefix { $0 != ";" }).trimmingSpace().lowercased()
    }
    let document = try ManifestDocument(parsing: response.body, contentType: type)
    return FetchedManifest(
      digest: received, mediaType: document.mediaType, bytes: response.body, document: document)
  }

  private func manifestResponse(_ method: HTTPRequest.Method, _ reference: ImageReference)
    async throws -> HTTPResponse
  {
    let target = reference.digest?.description ?? reference.tag ?? "latest"
    let url = "\(base(reference))/v2/\(reference.repository)/manifests/\(target)"
    let request = HTTPRequest(
      method, url, headers: [("Accept", MediaType.accepted.joined(separator: ", "))],
      limit: ImageLimits.manifestBytes)
    return try await retrying(reference, reference.familiar) {
      try await self.send(request, reference, sink: nil)
    }
  }

  /// A small blob, its size and digest verified.
  package func blob(_ descriptor: ContentDescriptor, of reference: ImageReference, limit: Int)
    async throws -> [UInt8]
  {
    let request = HTTPRequest(.get, blobURL(descriptor, reference), limit: limit)
    let response = try await retrying(reference, "\(descriptor.digest)") {
      try await self.send(request, reference, sink: nil)
    }
    guard response.status == 200 else { throw fault(response, reference, descriptor) }
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

  /// Streams a blob. Broken connections are resumed by Range; `sink` gets each byte once, in order.
  /// The caller verifies size and digest.
  /// - Parameter received: how many bytes the sink has taken so far.
  package func stream(
    _ descriptor: ContentDescriptor, of reference: ImageReference,
    received: @Sendable () -> Int64, sink: @escaping BodySink
  ) async throws {
    var attempt = 1
    while true {
      let start = received()
      var failure: RegistryFault
      var pause: Duration?
      do {
        var request = HTTPRequest(.get, blobURL(descriptor, reference))
        request.offset = start
        let response = try await send(request, reference, sink: sink)
        if response.status == 200 || response.status == 206 {
          if received() >= descriptor.size { return }
          failure = interrupted(descriptor, reference, received(), "it sent too little")
        } else {
          failure = fault(response, reference, descriptor)
          guard isTransient(response.status) else { throw failure }
          pause = try retryAfter(response, reference)
        }
      } catch let error as HTTPFault {
        // All bytes are here and only the end of the message is broken: the digest decides.
        if received() == descriptor.size, case .broken = error { return }
        failure = try transient(error, reference, descriptor, received())
      }
      if received() - start >= Self.progressBytes { attempt = 1 }
      guard attempt < retry.attempts else { throw failure }
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

  /// The fault to report if no further attempt helps; throws when none can.
  private func transient(
    _ error: HTTPFault, _ reference: ImageReference, _ descriptor: ContentDescriptor,
    _ received: Int64
  ) throws -> RegistryFault {
    switch error {
    case .unreachable(let reason), .broken(let reason):
      return interrupted(descriptor, reference, received, reason)
    default: throw translate(error, reference, descriptor.digest.short)
    }
  }

  private func base(_ reference: ImageReference) -> String {
    if reference.registry == ImageReference.dockerHub { return "https://registry-1.docker.io" }
    let scheme = isLoopback(host(of: "http://\(reference.registry)")) ? "http" : "https"
    return "\(scheme)://\(reference.registry)"
  }

  private func blobURL(_ descriptor: ContentDescriptor, _ reference: ImageReference) -> String {
    "\(base(reference))/v2/\(reference.repository)/blobs/\(descriptor.digest)"
  }
}

// MARK: - One exchange, with tokens and redirects

extension RegistryClient {
  private func send(_ request: HTTPRequest, _ reference: ImageReference, sink: BodySink?)
    async throws -> HTTPResponse
  {
    guard let home = Origin(request.url) else {
      throw RegistryFault.unreachable(registry: reference.registry, reason: "bad address")
    }
    var request = request
    let headers = request.headers
    var authorization = authorizer.header(reference)
    var mayAuthorize = true
    for _ in 0...Self.maximalRedirects {
      let isHome = Origin(request.url) == home
      request.headers = headers
      if isHome, let authorization { request.headers.append(("Authorization", authorization)) }
      let response = try await http.perform(request, sink: sink)
      switch response.status {
      case 401 where isHome && mayAuthorize:
        mayAuthorize = false
        authorization = try await authorizer.answer(response, for: reference, at: home)
        if authorization == nil { return response }
      case 301, 302, 303, 307, 308:
        guard let location = response.location, let next = Origin(location) else {
          throw redirected(reference, "not to http or https")
        }
        guard next.scheme == "https" || home.scheme == "http" else {
          throw redirected(reference, "from https to http")
        }
        guard isLocalAddress(home.host) || !isLocalAddress(host(of: location)) else {
          throw redirected(reference, "to the local address `\(next.host)`")
        }
        request.url = location
      default: return response
      }
    }
    throw redirected(reference, "more than \(Self.maximalRedirects) times")
  }

  private func redirected(_ reference: ImageReference, _ reason: String) -> RegistryFault {
    .redirected(registry: reference.registry, reason: reason)
  }

  /// Repeats an exchange while its failure may pass.
  private func retrying(
    _ reference: ImageReference, _ what: String,
    _ exchange: @Sendable () async throws -> HTTPResponse
  ) async throws -> HTTPResponse {
    var attempt = 1
    while true {
      var pause: Duration?
      do {
        let response = try await exchange()
        guard isTransient(response.status), attempt < retry.attempts else { return response }
        pause = try retryAfter(response, reference)
      } catch let error as HTTPFault {
        let limit = if case .unreachable = error { min(2, retry.attempts) } else { retry.attempts }
        switch error {
        case .unreachable, .broken:
          guard attempt < limit else { throw translate(error, reference, what) }
        default: throw translate(error, reference, what)
        }
      }
      try await Task.sleep(for: pause ?? retry.wait(before: attempt))
      attempt += 1
    }
  }

  private func isTransient(_ status: Int) -> Bool {
    status == 408 || status == 429 || (500...599).contains(status)
  }

  /// How long a registry asks to wait; throws when that is too long.
  private func retryAfter(_ response: HTTPResponse, _ reference: ImageReference) throws -> Duration?
  {
    guard let seconds = response.header("retry-after").flatMap({ Int($0) }), seconds >= 0 else {
      return nil
    }
    let wait = Duration.seconds(seconds)
    guard wait <= retry.longestWait else {
      throw RegistryFault.limited(
        registry: reference.registry, reason: reason(of: response) ?? "too many requests",
        seconds: seconds)
    }
    return wait
  }

  private func translate(_ error: HTTPFault, _ reference: ImageReference, _ what: String)
    -> any Error
  {
    let registry = reference.registry
    switch error {
    case .noLibrary: return RegistryFault.noLibrary
    case .unreachable(let reason), .untrusted(let reason):
      return RegistryFault.unreachable(registry: registry, reason: reason)
    case .broken(let reason), .misbehaved(let reason):
      return RegistryFault.unreachable(
        registry: registry, reason: "asking for `\(what)`: \(reason)")
    case .abandoned, .cancelled: return error
    }
  }

  private func fault(
    _ response: HTTPResponse, _ reference: ImageReference, _ descriptor: ContentDescriptor? = nil
  ) -> RegistryFault {
    let registry = reference.registry
    let what = descriptor.map { "\($0.digest)" } ?? reference.familiar
    let reason = reason(of: response)
    switch response.status {
    case 404:
      return .notFound(
        registry: registry, what: what,
        reason: reason ?? (descriptor == nil ? "manifest unknown" : "blob unknown"))
    case 401, 403:
      return .denied(registry: registry, what: what, reason: reason ?? "authentication required")
    case 429:
      return .limited(registry: registry, reason: reason ?? "too many requests", seconds: nil)
    default:
      return .answered(
        registry: registry, what: what, status: response.status, reason: reason ?? "")
    }
  }
}
