// Which devices a container may use: the list of cgroup v1, or a small BPF program on v2.

package import Blueprint
import CLinux
import Glibc
import Linux
import SystemPackage

/// What is allowed; everything else is denied.
package struct DeviceRule: Hashable, Sendable {
  package enum Kind: UInt8, Sendable {
    case block = 98
    case character = 99
  }

  package var kind: Kind
  /// nil is any.
  package var major: UInt32?
  package var minor: UInt32?
  /// Of `rwm`.
  package var permissions: String

  package init(_ kind: Kind, _ major: UInt32?, _ minor: UInt32?, _ permissions: String) {
    self.kind = kind
    self.major = major
    self.minor = minor
    self.permissions = permissions
  }

  /// The container default: making any node (which lets nobody open it), and the usual few.
  package static let standard: [DeviceRule] = [
    DeviceRule(.character, nil, nil, "m"), DeviceRule(.block, nil, nil, "m"),
    DeviceRule(.character, 1, 3, "rwm"), DeviceRule(.character, 1, 5, "rwm"),
    DeviceRule(.character, 1, 7, "rwm"), DeviceRule(.character, 1, 8, "rwm"),
    DeviceRule(.character, 1, 9, "rwm"), DeviceRule(.character, 5, 0, "rwm"),
    DeviceRule(.character, 5, 1, "rwm"), DeviceRule(.character, 5, 2, "rwm"),
    DeviceRule(.character, 136, nil, "rwm"),
  ]

  /// A rule about any kind is one about each: the kernel would take it for all devices.
  static func rules(_ asked: DeviceGrantRule) -> [DeviceRule] {
    let kinds: [Kind] =
      switch asked.kind {
      case .any: [.character, .block]
      case .character: [.character]
      case .block: [.block]
      }
    return kinds.map { DeviceRule($0, asked.major, asked.minor, asked.permissions) }
  }

  /// The line for `devices.allow`: `c 1:3 rwm`.
  package var line: String {
    let letter = kind == .character ? "c" : "b"
    let major = self.major.map { "\($0)" } ?? "*"
    let minor = self.minor.map { "\($0)" } ?? "*"
    return "\(letter) \(major):\(minor) \(permissions)"
  }
}

/// What a container may use; `everything` is for privileged ones.
package enum DeviceAccess: Hashable, Sendable {
  case everything
  case only([DeviceRule])

  /// Reads the numbers of the devices that the container asks for from their nodes on this host; a
  /// node that is missing gives no rule (attaching it later says so to the user).
  package init(_ security: SecurityBlueprint) {
    if security.privileged {
      self = .everything
      return
    }
    var rules = DeviceRule.standard
    for device in security.devices {
      for node in deviceNodes(at: FilePath(device.source.text), depth: 0) {
        rules.append(
          DeviceRule(node.kind, node.major, node.minor, device.permissions.filter("rwm".contains)))
      }
    }
    for text in security.deviceRules {
      // The compose file was checked; what is no rule allows nothing.
      guard let rule = DeviceGrantRule(text) else { continue }
      rules += DeviceRule.rules(rule)
    }
    self = .only(rules)
  }
}

/// The node at `path`, or all nodes below it when it is a folder.
private func deviceNodes(at path: FilePath, depth: Int) -> [(
  kind: DeviceRule.Kind, major: UInt32, minor: UInt32
)] {
  var status = stat()
  guard path.withPlatformString({ stat($0, &status) }) == 0 else { return [] }
  switch status.st_mode & S_IFMT {
  case S_IFCHR:
    return [(.character, gnu_dev_major(status.st_rdev), gnu_dev_minor(status.st_rdev))]
  case S_IFBLK:
    return [(.block, gnu_dev_major(status.st_rdev), gnu_dev_minor(status.st_rdev))]
  case S_IFDIR where depth < 4:
    // A folder that cannot be listed has nothing to allow.
    let names = (try? namesInFolder(path)) ?? []
    return names.flatMap { deviceNodes(at: path.appending($0), depth: depth + 1) }
  default:
    return []
  }
}
