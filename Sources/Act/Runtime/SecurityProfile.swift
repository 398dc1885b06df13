// The default security profile as data: what a container may do unless the file says otherwise.

package import Blueprint
import CLinux
package import Diagnostics
import Glibc

/// A name that is no capability.
package struct UnknownCapability: Diagnosable, Hashable {
  package var name: String

  package var diagnostics: [Diagnostic] {
    [
      Diagnostic(
        "there is no capability `\(name)`",
        hint: nearest(to: name.uppercased(), among: SecurityProfile.allCapabilities)
          .map { "did you mean `\($0)`?" } ?? "see capabilities(7), or write ALL")
    ]
  }
}

package enum SecurityProfile {
  /// Docker's fourteen.
  package static let defaultCapabilities = [
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP",
    "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
  ]

  package static let allCapabilities = CapabilityNames.all

  /// Hidden from the container: files by /dev/null, folders by an empty one.
  package static let maskedPaths: [Bytes] =
    [
      // Nothing but its mode keeps root from writing to it, and docker leaves it to AppArmor.
      "/proc/dynamic_debug",
      "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
      "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
      "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux",
      "/sys/dev/block",
    ] + thermalThrottles

  /// Visible but not writable.
  package static let readOnlyPaths: [Bytes] = [
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
  ]

  /// They tell one container what the others do to the same core.
  private static var thermalThrottles: [Bytes] {
    (0..<max(0, sysconf(CInt(_SC_NPROCESSORS_CONF)))).compactMap { number in
      let path = "/sys/devices/system/cpu/cpu\(number)/thermal_throttle"
      return access(path, F_OK) == 0 ? Bytes(path) : nil
    }
  }

  /// - Parameters:
  ///   - adding, dropping: as `cap_add` and `cap_drop` have them: with or without `CAP_`, any case,
  ///     or ALL. What is added by name stays when ALL is dropped, and the other way round.
  package static func blueprint(adding: [String], dropping: [String], isPrivileged: Bool)
    throws(UnknownCapability) -> SecurityBlueprint
  {
    let added = try adding.map(capability)
    let dropped = try dropping.map(capability)
    var capabilities = Set(defaultCapabilities)
    if added.contains("ALL") || isPrivileged { capabilities = Set(allCapabilities) }
    if dropped.contains("ALL") { capabilities = [] }
    capabilities.formUnion(added.filter { $0 != "ALL" })
    capabilities.subtract(dropped)
    var security = SecurityBlueprint(
      capabilities: allCapabilities.filter { capabilities.contains($0) })
    security.privileged = isPrivileged
    if !isPrivileged {
      security.maskedPaths = maskedPaths
      security.readOnlyPaths = readOnlyPaths
    }
    return security
  }

  private static func capability(_ text: String) throws(UnknownCapability) -> String {
    guard let name = CapabilityNames.name(text) else { throw UnknownCapability(name: text) }
    return name
  }
}
