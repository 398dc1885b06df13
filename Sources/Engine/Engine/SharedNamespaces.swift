// Whose namespaces a container has: the names of the file become the ids of containers that exist.

import Blueprint
import Compose
import Diagnostics
import Glibc
import Store

/// A container whose namespaces cannot be joined.
struct PartnerMissing: Diagnosable {
  var service: Service
  var what: String
  var reason: String
  var hint: String?

  var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "service `\(service.name)` cannot share \(what): \(reason)", span: service.span, hint: hint)
    ]
  }
}

extension Session {
  /// The namespaces of one container; nil when all are its own.
  func namespaces(of service: Service, number: Int) throws -> NamespacesBlueprint? {
    let modes = service.namespaces
    var result = NamespacesBlueprint()
    switch modes.pid {
    case .own: break
    case .host: result.pid = .host
    case .shared(let choice):
      let partner = try partner(choice, of: service, number: number, sharing: "processes")
      result.pid = .container(partner.id)
    }
    switch modes.ipc {
    case .own: break
    case .none: result.ipc = .none
    case .shareable: result.ipc = .shareable
    case .host: result.ipc = .host
    case .shared(let choice):
      let partner = try partner(choice, of: service, number: number, sharing: "an ipc namespace")
      guard partner.blueprint.sharing.ipc == .shareable else {
        throw PartnerMissing(
          service: service, what: "an ipc namespace",
          reason: "container `\(partner.name)` keeps its own to itself",
          hint: "add `ipc: shareable` to its service")
      }
      result.ipc = .container(partner.id)
    }
    if modes.usesHostUTS { result.uts = .host }
    if modes.usesHostCgroup { result.cgroup = .host }
    result.cgroupParent = modes.cgroupParent
    return result == NamespacesBlueprint() ? nil : result
  }

  /// The container whose network is shared: the one that it is really of, for a container that
  /// shares one itself has none to give.
  func networkPartner(_ choice: ContainerChoice, of service: Service, number: Int) throws
    -> ContainerRecord
  {
    let what = "a network"
    var found = try partner(choice, of: service, number: number, sharing: what)
    // Each was made after the one that it names, so this comes to an end.
    while case .container(let id) = found.blueprint.network.mode {
      guard let next = try containers.record(id: id, project: found.project) else {
        throw PartnerMissing(
          service: service, what: what,
          reason: "the container that `\(found.name)` shares it with is gone",
          hint: "make `\(found.name)` anew")
      }
      found = next
    }
    return found
  }

  private func partner(
    _ choice: ContainerChoice, of service: Service, number: Int, sharing what: String
  ) throws -> ContainerRecord {
    switch choice {
    case .service(let name):
      let all = try containers.list(project: projectName).filter {
        $0.service == name && !$0.isOneOff
      }
      let best = all.first { $0.number == number } ?? all.min { $0.number < $1.number }
      if let best { return best }
      throw PartnerMissing(
        service: service, what: what, reason: "service `\(name)` has no container",
        hint: "bring up `\(name)` too")
    case .container(let name):
      let names = try containers.names()
      let named = names.filter { $0.name == name }
      let meant = named.isEmpty ? names.filter { $0.id.hasPrefix(name) } : named
      if meant.count == 1, let found = meant.first,
        let record = try containers.record(id: found.id, project: found.project)
      {
        return record
      }
      throw PartnerMissing(
        service: service, what: what,
        reason: meant.count > 1
          ? "`\(name)` is the beginning of several containers' ids" : "no container `\(name)`",
        hint: meant.count > 1 ? nil : "bring up the project that makes it")
    }
  }

  /// The host name of a new container: that of whoever its network or uts namespace is of.
  func hostname(of service: Service, id: String, number: Int) throws -> (
    name: String, domain: String?
  ) {
    if let choice = service.sharedNetwork {
      let partner = try networkPartner(choice, of: service, number: number).blueprint
      return (partner.hostname, partner.domainname)
    }
    if service.namespaces.usesHostUTS { return (hostName(), nil) }
    return (service.hostname ?? String(id.prefix(12)), service.domainName)
  }
}

/// This machine's name.
private func hostName() -> String {
  var names = utsname()
  guard uname(&names) == 0 else { return "localhost" }
  return withUnsafeBytes(of: names.nodename) { bytes in
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
