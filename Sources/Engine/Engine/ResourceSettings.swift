// Limits of a service as the container's blueprint holds them. What they must be to each other is
// checked with the file; here is what only this machine can tell.

import Blueprint
import Cgroups
import Compose
import Diagnostics
import Glibc
import Linux
import SystemPackage

extension Session {
  func resources(of service: Service) throws -> ResourceLimits {
    let wanted = service.limits
    var limits = ResourceLimits()
    limits.memory = wanted.memory.flatMap { UInt64(exactly: $0.bytes) }
    limits.memoryReservation = wanted.memoryReservation.flatMap { UInt64(exactly: $0.bytes) }
    // Unset, it is as much again as memory.
    limits.memorySwap = wanted.memoryAndSwap.map { Int64($0.bytes) }
    limits.memorySwappiness = wanted.swappiness.flatMap { UInt8(exactly: $0) }
    limits.disablesOutOfMemoryKill = wanted.isOutOfMemoryKillDisabled
    processors(of: service, into: &limits)
    limits.cpuset = wanted.cpuSet
    try checkProcessorSet(of: service)
    limits.pids = wanted.pids.flatMap { $0 > 0 ? Int64($0) : nil }
    limits.oomScoreAdjustment = wanted.oomScoreAdjustment
    limits.sharedMemory = wanted.shmSize.flatMap { UInt64(exactly: $0.bytes) }
    limits.limits = service.ulimits.map {
      ProcessLimit(name: $0.name, soft: Int64($0.soft), hard: Int64($0.hard))
    }
    limits.blockWeight = wanted.blockWeight.flatMap { UInt16(exactly: $0) }
    limits.blockDevices = try wanted.blockDevices.map { try block($0, service) }
    return limits
  }

  private func processors(of service: Service, into limits: inout ResourceLimits) {
    let wanted = service.limits
    limits.cpuShares = wanted.cpuShares.flatMap { UInt64(exactly: $0) }
    limits.cpuPeriod = wanted.cpuPeriod.flatMap { UInt64(exactly: $0) }
    limits.cpuQuota = wanted.cpuQuota.map(Int64.init)
    limits.realtimePeriod = wanted.realtimePeriod.flatMap { UInt64(exactly: $0) }
    limits.realtimeRuntime = wanted.realtimeRuntime.map(Int64.init)
    if let cpus = wanted.cpus, cpus > 0, limits.cpuQuota == nil, cpus < 1_000_000 {
      limits.cpuPeriod = 100_000
      limits.cpuQuota = Int64((cpus * 100_000).rounded())
    }
  }

  /// Cgroup v2 takes processors that there are not, and runs the container on all.
  private func checkProcessorSet(of service: Service) throws {
    guard let text = service.limits.cpuSet, !text.isEmpty else { return }
    let place = service.place(of: "cpuset")
    guard let wanted = ProcessorSet(text) else {
      throw Faults([
        Diagnostic(
          "service `\(service.name)`: `cpuset` is no list of processors: `\(text)`", span: place,
          hint: "write numbers and ranges: `0-2,4`")
      ])
    }
    // Without a list the kernel says itself what it does not have.
    guard let available = try availableProcessors(), !wanted.isContained(in: available) else {
      return
    }
    throw Faults([
      Diagnostic(
        "service `\(service.name)`: `cpuset` asks for processors that are not here: `\(text)`",
        span: place, hint: "here are `\(available.text)`")
    ])
  }

  private func block(_ limit: BlockDeviceLimit, _ service: Service) throws -> BlockDeviceBlueprint {
    do throws(SystemCallError) {
      _ = try wholeDisk(FilePath(limit.path))
    } catch {
      let reason =
        error.errno.rawValue == ENOTBLK ? "it is no block device" : error.errno.text
      throw Faults([
        Diagnostic(
          "service `\(service.name)`: `blkio_config.\(limit.kind.rawValue)` cannot limit"
            + " `\(limit.path)`: \(reason)",
          span: limit.span ?? service.place(of: "blkio_config"),
          hint: "name the node of a disk, such as `/dev/sda`")
      ])
    }
    let kind: BlockDeviceBlueprint.Kind =
      switch limit.kind {
      case .weight: .weight
      case .readBytes: .readBytes
      case .writeBytes: .writeBytes
      case .readOperations: .readOperations
      case .writeOperations: .writeOperations
      }
    return BlockDeviceBlueprint(
      kind: kind, path: Bytes(limit.path), value: UInt64(clamping: limit.value))
  }
}
