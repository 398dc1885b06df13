// What bounds a container as values: its rights, its devices and its limits.

package struct SecurityBlueprint: Codable, Hashable, Sendable {
  /// Names without `CAP_`, upper case: the bounding set.
  package var capabilities: [String]
  /// The compiled filter in the store (raw BPF instructions); nil is unconfined.
  package var seccompFilter: Bytes?
  package var maskedPaths: [Bytes] = []
  package var readOnlyPaths: [Bytes] = []
  package var noNewPrivileges = false
  package var privileged = false
  /// `net.core.somaxconn` → value.
  package var sysctls: [String: String] = [:]
  package var devices: [DeviceBlueprint] = []
  /// More devices that may be used, by number: `c 1:3 mr`.
  package var deviceRules: [String] = []
  /// The AppArmor profile of its programs; nil leaves them as the shim is.
  package var appArmorProfile: String?
  /// Its own control groups can be written below /sys/fs/cgroup.
  package var writableCgroups = false

  package init(capabilities: [String]) { self.capabilities = capabilities }
}

package struct DeviceBlueprint: Codable, Hashable, Sendable {
  package var source: Bytes
  package var target: Bytes
  /// Of `rwm`.
  package var permissions: String
  /// Of the node in the container; nil is as on the host.
  package var mode: UInt32?
  package var user: UInt32?
  package var group: UInt32?

  package init(source: Bytes, target: Bytes, permissions: String) {
    self.source = source
    self.target = target
    self.permissions = permissions
  }
}

package struct ResourceLimits: Codable, Hashable, Sendable {
  /// Bytes.
  package var memory: UInt64?
  package var memoryReservation: UInt64?
  /// Memory and swap together, in bytes; -1 is unlimited.
  package var memorySwap: Int64?
  package var memorySwappiness: UInt8?
  /// Processes wait for memory instead of being killed; cgroup v1 only.
  package var disablesOutOfMemoryKill = false
  /// 10 to 1000.
  package var blockWeight: UInt16?
  package var blockDevices: [BlockDeviceBlueprint] = []
  package var cpuQuota: Int64?
  package var cpuPeriod: UInt64?
  package var cpuShares: UInt64?
  package var cpuset: String?
  /// Microseconds; cgroup v1 only.
  package var realtimePeriod: UInt64?
  package var realtimeRuntime: Int64?
  package var pids: Int64?
  package var oomScoreAdjustment: Int?
  package var limits: [ProcessLimit] = []
  /// Bytes of /dev/shm; nil is 64 MiB.
  package var sharedMemory: UInt64?

  package init() {}
}

/// One limit of one block device.
package struct BlockDeviceBlueprint: Codable, Hashable, Sendable {
  package enum Kind: String, Codable, Sendable {
    case weight
    case readBytes
    case writeBytes
    case readOperations
    case writeOperations
  }

  package var kind: Kind
  /// Its node on the host.
  package var path: Bytes
  /// A weight, or bytes or operations in a second.
  package var value: UInt64

  package init(kind: Kind, path: Bytes, value: UInt64) {
    self.kind = kind
    self.path = path
    self.value = value
  }
}

package struct ProcessLimit: Codable, Hashable, Sendable {
  /// `nofile`, `nproc`, … as in setrlimit(2), lower case without `RLIMIT_`.
  package var name: String
  /// -1 is unlimited.
  package var soft: Int64
  package var hard: Int64

  package init(name: String, soft: Int64, hard: Int64) {
    self.name = name
    self.soft = soft
    self.hard = hard
  }
}
