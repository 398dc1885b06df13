// One container's group, on v1 (a folder in each hierarchy), on v2, or on both beside each other.

package import Blueprint
import CLinux
import Glibc
package import Linux
import SystemPackage

/// The group of one container. The folders stay until `remove`.
package final class Cgroup: Sendable {
  struct Group: Sendable {
    let hierarchy: CgroupHierarchy
    let folder: FilePath
    let directory: SharedDescriptor
  }

  package let id: String
  let groups: [Group]

  init(id: String, groups: [Group]) {
    self.id = id
    self.groups = groups
  }

  /// The name of the group that holds all containers' groups.
  package static let parentName = "berth"

  /// Makes the group (one that exists is taken over and set anew) with its limits and device list.
  ///
  /// - Parameter tell: is told of what was asked for and is passed over, as docker does.
  /// - Throws: what a limit that was asked for met; then nothing is left behind.
  package static func create(
    _ id: String, limits: ResourceLimits, security: SecurityBlueprint,
    place: CgroupPlace = .standard, in layout: CgroupLayout? = nil,
    tell: (String) throws -> Void = { _ in }
  ) throws -> Cgroup {
    let layout = try detected(layout)
    let cgroup = Cgroup(id: id, groups: try makeGroups(id, place, needed(limits, layout)))
    do {
      for attribute in try cgroup.apply(limits) {
        try tell("`\(attribute)` is left out: the kernel has it not, or not in these cgroups")
      }
      try cgroup.restrictDevices(DeviceAccess(security))
    } catch {
      cgroup.removeNow()
      throw error
    }
    return cgroup
  }

  /// The group of a container that exists; its folders are those that are found.
  package static func open(
    _ id: String, place: CgroupPlace = .standard, in layout: CgroupLayout? = nil
  ) throws(SystemCallError) -> Cgroup {
    let layout = try detected(layout)
    var groups: [Group] = []
    for hierarchy in layout.hierarchies {
      let folder = (place.parents(in: hierarchy).last ?? hierarchy.base).appending(id)
      // A hierarchy without the folder has no part in this container.
      guard let directory = try? Descriptor.open(folder, O_RDONLY | O_DIRECTORY) else { continue }
      groups.append(
        Group(hierarchy: hierarchy, folder: folder, directory: SharedDescriptor(directory)))
    }
    return Cgroup(id: id, groups: groups)
  }

  private static func detected(_ layout: CgroupLayout?) throws(SystemCallError) -> CgroupLayout {
    if let layout { return layout }
    return try CgroupLayout.detect()
  }

  private static func needed(_ limits: ResourceLimits, _ layout: CgroupLayout)
    -> [CgroupHierarchy]
  {
    var controllers = ["memory", "pids", "cpu", "devices", "freezer"]
    if let cpuset = limits.cpuset, !cpuset.isEmpty { controllers.append("cpuset") }
    if limits.blockWeight != nil || !limits.blockDevices.isEmpty { controllers += ["blkio", "io"] }
    var found: [CgroupHierarchy] = []
    for controller in controllers {
      if let hierarchy = layout.hierarchy(of: controller), !found.contains(hierarchy) {
        found.append(hierarchy)
      }
    }
    if layout.isUnified, let only = layout.hierarchies.first, !found.contains(only) {
      found.append(only)
    }
    return found
  }

  private static func makeGroups(
    _ id: String, _ place: CgroupPlace, _ hierarchies: [CgroupHierarchy]
  ) throws(SystemCallError) -> [Group] {
    var groups: [Group] = []
    do throws(SystemCallError) {
      for hierarchy in hierarchies {
        let folder = try makeFolder(id, place, hierarchy)
        groups.append(
          Group(
            hierarchy: hierarchy, folder: folder,
            directory: SharedDescriptor(try Descriptor.open(folder, O_RDONLY | O_DIRECTORY))))
      }
    } catch {
      Cgroup(id: id, groups: groups).removeNow()
      throw error
    }
    return groups
  }

  /// A parent may be removed by another shim between two calls: tried again a few times.
  private static func makeFolder(_ id: String, _ place: CgroupPlace, _ hierarchy: CgroupHierarchy)
    throws(SystemCallError) -> FilePath
  {
    let parents = place.parents(in: hierarchy)
    let folder = (parents.last ?? hierarchy.base).appending(id)
    for _ in 0..<32 {
      for parent in parents { try makeParent(parent, place, hierarchy) }
      if folder.withPlatformString({ mkdir($0, 0o755) }) == 0 {
        if hierarchy.controllers.contains("cpuset"), hierarchy.version == .v1 {
          try inheritCPUs(folder)
        }
        return folder
      }
      let reason = Errno.current
      if reason == .fileExists { return folder }
      guard reason == .noSuchFileOrDirectory else {
        throw SystemCallError("mkdir", folder.string, reason)
      }
    }
    throw SystemCallError("mkdir", folder.string, .noSuchFileOrDirectory)
  }

  private static func makeParent(
    _ parent: FilePath, _ place: CgroupPlace, _ hierarchy: CgroupHierarchy
  ) throws(SystemCallError) {
    if parent.withPlatformString({ mkdir($0, 0o755) }) == 0 {
      if place != .standard { markAsOurs(parent) }
      try prepare(parent, hierarchy)
      return
    }
    switch Errno.current {
    case .fileExists:
      // Somebody else's folder may not give its controllers yet.
      if place != .standard, hierarchy.version == .v2 { try prepare(parent, hierarchy) }
    case .noSuchFileOrDirectory: break
    case let reason: throw SystemCallError("mkdir", parent.string, reason)
    }
  }

  /// v1 cpusets begin empty and let nobody in; v2 groups give no controllers until told.
  private static func prepare(_ parent: FilePath, _ hierarchy: CgroupHierarchy)
    throws(SystemCallError)
  {
    switch hierarchy.version {
    case .v1:
      if hierarchy.controllers.contains("cpuset") { try inheritCPUs(parent) }
    case .v2:
      let wanted = ["memory", "pids", "cpu", "cpuset", "io"].filter(hierarchy.controllers.contains)
      for folder in [parent.removingLastComponent(), parent] {
        for controller in wanted {
          // A controller that cannot be given is reported when a limit needs it.
          try? write("+" + controller, to: folder.appending("cgroup.subtree_control"))
        }
      }
    }
  }

  private static func inheritCPUs(_ folder: FilePath) throws(SystemCallError) {
    for file in ["cpuset.cpus", "cpuset.mems"] {
      let inherited = try text(folder.removingLastComponent().appending(file))
      try write(inherited, to: folder.appending(file))
    }
  }
}

extension Cgroup {
  func restrictDevices(_ access: DeviceAccess) throws(SystemCallError) {
    if let group = group(of: "devices", .v1) {
      guard case .only(let rules) = access else {
        try write("a", to: group.folder.appending("devices.allow"))
        return
      }
      try write("a", to: group.folder.appending("devices.deny"))
      for rule in rules {
        try write(rule.line, to: group.folder.appending("devices.allow"))
      }
    } else if let group = groups.first(where: { $0.hierarchy.version == .v2 }) {
      try attachDeviceProgram(access, to: Descriptor(owning: dup(group.directory.raw)))
    }
  }

  func group(of controller: String, _ version: CgroupHierarchy.Version? = nil) -> Group? {
    groups.first {
      (version == nil || $0.hierarchy.version == version)
        && $0.hierarchy.controllers.contains(controller)
    }
  }
}

func write(_ value: String, to path: FilePath) throws(SystemCallError) {
  let file = try Descriptor.open(path, O_WRONLY)
  do {
    try file.writeAll(Array(value.utf8))
  } catch {
    throw SystemCallError("write", path.string, error.errno)
  }
}
