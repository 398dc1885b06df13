// Networks: made, found, repaired and removed. The record on disk says what should be; links and
// tables in the kernel follow it, and are made again when they lack, after a reboot say.

import Addressing
package import Blueprint
import CLinux
package import Diagnostics
import Glibc
import Linux
import Netlink
package import Store
import Synchronization
import SystemPackage

/// All calls block, for microseconds to a few milliseconds. They act on the network namespace of the
/// calling thread, which must be the same for the life of one store. Errors are `NetworkError`,
/// `FirewallError`, `PortConflict` and `SystemCallError`, all `Diagnosable`.
package final class NetworkStore: Sendable {
  package let layout: Layout
  /// The nftables table of the family inet that holds all rules of this store's networks: `berth`, or
  /// for a store that is not at its usual place, that and its path with `-` for what names cannot have.
  package let table: String
  let firewall = Firewall()
  let notes = Mutex<[Diagnostic]>([])
  let removals = Mutex(RemovalQueue())
  let openings = Gathering<[Publication]>()
  let closings = Gathering<[String]>()

  package init(layout: Layout) {
    self.layout = layout
    let path = layout.state.string
    let letters = path.utf8.map { isNameByte($0) ? Character(Unicode.Scalar($0)) : "-" }
    table = path == "/var/lib/berth" ? "berth" : "berth" + String(letters.suffix(200))
  }

  /// What is to be told of networks that were made or repaired since the last time.
  package func takeWarnings() -> [Diagnostic] {
    notes.withLock { notes in
      defer { notes = [] }
      return notes
    }
  }

  /// The network of that name, nil when there is none.
  package func record(_ name: String) throws -> NetworkRecord? {
    guard isValidName(name) else { throw NetworkError.invalidName(name) }
    return try readRecord(NetworkRecord.self, at: recordPath(name))
  }

  /// All networks, by name.
  package func list() throws -> [NetworkRecord] {
    try namesInFolder(layout.networks).map(\.string).filter(isValidName).sorted()
      .compactMap { try readRecord(NetworkRecord.self, at: recordPath($0)) }
  }

  /// Makes the network unless it exists, and what lacks of it in the kernel. A network that exists
  /// keeps its record: whether it is still what the file asks for is the caller's question.
  package func ensure(_ wanted: NetworkSpecification, now: Timestamp) throws -> NetworkRecord {
    guard isValidName(wanted.name) else { throw NetworkError.invalidName(wanted.name) }
    try makeFolders(layout.networks)
    return try locked {
      guard let present = try record(wanted.name) else {
        return try makeHoldingLock(wanted, now: now)
      }
      try materialise(present)
      return present
    }
  }

  /// Makes a network that must not exist yet.
  package func create(_ wanted: NetworkSpecification, now: Timestamp) throws -> NetworkRecord {
    guard isValidName(wanted.name) else { throw NetworkError.invalidName(wanted.name) }
    try makeFolders(layout.networks)
    return try locked {
      guard try record(wanted.name) == nil else { throw NetworkError.exists(name: wanted.name) }
      return try makeHoldingLock(wanted, now: now)
    }
  }

  private func makeHoldingLock(_ wanted: NetworkSpecification, now: Timestamp) throws
    -> NetworkRecord
  {
    let turn = try waitForTurn()
    defer { withExtendedLifetime(turn) {} }
    let record = try decide(wanted, others: list(), now: now)
    try makeFolders(leasesFolder(record.name))
    try writeRecord(record, to: recordPath(record.name), .volatile)
    try materialise(record)
    return record
  }

  /// Makes what lacks in the kernel for a network that exists.
  package func repair(_ name: String) throws -> NetworkRecord {
    guard try record(name) != nil else { throw NetworkError.missing(name: name) }
    return try locked {
      guard let record = try record(name) else { throw NetworkError.missing(name: name) }
      try materialise(record)
      return record
    }
  }

  /// Runs all `commands` as one transaction, or, when somebody else has taken out a part, one by one.
  func takeOut(_ commands: [String], doing: String) throws {
    if commands.isEmpty { return }
    do throws(FirewallError) {
      try firewall.run(commands.joined(), doing: doing)
    } catch {
      if error == .libraryMissing { throw error }
      // One that lacks, or is another's, makes the whole transaction fail; alone, its failure says so.
      for command in commands { try? firewall.run(command, doing: doing) }
    }
  }

  /// Keeps two state folders on one machine from choosing the same subnet at once: a lock on the network
  /// namespace itself, until the new bridge has its address. Anybody may hold this lock, so it is
  /// waited for with a bound and then gone without.
  private func waitForTurn() throws -> SharedDescriptor {
    let namespace = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
    for _ in 0..<Self.turnAttempts {
      if flock(namespace.raw, LOCK_EX | LOCK_NB) == 0 { break }
      usleep(5000)
    }
    return SharedDescriptor(namespace)
  }

  /// Five seconds: on a machine with much to do a few makers of networks at once take more than one.
  private static let turnAttempts = 1000

  /// One change of networks at a time on this state folder: subnets are compared with one another.
  func locked<Value>(_ body: () throws -> Value) throws -> Value {
    let lock = try FileLock.wait(layout.networks.appending(".lock"))
    let value = try body()
    _ = consume lock
    return value
  }

  // MARK: - Places

  func recordPath(_ name: String) -> FilePath {
    layout.network(name).appending("network.json")
  }

  func leasesFolder(_ name: String) -> FilePath { layout.network(name).appending("leases") }
  func runFolder(_ name: String) -> FilePath { layout.run.appending("networks").appending(name) }

  // MARK: - The kernel's side

  /// Rules come before the link: there is no moment at which the bridge stands open.
  private func materialise(_ record: NetworkRecord) throws {
    if let attachment = record.attachment { return try provideParent(attachment, record) }
    if try !Firewall.hasChain(NetworkRules.mainChain(record), in: table) {
      let doing = "setting the rules of network `\(record.name)`"
      // Apart: Linux takes no jumps into an interval map that is made in the same transaction.
      if try !Firewall.hasTable(table) { try firewall.run(baseRuleset(table), doing: doing) }
      let ports = try publishedElements(of: record).map(\.adding).joined()
      try firewall.run(NetworkRules(record, table: table).adding + ports, doing: doing)
    }
    try provideGuard(record)
    var socket = try NetlinkSocket()
    if let link = try socket.link(named: record.bridge) {
      guard link.kind == "bridge", link.hardwareAddress == record.bridgeHardwareAddress else {
        throw NetworkError.bridgeTaken(name: record.name, bridge: record.bridge)
      }
      if link.isUp { return }
    }
    try socket.perform([
      .addBridge(
        record.bridge, mtu: record.mtu, hardwareAddress: record.bridgeHardwareAddress,
        group: record.linkGroup)
    ])
    try setSwitches(of: record)
    guard let link = try socket.link(named: record.bridge) else {
      throw NetworkError.missing(name: record.name)
    }
    let addresses = record.bridgeAddresses.map {
      NetlinkRequest.addAddress($0.address, prefixLength: $0.prefixLength, link: link.index)
    }
    try socket.perform(addresses + NetlinkRequest.bringUp(record.bridge))
    noteForeignWalls(record)
  }

  /// The link of the host on which the containers' links stand.
  private func provideParent(_ attachment: NetworkAttachment, _ record: NetworkRecord) throws {
    var socket = try NetlinkSocket()
    if try socket.link(named: record.bridge) != nil { return }
    if attachment.parent == nil {
      try socket.perform(
        [.addDummy(record.bridge, group: record.linkGroup)]
          + NetlinkRequest.bringUp(record.bridge))
      return
    }
    let parts = record.bridge.split(separator: ".")
    guard parts.count == 2, let number = UInt16(parts[1]), (1...4094).contains(number),
      let base = try socket.link(named: String(parts[0]))
    else { throw NetworkError.noParent(network: record.name, parent: record.bridge) }
    try socket.perform([
      .addVLAN(record.bridge, on: base.index, number: number, group: record.linkGroup),
      .setUp(record.bridge),
    ])
  }

  /// Switches of the bridge alone: no router announcements from containers; translated packets from
  /// 127.0.0.1 may leave by it (their source is changed on the way, the table's guard drops others).
  private func setSwitches(of record: NetworkRecord) throws {
    let root = FilePath("/proc/sys/net")
    let six = root.appending("ipv6/conf").appending(record.bridge)
    try writeSwitch(six.appending("accept_ra"), "0", mayLack: true)
    if record.ipv6 != nil { try writeSwitch(six.appending("disable_ipv6"), "0") }
    if record.isInternal { return }
    if record.ipv4 != nil {
      try writeSwitch(
        root.appending("ipv4/conf").appending(record.bridge).appending("route_localnet"), "1")
    }
    try Forwarding.enable(layout, withIPv4: record.ipv4 != nil, withIPv6: record.ipv6 != nil)
  }
}

