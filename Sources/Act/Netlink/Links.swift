// Links: bridges, veth pairs, and what the kernel says of those that exist. See rtnetlink(7).

package import Addressing
import CLinux
import Glibc
package import Linux

/// A link as the kernel tells it.
package struct Link: Hashable, Sendable {
  package var index: Int32
  package var name: String
  package var isUp: Bool
  package var mtu: UInt32?
  package var hardwareAddress: MACAddress?
  /// The bridge that it is a port of.
  package var master: Int32?
  /// `bridge`, `veth`, …; nil for hardware.
  package var kind: String?
  /// 0 unless somebody has set another.
  package var group: UInt32

  /// Reads an RTM_NEWLINK message; nil when it is none or cut short.
  package init?(_ message: NetlinkMessage) {
    guard message.type == RTM_NEWLINK, let index = message.body.number(Int32.self, at: 4),
      let flags = message.body.number(UInt32.self, at: 8)
    else { return nil }
    let attributes = message.attributes(after: 16)
    guard let name = attributes[Int(IFLA_IFNAME)]?.text else { return nil }
    self.index = index
    self.name = name
    isUp = flags & UInt32(IFF_UP) != 0
    mtu = attributes[Int(IFLA_MTU)]?.number(UInt32.self, at: 0)
    hardwareAddress = attributes[Int(IFLA_ADDRESS)].flatMap { MACAddress(octets: $0) }
    master = attributes[Int(IFLA_MASTER)]?.number(Int32.self, at: 0)
    group = attributes[Int(IFLA_GROUP)]?.number(UInt32.self, at: 0) ?? 0
    kind = attributes[Int(IFLA_LINKINFO)].map(parseAttributes)?[Int(IFLA_INFO_KIND)]?.text
  }
}

/// The kernel's IFNAMSIZ leaves this many bytes for a name.
package let linkNameLimit = 15

extension NetlinkRequest {
  /// A bridge without spanning tree, still down. An address of its own keeps the bridge from taking that of
  /// its lowest port, which would change under the containers' feet.
  package static func addBridge(
    _ name: String, mtu: UInt32, hardwareAddress: MACAddress, group: UInt32
  ) -> Self {
    NetlinkRequest(
      "create bridge", name, type: Int(RTM_NEWLINK), flags: Int(NLM_F_CREATE | NLM_F_EXCL),
      tolerated: EEXIST
    ) { writer in
      writer.link()
      writer.attribute(Int(IFLA_IFNAME), text: name)
      writer.attribute(Int(IFLA_ADDRESS), hardwareAddress.octets)
      writer.attribute(Int(IFLA_MTU), number: mtu)
      writer.attribute(Int(IFLA_GROUP), number: group)
      writer.nest(Int(IFLA_LINKINFO)) { $0.attribute(Int(IFLA_INFO_KIND), text: "bridge") }
    }
  }

  /// A veth pair: one end here as a port of `bridge`, the other made at once in `namespace` under its
  /// final name, both still down.
  package static func addPair(
    _ name: String, bridge: Int32, mtu: UInt32, group: UInt32, peer: String,
    peerAddress: MACAddress, namespace: CInt
  ) -> Self {
    NetlinkRequest(
      "create link", name, type: Int(RTM_NEWLINK), flags: Int(NLM_F_CREATE | NLM_F_EXCL)
    ) { writer in
      writer.link()
      writer.attribute(Int(IFLA_IFNAME), text: name)
      writer.attribute(Int(IFLA_MASTER), number: bridge)
      writer.attribute(Int(IFLA_MTU), number: mtu)
      writer.attribute(Int(IFLA_GROUP), number: group)
      writer.oneQueue()
      writer.nest(Int(IFLA_LINKINFO)) { info in
        info.attribute(Int(IFLA_INFO_KIND), text: "veth")
        info.nest(Int(IFLA_INFO_DATA)) { data in
          data.nest(Int(VETH_INFO_PEER)) { other in
            other.link()
            other.attribute(Int(IFLA_IFNAME), text: peer)
            other.attribute(Int(IFLA_NET_NS_FD), number: UInt32(bitPattern: namespace))
            other.attribute(Int(IFLA_ADDRESS), peerAddress.octets)
            other.attribute(Int(IFLA_MTU), number: mtu)
            other.oneQueue()
          }
        }
      }
    }
  }

