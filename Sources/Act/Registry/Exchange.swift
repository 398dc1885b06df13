// One question to a registry and its answer: by the address that works, with what its challenges ask
// for, along redirects, again when a failure may pass, and at a mirror first where one is set.

import Diagnostics
import OCI

/// What is asked of a registry, whatever its address.
struct Call: Sendable {
  var method: HTTPRequest.Method
  /// `/v2/…`, or the whole address of an upload.
  var target: String
  var headers: [(name: String, value: String)] = []
  var body = HTTPRequest.Body.bytes([])
  var offset: Int64 = 0
  var limit = 64 << 10
  var registry: String
  var scope: Scope
  /// False leaves challenges to the caller.
  var authorizes = true
  /// False gives a redirect to the caller.
  var followsRedirects = true
  /// For messages.
  var what: String

  init(
    _ method: HTTPRequest.Method, _ target: String, _ reference: ImageReference,
    what: String? = nil, actions: Scope.Actions = .pull
  ) {
    self.method = method
    self.target = target
    registry = reference.registry
    self.what = what ?? reference.familiar
    scope = Scope(repository: reference.repository, actions: actions)
  }

  /// Whether the registry is one, and whether it lets us in.
  init(door registry: String) {
    method = .get
    target = "/v2/"
    self.registry = registry
    scope = Scope()
    authorizes = false
    what = "/v2/"
  }
}

final class Exchange: Sendable {
  private static let maximalRedirects = 10
  /// A server that wants TLS in another way than ours says so and closes; what it says is often lost.
  private static let timesToHear = 8

  let http: HTTPClient
  let authorizer: Authorizer
  let addresses: RegistryAddresses
  let retry: RetryPolicy
  /// Sent to registries with every request.
  private let headers: [(name: String, value: String)]

  init(
    credentials: Credentials, settings: RegistrySettings, proxies: Proxies, retry: RetryPolicy
  ) {
    http = HTTPClient(proxies: proxies)
    addresses = RegistryAddresses(settings)
    authorizer = Authorizer(http: http, credentials: credentials, addresses: addresses)
    headers = credentials.headers
    self.retry = retry
  }

  /// Sends once. Where several ways may lead to the registry, the first that works is kept.
  func send(_ call: Call, at site: Site, sink: BodySink? = nil) async throws -> HTTPResponse {
    if let address = site.address { return try await send(call, at: address, sink: sink) }
    var failure: HTTPFault?
    var doubtful: (RegistryAddress, HTTPResponse)?
    for address in site.rest {
      do {
        let response = try await send(
          call, at: address, sink: sink, times: doubtful == nil ? 1 : Self.timesToHear)
        // So servers that speak TLS answer to plain http.
        let isDoubtful =
          address.scheme == "http" && response.status == 400
          && response.header("docker-distribution-api-version") == nil
        if !isDoubtful {
          site.choose(address)
          return response
        }
        doubtful = (address, response)
      } catch let fault as HTTPFault {
        switch fault {
        case .unreachable, .broken, .untrusted, .plainServer, .misbehaved:
          // That it wants TLS in another way than ours says more than how it answers plain http.
          if case .untrusted = fault { doubtful = nil }
          failure = failure ?? fault
          // Silence costs ten seconds each time; all else is quick and may pass.
          if case .unreachable = fault { site.dismiss(address) }
        default: throw fault
        }
      }
    }
    if let (address, response) = doubtful {
      site.choose(address)
      return response
    }
    throw failure ?? HTTPFault.unreachable("it has no address")
  }

  /// - Parameter times: how often a connection that breaks at once is made anew.
  private func send(
    _ call: Call, at address: RegistryAddress, sink: BodySink?, times: Int
  ) async throws -> HTTPResponse {
    for _ in 1..<max(1, times) {
      do {
        return try await send(call, at: address, sink: sink)
      } catch HTTPFault.broken {
        continue
      }
    }
    return try await send(call, at: address, sink: sink)
  }

  private func send(_ call: Call, at address: RegistryAddress, sink: BodySink?) async throws
    -> HTTPResponse
  {
    let start = call.target.hasPrefix("/") ? address.url + call.target : call.target
    guard let home = Origin(address.url), Origin(start) != nil else {
      throw HTTPFault.misbehaved("bad address")
    }
    var request = HTTPRequest(
      call.method, start, body: call.body, offset: call.offset, limit: call.limit)
    var authorization =
      call.authorizes ? try await authorizer.header(call.scope, at: address) : nil
    var mayAuthorize = call.authorizes
    // A registry that only this machine sees may send to what only this machine sees.
    var isLocal = isLocalAddress(host(of: address.url))
    for _ in 0...Self.maximalRedirects {
      try check(request.url, from: home, isLocal: isLocal, call)
      let isHome = Origin(request.url) == home
      request.headers = call.headers
      if isHome {
        request.trust = address.trust
        request.headers += headers
        if let authorization { request.headers.append(("Authorization", authorization)) }
      } else {
        request.trust = try await addresses.trust(for: request.url, from: address)
        request.mayBeLocal = isLocal
      }
      let response = try await http.perform(request, sink: sink)
      if isHome, let peer = response.peer { isLocal = isLocalAddress(peer) }
      switch response.status {
      case 401 where isHome && mayAuthorize:
        mayAuthorize = false
        authorization = try await authorizer.answer(
          response, refused: authorization, scope: call.scope, at: address)
        if authorization == nil { return response }
      case 301, 302, 303, 307, 308:
        let isKept = response.status >= 307 || [.get, .head].contains(call.method)
        guard call.followsRedirects, isKept else { return response }
        guard let location = response.location, Origin(location) != nil else {
          throw redirected(call, "not to http or https")
        }
        request.url = location
      default: return response
      }
    }
    throw redirected(call, "more than \(Self.maximalRedirects) times")
  }

