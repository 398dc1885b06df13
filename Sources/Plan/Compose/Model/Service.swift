// One service as the engine acts on it. What the file leaves out is nil or empty, so that the
// image's own settings show through; durations and sizes are typed.

package import Diagnostics

package struct Service: Sendable {
  package var name: String
  package var span: SourceSpan?
  package var profiles: [String]

  package var image: String?
  /// nil: its image is pulled.
  package var build: BuildDefinition?
  package var pullPolicy: PullPolicy
  /// The file says it; else `pullPolicy` is what is meant by nothing.
  package var hasPullPolicy: Bool
  package var platform: String?
  package var containerName: String?
  /// nil keeps the image's command; empty clears it.
  package var command: [String]?
  /// nil keeps the image's entrypoint; empty clears it.
  package var entrypoint: [String]?
  /// Resolved, env files included. A nil value was asked of the caller's environment and is not
  /// set there: the variable stays unset.
  package var environment: [EnvironmentEntry]
  package var workingDirectory: String?
  package var user: String?
  package var groups: [String]
  package var hostname: String?
  package var domainName: String?
  package var labels: [KeyValue]
  package var annotations: [KeyValue]
  package var hasTerminal: Bool
  package var keepsStdinOpen: Bool
  package var usesInit: Bool
  package var attaches: Bool
  package var stopSignal: String?
  package var stopGracePeriod: Duration?
  package var restart: RestartRule?
  package var healthcheck: Healthcheck?
  /// Each runs to its end in a container of its own before the first of the service's starts.
  package var preStart: [Hook]
  /// Run in each container after its start.
  package var postStart: [Hook]
  /// Run in each container before it is asked to end.
  package var preStop: [Hook]
  package var logging: Logging?
  package var dependsOn: [Dependency]
  /// The number of containers, from `scale` or `deploy.replicas`.
  package var replicas: Int

  package var ports: [PublishedPort]
  package var exposes: [String]
  package var networkMode: String?
  package var namespaces: NamespaceModes
  package var networks: [Attachment]
  package var macAddress: String?
  /// Private names for other containers: `SERVICE[:ALIAS]`.
  package var links: [Link]
  /// The same for containers of other projects, by their names.
  package var externalLinks: [Link]
  package var extraHosts: [KeyValue]
  package var dns: [String]
  package var dnsSearch: [String]
  package var dnsOptions: [String]

  package var mounts: [Mount]
  package var tmpfs: [String]
  /// Whose mounts it takes over; its own win.
  package var volumesFrom: [VolumesFrom]
  /// What its writable layer may hold, from `storage_opt`.
  package var storageSize: ByteCount?
  package var configs: [FileGrant]
  package var secrets: [FileGrant]

  package var limits: Limits
  package var capAdd: [String]
  package var capDrop: [String]
  package var isPrivileged: Bool
  package var securityOptions: [String]
  package var isReadOnly: Bool
  package var ulimits: [Ulimit]
  package var sysctls: [KeyValue]
  package var devices: [DeviceGrant]
  /// As written: `c 1:3 mr`.
  package var deviceRules: [String]
  /// `gpus` and `deploy.resources.reservations.devices`.
  package var deviceRequests: [DeviceRequest]
  /// Where its attributes stand, by their names.
  package var places: [String: SourceSpan]

  /// Canonical JSON of the resolved service without what a recreate does not depend on (build,
  /// pull_policy, scale, deploy.replicas, depends_on, profiles): the input of the config hash.
  package var configHashInput: [UInt8]
}

extension Service {
  package var hasBuild: Bool { build != nil }

  /// Where an attribute stands, or else the service.
  package func place(of attribute: String) -> SourceSpan? { places[attribute] ?? span }
}

/// A device of the host that the service may use: a node, a folder of nodes, or the name of one of
/// the Container Device Interface (`vendor/class=name`).
package struct DeviceGrant: Sendable, Hashable {
  package var source: String
  package var target: String
  /// Of `rwm`.
  package var permissions: String
  package var span: SourceSpan?

  package var isNamed: Bool { isDeviceName(source) }
}

/// Devices of which only the kind is said.
package struct DeviceRequest: Sendable, Hashable {
  package var capabilities: [String]
  package var driver: String
  /// -1 is all of them; nil where `ids` are given.
  package var count: Int?
  package var ids: [String]
  package var span: SourceSpan?
}

package struct EnvironmentEntry: Sendable, Hashable {
  package var key: String
  package var value: String?

  package init(key: String, value: String?) {
    self.key = key
    self.value = value
  }
}

package enum PullPolicy: Sendable, Hashable {
  case always
  case never
  case missing
  case build
  case every(Duration)
}

package struct RestartRule: Sendable, Hashable {
  package enum Condition: String, Sendable {
    case no
    case always
    case onFailure = "on-failure"
    case unlessStopped = "unless-stopped"
  }

  package var condition: Condition
  /// The number of retries of `on-failure`; nil is without end.
  package var maximumRetries: Int?
}

package struct Healthcheck: Sendable, Hashable {
  package enum Test: Sendable, Hashable {
    case none
    case exec([String])
    case shell(String)
  }

  /// nil keeps the image's test, as each nil field does.
  package var test: Test?
  package var interval: Duration?
  package var timeout: Duration?
  package var startPeriod: Duration?
  package var startInterval: Duration?
  package var retries: Int?
}

package struct Logging: Sendable, Hashable {
  package var driver: String?
  package var options: [KeyValue]
}

