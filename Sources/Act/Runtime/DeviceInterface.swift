// The Container Device Interface: devices that vendors describe in files, asked for by name
// (`vendor.com/class=name`). https://github.com/cncf-tags/container-device-interface, SPEC.md.

package import Diagnostics

/// A description that cannot be used: its file, and where in it.
package struct DeviceInterfaceError: Diagnosable, Hashable {
  package var file: String
  /// `devices[0].containerEdits`; empty is the whole file.
  package var place: String
  package var reason: String

  package var diagnostics: [Diagnostic] {
    let place = place.isEmpty ? "" : ": `\(place)`"
    return [Diagnostic("device file `\(file)`\(place): \(reason)")]
  }
}

/// What a container gets with a device.
package struct DeviceEdits: Hashable, Sendable {
  package struct Node: Hashable, Sendable {
    /// In the container.
    package var path: String
    /// On the host.
    package var source: String
    /// Of `rwm`.
    package var permissions: String
    package var mode: UInt32?
    package var user: UInt32?
    package var group: UInt32?
  }

  package struct Mount: Hashable, Sendable {
    package var source: String
    package var target: String
    package var isReadOnly: Bool
  }

  /// `NAME=value`.
  package var environment: [String] = []
  package var nodes: [Node] = []
  package var mounts: [Mount] = []
  package var groups: [UInt32] = []
  /// Something that berth does not do, in words; a container that wants it is refused.
  package var unsupported: String?

  package init() {}

  package mutating func append(_ other: DeviceEdits) {
    environment += other.environment
    // A node or mount that several devices bring is one.
    for node in other.nodes where !nodes.contains(node) { nodes.append(node) }
    for mount in other.mounts where !mounts.contains(mount) { mounts.append(mount) }
    for group in other.groups where !groups.contains(group) { groups.append(group) }
    unsupported = unsupported ?? other.unsupported
  }
}

/// One file: all devices of one kind.
struct DeviceFile: Hashable, Sendable {
  struct Device: Hashable, Sendable {
    var name: String
    var edits: DeviceEdits
  }

  var path: String
  /// `vendor.com/class`.
  var kind: String
  var edits: DeviceEdits
  var devices: [Device]
}