  /// Where a registry may send us: not out of TLS, and not to servers that only this machine sees.
  private func check(_ url: String, from home: Origin, isLocal: Bool, _ call: Call) throws {
    guard let next = Origin(url), next != home else { return }
    guard next.scheme == "https" || home.scheme == "http" else {
      throw redirected(call, "from https to http")
    }
    guard isLocal || !isLocalAddress(host(of: url)) else {
      throw redirected(call, "to the local address `\(next.host)`")
    }
  }

  private func redirected(_ call: Call, _ reason: String) -> RegistryFault {
    .redirected(registry: call.registry, reason: reason)
  }
}

// MARK: - Again

extension Exchange {
  /// Repeats while the failure may pass. A mirror gets no second chance: there is somebody else to ask.
  func answer(_ call: Call, at site: Site) async throws -> HTTPResponse {
    var attempt = 1
    let attempts = site.isMirror ? 1 : retry.attempts
    while true {
      var pause: Duration?
      do {
        let response = try await send(call, at: site)
        guard isTransient(response.status), attempt < attempts else { return response }
        pause = try retryAfter(response, call)
      } catch let error as HTTPFault {
        let limit = if case .unreachable = error { min(2, attempts) } else { attempts }
        switch error {
        case .unreachable, .broken:
          guard attempt < limit else { throw translate(error, call) }
        default: throw translate(error, call)
        }
      }
      try await Task.sleep(for: pause ?? retry.wait(before: attempt))
      attempt += 1
    }
  }

  /// Reads from mirrors until one does well, and from the registry itself if none does.
  func reading<Value>(
    _ reference: ImageReference, _ read: (Site) async throws -> Value
  ) async throws -> Value {
    let sites = try await addresses.sites(reference.registry)
    for site in sites.dropLast() where !site.isAvoided {
      do { return try await read(site) } catch { try pass(error, at: site) }
    }
    guard let site = sites.last else { throw HTTPFault.unreachable("it has no address") }
    return try await read(site)
  }

  /// What the user or this machine did is no mirror's fault; all else sends to the next.
  func pass(_ error: any Error, at site: Site) throws {
    try Task.checkCancellation()
    switch error {
    case HTTPFault.cancelled, HTTPFault.abandoned, HTTPFault.noLibrary, RegistryFault.noLibrary:
      throw error
    case HTTPFault.unreachable, RegistryFault.unreachable, RegistryFault.untrusted,
      RegistryFault.wrongDigest, RegistryFault.wrongSize:
      site.avoid()
    default: break
    }
  }

  func site(_ reference: ImageReference) async throws -> Site {
    let sites = try await addresses.sites(reference.registry)
    guard let site = sites.last else { throw HTTPFault.unreachable("it has no address") }
    return site
  }

  func isTransient(_ status: Int) -> Bool {
    status == 408 || status == 429 || (500...599).contains(status)
  }

  /// How long a registry asks to wait; throws when that is too long.
  func retryAfter(_ response: HTTPResponse, _ call: Call) throws -> Duration? {
    guard let seconds = response.header("retry-after").flatMap(secondsToWait), seconds >= 0 else {
      return nil
    }
    let wait = Duration.seconds(seconds)
    guard wait <= retry.longestWait else {
      throw RegistryFault.limited(
        registry: call.registry,
        reason: authorizer.reason(of: response) ?? "too many requests", seconds: seconds)
    }
    return wait
  }
}

// MARK: - Failures in the user's words

extension Exchange {
  func translate(_ error: HTTPFault, _ call: Call) -> any Error {
    let registry = call.registry
    switch error {
    case .noLibrary: return RegistryFault.noLibrary
    case .unreachable(let reason):
      return RegistryFault.unreachable(registry: registry, reason: reason)
    case .untrusted(let reason):
      return RegistryFault.untrusted(
        registry: registry, reason: reason, folder: addresses.certificateFolder(registry))
    case .local: return redirected(call, "to a name that stands for a local address")
    case .plainServer: return RegistryFault.plain(registry: registry)
    case .broken(let reason), .misbehaved(let reason):
      return RegistryFault.unreachable(
        registry: registry, reason: "asking for `\(call.what)`: \(authorizer.redacted(reason))")
    case .unreadable(let reason): return RegistryFault.unreadable(what: call.what, reason: reason)
    case .abandoned, .cancelled: return error
    }
  }

  func fault(_ response: HTTPResponse, _ call: Call, missing: String = "manifest unknown")
    -> RegistryFault
  {
    let registry = call.registry
    let reason = authorizer.reason(of: response)
    switch response.status {
    case 404: return .notFound(registry: registry, what: call.what, reason: reason ?? missing)
    case 401, 403:
      return .denied(
        registry: registry, what: call.what, user: authorizer.user(at: registry),
        reason: reason ?? "authentication required")
    case 429:
      return .limited(registry: registry, reason: reason ?? "too many requests", seconds: nil)
    default:
      return .answered(
        registry: registry, what: call.what, status: response.status, reason: reason ?? "")
    }
  }
}
