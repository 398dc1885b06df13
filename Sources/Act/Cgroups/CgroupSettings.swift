// Limits as values: which file of which controller gets which text. `Cgroup` writes them.

package import Blueprint

/// One write into a group.
package struct CgroupSetting: Hashable, Sendable {
  package var controller: String
  package var file: String
  package var value: String
  /// A setting that was not asked for by name is passed over where the kernel has no such file.
  package var isRequired: Bool

  package init(_ controller: String, _ file: String, _ value: String, isRequired: Bool = true) {
    self.controller = controller
    self.file = file
    self.value = value
    self.isRequired = isRequired
  }
}

extension ResourceLimits {
  /// What to write on cgroup v1, in this order. Unset `memorySwap` is twice `memory`, as docker has
  /// it; an unset `pids` is unlimited, as docker has it: a limit that nobody asked for breaks
  /// services that were fine elsewhere, and the shim stands outside of the group.
  package var settingsV1: [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let memory {
      settings.append(CgroupSetting("memory", "memory.limit_in_bytes", "\(memory)"))
    }
    if let swap = swapTogether {
      settings.append(
        CgroupSetting(
          "memory", "memory.memsw.limit_in_bytes", "\(swap)", isRequired: memorySwap != nil))
    }
    if let memoryReservation {
      settings.append(
        CgroupSetting("memory", "memory.soft_limit_in_bytes", "\(memoryReservation)"))
    }
    if let memorySwappiness {
      settings.append(CgroupSetting("memory", "memory.swappiness", "\(memorySwappiness)"))
    }
    if let cpuShares, cpuShares > 0 {
      settings.append(CgroupSetting("cpu", "cpu.shares", "\(cpuShares)"))
    }
    if let cpuPeriod, cpuPeriod > 0 {
      settings.append(CgroupSetting("cpu", "cpu.cfs_period_us", "\(cpuPeriod)"))
    }
    if let cpuQuota, cpuQuota != 0 {
      settings.append(CgroupSetting("cpu", "cpu.cfs_quota_us", "\(cpuQuota)"))
    }
    return settings + sharedSettings
  }

  /// What to write on cgroup v2, in this order.
  package var settingsV2: [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let memory { settings.append(CgroupSetting("memory", "memory.max", "\(memory)")) }
    if let together = swapTogether {
      let alone = together < 0 ? "max" : "\(max(0, together - Int64(clamping: memory ?? 0)))"
      settings.append(
        CgroupSetting("memory", "memory.swap.max", alone, isRequired: memorySwap != nil))
    }
    if let memoryReservation {
      settings.append(CgroupSetting("memory", "memory.low", "\(memoryReservation)"))
    }
    if let cpuShares, cpuShares > 0 {
      settings.append(CgroupSetting("cpu", "cpu.weight", "\(Self.weight(ofShares: cpuShares))"))
    }
    if cpuQuota ?? 0 != 0 || cpuPeriod ?? 0 != 0 {
      let quota = cpuQuota.flatMap { $0 > 0 ? "\($0)" : nil } ?? "max"
      let period = cpuPeriod.flatMap { $0 > 0 ? $0 : nil } ?? 100_000
      settings.append(CgroupSetting("cpu", "cpu.max", "\(quota) \(period)"))
    }
    return settings + sharedSettings
  }

  private var sharedSettings: [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let cpuset, !cpuset.isEmpty {
      settings.append(CgroupSetting("cpuset", "cpuset.cpus", cpuset))
    }
    if let pids, pids != 0 {
      settings.append(CgroupSetting("pids", "pids.max", pids < 0 ? "max" : "\(pids)"))
    }
    return settings
  }

  /// Memory and swap together; nil is left alone.
  private var swapTogether: Int64? {
    if let memorySwap, memorySwap != 0 { return memorySwap }
    guard let memory else { return nil }
    let (twice, overflow) = memory.multipliedReportingOverflow(by: 2)
    return overflow ? nil : Int64(exactly: twice)
  }

  /// v1 shares (2…262144) on the scale of v2 (1…10000), as the OCI runtimes convert them.
  package static func weight(ofShares shares: UInt64) -> UInt64 {
    1 + (min(max(shares, 2), 262_144) - 2) * 9_999 / 262_142
  }
}
