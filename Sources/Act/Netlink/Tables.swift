// Tables of nftables, their chains and rules, as far as they are asked for without nftables' library.

import CLinux
import Glibc

extension NetlinkRequest {
  /// Answered by the table of that family (NFPROTO_INET, say); not at all when there is none.
  package static func findTable(_ name: String, family: UInt8) -> Self {
    tables("find table", name, NFT_MSG_GETTABLE, family, tolerated: ENOENT) { writer in
      writer.attribute(Int(NFTA_TABLE_NAME.rawValue), text: name)
    }
  }

  /// Answered by the chain of that table.
  package static func findChain(_ name: String, in table: String, family: UInt8) -> Self {
    tables("find chain", name, NFT_MSG_GETCHAIN, family, tolerated: ENOENT) { writer in
      writer.attribute(Int(NFTA_CHAIN_TABLE.rawValue), text: table)
      writer.attribute(Int(NFTA_CHAIN_NAME.rawValue), text: name)
    }
  }

  /// Those of all tables of all families.
  package static var listChains: Self {
    tables("list chains", "", NFT_MSG_GETCHAIN, UInt8(AF_UNSPEC)) { _ in }
  }

  package static func listRules(of table: String, family: UInt8) -> Self {
    tables("list rules", table, NFT_MSG_GETRULE, family) { writer in
      writer.attribute(Int(NFTA_RULE_TABLE.rawValue), text: table)
    }
  }

  private static func tables(
    _ action: String, _ subject: String, _ kind: nf_tables_msg_types, _ family: UInt8,
    tolerated: CInt? = nil, _ attributes: @escaping (inout NetlinkWriter) -> Void
  ) -> Self {
    let type = Int(NFNL_SUBSYS_NFTABLES) << 8 | Int(kind.rawValue)
    return NetlinkRequest(action, subject, type: type, tolerated: tolerated) { writer in
      writer.append(family)
      writer.append(UInt8(NFNETLINK_V0))
      writer.append(UInt16(0))
      attributes(&writer)
    }
  }
}
