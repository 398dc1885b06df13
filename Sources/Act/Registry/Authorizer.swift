// Answers a registry's challenges: tokens by the distribution token protocol, or Basic. What is
// learnt is kept per address and scope until it ends; credentials go to one origin alone, and a token
// that many need is fetched once.

import JSON
import Linux
import OCI
import Synchronization

final class Authorizer: Sendable {
  private struct Key: Hashable {
    var url: String
    var scope: Scope
  }

  private struct Entry {
    var header: String
    /// Nil for what does not end.
    var expires: ContinuousClock.Instant?
    var challenge: Challenge?
    var isLocal = false
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    /// Texts that no message may hold.
    var secrets: Set<String> = []
    /// Whose name was used, by registry.
    var users: [String: String] = [:]
  }

  private let http: HTTPClient
  private let credentials: Credentials
  private let addresses: RegistryAddresses
  private let flights = Flights<Key>()
  private let state = Mutex(State())

  init(http: HTTPClient, credentials: Credentials, addresses: RegistryAddresses) {
    self.http = http
    self.credentials = credentials
    self.addresses = addresses
  }

  /// The Authorization header to begin with; nil when nothing is known yet. A token near its end is
  /// renewed.
  func header(_ scope: Scope, at address: RegistryAddress) async throws -> String? {
    let key = Key(url: address.url, scope: scope)
    guard let entry = state.withLock({ $0.entries[key] }) else { return nil }
    if entry.expires.map({ $0 > .now }) ?? true { return entry.header }
    guard let challenge = entry.challenge else { return nil }
    return try await renew(
      key, refused: entry.header, [challenge], address, isLocal: entry.isLocal)
  }

  /// Answers the challenges of a 401; nil when they cannot be met.
  /// - Parameter refused: the header that the 401 came upon.
  func answer(
    _ response: HTTPResponse, refused: String?, scope: Scope, at address: RegistryAddress
  ) async throws -> String? {
    let challenges = response.all("www-authenticate").compactMap { Challenge($0) }
    let key = Key(url: address.url, scope: scope)
    return try await renew(
      key, refused: refused, challenges, address, isLocal: Self.isLocal(response, address))
  }

  /// Whether the registry is one that only this machine sees.
  private static func isLocal(_ response: HTTPResponse, _ address: RegistryAddress) -> Bool {
    isLocalAddress(host(of: address.url)) || response.peer.map(isLocalAddress) == true
  }

  /// One of those who need it asks, the others wait and take what it got.
  private func renew(
    _ key: Key, refused: String?, _ challenges: [Challenge], _ address: RegistryAddress,
    isLocal: Bool
  ) async throws -> String? {
    try await flights.alone(key) {
      if let known = self.state.withLock({ $0.entries[key] }), known.header != refused {
        return known.header
      }
      let entry = try await self.entry(challenges, key.scope, address, isLocal: isLocal)
      // A header that was tried and refused is forgotten.
      self.state.withLock { $0.entries[key] = entry }
      return entry?.header
    }
  }

  private func entry(
    _ challenges: [Challenge], _ scope: Scope, _ address: RegistryAddress, isLocal: Bool
  ) async throws -> Entry? {
    if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
      let realm = try checkedRealm(bearer, address, isLocal: isLocal)
      let credential = realm.mayGetSecret ? try await credential(address.registry) : nil
      if let token = credential?.registryToken { return Entry(header: "Bearer " + token) }
      let start = ContinuousClock.now
      let token = try await token(
        realm, bearer, scope.texts(bearer), credential, address, isLogin: false)
      return Entry(
        header: "Bearer " + token.text, expires: start + token.lifetime, challenge: bearer,
        isLocal: isLocal)
    }
    guard challenges.contains(where: { $0.scheme == "basic" }),
      let credential = try await credential(address.registry), !credential.username.isEmpty
    else { return nil }
    return Entry(header: "Basic " + credential.basic)
  }

  private func credential(_ registry: String) async throws -> Credential? {
    let credential = try await credentials.find(registry)
    if let credential { note(credential, registry) }
    return credential
  }

  private func note(_ credential: Credential, _ registry: String) {
    state.withLock { state in
      state.secrets.formUnion(credential.secrets)
      state.users[registry] = credential.username
    }
  }

  /// Who we are at a registry; nil for nobody. Empty where a token stands for the name.
  func user(at registry: String) -> String? { state.withLock { $0.users[registry] } }

  /// A text from outside without any secret that it may repeat.
  func redacted(_ text: String) -> String {
    let secrets = state.withLock { $0.secrets }
    return secrets.sorted { $0.utf8.count > $1.utf8.count }.reduce(text) { text, secret in
      text.replacing(secret, with: "***")
    }
  }

  /// The first error of a registry's JSON body, in its own words.
  func reason(of response: HTTPResponse) -> String? {
    errorText(of: response).map { printable(redacted($0)) }
  }
}

// MARK: - Logging in

