// Addresses, each held by a file that is made with O_EXCL and says who holds it, so that two
// processes at once never give out the same one.

package import Addressing
package import Blueprint
import CLinux
import Glibc
import Linux
import Store
import SystemPackage

extension NetworkStore {
  /// Takes `wanted`, or the lowest free address, for the container `id`. To ask again for a wanted
  /// address that the container already holds is no error.
  package func lease(
    _ network: NetworkRecord, container id: String, wanted: IPv4Address? = nil
  ) throws -> IPv4Address {
    try makeFolders(leasesFolder(network.name))
    if let wanted {
      try take(wanted: .v4(wanted), network, id)
      return wanted
    }
    guard let lowest = try lease(network, containers: [id]).first else {
      throw NetworkError.full(name: network.name, subnet: "\(network.subnet)")
    }
    return lowest
  }

  /// Takes the lowest free addresses for many containers, in their order: the folder is read once.
  /// All of them or none.
  package func lease(_ network: NetworkRecord, containers ids: [String]) throws -> [IPv4Address] {
    try makeFolders(leasesFolder(network.name))
    let taken = Set(
      try namesInFolder(leasesFolder(network.name)).compactMap { IPv4Address($0.string) })
    let range = network.range ?? network.subnet
    var given: [IPv4Address] = []
    for index in 0..<min(range.count, 1 << 20) where given.count < ids.count {
      guard let address = range.address(at: index), network.mayGive(.v4(address)),
        !taken.contains(address)
      else { continue }
      if try take(.v4(address), network, ids[given.count]) { given.append(address) }
    }
    if given.count == ids.count { return given }
    for (address, id) in zip(given, ids) {
      try release(.v4(address), network: network.name, container: id)
    }
    throw NetworkError.full(name: network.name, subnet: "\(range)")
  }

  /// The same of IPv6: `wanted`, or what stands at the same place of its block as `address` of the
  /// network's other block, or the lowest free one. Nil on a network without IPv6.
  package func lease6(
    _ network: NetworkRecord, container id: String, beside address: IPv4Address,
    wanted: IPv6Address? = nil
  ) throws -> IPv6Address? {
    guard let block = network.ipv6 else {
      guard let wanted else { return nil }
      throw NetworkError.noIPv6(address: wanted, name: network.name)
    }
    try makeFolders(leasesFolder(network.name))
    if let wanted {
      try take(wanted: .v6(wanted), network, id)
      return wanted
    }
    let range = block.range ?? block.subnet
    let place = UInt64(address.number &- network.subnet.base.number)
    if block.range == nil, let twin = range.address(at: place), network.mayGive(.v6(twin)),
      try take(.v6(twin), network, id)
    {
      return twin
    }
    for index in UInt64(0)..<(1 << 20) {
      guard let address = range.address(at: index) else { break }
      if network.mayGive(.v6(address)), try take(.v6(address), network, id) { return address }
    }
    throw NetworkError.full(name: network.name, subnet: "\(range)")
  }

  /// Who holds which address of the network.
  package func leases(_ network: String) throws -> [(address: IPAddress, container: String)] {
    try namesInFolder(leasesFolder(network)).compactMap { component in
      guard let address = IPAddress(component.string),
        let holder = try readFile(leasesFolder(network).appending(component), limit: 256)
      else { return nil }
      return (address, String(decoding: holder, as: UTF8.self))
    }.sorted { $0.address < $1.address }
  }

  /// Gives the address back if the container holds it. Nothing to give back is no error.
  package func release(_ address: IPAddress, network: String, container id: String) throws {
    let path = leasesFolder(network).appending(address.description)
    guard let holder = try readFile(path, limit: 256), holder == Array(id.utf8) else { return }
    try removeFile(path)
  }

  /// Gives back all addresses of a container's endpoints.
  package func release(_ endpoints: [EndpointBlueprint], container id: String) throws {
    for endpoint in endpoints {
      for text in [endpoint.address, endpoint.address6].compactMap({ $0 }) {
        guard let address = IPAddress(text) else { continue }
        try release(address, network: endpoint.network, container: id)
      }
    }
  }

  /// Gives back what belongs to containers that are gone. `isPresent` answers for a container's id.
  package func sweepLeases(_ network: String, isPresent: (String) throws -> Bool) throws {
    for lease in try leases(network) where try !isPresent(lease.container) {
      try release(lease.address, network: network, container: lease.container)
    }
  }

  /// Takes this very address or says who has it.
  private func take(wanted: IPAddress, _ network: NetworkRecord, _ id: String) throws {
    guard network.contains(wanted), network.isAssignable(wanted) else {
      throw NetworkError.addressOutside(address: wanted, name: network.name)
    }
    if let holder = network.holder(of: wanted) {
      throw NetworkError.addressTaken(address: wanted, name: network.name, holder: holder)
    }
    if try take(wanted, network, id) { return }
    let path = leasesFolder(network.name).appending(wanted.description)
    let holder = try readFile(path, limit: 256).map { String(decoding: $0, as: UTF8.self) }
    if holder == id { return }
    throw NetworkError.addressTaken(
      address: wanted, name: network.name, holder: "container `\((holder ?? "").prefix(12))`")
  }

  /// False when another container has it. The holder's id is there from the file's first moment: it is
  /// written aside and linked into place, which fails like O_EXCL when the name is taken.
  private func take(_ address: IPAddress, _ network: NetworkRecord, _ id: String) throws -> Bool {
    let folder = leasesFolder(network.name)
    let target = folder.appending(address.description)
    if access(target.string, F_OK) == 0 { return false }
    let aside = folder.appending(".\(try randomDigits(16))")
    let file = try Descriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
    try file.writeAll(Array(id.utf8))
    let result = aside.withPlatformString { from in
      target.withPlatformString { link(from, $0) }
    }
    let reason = Errno.current
    try removeFile(aside)
    if result == 0 { return true }
    if reason == .fileExists { return false }
    throw SystemCallError("link", target.string, reason)
  }
}

extension NetworkRecord {
  fileprivate func isAssignable(_ address: IPAddress) -> Bool {
    switch address {
    case .v4(let address): subnet.isAssignable(address)
    case .v6(let address): ipv6?.subnet.isAssignable(address) ?? false
    }
  }

  /// Who has an address without a lease.
  fileprivate func holder(of address: IPAddress) -> String? {
    if address == .v4(gateway) || address == (ipv6?.gateway).map(IPAddress.v6) {
      return "the network's gateway"
    }
    return reserved?.first { $0.value == address }.map { "`\($0.key)` of its aux_addresses" }
  }

  /// Whether a container may get the address without having asked for it.
  fileprivate func mayGive(_ address: IPAddress) -> Bool {
    isAssignable(address) && holder(of: address) == nil
  }
}
