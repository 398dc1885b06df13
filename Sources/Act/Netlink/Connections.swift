// The kernel's memory of connections (ctnetlink), as far as it stands in the way: a flow of datagrams
// keeps the way that its first packet took for as long as it goes on, whatever the rules say since.

import CLinux
import Glibc
package import Linux

extension NetlinkSocket {
  /// Forgets the flows of IPv4 datagrams to `ports` of any address, so that their next packets meet
  /// the rules of now. The socket must be one of NETLINK_NETFILTER.
  package mutating func forgetDatagrams(to ports: Set<UInt16>) throws(SystemCallError) {
    if ports.isEmpty { return }
    let flows = try dump(.listConnections) { DatagramFlow($0) }
    try perform(flows.filter { ports.contains($0.targetPort) }.map(NetlinkRequest.forget))
  }
}

extension NetlinkRequest {
  /// Answered by the connections of IPv4.
  package static var listConnections: Self {
    NetlinkRequest("list connections", "", type: connection(IPCTNL_MSG_CT_GET)) { $0.header() }
  }

  /// One that has ended meanwhile is no error.
  package static func forget(_ flow: DatagramFlow) -> Self {
    NetlinkRequest(
      "forget connection", "", type: connection(IPCTNL_MSG_CT_DELETE), tolerated: ENOENT
    ) { writer in
      writer.header()
      // As the kernel sent it, with the flag that marks nesting.
      writer.attribute(Int(CTA_TUPLE_ORIG.rawValue) | Int(NLA_F_NESTED), flow.tuple)
      if let zone = flow.zone { writer.attribute(Int(CTA_ZONE.rawValue), zone) }
    }
  }
}

/// A flow of datagrams, as far as it takes to name it.
package struct DatagramFlow: Hashable, Sendable {
  package let targetPort: UInt16
  package let tuple: ArraySlice<UInt8>
  package let zone: ArraySlice<UInt8>?

  package init?(_ message: NetlinkMessage) {
    let attributes = message.attributes(after: 4)
    guard let tuple = attributes[Int(CTA_TUPLE_ORIG.rawValue)],
      let transport = parseAttributes(tuple)[Int(CTA_TUPLE_PROTO.rawValue)].map(parseAttributes),
      transport[Int(CTA_PROTO_NUM.rawValue)]?.first == UInt8(IPPROTO_UDP),
      let port = transport[Int(CTA_PROTO_DST_PORT.rawValue)]?.number(UInt16.self, at: 0)
    else { return nil }
    targetPort = UInt16(bigEndian: port)
    self.tuple = tuple
    zone = attributes[Int(CTA_ZONE.rawValue)]
  }
}

private func connection(_ message: cntl_msg_types) -> Int {
  Int(NFNL_SUBSYS_CTNETLINK) << 8 | Int(message.rawValue)
}

extension NetlinkWriter {
  /// struct nfgenmsg: family, version, resource.
  fileprivate mutating func header() {
    append(UInt8(AF_INET))
    append(UInt8(NFNETLINK_V0))
    append(UInt16(0))
  }
}
