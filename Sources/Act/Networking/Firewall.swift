// The door to nftables: text in, one transaction, nothing of foreign tables.

import CLinux
import CNftables
package import Diagnostics
import Glibc
import Linux
import Netlink
import Synchronization

package enum FirewallError: Diagnosable, Hashable {
  case libraryMissing
  case refused(doing: String, reason: String)

  package var diagnostics: [Diagnostic] {
    switch self {
    case .libraryMissing:
      [
        Diagnostic(
          "the firewall cannot be set: libnftables cannot be opened",
          hint: "install it with `apt install libnftables1`")
      ]
    case .refused(let doing, let reason):
      [Diagnostic("\(doing): the firewall refuses", causes: [reason])]
    }
  }
}

/// A context of libnftables, opened when first needed, in the network namespace of that thread.
final class Firewall: Sendable {
  // The library's own lock in `CNftables` lets one thread in at a time; this one guards opening.
  private let context = Mutex<UInt>(0)

  deinit {
    context.withLock { address in
      if let context = OpaquePointer(bitPattern: address) { berth_nft_close(context) }
    }
  }

  /// Runs `commands` as one transaction: all of it holds, or nothing. `doing` opens the error.
  func run(_ commands: String, doing: String) throws(FirewallError) {
    let reason: String? = try context.withLock { address throws(FirewallError) in
      if address == 0 {
        guard let opened = berth_nft_open() else { throw .libraryMissing }
        address = UInt(bitPattern: opened)
      }
      var error = [CChar](repeating: 0, count: 2048)
      let result = berth_nft_run(OpaquePointer(bitPattern: address), commands, &error, error.count)
      if result == 0 { return nil }
      return String(decoding: error.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    guard let reason else { return }
    // The first line says what; the lines below repeat the command and point into it.
    let line = reason.split(separator: "\n").first.map(String.init) ?? "it gave no reason"
    throw .refused(doing: doing, reason: line)
  }

  /// Whether a table exists. Asked without the library, which takes ms to open.
  static func hasTable(_ name: String, _ family: NetfilterFamily = .inet) throws(SystemCallError)
    -> Bool
  {
    try exists(.findTable(name, family: family.rawValue))
  }

  static func hasChain(_ name: String, in table: String) throws(SystemCallError) -> Bool {
    try exists(.findChain(name, in: table, family: NetfilterFamily.inet.rawValue))
  }

  private static func exists(_ request: NetlinkRequest) throws(SystemCallError) -> Bool {
    var socket = try NetlinkSocket(NETLINK_NETFILTER)
    return try socket.exchange([request]).first.flatMap { $0 } != nil
  }
}
