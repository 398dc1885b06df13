// Answers a registry's challenges: tokens by the distribution token protocol, or Basic. What is
// learnt is kept per registry and scope; credentials go to one origin alone.

import JSON
import OCI
import Synchronization

final class Authorizer: Sendable {
  private struct Key: Hashable {
    var registry: String
    var repository: String
  }

  private let http: HTTPClient
  private let credentials: Credentials
  private let headers = Mutex<[Key: String]>([:])

  init(http: HTTPClient, credentials: Credentials) {
    self.http = http
    self.credentials = credentials
  }

  /// The Authorization header to begin with; nil when nothing is known yet.
  func header(_ reference: ImageReference) -> String? {
    headers.withLock { $0[Self.key(reference)] }
  }

  private static func key(_ reference: ImageReference) -> Key {
    Key(registry: reference.registry, repository: reference.repository)
  }

  /// Answers the challenges of a 401; nil when they cannot be met.
  func answer(_ response: HTTPResponse, for reference: ImageReference, at origin: Origin)
    async throws -> String?
  {
    let challenges = response.all("www-authenticate").compactMap { Challenge($0) }
    var header: String?
    if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
      header = try await token(bearer, reference, origin).map { "Bearer " + $0 }
    } else if challenges.contains(where: { $0.scheme == "basic" }),
      let credential = try await credentials.find(reference.registry), !credential.username.isEmpty
    {
      header = Self.basic(credential)
    }
    // A header that was tried and refused is forgotten.
    headers.withLock { $0[Self.key(reference)] = header }
    return header
  }

  private static func basic(_ credential: Credential) -> String {
    "Basic " + credential.basic
  }

  private func token(_ challenge: Challenge, _ reference: ImageReference, _ origin: Origin)
    async throws -> String?
  {
    guard let realm = challenge.parameters["realm"], let realmOrigin = Origin(realm) else {
      throw RegistryFault.answered(
        registry: reference.registry, what: reference.familiar, status: 401,
        reason: "it names no usable token server")
    }
    guard realmOrigin.scheme == "https" || origin.scheme == "http" else {
      throw RegistryFault.redirected(
        registry: reference.registry, reason: "its token server is not behind TLS")
    }
    // A secret goes in clear text only to the very server that the user named.
    let mayGetSecret = realmOrigin.scheme == "https" || realmOrigin == origin
    let credential = mayGetSecret ? try await credentials.find(reference.registry) : nil
    let scope = challenge.parameters["scope"] ?? "repository:\(reference.repository):pull"
    let request = Self.request(
      realm, service: challenge.parameters["service"], scope: scope, credential)
    let response = try await http.perform(request)
    guard response.status == 200 else {
      throw RegistryFault.denied(
        registry: reference.registry, what: reference.familiar,
        reason: reason(of: response) ?? "its token server answers \(response.status)")
    }
    let answer = try? JSONValue(parsing: response.body)  // no JSON is no token, as below
    guard let token = answer?["token"]?.string ?? answer?["access_token"]?.string, !token.isEmpty,
      token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else {
      throw RegistryFault.denied(
        registry: reference.registry, what: reference.familiar,
        reason: "its token server gives no token")
    }
    return token
  }

  private static func request(
    _ realm: String, service: String?, scope: String, _ credential: Credential?
  ) -> HTTPRequest {
    if let identity = credential?.identityToken {
      let fields = [
        ("grant_type", "refresh_token"), ("refresh_token", identity), ("client_id", "berth"),
        ("service", service ?? ""), ("scope", scope),
      ]
      let form = fields.map { "\($0)=\(percentEncoded($1))" }.joined(separator: "&")
      return HTTPRequest(
        .post, realm, headers: [("Content-Type", "application/x-www-form-urlencoded")],
        body: Array(form.utf8))
    }
    var query = "scope=\(percentEncoded(scope))"
    if let service { query = "service=\(percentEncoded(service))&" + query }
    let url = realm + (realm.contains("?") ? "&" : "?") + query
    let headers = credential.map { [(name: "Authorization", value: basic($0))] } ?? []
    return HTTPRequest(.get, url, headers: headers)
  }
}

/// The first error of a registry's JSON body, in its own words.
func reason(of response: HTTPResponse) -> String? {
  // Anything else than the specified error document says nothing to the user.
  guard let body = try? JSONValue(parsing: response.body) else { return nil }
  let first = body["errors"]?.array?.first
  let texts = [first?["message"], first?["code"], body["details"], body["message"], body["error"]]
  return texts.lazy.compactMap { $0?.string }.first { !$0.isEmpty }.map { printable($0) }
}
