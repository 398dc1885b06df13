// Addresses, each held by a file that is made with O_EXCL and says who holds it, so that two
// processes at once never give out the same one.

package import Addressing
package import Blueprint
import CLinux
import Glibc
import Linux
import Store
import SystemPackage

/// The addresses of one container on one network: of each family that the network has.
package struct Lease: Sendable, Hashable {
  package var address: IPv4Address?
  package var address6: IPv6Address?

  /// Made of the address, so that a neighbour finds a new container at the old one's address as before.
  package var hardwareAddress: MACAddress {
    MACAddress(for: address ?? IPv4Address(UInt32(truncatingIfNeeded: hash)))
  }

  private var hash: UInt64 { fowlerNollVo(address6?.octets ?? []) }
}

extension EndpointBlueprint {
  /// On `network` with the addresses of `lease`, by a link of its own of the host.
  package init(
    on network: NetworkRecord, _ lease: Lease, interface: String, hardwareAddress: MACAddress?,
    names: [String]
  ) throws {
    self.init(
      network: network.name, bridge: network.bridge,
      hostInterface: try NetworkStore.newInterfaceName(), interface: interface,
      address: lease.address.map { "\($0)" }, prefixLength: network.ipv4?.subnet.prefixLength,
      gateway: network.hasGateway ? network.ipv4.map { "\($0.gateway)" } : nil,
      hardwareAddress: "\(hardwareAddress ?? lease.hardwareAddress)", names: names,
      isInternal: network.isInternal, isPrimary: false)
    guard let address = lease.address6, let block = network.ipv6 else { return }
    address6 = "\(address)"
    prefixLength6 = block.subnet.prefixLength
    gateway6 = network.hasGateway6 ? "\(block.gateway)" : nil
  }
}

extension NetworkStore {
  /// Takes the wanted addresses, or the lowest free ones, for the container `id`; of IPv6, if nothing is
  /// wanted, the one at the same place of its block as the other. To ask again for a wanted address that
  /// the container already holds is no error.
  ///
  /// - Parameter old: a container whose place this one is to take. Addresses of its that fit are given
  ///   again, and stay its own until `handOver`.
  package func lease(
    _ network: NetworkRecord, container id: String, wanted: IPv4Address? = nil,
    wanted6: IPv6Address? = nil, replacing old: String? = nil
  ) throws -> Lease {
    for address in [wanted?.any, wanted6?.any].compactMap({ $0 }) {
      let hasFamily = address.isV6 ? network.ipv6 != nil : network.ipv4 != nil
      if !hasFamily { throw NetworkError.familyMissing(address: address, name: network.name) }
    }
    try makeFolders(leasesFolder(network.name))
    var lease = Lease()
    var held: [IPAddress] = []
    if let old { held = try leases(network.name).filter { $0.container == old }.map(\.address) }
    lease.address = try take(network.ipv4, wanted, network, id, among: held)
    var place: UInt64?
    if let address = lease.address, let block = network.ipv4 {
      place = UInt64(address.number &- block.subnet.base.number)
    }
    lease.address6 = try take(network.ipv6, wanted6, network, id, first: place, among: held)
    return lease
  }

  /// Gives the addresses of a container that ends for good to the one that takes its place, where that
  /// has them, and back otherwise.
  package func handOver(
    _ endpoints: [EndpointBlueprint], of id: String, to heir: String,
    having theirs: [EndpointBlueprint]
  ) throws {
    for endpoint in endpoints {
      let inherited = theirs.first { $0.network == endpoint.network }?.addresses ?? []
      for text in endpoint.addresses where inherited.contains(text) {
        let path = leasesFolder(endpoint.network).appending(text)
        guard try readFile(path, limit: 256) == Array(id.utf8) else { continue }
        try writeFile(Array(heir.utf8), to: path, .volatile)
      }
    }
    try release(endpoints, container: id)
  }

  /// An address of `block`: the wanted one, that at the place `first`, or the lowest free one. Nil on a
  /// network without this family.
  private func take<Block>(
    _ block: NetworkBlock<Block>?, _ wanted: Block.Address?, _ network: NetworkRecord, _ id: String,
    first: UInt64? = nil, among held: [IPAddress]
  ) throws -> Block.Address? {
    guard let block else { return nil }
    if let wanted {
      if !held.contains(wanted.any) { try take(wanted: wanted.any, network, id) }
      return wanted
    }
    for case let address? in held.map({ $0.member(of: block.pool) }) { return address }
    if block.range == nil, let first, let twin = block.subnet.address(at: first),
      network.mayGive(twin.any), try take(twin.any, network, id)
    {
      return twin
    }
    let taken = Set(try namesInFolder(leasesFolder(network.name)).map(\.string))
    for index in UInt64(0)..<(1 << 20) {
      guard let address = block.pool.address(at: index) else { break }
      guard network.mayGive(address.any), !taken.contains(address.description) else { continue }
      if try take(address.any, network, id) { return address }
    }
    throw NetworkError.full(name: network.name, subnet: "\(block.pool)")
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
      for address in endpoint.addresses.compactMap({ IPAddress($0) }) {
        try release(address, network: endpoint.network, container: id)
      }
      try releaseGuard(of: endpoint)
      if endpoint.network == PredefinedNetwork.bridge { try removeUnused(endpoint.network) }
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
    guard network.isAssignable(wanted) else {
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

extension IPAddress {
  /// As an address of the block; nil when it is none.
  fileprivate func member<Block: AddressBlock>(of block: Block) -> Block.Address? {
    let address =
      switch self {
      case .v4(let address): address as? Block.Address
      case .v6(let address): address as? Block.Address
      }
    return address.flatMap { block.contains($0) ? $0 : nil }
  }
}

extension NetworkRecord {
  fileprivate func isAssignable(_ address: IPAddress) -> Bool {
    switch address {
    case .v4(let address): ipv4?.subnet.isAssignable(address) ?? false
    case .v6(let address): ipv6?.subnet.isAssignable(address) ?? false
    }
  }

  /// Who has an address without a lease.
  fileprivate func holder(of address: IPAddress) -> String? {
    if address == ipv4?.gateway.any || address == ipv6?.gateway.any {
      return "the network's gateway"
    }
    return reserved?.first { $0.value == address }.map { "`\($0.key)` of its aux_addresses" }
  }

  /// Whether a container may get the address without having asked for it.
  fileprivate func mayGive(_ address: IPAddress) -> Bool {
    isAssignable(address) && holder(of: address) == nil
  }
}
