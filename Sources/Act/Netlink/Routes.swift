// Addresses of links, and routes, of both families. See rtnetlink(7).

package import Addressing
import CLinux
import Glibc
package import Linux

package struct LinkAddress: Hashable, Sendable {
  package var link: Int32
  package var address: IPAddress
  package var prefixLength: Int

  /// Reads an RTM_NEWADDR message; nil when it is none or of another family.
  package init?(_ message: NetlinkMessage) {
    guard message.type == RTM_NEWADDR, let family = message.body.number(UInt8.self, at: 0),
      let length = message.body.number(UInt8.self, at: 1),
      let link = message.body.number(Int32.self, at: 4)
    else { return nil }
    let attributes = message.attributes(after: 8)
    guard
      let address = (attributes[Int(IFA_LOCAL)] ?? attributes[Int(IFA_ADDRESS)])
        .flatMap({ IPAddress(octets: $0) }), family == address.family
    else { return nil }
    self.link = link
    self.address = address
    prefixLength = Int(length)
  }

  package var subnet: IPSubnet? { IPSubnet(address, prefixLength: prefixLength) }
}

package struct Route: Hashable, Sendable {
  package var destination: IPSubnet
  package var gateway: IPAddress?
  package var link: Int32?

  /// Reads an RTM_NEWROUTE message; nil when it is none, of another family, or of a table of the
  /// kernel's own (local addresses and broadcasts).
  package init?(_ message: NetlinkMessage) {
    guard message.type == RTM_NEWROUTE, let family = message.body.number(UInt8.self, at: 0),
      family == UInt8(AF_INET) || family == UInt8(AF_INET6),
      let length = message.body.number(UInt8.self, at: 1),
      message.body.number(UInt8.self, at: 4) != UInt8(RT_TABLE_LOCAL.rawValue)
    else { return nil }
    let attributes = message.attributes(after: 12)
    let base = attributes[Int(RTA_DST.rawValue)].flatMap { IPAddress(octets: $0) }
    let none: IPAddress = family == UInt8(AF_INET) ? .v4(.unspecified) : .v6(.unspecified)
    guard let destination = IPSubnet(base ?? none, prefixLength: Int(length)) else { return nil }
    self.destination = destination
    gateway = attributes[Int(RTA_GATEWAY.rawValue)].flatMap { IPAddress(octets: $0) }
    link = attributes[Int(RTA_OIF.rawValue)]?.number(Int32.self, at: 0)
  }
}

extension IPAddress {
  fileprivate var family: UInt8 { UInt8(isV6 ? AF_INET6 : AF_INET) }
}

extension NetlinkRequest {
  /// One that the link already has is no error. Addresses of IPv6 are in use at once: nobody else
  /// can have them, so the kernel need not ask around for a second.
  package static func addAddress(_ address: IPAddress, prefixLength: Int, link: Int32) -> Self {
    NetlinkRequest(
      "add address", "\(address)/\(prefixLength)", type: Int(RTM_NEWADDR),
      flags: Int(NLM_F_CREATE | NLM_F_EXCL), tolerated: EEXIST
    ) { writer in
      writer.append(address.family)
      writer.append(UInt8(clamping: prefixLength))
      writer.append(address.isV6 ? UInt8(IFA_F_NODAD) : 0)
      writer.append(UInt8(RT_SCOPE_UNIVERSE.rawValue))
      writer.append(link)
      writer.attribute(Int(IFA_LOCAL), address.octets)
      writer.attribute(Int(IFA_ADDRESS), address.octets)
      if case .v4(let address) = address, prefixLength < 31,
        let subnet = IPv4Subnet(address, prefixLength: prefixLength)
      {
        writer.attribute(Int(IFA_BROADCAST), subnet.last.octets)
      }
    }
  }

  /// The way out, by a neighbour on a link that has an address.
  package static func addDefaultRoute(by gateway: IPAddress) -> Self {
    NetlinkRequest(
      "add default route by", "\(gateway)", type: Int(RTM_NEWROUTE),
      flags: Int(NLM_F_CREATE | NLM_F_REPLACE)
    ) { writer in
      writer.append(gateway.family)
      for _ in 0..<3 { writer.append(UInt8(0)) }
      writer.append(UInt8(RT_TABLE_MAIN.rawValue))
      writer.append(UInt8(RTPROT_BOOT))
      writer.append(UInt8(RT_SCOPE_UNIVERSE.rawValue))
      writer.append(UInt8(RTN_UNICAST))
      writer.append(UInt32(0))
      writer.attribute(Int(RTA_GATEWAY.rawValue), gateway.octets)
    }
  }

  package static var listAddresses: Self {
    NetlinkRequest("list addresses", "", type: Int(RTM_GETADDR)) { writer in
      writer.append(UInt32(AF_UNSPEC))
      writer.append(UInt32(0))
    }
  }

  package static var listRoutes: Self {
    NetlinkRequest("list routes", "", type: Int(RTM_GETROUTE)) { writer in
      writer.append(UInt8(AF_UNSPEC))
      for _ in 0..<11 { writer.append(UInt8(0)) }
    }
  }
}

extension NetlinkSocket {
  /// All addresses of the namespace.
  package mutating func addresses() throws(SystemCallError) -> [LinkAddress] {
    try dump(.listAddresses) { LinkAddress($0) }
  }

  /// The routes of the namespace without those that the kernel keeps for local addresses.
  package mutating func routes() throws(SystemCallError) -> [Route] {
    try dump(.listRoutes) { Route($0) }
  }
}
