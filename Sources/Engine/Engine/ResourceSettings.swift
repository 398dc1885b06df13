// Limits and logging of a service as the container's blueprint holds them.

import Blueprint
import Compose
import Diagnostics

extension Session {
  func resources(of service: Service) throws -> ResourceLimits {
    let wanted = service.limits
    var limits = ResourceLimits()
    limits.memory = try positive(wanted.memory?.bytes, "memory limit", service)
    limits.memoryReservation = try positive(
      wanted.memoryReservation?.bytes, "memory reservation", service)
    limits.memorySwap = wanted.memoryAndSwap.map { Int64($0.bytes) }
    if let memory = limits.memory, memory < 6 << 20 {
      throw UnsupportedSetting(
        service: service, setting: "a memory limit of \(memory) bytes",
        hint: "the least is 6 MiB")
    }
    // Unset swap is as much again as memory, as with docker.
    if let memory = limits.memory, limits.memorySwap == nil {
      limits.memorySwap = Int64(clamping: memory.multipliedReportingOverflow(by: 2).partialValue)
    }
    cpu(of: service, into: &limits)
    limits.cpuset = wanted.cpuSet
    limits.pids = wanted.pids.flatMap { $0 > 0 ? Int64($0) : nil }
    limits.oomScoreAdjustment = wanted.oomScoreAdjustment
    limits.sharedMemory = try positive(wanted.shmSize?.bytes, "shm_size", service)
    limits.limits = service.ulimits.map {
      ProcessLimit(name: $0.name, soft: Int64($0.soft), hard: Int64($0.hard))
    }
    return limits
  }

  private func cpu(of service: Service, into limits: inout ResourceLimits) {
    let wanted = service.limits
    limits.cpuShares = wanted.cpuShares.flatMap { UInt64(exactly: $0) }
    limits.cpuPeriod = wanted.cpuPeriod.flatMap { UInt64(exactly: $0) }
    limits.cpuQuota = wanted.cpuQuota.map(Int64.init)
    if let cpus = wanted.cpus, cpus > 0, limits.cpuQuota == nil, cpus < 1_000_000 {
      limits.cpuPeriod = 100_000
      limits.cpuQuota = Int64((cpus * 100_000).rounded())
    }
  }

  private func positive(_ bytes: Int?, _ what: String, _ service: Service) throws -> UInt64? {
    guard let bytes, bytes != 0 else { return nil }
    guard bytes > 0 else {
      throw UnsupportedSetting(
        service: service, setting: "a \(what) below zero", hint: "write a size such as 512m")
    }
    return UInt64(bytes)
  }

  func log(of service: Service) throws -> LogBlueprint {
    var log = LogBlueprint()
    guard let logging = service.logging else { return log }
    switch logging.driver {
    case nil, "json-file", "local": break
    case "none": log.driver = .none
    case .some(let name):
      throw UnsupportedSetting(
        service: service, setting: "the logging driver `\(name)`",
        hint: "berth has json-file, local and none")
    }
    for option in logging.options {
      switch option.key {
      case "max-size":
        guard let size = byteSize(option.value), size >= 64 << 10 else {
          throw UnsupportedSetting(
            service: service, setting: "logging option max-size `\(option.value)`",
            hint: "write a size of at least 64k, such as 10m")
        }
        log.segmentSize = size
      case "max-file":
        guard let count = Int(option.value), (1...10_000).contains(count) else {
          throw UnsupportedSetting(
            service: service, setting: "logging option max-file `\(option.value)`",
            hint: "write a number from 1 to 10000")
        }
        log.segmentCount = count
      case "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode",
        "max-buffer-size":
        // They change how docker stores lines, not which lines `logs` shows.
        break
      default:
        throw UnsupportedSetting(
          service: service, setting: "logging option `\(option.key)`",
          hint: "berth knows max-size and max-file")
      }
    }
    return log
  }
}

/// `10m`, `512k`, `1g`, with or without a `b`: binary multiples, as log options have them.
func byteSize(_ text: String) -> UInt64? {
  var digits = text.lowercased()
  if digits.hasSuffix("b") { digits.removeLast() }
  let factor: UInt64
  switch digits.last {
  case "k": factor = 1 << 10
  case "m": factor = 1 << 20
  case "g": factor = 1 << 30
  default: factor = 1
  }
  if factor > 1 { digits.removeLast() }
  guard let number = UInt64(digits) else { return nil }
  let (size, overflow) = number.multipliedReportingOverflow(by: factor)
  return overflow ? nil : size
}
