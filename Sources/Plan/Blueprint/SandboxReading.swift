// What bounds a container as the shim reads it. See BlueprintReading.swift.

import JSON

extension SecurityBlueprint {
  init(_ record: RecordReader) throws(JSONError) {
    self.init(capabilities: try record.strings("capabilities"))
    seccompFilter = try record.optionalBytes("seccompFilter")
    maskedPaths = try record.bytesList("maskedPaths")
    readOnlyPaths = try record.bytesList("readOnlyPaths")
    noNewPrivileges = try record.bool("noNewPrivileges")
    privileged = try record.bool("privileged")
    sysctls = try record.table("sysctls")
    for device in try record.records("devices") { devices.append(try DeviceBlueprint(device)) }
    // Records of older programs have none of these.
    if record.has("deviceRules") { deviceRules = try record.strings("deviceRules") }
    appArmorProfile = try record.optionalString("appArmorProfile")
    if record.has("writableCgroups") { writableCgroups = try record.bool("writableCgroups") }
  }
}

extension DeviceBlueprint {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    self.init(
      source: try record.bytes("source"), target: try record.bytes("target"),
      permissions: try record.string("permissions"))
    mode = try record.optionalUnsigned("mode").map { UInt32(truncatingIfNeeded: $0) }
    user = try record.optionalUnsigned("user").map { UInt32(truncatingIfNeeded: $0) }
    group = try record.optionalUnsigned("group").map { UInt32(truncatingIfNeeded: $0) }
  }
}

extension ResourceLimits {
  init(_ record: RecordReader) throws(JSONError) {
    self.init()
    memory = try record.optionalUnsigned("memory")
    memoryReservation = try record.optionalUnsigned("memoryReservation")
    memorySwap = try record.optionalInteger("memorySwap")
    if let value = try record.optionalUnsigned("memorySwappiness") {
      memorySwappiness = UInt8(clamping: value)
    }
    cpuQuota = try record.optionalInteger("cpuQuota")
    cpuPeriod = try record.optionalUnsigned("cpuPeriod")
    cpuShares = try record.optionalUnsigned("cpuShares")
    cpuset = try record.optionalString("cpuset")
    pids = try record.optionalInteger("pids")
    if let value = try record.optionalInteger("oomScoreAdjustment") {
      oomScoreAdjustment = Int(value)
    }
    for limit in try record.records("limits") {
      limits.append(
        ProcessLimit(
          name: try limit.string("name"), soft: try limit.integer("soft"),
          hard: try limit.integer("hard")))
    }
    realtimePeriod = try record.optionalUnsigned("realtimePeriod")
    realtimeRuntime = try record.optionalInteger("realtimeRuntime")
    if record.has("disablesOutOfMemoryKill") {
      disablesOutOfMemoryKill = try record.bool("disablesOutOfMemoryKill")
    }
    if let value = try record.optionalUnsigned("blockWeight") {
      blockWeight = UInt16(clamping: value)
    }
    if record.has("blockDevices") {
      for device in try record.records("blockDevices") {
        blockDevices.append(try BlockDeviceBlueprint(device))
      }
    }
    sharedMemory = try record.optionalUnsigned("sharedMemory")
  }
}

extension BlockDeviceBlueprint {
  fileprivate init(_ record: RecordReader) throws(JSONError) {
    guard let kind = Kind(rawValue: try record.string("kind")) else {
      throw record.mismatch("kind", "a known limit")
    }
    self.init(
      kind: kind, path: try record.bytes("path"), value: try record.unsigned("value"))
  }
}