package struct Dependency: Sendable, Hashable {
  package enum Condition: String, Sendable {
    case started = "service_started"
    case healthy = "service_healthy"
    case completed = "service_completed_successfully"
  }

  package var service: String
  package var condition: Condition
  package var isRequired: Bool
  package var restarts: Bool
}

package struct PublishedPort: Sendable, Hashable {
  package enum Transport: String, Sendable {
    case tcp
    case udp
    case sctp
  }

  package var target: UInt16
  /// nil: any free port. More than one: the first free one is taken, for each replica.
  package var published: ClosedRange<UInt16>?
  package var hostIP: String?
  package var transport: Transport
  package var span: SourceSpan?
}

package struct Attachment: Sendable, Hashable {
  /// The key of the network in the project.
  package var network: String
  package var aliases: [String]
  package var ipv4Address: String?
  package var ipv6Address: String?
  package var macAddress: String?
  package var linkLocalAddresses: [String]
  package var interfaceName: String?
  package var driverOptions: [KeyValue]
  package var priority: Int
  package var gatewayPriority: Int
  package var span: SourceSpan?
}

extension Attachment {
  /// One that asks for nothing of its own.
  package init(network: String) {
    self.init(
      network: network, aliases: [], linkLocalAddresses: [], driverOptions: [], priority: 0,
      gatewayPriority: 0)
  }
}

/// Another container by a name of this service's own.
package struct Link: Sendable, Hashable {
  /// A service, or a container for `external_links`.
  package var target: String
  package var alias: String

  /// `TARGET[:ALIAS]`.
  init(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    target = String(parts[0])
    alias = String(parts[parts.count - 1])
  }
}

package struct Mount: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// `key` is the name of the volume in the file; nil is an anonymous one.
    case volume(key: String?, noCopy: Bool, subpath: String?)
    case bind(source: String, createsSource: Bool, propagation: String?, recursive: String?)
    case tmpfs(size: ByteCount?, mode: UInt32?)
    case image(reference: String, subpath: String?)
    /// npipe and cluster, which nothing here can mount.
    case other(String)
  }

  package var kind: Kind
  package var target: String
  package var isReadOnly: Bool
  /// Of an anonymous volume that is made for it.
  package var volumeLabels: [KeyValue] = []
  /// What the container's user makes in the bind belongs to somebody else outside.
  package var mapsOwner = false
  package var span: SourceSpan?
}

extension Service {
  /// The services whose mounts it takes over.
  package var volumeServices: [String] {
    volumesFrom.compactMap { entry in
      if case .service(let name) = entry.source { name } else { nil }
    }
  }
}

extension Mount {
  /// An anonymous volume.
  package init(volumeAt target: String) {
    self.init(
      kind: .volume(key: nil, noCopy: false, subpath: nil), target: target, isReadOnly: false)
  }
}

/// One entry of `volumes_from`.
package struct VolumesFrom: Sendable, Hashable {
  package enum Source: Sendable, Hashable {
    case service(String)
    /// A container of any project, by name.
    case container(String)
  }

  package var source: Source
  package var isReadOnly: Bool

  /// `SERVICE[:ro|rw]` or `container:NAME[:ro|rw]`.
  init(_ text: String) {
    var parts = pieces(of: text, at: ":").map(String.init)
    isReadOnly = parts.count > 1 && parts.last == "ro"
    if parts.count > 1, ["ro", "rw"].contains(parts.last) { parts.removeLast() }
    if parts.count > 1, parts[0] == "container" {
      source = .container(parts[1...].joined(separator: ":"))
    } else {
      source = .service(parts.joined(separator: ":"))
    }
  }
}

/// A config or a secret as one service sees it.
package struct FileGrant: Sendable, Hashable {
  package var source: String
  package var target: String?
  package var uid: String?
  package var gid: String?
  package var mode: UInt32?
  package var span: SourceSpan?
}

package struct Limits: Sendable, Hashable {
  package var cpus: Double?
  package var cpuShares: Int?
  package var cpuPeriod: Int?
  package var cpuQuota: Int?
  package var cpuSet: String?
  /// Microseconds.
  package var realtimePeriod: Int?
  package var realtimeRuntime: Int?
  package var memory: ByteCount?
  package var memoryReservation: ByteCount?
  /// Memory and swap together; -1 is without limit.
  package var memoryAndSwap: ByteCount?
  /// 0 to 100.
  package var swappiness: Int?
  /// Processes wait for memory instead of being killed.
  package var isOutOfMemoryKillDisabled: Bool
  /// 10 to 1000.
  package var blockWeight: Int?
  package var blockDevices: [BlockDeviceLimit]
  package var pids: Int?
  package var shmSize: ByteCount?
  package var oomScoreAdjustment: Int?
}

/// One line of `blkio_config` about one device.
package struct BlockDeviceLimit: Sendable, Hashable {
  package enum Kind: String, Sendable, CaseIterable {
    case weight = "weight_device"
    case readBytes = "device_read_bps"
    case writeBytes = "device_write_bps"
    case readOperations = "device_read_iops"
    case writeOperations = "device_write_iops"
  }

  package var kind: Kind
  package var path: String
  /// A weight, or bytes or operations in a second.
  package var value: Int
  package var span: SourceSpan?
}

package struct Ulimit: Sendable, Hashable {
  package var name: String
  /// -1 is without limit.
  package var soft: Int
  package var hard: Int
}

/// A number of bytes.
package struct ByteCount: Sendable, Hashable, Comparable {
  package var bytes: Int

  package init(_ bytes: Int) {
    self.bytes = bytes
  }

  package static func < (left: ByteCount, right: ByteCount) -> Bool {
    left.bytes < right.bytes
  }
}
