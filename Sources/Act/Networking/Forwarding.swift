// Whether this machine passes packets on: without it, containers reach nobody beyond the host.

import Glibc
import Linux
import Netlink
import Store
import SystemPackage

enum Forwarding {
  private static let path: FilePath = "/proc/sys/net/ipv4/ip_forward"

  /// Says that berth turned it on, so that it is turned off again with the last network.
  private static func marker(_ layout: Layout) -> FilePath {
    layout.run.appending("networks").appending(".forwarding")
  }

  static func enable(_ layout: Layout) throws {
    if try readFile(path, limit: 16)?.first != UInt8(ascii: "0") { return }
    try makeFolders(layout.run.appending("networks"))
    try writeFile([], to: marker(layout), .volatile)
    try writeSwitch(path, "1")
  }

  /// To be called when no network is left: turns it off again, unless another bridge may by now rely on it.
  static func restore(_ layout: Layout) throws {
    guard try readFile(marker(layout), limit: 16) != nil else { return }
    try removeFile(marker(layout))
    var socket = try NetlinkSocket()
    if try socket.links().contains(where: { $0.kind == "bridge" }) { return }
    try writeSwitch(path, "0")
  }
}

/// Writes a switch below /proc/sys. `mayLack`: a kernel without the subject has no such file.
func writeSwitch(_ path: FilePath, _ value: String, mayLack: Bool = false) throws(SystemCallError) {
  do {
    try Descriptor.open(path, O_WRONLY | O_NOFOLLOW).writeAll(Array(value.utf8))
  } catch  where mayLack && error.errno == .noSuchFileOrDirectory {
    return
  }
}
