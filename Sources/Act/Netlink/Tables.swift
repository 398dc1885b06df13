// Whether a table of nftables exists: all that is asked of nftables without its library.

import CLinux
import Glibc

extension NetlinkRequest {
  /// Answered by the table of the family inet; not at all when there is none.
  package static func findTable(_ name: String) -> Self {
    let type = Int(NFNL_SUBSYS_NFTABLES) << 8 | Int(NFT_MSG_GETTABLE.rawValue)
    return NetlinkRequest("find table", name, type: type, tolerated: ENOENT) { writer in
      writer.append(UInt8(1))  // NFPROTO_INET
      writer.append(UInt8(NFNETLINK_V0))
      writer.append(UInt16(0))
      writer.attribute(Int(NFTA_TABLE_NAME.rawValue), text: name)
    }
  }
}
