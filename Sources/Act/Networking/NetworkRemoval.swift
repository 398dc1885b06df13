// Networks taken away: links, rules, leases and records.

import Glibc
import Linux
import Netlink
import Store
import Synchronization
import SystemPackage

/// Networks that somebody waits to see removed, and what has become of others. The kernel waits for its
/// readers once for each deletion of links (tens of milliseconds), however many they are: who has the
/// lock takes away all that are asked for by then.
struct RemovalQueue {
  var waiting: Set<String> = []
  /// Nil failures are not kept.
  var failures: [String: any Error] = [:]
}

extension NetworkStore {
  /// Takes the network away with its links, rules, leases and record. Containers that are still on it
  /// lose it. One that does not exist is no error.
  package func remove(_ name: String) throws {
    guard isValidName(name) else { throw NetworkError.invalidName(name) }
    try makeFolders(layout.networks)
    removals.withLock { _ = $0.waiting.insert(name) }
    try locked {
      let names = removals.withLock { queue in
        defer { queue.waiting = [] }
        return queue.waiting.sorted()
      }
      do {
        try removeHoldingLock(names)
      } catch {
        removals.withLock { queue in for name in names { queue.failures[name] = error } }
      }
    }
    if let failure = removals.withLock({ $0.failures.removeValue(forKey: name) }) { throw failure }
  }

  /// Takes the network away if nobody has an address on it.
  package func removeUnused(_ name: String) throws {
    guard try record(name) != nil else { return }
    try locked {
      if try leases(name).isEmpty { try removeHoldingLock([name]) }
    }
  }

  private func removeHoldingLock(_ names: [String]) throws {
    if names.isEmpty { return }
    // The records go last: while they are there another command can finish what a kill has left.
    let isEnd = try list().allSatisfy { names.contains($0.name) }
    try dismantle(names.compactMap { try record($0) }, takesRules: !isEnd)
    if isEnd {
      if try Firewall.hasTable(table) {
        try firewall.run("delete table inet \(table)", doing: "removing the rules of networks")
      }
      try Forwarding.restore(layout)
    }
    for name in names {
      try removeTree(runFolder(name))
      try removeTree(layout.network(name))
    }
  }

  /// Takes away the folders of networks without a record: their making, or their removal, was cut short.
  package func sweepTorn() throws {
    guard try tornNames().isEmpty else {
      return try locked {
        for name in try tornNames() {
          try removeTree(runFolder(name))
          try removeTree(layout.network(name))
        }
      }
    }
  }

  private func tornNames() throws -> [String] {
    try namesInFolder(layout.networks).map(\.string).filter { name in
      guard isValidName(name) else { return false }
      return recordPath(name).withPlatformString { access($0, F_OK) } != 0
        && Errno.current == .noSuchFileOrDirectory
    }
  }

  /// - Parameter takesRules: false when the whole table goes.
  private func dismantle(_ records: [NetworkRecord], takesRules: Bool) throws {
    guard let first = records.first else { return }
    var socket = try NetlinkSocket()
    if records.count > 1 {
      let groups = Set(records.map(\.linkGroup))
      try socket.perform(
        socket.links().filter { groups.contains($0.group) }
          .map { .setGroup($0.name, first.linkGroup) })
    }
    try socket.perform([.deleteLinks(ofGroup: first.linkGroup)])
    for record in records { try removeGuard(record) }
    guard takesRules else { return }
    let standing = try records.filter {
      try Firewall.hasChain(NetworkRules.mainChain($0), in: table)
    }
    try takeOut(
      standing.flatMap { NetworkRules($0, table: table).deleting }
        + standing.flatMap { try publishedElements(of: $0).map(\.removing) },
      doing: "removing the rules of network `\(first.name)`")
  }
}
