// Which cgroup hierarchies this machine has and where we stand in each: read, never assumed.

import Glibc
package import Linux
package import SystemPackage

/// One mounted hierarchy.
package struct CgroupHierarchy: Hashable, Sendable {
  package enum Version: Hashable, Sendable {
    case v1
    case v2
  }

  package var version: Version
  /// `memory`, `cpu`, …; of a v2 hierarchy those that it has to give.
  package var controllers: [String]
  /// The folder below which berth's groups are made.
  package var base: FilePath

  package init(version: Version, controllers: [String], base: FilePath) {
    self.version = version
    self.controllers = controllers
    self.base = base
  }
}

/// All hierarchies: v1, v2 or both beside each other (hybrid).
package struct CgroupLayout: Hashable, Sendable {
  package var hierarchies: [CgroupHierarchy]

  package init(hierarchies: [CgroupHierarchy]) { self.hierarchies = hierarchies }

  /// Reads /proc/self/mountinfo and /proc/self/cgroup.
  package static func detect() throws(SystemCallError) -> CgroupLayout {
    let mounts = try text("/proc/self/mountinfo")
    let membership = try text("/proc/self/cgroup")
    var layout = CgroupLayout(mountinfo: mounts, membership: membership)
    for index in layout.hierarchies.indices where layout.hierarchies[index].version == .v2 {
      // A hierarchy whose list cannot be read gives no controllers; v1 may have them all.
      let list = try? text(layout.hierarchies[index].base.appending("cgroup.controllers"))
      layout.hierarchies[index].controllers = words(list ?? "")
    }
    return layout
  }

  /// The same from the texts of the two files. Controllers of v2 are left empty.
  ///
  /// On v1 groups are made below the own group, so that limits of an outer engine still hold. On v2
  /// they are made at the root of what is mounted: a group with processes cannot give controllers
  /// to groups below it.
  package init(mountinfo: String, membership: String) {
    var own: [String: String] = [:]
    for line in membership.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      own[String(parts[1])] = String(parts[2])
    }
    hierarchies = []
    var seen: Set<[String]> = []
    for line in mountinfo.split(separator: "\n") {
      guard let mount = CgroupMount(line) else { continue }
      if mount.isV2 {
        guard seen.insert(["v2"]).inserted else { continue }
        hierarchies.append(
          CgroupHierarchy(version: .v2, controllers: [], base: FilePath(mount.folder)))
        continue
      }
      guard
        let entry = own.first(where: { Set($0.key.split(separator: ",")) == Set(mount.names) }),
        seen.insert(mount.names.map(String.init).sorted()).inserted
      else { continue }
      hierarchies.append(
        CgroupHierarchy(
          version: .v1, controllers: mount.names.map(String.init),
          base: mount.folder(of: entry.value)))
    }
  }

  /// The hierarchy that has `controller`; v1 before v2, as a controller is in one of them only.
  package func hierarchy(of controller: String) -> CgroupHierarchy? {
    hierarchies.first { $0.version == .v1 && $0.controllers.contains(controller) }
      ?? hierarchies.first { $0.version == .v2 && $0.controllers.contains(controller) }
  }

  /// True where all controllers are on v2.
  package var isUnified: Bool { !hierarchies.contains { $0.version == .v1 } }
}

/// One line of mountinfo that is about cgroups: proc_pid_mountinfo(5).
private struct CgroupMount {
  let folder: String
  let root: String
  let isV2: Bool
  let names: [Substring]

  init?(_ line: Substring) {
    let fields = line.split(separator: " ")
    guard fields.count >= 10, let dash = fields.firstIndex(of: "-"), dash >= 6,
      fields.count > dash + 3
    else { return nil }
    switch fields[dash + 1] {
    case "cgroup": isV2 = false
    case "cgroup2": isV2 = true
    default: return nil
    }
    root = String(fields[3])
    folder = String(fields[4])
    let flags: Set<Substring> = ["rw", "ro", "xattr", "noprefix", "clone_children", "nsdelegate"]
    names = fields[dash + 3].split(separator: ",").filter { name in
      !flags.contains(name) && (!name.contains("=") || name.hasPrefix("name="))
    }
  }

  /// Where the group `path` of /proc/self/cgroup is seen below this mount.
  func folder(of path: String) -> FilePath {
    var below = path[...]
    if root != "/", below.hasPrefix(root) { below = below.dropFirst(root.count) }
    while below.hasPrefix("/") { below = below.dropFirst() }
    let base = FilePath(folder)
    return below.isEmpty || path.contains("..") ? base : base.appending(String(below))
  }
}

func text(_ path: FilePath) throws(SystemCallError) -> String {
  String(decoding: try Descriptor.open(path, O_RDONLY).readAll(limit: 4 << 20), as: UTF8.self)
}

func words(_ text: String) -> [String] {
  text.split { $0 == " " || $0 == "\n" || $0 == "\t" }.map(String.init)
}