/// Names become folder names and parts of messages: letters, digits, `_`, `.` and `-`.
func isValidName(_ name: String) -> Bool {
  guard let first = name.utf8.first, name.utf8.count <= 200 else { return false }
  return isAlphanumeric(first) && name.utf8.allSatisfy(isNameByte)
}

private func isNameByte(_ byte: UInt8) -> Bool {
  isAlphanumeric(byte) || "_.-".utf8.contains(byte)
}

private func isAlphanumeric(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
}

extension NetworkStore {
  package static func isName(_ text: String) -> Bool { isValidName(text) }

  /// Whether it can be the name of an interface.
  package static func isInterface(_ text: String) -> Bool { isValidLinkName(text) }

  /// Whether a number may follow it to make the name of an interface.
  package static func isInterfacePrefix(_ text: String) -> Bool {
    isValidLinkName(text) && text.utf8.count <= linkNameLimit - 3
  }
}

/// Link names stand in rules, between quotes.
func isValidLinkName(_ name: String) -> Bool {
  isValidName(name) && name.utf8.count <= linkNameLimit && name != "." && name != ".."
}

/// Random lower-case hexadecimal digits.
func randomDigits(_ count: Int) throws(SystemCallError) -> String {
  var bytes = [UInt8](repeating: 0, count: (count + 1) / 2)
  let filled = try retrying("getrandom") { getrandom(&bytes, bytes.count, 0) }
  guard filled == bytes.count else { throw SystemCallError("getrandom", "", .ioError) }
  return String(bytes.map(twoDigits).joined().prefix(count))
}

/// Lower-case, hexadecimal.
func twoDigits(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
