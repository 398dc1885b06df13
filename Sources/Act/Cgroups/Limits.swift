// Limits written into a group, and what the kernel says of them in words of the compose file.

package import Blueprint
import CLinux
package import Diagnostics
import Glibc
import Linux
import SystemPackage

/// A limit that was asked for and cannot be had.
package struct LimitFailure: Diagnosable, Hashable {
  /// As the compose file calls it.
  package var attribute: String
  package var value: String
  package var reason: String

  package var diagnostics: [Diagnostic] {
    [Diagnostic("`\(attribute)` cannot be set to `\(value)`: \(reason)")]
  }
}

extension Cgroup {
  /// Writes the limits; called again to change them on a running container.
  /// - Returns: the attributes that were asked for and are passed over.
  @discardableResult
  package func apply(_ limits: ResourceLimits) throws -> [String] {
    let numbers = try limits.blockNumbers()
    var passedOver: [String] = []
    for setting in limits.settingsV1(numbers) {
      guard let group = group(of: setting.controller, .v1) else { continue }
      if setting.file.hasPrefix("cpu.rt_") { shareRealtime(group) }
      try write(setting, into: group, &passedOver)
    }
    for setting in limits.settingsV2(numbers) {
      guard let group = group(of: setting.controller, .v2) else { continue }
      try write(setting, into: group, &passedOver)
    }
    // A limit whose controller nobody has is told, not forgotten.
    for setting in limits.settingsV1(numbers) {
      let other = setting.controller == "blkio" ? "io" : setting.controller
      guard group(of: setting.controller, .v1) == nil, group(of: other, .v2) == nil else {
        continue
      }
      switch setting.importance {
      case .required:
        throw LimitFailure(
          attribute: setting.attribute, value: setting.value,
          reason: "the kernel has no cgroup controller `\(other)` here")
      case .wished: passedOver.append(setting.attribute)
      case .implied: break
      }
    }
    var seen: Set<String> = []
    return passedOver.filter { seen.insert($0).inserted }
  }

  private func write(_ setting: CgroupSetting, into group: Group, _ passedOver: inout [String])
    throws
  {
    do throws(SystemCallError) {
      try write(setting, into: group)
    } catch {
      let isMissing =
        error.errno == .noSuchFileOrDirectory || error.errno.rawValue == EOPNOTSUPP
      if isMissing, setting.importance == .wished {
        passedOver.append(setting.attribute)
        return
      }
      if setting.importance == .implied { return }
      let version = group.hierarchy.version == .v1 ? 1 : 2
      throw LimitFailure(
        attribute: setting.attribute, value: setting.value,
        reason: isMissing
          ? "the kernel has no `\(setting.file)` in its cgroups of version \(version)"
          : "`\(setting.file)`: \(error.errno.text)")
    }
  }

  private func write(_ setting: CgroupSetting, into group: Group) throws(SystemCallError) {
    do throws(SystemCallError) {
      try Cgroups.write(setting.value, to: group.folder.appending(setting.file))
    } catch {
      guard let other = setting.alternative, error.errno == .noSuchFileOrDirectory else {
        throw error
      }
      try Cgroups.write(other.value, to: group.folder.appending(other.file))
    }
  }

  /// A group of v1 begins without any real-time share and can give none to groups below it: the
  /// group of all containers may use what the group above it has.
  private func shareRealtime(_ group: Group) {
    for file in ["cpu.rt_period_us", "cpu.rt_runtime_us"] {
      // Where it cannot, the write that the container asks for says why.
      guard let share = try? text(group.hierarchy.base.appending(file)) else { return }
      let parent = group.folder.removingLastComponent()
      try? Cgroups.write(share, to: parent.appending(file))
    }
  }
}
