// One container as a value: all that is needed to make it, decided before anything is made.
// Written once to `containers/<id>/blueprint.json`; the shim reads it and asks nobody else.

package struct ContainerBlueprint: Codable, Hashable, Sendable {
  package static let currentVersion = 1

  package var version = currentVersion
  /// 64 lower-case hexadecimal digits, random.
  package var id: String
  /// `shop-web-1`.
  package var name: String
  package var createdAt: Timestamp
  package var labels: [String: String] = [:]
  /// The project that it belongs to.
  package var project: String? { labels["com.docker.compose.project"] }
  /// Notes for other programs that look at the record; nothing here acts on them.
  package var annotations: [String: String] = [:]
  package var image: ImageIdentity
  package var root: RootBlueprint
  package var process: ProcessBlueprint
  package var hostname: String
  package var domainname: String?
  /// In the order of attaching: shallow targets before deep ones.
  package var mounts: [MountStep] = []
  /// Secrets and configs; attached over the mounts.
  package var files: [GivenFile] = []
  package var network: NetworkBlueprint
  /// Ports that it is said to listen on, published or not: `80/tcp`. For who lists containers.
  package var exposes: [String] = []
  /// Nil: all of them its own. Records of before there were any have none.
  package var namespaces: NamespacesBlueprint?
  package var security: SecurityBlueprint
  package var resources = ResourceLimits()
  package var stop = StopBlueprint()
  package var restart = RestartPolicy.no
  package var health: HealthBlueprint?
  package var log = LogBlueprint()
  /// Removed by the shim's end (`run --rm`).
  package var removeOnExit = false
  /// Belongs to the command that starts it: three more descriptors come with the handed files, one
  /// on variables that stand nowhere and two that what it writes goes to, and it ends with that command's
  /// side of the hand-shake.
  package var isHeld = false

  package init(
    id: String, name: String, createdAt: Timestamp, image: ImageIdentity, root: RootBlueprint,
    process: ProcessBlueprint, hostname: String, network: NetworkBlueprint,
    security: SecurityBlueprint
  ) {
    self.id = id
    self.name = name
    self.createdAt = createdAt
    self.image = image
    self.root = root
    self.process = process
    self.hostname = hostname
    self.network = network
    self.security = security
  }

  /// The form of the id that people see: the first twelve digits.
  package var shortID: String { String(id.prefix(12)) }
}

package struct ImageIdentity: Codable, Hashable, Sendable {
  /// As the compose file says it.
  package var reference: String
  /// Digest of the image's config: the image id.
  package var id: String
  /// `linux/amd64`.
  package var platform: String

  package init(reference: String, id: String, platform: String) {
    self.reference = reference
    self.id = id
    self.platform = platform
  }
}

package struct RootBlueprint: Codable, Hashable, Sendable {
  /// Unpacked layers, bottom first: absolute folders on the host.
  package var layers: [Bytes]
  package var readOnly = false

  package init(layers: [Bytes], readOnly: Bool = false) {
    self.layers = layers
    self.readOnly = readOnly
  }
}

package struct ProcessBlueprint: Codable, Hashable, Sendable {
  package enum Input: String, Codable, Sendable {
    /// /dev/null.
    case none
    /// A pipe (or the terminal) that stays open for attachers.
    case open
    /// The same, closed when the first attacher closes it.
    case openOnce
  }

  /// Entrypoint and command joined; never empty.
  package var arguments: [Bytes]
  /// `NAME=value`, complete but for HOME, which the passwd file of the image decides.
  package var environment: [Bytes]
  package var workingDirectory: Bytes
  /// `user[:group]`, names or numbers, looked up in the image; empty is root.
  package var user: String
  package var additionalGroups: [String] = []
  package var terminal = false
  package var input = Input.none
  /// A tiny init as PID 1 that reaps and forwards signals.
  package var usesInit = false

  package init(
    arguments: [Bytes], environment: [Bytes], workingDirectory: Bytes = "/", user: String = ""
  ) {
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.user = user
  }
}

