// Whether a table of nftables or a chain of it exists: all that is asked of nftables without its library.

import CLinux
import Glibc

extension NetlinkRequest {
  /// Answered by the table of the family inet; not at all when there is none.
  package static func findTable(_ name: String) -> Self {
    find("find table", name, NFT_MSG_GETTABLE) { writer in
      writer.attribute(Int(NFTA_TABLE_NAME.rawValue), text: name)
    }
  }

  /// Answered by the chain of that table.
  package static func findChain(_ name: String, in table: String) -> Self {
    find("find chain", name, NFT_MSG_GETCHAIN) { writer in
      writer.attribute(Int(NFTA_CHAIN_TABLE.rawValue), text: table)
      writer.attribute(Int(NFTA_CHAIN_NAME.rawValue), text: name)
    }
  }

  private static func find(
    _ action: String, _ subject: String, _ kind: nf_tables_msg_types,
    _ attributes: @escaping (inout NetlinkWriter) -> Void
  ) -> Self {
    let type = Int(NFNL_SUBSYS_NFTABLES) << 8 | Int(kind.rawValue)
    return NetlinkRequest(action, subject, type: type, tolerated: ENOENT) { writer in
      writer.append(UInt8(1))  // NFPROTO_INET
      writer.append(UInt8(NFNETLINK_V0))
      writer.append(UInt16(0))
      attributes(&writer)
    }
  }
}
