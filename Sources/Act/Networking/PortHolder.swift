// Who has a port, as /proc tells it: the socket's inode from the tables of sockets, then the process
// that has this inode open. A courtesy for messages: what cannot be read is passed over.

import Blueprint
import CLinux
import Glibc
import Linux
import Store
import SystemPackage

enum PortHolder {
  /// "process `nginx` (pid 812)", nil when nobody is seen.
  static func find(_ transport: PublishedPort.Transport, _ port: UInt16) -> String? {
    let inodes = Set(
      ["", "6"].flatMap { suffix in
        sockets(FilePath("/proc/thread-self/net/\(transport.rawValue)\(suffix)"), port)
      })
    if inodes.isEmpty { return nil }
    let wanted = Set(inodes.map { "socket:[\($0)]" })
    // Without permission or without processes there is nobody to name.
    let processes = (try? namesInFolder("/proc")) ?? []
    for process in processes.compactMap({ Int($0.string) }).sorted() {
      let folder = FilePath("/proc/\(process)/fd")
      // The process may have ended since.
      for fd in (try? namesInFolder(folder)) ?? [] {
        if let target = linkText(folder.appending(fd)), wanted.contains(target) {
          return "process `\(name(of: process))` (pid \(process))"
        }
      }
    }
    return nil
  }

  /// Inodes of the sockets bound to `port` that listen or take datagrams.
  private static func sockets(_ table: FilePath, _ port: UInt16) -> [String] {
    // A kernel without IPv6 has no such table.
    guard let text = try? readFile(table, limit: 16 << 20) else { return [] }
    return text.split(separator: UInt8(ascii: "\n")).dropFirst().compactMap { line in
      let fields = line.split(separator: UInt8(ascii: " "))
      guard fields.count > 9,
        let digits = fields[1].split(separator: UInt8(ascii: ":")).last,
        UInt16(String(decoding: digits, as: UTF8.self), radix: 16) == port,
        // 0A: listening; 07: a datagram socket without a peer.
        ["0A", "07"].contains(String(decoding: fields[3], as: UTF8.self))
      else { return nil }
      let inode = String(decoding: fields[9], as: UTF8.self)
      return inode == "0" ? nil : inode
    }
  }

  private static func linkText(_ path: FilePath) -> String? {
    var buffer = [CChar](repeating: 0, count: 64)
    let count = readlink(path.string, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func name(of process: Int) -> String {
    let text = (try? readFile(FilePath("/proc/\(process)/comm"), limit: 256)) ?? []
    return String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }
}
