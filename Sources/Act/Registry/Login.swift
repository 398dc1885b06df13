// Whether a registry takes a name and password, tried before they are stored.

import OCI

extension RegistryClient {
  /// Tries the credential at the registry's door.
  /// - Returns: what is to be stored: the credential, or an identity token in place of its password
  ///   where the registry's token server gives one.
  /// - Throws: `RegistryFault.loginRefused` when the registry does not take it.
  package func verify(_ credential: Credential, at key: CredentialKey) async throws -> Credential {
    let site = try await exchange.addresses.sites(key.registry).last
    guard let site else { throw HTTPFault.unreachable("it has no address") }
    let call = Call(door: key.registry)
    // As nobody: a registry that lets everybody in takes any name.
    let greeting = try await exchange.answer(call, at: site)
    if greeting.status == 200 { return credential }
    guard greeting.status == 401, let address = site.address else {
      throw exchange.fault(greeting, call)
    }
    let header: String
    var stored = credential
    do {
      guard
        let proof = try await exchange.authorizer.proof(
          of: credential, for: greeting, at: address)
      else { throw exchange.fault(greeting, call) }
      header = proof.header
      if let identity = proof.identity {
        stored.password = ""
        stored.identityToken = identity
      }
    } catch RegistryFault.denied(_, _, _, let reason) {
      throw RegistryFault.loginRefused(registry: key.registry, reason: reason)
    } catch let error as HTTPFault {
      throw exchange.translate(error, call)
    }
    var again = call
    again.headers = [("Authorization", header)]
    let answer = try await exchange.answer(again, at: site)
    switch answer.status {
    case 200: return stored
    case 401, 403:
      throw RegistryFault.loginRefused(
        registry: key.registry,
        reason: exchange.authorizer.reason(of: answer) ?? "it answers \(answer.status)")
    default: throw exchange.fault(answer, again)
    }
  }
}
