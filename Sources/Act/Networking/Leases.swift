// Addresses, each held by a file that is made with O_EXCL and says who holds it, so that two
// processes at once never give out the same one.

package import Addressing
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
      guard network.subnet.isAssignable(wanted) else {
        throw NetworkError.addressOutside(address: wanted, name: network.name)
      }
      guard wanted != network.gateway else {
        throw NetworkError.addressTaken(
          address: wanted, name: network.name, holder: "the network's gateway")
      }
      if try take(wanted, network, id) { return wanted }
      let holder = try leaseHolder(wanted, network)
      if holder == id { return wanted }
      throw NetworkError.addressTaken(
        address: wanted, name: network.name,
        holder: "container `\((holder ?? "").prefix(12))`")
    }
    guard let lowest = try lease(network, containers: [id]).first else {
      throw NetworkError.full(name: network.name, subnet: network.subnet)
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
      guard let address = range.address(at: index), network.subnet.isAssignable(address),
        address != network.gateway, !taken.contains(address)
      else { continue }
      if try take(address, network, ids[given.count]) { given.append(address) }
    }
    if given.count == ids.count { return given }
    for (address, id) in zip(given, ids) {
      try release(address, network: network.name, container: id)
    }
    throw NetworkError.full(name: network.name, subnet: range)
  }

  /// Who holds which address of the network.
  package func leases(_ network: String) throws -> [(address: IPv4Address, container: String)] {
    try namesInFolder(leasesFolder(network)).compactMap { component in
      guard let address = IPv4Address(component.string),
        let holder = try readFile(leasesFolder(network).appending(component), limit: 256)
      else { return nil }
      return (address, String(decoding: holder, as: UTF8.self))
    }.sorted { $0.address < $1.address }
  }

  /// Gives the address back if the container holds it. Nothing to give back is no error.
  package func release(_ address: IPv4Address, network: String, container id: String) throws {
    let path = leasesFolder(network).appending(address.description)
    guard let holder = try readFile(path, limit: 256), holder == Array(id.utf8) else { return }
    try removeFile(path)
  }

  /// Gives back what belongs to containers that are gone. `isPresent` answers for a container's id.
  package func sweepLeases(_ network: String, isPresent: (String) throws -> Bool) throws {
    for lease in try leases(network) where try !isPresent(lease.container) {
      try release(lease.address, network: network, container: lease.container)
    }
  }

  private func leaseHolder(_ address: IPv4Address, _ network: NetworkRecord) throws -> String? {
    let path = leasesFolder(network.name).appending(address.description)
    return try readFile(path, limit: 256).map { String(decoding: $0, as: UTF8.self) }
  }

  /// False when another container has it. The holder's id is there from the file's first moment: it is
  /// written aside and linked into place, which fails like O_EXCL when the name is taken.
  private func take(_ address: IPv4Address, _ network: NetworkRecord, _ id: String) throws -> Bool {
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
