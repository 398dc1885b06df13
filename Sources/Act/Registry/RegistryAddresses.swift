// Where a registry is spoken to: its mirrors before it, https before http or the other way round, and
// whom to trust there. What the first exchange finds out holds for the rest of the process.

import Addressing
import CCurl
import CLinux
import Glibc
import Linux
import OCI
import Synchronization
import SystemPackage

/// One address of a host.
struct RegistryAddress: Hashable, Sendable {
  /// Whose credentials are used here: `docker.io`, or the mirror's own host.
  let registry: String
  let scheme: String
  /// `registry-1.docker.io`, `localhost:5000`
  let host: String
  let trust: Trust

  var url: String { "\(scheme)://\(host)" }
}

/// A host and the ways to speak to it, of which one turns out to work.
final class Site: Sendable {
  let isMirror: Bool
  let candidates: [RegistryAddress]
  private let chosen: Mutex<RegistryAddress?>
  private let dismissed = Mutex<Set<RegistryAddress>>([])
  private let avoided = Atomic<Bool>(false)

  init(isMirror: Bool, candidates: [RegistryAddress]) {
    self.isMirror = isMirror
    self.candidates = candidates
    chosen = Mutex(candidates.count == 1 ? candidates.first : nil)
  }

  var address: RegistryAddress? { chosen.withLock { $0 } }
  func choose(_ address: RegistryAddress) { chosen.withLock { $0 = address } }

  /// The ways that may still be the one.
  var rest: [RegistryAddress] {
    let dismissed = dismissed.withLock { $0 }
    return candidates.filter { !dismissed.contains($0) }
  }

  /// The second way has led nowhere: it is not tried again.
  func dismiss(_ address: RegistryAddress) {
    guard address != candidates.first else { return }
    dismissed.withLock { _ = $0.insert(address) }
  }

  /// A mirror that cannot be reached, or lies, is not asked again.
  var isAvoided: Bool { avoided.load(ordering: .relaxed) }
  func avoid() { avoided.store(true, ordering: .relaxed) }
}

final class RegistryAddresses: Sendable {
  private static let dockerHubHost = "registry-1.docker.io"

  private let settings: RegistrySettings
  private let folders: CertificateFolders
  private let sites = Mutex<[String: [Site]]>([:])

  init(_ settings: RegistrySettings) {
    self.settings = settings
    folders = CertificateFolders(root: settings.certificates)
  }

  /// The registry itself last, before it what may answer in its place to those who read.
  func sites(_ registry: String) async throws -> [Site] {
    if let known = sites.withLock({ $0[registry] }) { return known }
    let made = try await blocking { try self.make(registry) }
    return sites.withLock { sites in
      // Another task may have been quicker: what it has learnt is kept.
      let known = sites[registry] ?? made
      sites[registry] = known
      return known
    }
  }

  private func make(_ registry: String) throws -> [Site] {
    guard registry == ImageReference.dockerHub else {
      return [try site(host: registry, registry: registry)]
    }
    let mirrors = try settings.mirrors.map { mirror in
      let origin = mirror.firstRange(of: "://").map { $0.upperBound } ?? mirror.startIndex
      let host = String(mirror[origin...])
      let scheme = mirror.lowercased().hasPrefix("https") ? "https" : "http"
      return try site(host: host, registry: host, scheme: scheme, isMirror: true)
    }
    return mirrors + [
      try site(host: Self.dockerHubHost, registry: registry, scheme: "https")
    ]
  }

  /// - Parameter scheme: the only one that may be spoken; nil leaves it to what is allowed.
  private func site(
    host: String, registry: String, scheme: String? = nil, isMirror: Bool = false
  ) throws -> Site {
    var trust = try folders.trust(for: host)
    let isInsecure = isInsecure(host)
    if isInsecure { trust.verifies = false }
    let schemes: [String]
    if let scheme {
      schemes = [scheme]
    } else if !isInsecure {
      schemes = ["https"]
    } else if isLoopback(Self.name(of: host)), Self.hasPort(host) {
      // Most registries on loopback speak http, and asking costs no handshake. One that speaks TLS
      // says so at once.
      schemes = ["http", "https"]
    } else {
      schemes = ["https", "http"]
    }
    return Site(
      isMirror: isMirror,
      candidates: schemes.map {
        RegistryAddress(registry: registry, scheme: $0, host: host, trust: trust)
      })
  }

  private static func name(of host: String) -> String { Registry.host(of: "https://\(host)") }

  private static func hasPort(_ host: String) -> Bool {
    host.last != "]" && host[(host.lastIndex(of: "]") ?? host.startIndex)...].contains(":")
  }

  /// Whether a bad certificate, or none, is borne. Blocks on name service where blocks of addresses
  /// are given.
  private func isInsecure(_ host: String) -> Bool {
    let name = Self.name(of: host)
    if isLoopback(name) || settings.insecure.contains(.host(host.lowercased())) { return true }
    let blocks = settings.insecure.filter { if case .host = $0 { false } else { true } }
    guard !blocks.isEmpty else { return false }
    let addresses = IPAddress(name).map { [$0] } ?? resolve(name)
    return addresses.contains { address in blocks.contains { $0.contains(address) } }
  }

  /// Whom to trust at an address that a registry sends to. One of the same host is the registry's
  /// own; elsewhere its authorities count, its leniency does not.
  func trust(for url: String, from address: RegistryAddress) async throws -> Trust {
    guard let origin = Origin(url) else { return Trust() }
    if origin.host == Origin(address.url)?.host { return address.trust }
    guard origin.scheme == "https" else { return Trust() }
    return try await blocking {
      let host = origin.port == 443 ? origin.host : "\(origin.host):\(origin.port)"
      var trust = try self.folders.trust(for: host)
      if trust == Trust() { trust.authorities = address.trust.authorities }
      trust.verifies = !self.isInsecure(host)
      return trust
    }
  }

  /// Where the user puts an authority's certificate for a registry, and what else helps.
  func certificateFolder(_ registry: String) -> String {
    let host = registry == ImageReference.dockerHub ? Self.dockerHubHost : registry
    return folders.folder(host).string
  }
}

/// All addresses of a name; none when it has none. Blocks.
private func resolve(_ name: String) -> [IPAddress] {
  var hints = addrinfo()
  hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
  var list: UnsafeMutablePointer<addrinfo>?
  guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
  defer { freeaddrinfo(list) }
  var addresses: [IPAddress] = []
  var entry = list
  while let info = entry?.pointee {
    var text = [CChar](repeating: 0, count: 128)
    let numeric: Int32 = 1  // NI_NUMERICHOST
    if getnameinfo(info.ai_addr, info.ai_addrlen, &text, 128, nil, 0, numeric) == 0,
      let address = IPAddress(
        String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self))
    {
      addresses.append(address)
    }
    entry = info.ai_next
  }
  return addresses
}
