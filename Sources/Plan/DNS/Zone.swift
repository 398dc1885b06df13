// The names of the networks that one container is on.

package import Addressing

/// One running container on one network.
package struct NamedHost: Hashable, Sendable {
  /// One of each family at most.
  package var addresses: [IPAddress]
  /// What its addresses are called when asked backwards.
  package var ownName: [UInt8]
  package var names: [[UInt8]]

  package init(addresses: [IPAddress], ownName: [UInt8], names: [[UInt8]]) {
    self.addresses = addresses
    self.ownName = ownName
    self.names = names
  }
}

/// Answers names with addresses and addresses with names, nothing else. All names lie in one piece of
/// memory, sorted by a hash: a shim has many names and little room.
package struct Zone: Sendable {
  private struct Entry {
    var hash: UInt32
    var offset: UInt32
    /// Its place among `addresses`.
    var address: UInt32
    var network: UInt16
  }

  private var text: [UInt8] = []
  private var addresses: [IPAddress] = []
  private var entries: [Entry] = []
  /// The same for the addresses, in the order of the hosts.
  private var own: [Entry] = []
  private var networks: [DomainName] = []

  package init() {}

  /// Names that no message can carry are left out: nobody can ask for them.
  package init(_ networks: [(name: [UInt8], hosts: [NamedHost])]) {
    for (index, network) in networks.prefix(Int(UInt16.max)).enumerated() {
      self.networks.append(DomainName(network.name) ?? DomainName(verified: [0]))
      for host in network.hosts { add(host, network: UInt16(index)) }
    }
    entries.sort { $0.hash < $1.hash }
  }

  private mutating func add(_ host: NamedHost, network: UInt16) {
    let first = UInt32(truncatingIfNeeded: addresses.count)
    addresses += host.addresses
    let places = first..<UInt32(truncatingIfNeeded: addresses.count)
    for name in host.names.compactMap({ DomainName($0) }) {
      entries += made(name, places, network)
    }
    if let name = DomainName(host.ownName) { own += made(name, places, network) }
  }

  private mutating func made(
    _ name: DomainName, _ places: Range<UInt32>, _ network: UInt16
  ) -> [Entry] {
    let offset = UInt32(truncatingIfNeeded: text.count)
    text += name.wire
    let hash = hash(name.wire)
    return places.map { Entry(hash: hash, offset: offset, address: $0, network: network) }
  }

  /// What is known about `name`; nil when it is none of ours. `NAME` and `NAME.NETWORK` are the same.
  /// Several addresses come in an order that `random` chooses.
  package func lookUp(
    _ name: DomainName, _ type: RecordType, using random: inout some RandomNumberGenerator
  ) -> Answer? {
    if let address = name.reverseAddress {
      let names = ownNames(of: address)
      if names.isEmpty { return nil }
      return type == .ptr || type == .any ? .names(names) : .empty
    }
    var addresses: [IPAddress] = []
    collect(name, network: nil, into: &addresses)
    for (index, network) in networks.enumerated() {
      guard let first = name.removing(suffix: network) else { continue }
      collect(first, network: UInt16(index), into: &addresses)
    }
    if addresses.isEmpty { return nil }
    switch type {
    case .a: addresses.removeAll { $0.isV6 }
    case .aaaa: addresses.removeAll { !$0.isV6 }
    case .any: break
    default: return .empty
    }
    if addresses.isEmpty { return .empty }
    if addresses.count > 1 { addresses.shuffle(using: &random) }
    return .addresses(addresses)
  }

  private func collect(_ name: DomainName, network: UInt16?, into found: inout [IPAddress]) {
    let wanted = hash(name.wire)
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].hash < wanted { low = middle + 1 } else { high = middle }
    }
    while low < entries.count, entries[low].hash == wanted {
      let entry = entries[low]
      low += 1
      let address = addresses[Int(entry.address)]
      guard network == nil || network == entry.network, isName(name, at: Int(entry.offset)),
        !found.contains(address)
      else { continue }
      found.append(address)
    }
  }

  private func isName(_ name: DomainName, at offset: Int) -> Bool {
    offset + name.wire.count <= text.count
      && text[offset..<(offset + name.wire.count)].elementsEqual(name.wire)
  }

  private func ownNames(of address: IPAddress) -> [DomainName] {
    own.compactMap { entry in
      guard addresses[Int(entry.address)] == address else { return nil }
      let start = Int(entry.offset)
      var end = start
      while text[end] != 0 { end += 1 + Int(text[end]) }
      let wire = text[start..<end] + networks[Int(entry.network)].wire
      return wire.count <= DomainName.longest ? DomainName(verified: Array(wire)) : nil
    }
  }
}

/// FNV-1a.
private func hash(_ bytes: [UInt8]) -> UInt32 {
  bytes.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
}