  /// A link on top of `parent` with a hardware address of its own, made at once in `namespace`.
  package static func addMacvlan(
    _ name: String, on parent: Int32, mode: UInt32, address: MACAddress, namespace: CInt
  ) -> Self {
    addOnTop(name, of: parent, "macvlan", namespace: namespace, address: address) { data in
      data.attribute(Int(IFLA_MACVLAN_MODE), number: mode)
    }
  }

  /// A link on top of `parent` with the hardware address of that.
  package static func addIPvlan(
    _ name: String, on parent: Int32, mode: UInt16, flag: UInt16, namespace: CInt
  ) -> Self {
    addOnTop(name, of: parent, "ipvlan", namespace: namespace) { data in
      data.attribute(Int(IFLA_IPVLAN_MODE), number: mode)
      if flag != 0 { data.attribute(Int(IFLA_IPVLAN_FLAGS), number: flag) }
    }
  }

  /// The part of what `parent` carries that is marked with `number`.
  package static func addVLAN(
    _ name: String, on parent: Int32, number: UInt16, group: UInt32
  ) -> Self {
    addOnTop(name, of: parent, "vlan", group: group) { data in
      data.attribute(Int(IFLA_VLAN_ID), number: number)
    }
  }

  /// A link that leads nowhere.
  package static func addDummy(_ name: String, group: UInt32) -> Self {
    addOnTop(name, of: nil, "dummy", group: group) { _ in }
  }

  private static func addOnTop(
    _ name: String, of parent: Int32?, _ kind: String, namespace: CInt? = nil,
    group: UInt32? = nil, address: MACAddress? = nil,
    _ settings: @escaping (inout NetlinkWriter) -> Void
  ) -> Self {
    NetlinkRequest(
      "create \(kind)", name, type: Int(RTM_NEWLINK), flags: Int(NLM_F_CREATE | NLM_F_EXCL)
    ) { writer in
      writer.link()
      writer.attribute(Int(IFLA_IFNAME), text: name)
      if let parent { writer.attribute(Int(IFLA_LINK), number: UInt32(bitPattern: parent)) }
      if let namespace {
        writer.attribute(Int(IFLA_NET_NS_FD), number: UInt32(bitPattern: namespace))
      }
      if let group { writer.attribute(Int(IFLA_GROUP), number: group) }
      if let address { writer.attribute(Int(IFLA_ADDRESS), address.octets) }
      writer.nest(Int(IFLA_LINKINFO)) { info in
        info.attribute(Int(IFLA_INFO_KIND), text: kind)
        info.nest(Int(IFLA_INFO_DATA), settings)
      }
    }
  }

  /// Sets a link up without an fe80:: address of its own: no IPv6 way around the walls, and no
  /// detection of duplicates at start. The kernel takes that only for links that exist, and acts on
  /// flags first, hence two messages.
  package static func bringUp(_ name: String) -> [Self] {
    let quieten = NetlinkRequest("quieten link", name, type: Int(RTM_SETLINK)) { writer in
      writer.link()
      writer.attribute(Int(IFLA_IFNAME), text: name)
      writer.nest(Int(IFLA_AF_SPEC)) { families in
        families.nest(Int(AF_INET6)) { family in
          family.attribute(
            Int(IFLA_INET6_ADDR_GEN_MODE), number: UInt8(IN6_ADDR_GEN_MODE_NONE.rawValue))
        }
      }
    }
    // A kernel without IPv6 gives no such address and refuses to be told so.
    return (hasIPv6 ? [quieten] : []) + [setUp(name)]
  }

  /// Sets a link up as the kernel does it by default.
  package static func setUp(_ name: String) -> Self {
    NetlinkRequest("set up link", name, type: Int(RTM_SETLINK)) { writer in
      writer.link(flags: up)
      writer.attribute(Int(IFLA_IFNAME), text: name)
    }
  }