package enum MountStep: Codable, Hashable, Sendable {
  /// A named or anonymous volume: `source` is its data folder on the host. `fillFromImage` copies
  /// what the image has at `target` when the volume is new and empty. `subpath` is a folder of the
  /// volume. A volume with a `driver` is a file system of its own, and its data folder stays empty.
  case volume(
    name: String, source: Bytes, target: Bytes, readOnly: Bool, fillFromImage: Bool,
    subpath: Bytes? = nil, driver: VolumeDriver? = nil)
  /// A host file or folder. `createSource` makes a missing folder (root, 0755).
  case bind(
    source: Bytes, target: Bytes, readOnly: Bool, createSource: Bool, propagation: String?,
    recursion: BindRecursion? = nil, owner: OwnerMap? = nil)
  /// `size` in bytes; nil sizes and modes are the kernel's and 1777.
  case tmpfs(target: Bytes, size: UInt64?, mode: UInt32?, options: [String])
  /// An image's unpacked layers, bottom first, read-only. `subpath` is a folder or file in it.
  case image(id: String, layers: [Bytes], target: Bytes, subpath: Bytes?)

  package var target: Bytes {
    switch self {
    case .volume(_, _, let target, _, _, _, _), .bind(_, let target, _, _, _, _, _),
      .tmpfs(let target, _, _, _), .image(_, _, let target, _):
      target
    }
  }

  /// Of a volume, named or anonymous.
  package var volumeName: String? {
    if case .volume(let name, _, _, _, _, _, _) = self { name } else { nil }
  }
}

package struct StopBlueprint: Codable, Hashable, Sendable {
  package var signal: Int32 = 15
  package var grace = Nanoseconds.seconds(10)

  package init() {}
}

package enum RestartPolicy: Codable, Hashable, Sendable {
  case no
  case always
  case unlessStopped
  /// `attempts` nil is without limit.
  case onFailure(attempts: Int?)
}

package struct HealthBlueprint: Codable, Hashable, Sendable {
  package enum Probe: Codable, Hashable, Sendable {
    case exec([Bytes])
    case shell(Bytes, shell: [Bytes])
  }

  package var probe: Probe
  package var interval = Nanoseconds.seconds(30)
  package var timeout = Nanoseconds.seconds(30)
  package var startPeriod = Nanoseconds(0)
  package var startInterval = Nanoseconds.seconds(5)
  package var retries = 3

  package init(probe: Probe) { self.probe = probe }
}

package struct LogBlueprint: Codable, Hashable, Sendable {
  package enum Driver: String, Codable, Sendable {
    case journal
    case none
  }

  package var driver = Driver.journal
  /// Bytes of one segment, and how many segments are kept: what is older goes.
  package var segmentSize: UInt64 = 16 << 20
  package var segmentCount = 8
  /// Where each line goes besides.
  package var forward: LogForward?

  package init() {}
}

/// A log of the machine that a container's lines are passed on to, as far as it takes them: it never
/// holds the container up.
package struct LogForward: Codable, Hashable, Sendable {
  package enum Form: String, Codable, Sendable {
    /// journald's own: fields of names and values.
    case journald
    case rfc3164
    case rfc5424
  }

  package enum Transport: String, Codable, Sendable {
    case unix
    case udp
    case tcp
  }

  package var form: Form
  package var transport: Transport
  /// A path, or an address of IPv4 or IPv6.
  package var address: String
  package var port: UInt16 = 0
  /// The number of syslog's facility.
  package var facility: UInt8 = 3
  /// What the lines are said to be of.
  package var tag: String
  /// For syslogs on other machines.
  package var hostname: String?
  /// `NAME=value`, for journald.
  package var fields: [String] = []

  package init(form: Form, transport: Transport, address: String, tag: String) {
    self.form = form
    self.transport = transport
    self.address = address
    self.tag = tag
  }
}
