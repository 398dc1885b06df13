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

  static func enable(_ layout: Layout, withIPv4: Bool, withIPv6: Bool) throws {
    if withIPv4 { try enable(layout) }
    if withIPv6 { try enableIPv6(layout) }
  }

  private static func enable(_ layout: Layout) throws {
    if try readFile(path, limit: 16)?.first != UInt8(ascii: "0") { return }
    try makeFolders(layout.run.appending("networks"))
    try writeFile([], to: marker(layout), .volatile)
    try writeSwitch(path, "1")
  }

  private static let path6: FilePath = "/proc/sys/net/ipv6/conf/all/forwarding"

  private static func marker6(_ layout: Layout) -> FilePath {
    layout.run.appending("networks").appending(".forwarding6")
  }

  /// A machine that passes IPv6 on takes itself for a router and heeds no announcements of others, by
  /// which it may have its own way out: links that did so are told to go on (accept_ra 2). The marker
  /// holds their names.
  private static func enableIPv6(_ layout: Layout) throws {
    if try readFile(path6, limit: 16)?.first != UInt8(ascii: "0") { return }
    let root = FilePath("/proc/sys/net/ipv6/conf")
    let heeding = try namesInFolder(root).map(\.string).filter { name in
      if ["all", "default", "lo"].contains(name) { return false }
      let value = try readFile(root.appending(name).appending("accept_ra"), limit: 16)
      return value?.first == UInt8(ascii: "1")
    }
    try makeFolders(layout.run.appending("networks"))
    try writeFile(Array(heeding.joined(separator: "\n").utf8), to: marker6(layout), .volatile)
    for name in heeding {
      try writeSwitch(root.appending(name).appending("accept_ra"), "2", mayLack: true)
    }
    try writeSwitch(path6, "1")
  }

  private static func restoreIPv6(_ layout: Layout) throws {
    guard let names = try readFile(marker6(layout), limit: 64 << 10) else { return }
    try writeSwitch(path6, "0")
    for name in names.split(separator: UInt8(ascii: "\n")) {
      let link = String(decoding: name, as: UTF8.self)
      let path = FilePath("/proc/sys/net/ipv6/conf").appending(link).appending("accept_ra")
      // A link that has gone meanwhile has nothing to be given back.
      try writeSwitch(path, "1", mayLack: true)
    }
    try removeFile(marker6(layout))
  }

  /// To be called when no network is left: turns it off again, unless another bridge may by now rely on it.
  static func restore(_ layout: Layout) throws {
    // Of one who was killed while it wrote a marker.
    for path in [marker(layout), marker6(layout)] { try removeFile(FilePath(path.string + ".new")) }
    let isOurs = try readFile(marker(layout), limit: 16) != nil
    let isOurs6 = try readFile(marker6(layout), limit: 64 << 10) != nil
    guard isOurs || isOurs6 else { return }
    var socket = try NetlinkSocket()
    if try socket.links().contains(where: { $0.kind == "bridge" }) {
      try removeFile(marker(layout))
      try removeFile(marker6(layout))
      return
    }
    try restoreIPv6(layout)
    guard isOurs else { return }
    // The marker goes last: what could not be turned off is turned off with the next last network.
    try writeSwitch(path, "0")
    try removeFile(marker(layout))
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

/// The first character of a switch below /proc/sys; nil when a kernel without the subject lacks it.
func readSwitch(_ path: FilePath) throws(SystemCallError) -> UInt8? {
  try readFile(path, limit: 16)?.first
}