  /// Lets the bridge send a packet back by the port `name` that it came from.
  package static func allowHairpin(_ name: String) -> Self {
    setPort(name, "allow hairpin on", Int(IFLA_BRPORT_MODE))
  }

  /// Keeps what comes in by the port `name` from other ports that are kept so: they reach the bridge
  /// itself only.
  package static func isolatePort(_ name: String) -> Self {
    setPort(name, "isolate port", Int(IFLA_BRPORT_ISOLATED))
  }

  private static func setPort(_ name: String, _ action: String, _ attribute: Int) -> Self {
    NetlinkRequest(action, name, type: Int(RTM_NEWLINK)) { writer in
      writer.link()
      writer.attribute(Int(IFLA_IFNAME), text: name)
      writer.nest(Int(IFLA_LINKINFO)) { info in
        info.attribute(Int(IFLA_INFO_SLAVE_KIND), text: "bridge")
        info.nest(Int(IFLA_INFO_SLAVE_DATA)) { $0.attribute(attribute, number: UInt8(1)) }
      }
    }
  }

  /// One that is already gone is no error.
  package static func deleteLink(_ name: String) -> Self {
    NetlinkRequest("delete link", name, type: Int(RTM_DELLINK), tolerated: ENODEV) { writer in
      writer.link()
      writer.attribute(Int(IFLA_IFNAME), text: name)
    }
  }

  /// Moves a link to another group. One that is gone is no error.
  package static func setGroup(_ name: String, _ group: UInt32) -> Self {
    NetlinkRequest("set group of link", name, type: Int(RTM_SETLINK), tolerated: ENODEV) { writer in
      writer.link()
      writer.attribute(Int(IFLA_IFNAME), text: name)
      writer.attribute(Int(IFLA_GROUP), number: group)
    }
  }

  /// All links of a group, in one go: the kernel waits for its readers once, not once for each link.
  package static func deleteLinks(ofGroup group: UInt32) -> Self {
    NetlinkRequest("delete links", "", type: Int(RTM_DELLINK), tolerated: ENODEV) { writer in
      writer.link()
      writer.attribute(Int(IFLA_GROUP), number: group)
    }
  }

  package static var listLinks: Self {
    NetlinkRequest("list links", "", type: Int(RTM_GETLINK)) { $0.link() }
  }

  /// Answered by the link; ENODEV when there is none.
  package static func findLink(_ name: String, tolerated: CInt? = nil) -> Self {
    NetlinkRequest("find link", name, type: Int(RTM_GETLINK), tolerated: tolerated) { writer in
      writer.link()
      writer.attribute(Int(IFLA_IFNAME), text: name)
    }
  }
}

extension NetlinkSocket {
  /// The link of that name, nil when there is none.
  package mutating func link(named name: String) throws(SystemCallError) -> Link? {
    try exchange([.findLink(name, tolerated: ENODEV)]).first.flatMap { $0 }.flatMap(Link.init)
  }

  /// All links of the namespace.
  package mutating func links() throws(SystemCallError) -> [Link] {
    try dump(.listLinks) { Link($0) }
  }
}

private let hasIPv6 = access("/proc/sys/net/ipv6/conf/all", F_OK) == 0
private let up = UInt32(IFF_UP)

extension NetlinkWriter {
  /// struct ifinfomsg: family, type, index, flags, mask of changed flags.
  fileprivate mutating func link(index: Int32 = 0, flags: UInt32 = 0) {
    append(UInt8(AF_UNSPEC))
    append(UInt8(0))
    append(UInt16(0))
    append(index)
    append(flags)
    append(flags)
  }

  /// By default the kernel makes a queue for each processor, each with folders in sysfs: slow to make
  /// and of no use to a device that has no queueing.
  fileprivate mutating func oneQueue() {
    attribute(Int(IFLA_NUM_TX_QUEUES), number: UInt32(1))
    attribute(Int(IFLA_NUM_RX_QUEUES), number: UInt32(1))
  }
}
