// Limits as values: which file of which controller gets which text. `Cgroup` writes them.

package import Blueprint

/// One write into a group.
package struct CgroupSetting: Hashable, Sendable {
  package enum Importance: Hashable, Sendable {
    /// Asked for: without it the container is not started.
    case required
    /// Asked for, but as docker has it a kernel without it only brings a warning.
    case wished
    /// Not asked for by name: passed over where the kernel has no such file.
    case implied
  }

  package var controller: String
  package var file: String
  package var value: String
  package var importance: Importance
  /// What the compose file calls it.
  package var attribute: String
  /// The same for a kernel that has another file for it.
  package var alternative: Alternative?

  package struct Alternative: Hashable, Sendable {
    package var file: String
    package var value: String
  }

  package init(
    _ controller: String, _ file: String, _ value: String, of attribute: String,
    _ importance: Importance = .required, or alternative: Alternative? = nil
  ) {
    self.controller = controller
    self.file = file
    self.value = value
    self.attribute = attribute
    self.importance = importance
    self.alternative = alternative
  }
}

extension ResourceLimits {
  /// What to write on cgroup v1, in this order. Unset `memorySwap` is twice `memory`, as docker has
  /// it; an unset `pids` is unlimited, as docker has it: a limit that nobody asked for breaks
  /// services that were fine elsewhere, and the shim stands outside of the group.
  ///
  /// - Parameter numbers: `major:minor` of the devices that `blockDevices` names.
  package func settingsV1(_ numbers: [Bytes: String] = [:]) -> [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let memory {
      settings.append(.init("memory", "memory.limit_in_bytes", "\(memory)", of: "mem_limit"))
    }
    if let swap = swapTogether {
      settings.append(
        .init(
          "memory", "memory.memsw.limit_in_bytes", "\(swap)", of: "memswap_limit",
          memorySwap == nil ? .implied : .wished))
    }
    if let memoryReservation {
      settings.append(
        .init(
          "memory", "memory.soft_limit_in_bytes", "\(memoryReservation)", of: "mem_reservation"))
    }
    settings += memoryOfV1
    if let cpuShares, cpuShares > 0 {
      settings.append(.init("cpu", "cpu.shares", "\(cpuShares)", of: "cpu_shares"))
    }
    if let cpuPeriod, cpuPeriod > 0 {
      settings.append(.init("cpu", "cpu.cfs_period_us", "\(cpuPeriod)", of: "cpu_period"))
    }
    if let cpuQuota, cpuQuota != 0 {
      settings.append(.init("cpu", "cpu.cfs_quota_us", "\(cpuQuota)", of: "cpus` or `cpu_quota"))
    }
    return settings + realtime + shared + blockOfV1(numbers)
  }

  /// What to write on cgroup v2, in this order. What only v1 has is here too: its files are missing
  /// then, and that is told.
  package func settingsV2(_ numbers: [Bytes: String] = [:]) -> [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let memory {
      settings.append(.init("memory", "memory.max", "\(memory)", of: "mem_limit"))
    }
    if let together = swapTogether {
      let alone = together < 0 ? "max" : "\(max(0, together - Int64(clamping: memory ?? 0)))"
      settings.append(
        .init(
          "memory", "memory.swap.max", alone, of: "memswap_limit",
          memorySwap == nil ? .implied : .wished))
    }
    if let memoryReservation {
      settings.append(.init("memory", "memory.low", "\(memoryReservation)", of: "mem_reservation"))
    }
    settings += memoryOfV1
    if let cpuShares, cpuShares > 0 {
      let weight = Self.weight(ofShares: cpuShares)
      settings.append(.init("cpu", "cpu.weight", "\(weight)", of: "cpu_shares"))
    }
    if cpuQuota ?? 0 != 0 || cpuPeriod ?? 0 != 0 {
      let quota = cpuQuota.flatMap { $0 > 0 ? "\($0)" : nil } ?? "max"
      let period = cpuPeriod.flatMap { $0 > 0 ? $0 : nil } ?? 100_000
      settings.append(.init("cpu", "cpu.max", "\(quota) \(period)", of: "cpus` or `cpu_quota"))
    }
    return settings + realtime + shared + blockOfV2(numbers)
  }

