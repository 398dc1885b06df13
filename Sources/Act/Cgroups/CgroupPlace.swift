// Where below a hierarchy a container's group stands, and how those find it who come later: they may
// stand in other groups themselves, so that a look around would lead them astray.

import CLinux
import Glibc
package import Linux
import SystemPackage

/// The folders between a hierarchy's base and a container's group.
package struct CgroupPlace: Hashable, Sendable {
  let folders: [String]

  /// Below `berth`.
  package static let standard = CgroupPlace(verified: [Cgroup.parentName])

  private init(verified: [String]) { folders = verified }

  /// Below these folders; none is the standard place.
  package init(parents: [String]) throws(SystemCallError) {
    if parents.isEmpty {
      self = .standard
      return
    }
    for name in parents {
      guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(0x2F) else {
        throw SystemCallError("cgroup", name, .invalidArgument)
      }
    }
    self.init(verified: parents)
  }

  /// The folders above a group, from the base's child down.
  func parents(in hierarchy: CgroupHierarchy) -> [FilePath] {
    var path = hierarchy.base
    return folders.map { name in
      path.append(FilePath.Component(name) ?? "berth")
      return path
    }
  }
}

/// Marks a folder as made by berth, so that it goes again when it is empty. Without the mark, which
/// every kernel's cgroups can keep, it would stay.
private let mark = "trusted.berth.made"

func markAsOurs(_ folder: FilePath) {
  _ = folder.withPlatformString { setxattr($0, mark, "1", 1, 0) }
}

/// Removes the folders above a group, innermost first, as far as they are berth's and empty.
func removeParents(of folder: FilePath, base: FilePath) {
  var parent = folder.removingLastComponent()
  while parent != base, parent.starts(with: base), !parent.isEmpty {
    let isOurs =
      parent.lastComponent?.string == Cgroup.parentName
      || parent.withPlatformString { getxattr($0, mark, nil, 0) } > 0
    // Refused while other groups are in it.
    guard isOurs, parent.withPlatformString({ rmdir($0) }) == 0 else { return }
    parent.removeLastComponent()
  }
}

extension Cgroup {
  /// Where the group's folders are: one line for each, in fields parted by tabs.
  package var record: [UInt8] {
    let lines = groups.map { group in
      let version = group.hierarchy.version == .v1 ? "v1" : "v2"
      let controllers = group.hierarchy.controllers.joined(separator: ",")
      return "\(version)\t\(controllers)\t\(group.hierarchy.base)\t\(group.folder)\n"
    }
    return Array(lines.joined().utf8)
  }

  /// The group that `record` tells of; folders that have gone are left out.
  package static func open(_ id: String, record: [UInt8]) throws(SystemCallError) -> Cgroup {
    var groups: [Group] = []
    for line in String(decoding: record, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 4, fields[0] == "v1" || fields[0] == "v2" else {
        throw SystemCallError("cgroup record", id, .invalidArgument)
      }
      let folder = FilePath(fields[3])
      // Another's group must not be taken for this one's, whatever the record has become.
      guard folder.lastComponent?.string == id else {
        throw SystemCallError("cgroup record", id, .invalidArgument)
      }
      guard let directory = try? Descriptor.open(folder, O_RDONLY | O_DIRECTORY) else { continue }
      let hierarchy = CgroupHierarchy(
        version: fields[0] == "v1" ? .v1 : .v2,
        controllers: fields[1].split(separator: ",").map(String.init), base: FilePath(fields[2]))
      groups.append(
        Group(hierarchy: hierarchy, folder: folder, directory: SharedDescriptor(directory)))
    }
    return Cgroup(id: id, groups: groups)
  }
}