extension Authorizer {
  /// The header that a credential gives at a registry, to be tried there.
  /// - Returns: with the identity token that the token server gave, if it did. Nil when nothing is
  ///   asked for that a name and password could answer.
  func proof(of credential: Credential, for response: HTTPResponse, at address: RegistryAddress)
    async throws -> (header: String, identity: String?)?
  {
    note(credential, address.registry)
    let challenges = response.all("www-authenticate").compactMap { Challenge($0) }
    if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
      let realm = try checkedRealm(
        bearer, address, isLocal: Self.isLocal(response, address))
      guard realm.mayGetSecret else {
        throw RegistryFault.redirected(
          registry: address.registry, reason: "its token server is not behind TLS")
      }
      let token = try await token(realm, bearer, [], credential, address, isLogin: true)
      return ("Bearer " + token.text, token.identity)
    }
    guard challenges.contains(where: { $0.scheme == "basic" }) else { return nil }
    return ("Basic " + credential.basic, nil)
  }
}

// MARK: - The token server

extension Authorizer {
  /// A token server that a registry may name.
  private struct Realm {
    var url: String
    var mayGetSecret: Bool
    var mayBeLocal: Bool
  }

  private func checkedRealm(_ challenge: Challenge, _ address: RegistryAddress, isLocal: Bool)
    throws
    -> Realm
  {
    let registry = address.registry
    guard let url = challenge.parameters["realm"], let realm = Origin(url),
      let home = Origin(address.url)
    else {
      throw RegistryFault.answered(
        registry: registry, what: "a token", status: 401,
        reason: "it names no usable token server")
    }
    guard realm.scheme == "https" || home.scheme == "http" else {
      throw RegistryFault.redirected(
        registry: registry, reason: "its token server is not behind TLS")
    }
    guard isLocal || !isLocalAddress(host(of: url)) else {
      throw RegistryFault.redirected(
        registry: registry, reason: "its token server is at the local address `\(realm.host)`")
    }
    // A secret goes in clear text only to the very server that the user named.
    return Realm(
      url: url, mayGetSecret: realm.scheme == "https" || realm == home, mayBeLocal: isLocal)
  }

  private func token(
    _ realm: Realm, _ challenge: Challenge, _ scopes: [String], _ credential: Credential?,
    _ address: RegistryAddress, isLogin: Bool
  ) async throws -> Token {
    var request = Self.request(
      realm.url, service: challenge.parameters["service"], scopes: scopes, credential,
      isLogin: isLogin)
    request.trust = try await addresses.trust(for: realm.url, from: address)
    request.mayBeLocal = realm.mayBeLocal
    let now = Token.now
    let response = try await http.perform(request)
    let registry = address.registry
    switch response.status {
    case 200: break
    case 408, 429, 500...599:
      let words = reason(of: response).map { ": " + $0 } ?? ""
      throw HTTPFault.broken("its token server answers \(response.status)\(words)")
    default:
      throw RegistryFault.denied(
        registry: registry, what: scopes.first ?? "", user: user(at: registry),
        reason: reason(of: response) ?? "its token server answers \(response.status)")
    }
    // No JSON is no token, as below.
    guard let token = Token(try? JSONValue(parsing: response.body), now: now) else {
      throw RegistryFault.denied(
        registry: registry, what: scopes.first ?? "", user: user(at: registry),
        reason: "its token server gives no token")
    }
    state.withLock { state in
      state.secrets.formUnion([token.text] + (token.identity.map { [$0] } ?? []))
    }
    return token
  }

  private static func request(
    _ realm: String, service: String?, scopes: [String], _ credential: Credential?, isLogin: Bool
  ) -> HTTPRequest {
    if let identity = credential?.identityToken {
      var fields = [
        ("grant_type", "refresh_token"), ("refresh_token", identity), ("client_id", "berth"),
        ("service", service ?? ""),
      ]
      if !scopes.isEmpty { fields.append(("scope", scopes.joined(separator: " "))) }
      return HTTPRequest(
        .post, realm, headers: [("Content-Type", "application/x-www-form-urlencoded")],
        body: .bytes(Array(form(fields).utf8)))
    }
    var fields = scopes.map { ("scope", $0) }
    if let service { fields.insert(("service", service), at: 0) }
    if let credential, !credential.username.isEmpty {
      fields.append(("account", credential.username))
    }
    if isLogin { fields += [("client_id", "berth"), ("offline_token", "true")] }
    let url = fields.isEmpty ? realm : realm + (realm.contains("?") ? "&" : "?") + form(fields)
    let headers = credential.map { [(name: "Authorization", value: "Basic " + $0.basic)] } ?? []
    return HTTPRequest(.get, url, headers: headers)
  }

  private static func form(_ fields: [(String, String)]) -> String {
    fields.map { "\($0)=\(percentEncoded($1))" }.joined(separator: "&")
  }
}

/// The first error of a registry's JSON body as it stands there.
private func errorText(of response: HTTPResponse) -> String? {
  // Anything else than the specified error document says nothing to the user.
  guard let body = try? JSONValue(parsing: response.body) else { return nil }
  let first = body["errors"]?.array?.first
  let texts = [first?["message"], first?["code"], body["details"], body["message"], body["error"]]
  return texts.lazy.compactMap { $0?.string }.first { !$0.isEmpty }
}
