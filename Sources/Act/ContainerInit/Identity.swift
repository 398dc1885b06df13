// Who the program runs as: the image's own /etc/passwd and /etc/group, read by our own parser.
// Nothing of the C library's name service may run in a container's root.

import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

struct Identity: Hashable {
  var user: UInt32
  var group: UInt32
  /// Supplementary groups, without repetition, in the order found.
  var groups: [UInt32]
  var home: [UInt8]
}

/// One line of passwd(5).
struct Account: Hashable {
  var name: [UInt8]
  var user: UInt32
  var group: UInt32
  var home: [UInt8]
}

/// One line of group(5).
struct AccountGroup: Hashable {
  var name: [UInt8]
  var group: UInt32
  var members: [[UInt8]]
}

struct Accounts {
  var users: [Account]
  var groups: [AccountGroup]

  private static let sizeLimit = 1 << 20
  private static let groupLimit = 4096

  init(users: [Account], groups: [AccountGroup]) {
    self.users = users
    self.groups = groups
  }

  /// The tables of an image; files that lack are empty tables.
  init(in root: borrowing RootFolder) throws(SystemCallError) {
    self.init(
      passwd: try Self.content("/etc/passwd", in: root),
      group: try Self.content("/etc/group", in: root))
  }

  init(passwd: [UInt8], group: [UInt8]) {
    users = Self.records(passwd).compactMap { fields in
      guard fields.count >= 4, !fields[0].isEmpty, let user = number(fields[2]),
        let group = number(fields[3])
      else { return nil }
      return Account(
        name: Array(fields[0]), user: user, group: group,
        home: fields.count > 5 ? Array(fields[5]) : [])
    }
    groups = Self.records(group).prefix(Self.groupLimit).compactMap { fields in
      guard fields.count >= 3, !fields[0].isEmpty, let group = number(fields[2]) else {
        return nil
      }
      let members = fields.count > 3 ? fields[3].split(separator: UInt8(ascii: ",")) : []
      return AccountGroup(name: Array(fields[0]), group: group, members: members.map(Array.init))
    }
  }

  /// Only a regular file of at most 1 MiB; a fifo or a device in its place is refused, not read.
  private static func content(_ path: FilePath, in root: borrowing RootFolder)
    throws(SystemCallError) -> [UInt8]
  {
    guard let found = try root.find(path) else { return [] }
    let status = try found.status()
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SystemCallError("open", path.string + " (not a regular file)", .invalidArgument)
    }
    guard status.st_size <= sizeLimit else {
      throw SystemCallError("open", path.string, .fileTooLarge)
    }
    let file = try root.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    guard try file.status().st_mode & S_IFMT == S_IFREG else {
      throw SystemCallError("open", path.string + " (not a regular file)", .invalidArgument)
    }
    return try file.readAll(limit: sizeLimit)
  }

  private static func records(_ content: [UInt8]) -> [[ArraySlice<UInt8>]] {
    content.split(separator: UInt8(ascii: "\n")).map { line in
      line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    }
  }
}

/// Ids are 0…2147483647, as docker has it: what is larger is refused and never wraps.
private func number(_ text: ArraySlice<UInt8>) -> UInt32? {
  guard !text.isEmpty, text.count <= 10, text.allSatisfy({ (48...57).contains($0) }) else {
    return nil
  }
  let value = text.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - 48) }
  return value <= 0x7fff_ffff ? UInt32(value) : nil
}

private func isNumber(_ text: ArraySlice<UInt8>) -> Bool {
  !text.isEmpty && text.allSatisfy { (48...57).contains($0) }
}

extension Accounts {
  /// Resolves `user[:group]` and further groups. All digits are always a number, everything else
  /// must be in the tables; nothing ever falls back to root.
  func identity(of specification: String, additional: [String]) throws(LaunchFailure) -> Identity {
    let parts = Array(specification.utf8).split(
      separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    let userText = parts.first ?? []
    let groupText = parts.count > 1 ? parts[1] : []
    var identity = Identity(user: 0, group: 0, groups: [], home: Array("/".utf8))
    var account: Account?
    if userText.isEmpty {
      account = users.first { $0.user == 0 }
    } else if isNumber(userText) {
      identity.user = try id(userText, "user")
      account = users.first { $0.user == identity.user }
    } else {
      account = users.first { $0.name.elementsEqual(userText) }
      guard account != nil else { throw unknown("user", userText, "passwd") }
    }
    if let account {
      identity.user = account.user
      identity.group = account.group
      if !account.home.isEmpty { identity.home = account.home }
    }
    if !groupText.isEmpty {
      identity.group = try group(groupText)
    } else if let account {
      for entry in groups where entry.members.contains(account.name) {
        identity.add(entry.group)
      }
    }
    for name in additional {
      identity.add(try group(Array(name.utf8)[...]))
    }
    return identity
  }

  private func group(_ text: ArraySlice<UInt8>) throws(LaunchFailure) -> UInt32 {
    if isNumber(text) { return try id(text, "group") }
    guard let entry = groups.first(where: { $0.name.elementsEqual(text) }) else {
      throw unknown("group", text, "group")
    }
    return entry.group
  }

  private func id(_ text: ArraySlice<UInt8>, _ what: String) throws(LaunchFailure) -> UInt32 {
    if let value = number(text) { return value }
    let name = String(decoding: text, as: UTF8.self)
    throw LaunchFailure(
      stage: "looking up the \(what)",
      message: "\(what) `\(name)`: uids and gids must be in range 0-2147483647")
  }

  private func unknown(_ what: String, _ text: ArraySlice<UInt8>, _ table: String)
    -> LaunchFailure
  {
    let name = String(decoding: text, as: UTF8.self)
    return LaunchFailure(
      stage: "looking up the \(what)",
      message: "unable to find \(what) \(name): no matching entries in \(table) file")
  }
}

extension Identity {
  fileprivate mutating func add(_ group: UInt32) {
    if !groups.contains(group) { groups.append(group) }
  }
}