  private var memoryOfV1: [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let memorySwappiness {
      settings.append(
        .init("memory", "memory.swappiness", "\(memorySwappiness)", of: "mem_swappiness", .wished))
    }
    if disablesOutOfMemoryKill {
      settings.append(.init("memory", "memory.oom_control", "1", of: "oom_kill_disable", .wished))
    }
    return settings
  }

  private var realtime: [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let realtimePeriod, realtimePeriod > 0 {
      settings.append(.init("cpu", "cpu.rt_period_us", "\(realtimePeriod)", of: "cpu_rt_period"))
    }
    if let realtimeRuntime, realtimeRuntime != 0 {
      settings.append(
        .init("cpu", "cpu.rt_runtime_us", "\(realtimeRuntime)", of: "cpu_rt_runtime"))
    }
    return settings
  }

  private var shared: [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let cpuset, !cpuset.isEmpty {
      settings.append(.init("cpuset", "cpuset.cpus", cpuset, of: "cpuset"))
    }
    if let pids, pids != 0 {
      settings.append(
        .init("pids", "pids.max", pids < 0 ? "max" : "\(pids)", of: "pids_limit"))
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

// MARK: - Block devices

extension ResourceLimits {
  /// Weights are known to kernels with the scheduler BFQ, or on v1 with the old CFQ.
  private func blockOfV1(_ numbers: [Bytes: String]) -> [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let weight = blockWeight {
      settings.append(
        .init(
          "blkio", "blkio.weight", "\(weight)", of: "blkio_config.weight", .wished,
          or: .init(file: "blkio.bfq.weight", value: "\(weight)")))
    }
    for device in blockDevices {
      guard let number = numbers[device.path] else { continue }
      let value = "\(number) \(device.value)"
      let attribute = "blkio_config.\(device.kind.attribute)"
      switch device.kind {
      case .weight:
        settings.append(
          .init(
            "blkio", "blkio.weight_device", value, of: attribute, .wished,
            or: .init(file: "blkio.bfq.weight_device", value: value)))
      case .readBytes, .writeBytes, .readOperations, .writeOperations:
        let file = "blkio.throttle.\(device.kind.throttle)_device"
        settings.append(.init("blkio", file, value, of: attribute))
      }
    }
    return settings
  }

  private func blockOfV2(_ numbers: [Bytes: String]) -> [CgroupSetting] {
    var settings: [CgroupSetting] = []
    if let weight = blockWeight {
      settings.append(
        .init(
          "io", "io.bfq.weight", "\(weight)", of: "blkio_config.weight", .wished,
          or: .init(file: "io.weight", value: "default \(Self.weight(ofBlockWeight: weight))")))
    }
    for device in blockDevices {
      guard let number = numbers[device.path] else { continue }
      let attribute = "blkio_config.\(device.kind.attribute)"
      switch device.kind {
      case .weight:
        let weight = UInt16(clamping: device.value)
        settings.append(
          .init(
            "io", "io.bfq.weight", "\(number) \(weight)", of: attribute, .wished,
            or: .init(
              file: "io.weight", value: "\(number) \(Self.weight(ofBlockWeight: weight))")))
      case .readBytes, .writeBytes, .readOperations, .writeOperations:
        settings.append(
          .init("io", "io.max", "\(number) \(device.kind.maximum)=\(device.value)", of: attribute))
      }
    }
    return settings
  }

  /// v1 weights (10…1000) on the scale of v2 (1…10000), as the OCI runtimes convert them.
  private static func weight(ofBlockWeight weight: UInt16) -> UInt64 {
    1 + (UInt64(min(max(weight, 10), 1_000)) - 10) * 9_999 / 990
  }
}

extension BlockDeviceBlueprint.Kind {
  fileprivate var attribute: String {
    switch self {
    case .weight: "weight_device"
    case .readBytes: "device_read_bps"
    case .writeBytes: "device_write_bps"
    case .readOperations: "device_read_iops"
    case .writeOperations: "device_write_iops"
    }
  }

  /// The middle of the file's name on v1.
  fileprivate var throttle: String {
    switch self {
    case .weight: "weight"
    case .readBytes: "read_bps"
    case .writeBytes: "write_bps"
    case .readOperations: "read_iops"
    case .writeOperations: "write_iops"
    }
  }

  /// The key in `io.max`.
  fileprivate var maximum: String {
    switch self {
    case .weight: "weight"
    case .readBytes: "rbps"
    case .writeBytes: "wbps"
    case .readOperations: "riops"
    case .writeOperations: "wiops"
    }
  }
}
