// The typed project: everything that the compose files say, after merge, interpolation and checks.

package import Diagnostics

/// One compose project, resolved: paths absolute, names given, defaults in place.
package struct Project: Sendable {
  package var name: String
  /// The folder that relative paths were resolved against; absolute.
  package var directory: String
  /// The files that the project was read from, in order, absolute.
  package var files: [String]
  /// Enabled services in the order of the file.
  package var services: [Service]
  /// Services that no active profile enables, in the order of the file.
  package var disabledServices: [Service]
  package var networks: [Network]
  package var volumes: [Volume]
  package var configs: [FileResource]
  package var secrets: [FileResource]
  /// The canonical tree that `config` prints; keys of services hold their long syntax.
  var model: Node
  var sources: Sources
  /// Values that `config` shows as they are but that nothing can act on.
  var valueFaults: [Fault]
  /// Of these, those of values that builds look at.
  var buildFaults: [Fault]

  package func service(_ name: String) -> Service? {
    services.first { $0.name == name }
  }

  package func network(_ key: String) -> Network? {
    networks.first { $0.key == key }
  }

  package func volume(_ key: String) -> Volume? {
    volumes.first { $0.key == key }
  }
}

/// A top-level network. `key` is its name in the file, `name` its name on the host.
package struct Network: Sendable, Equatable {
  package struct Pool: Sendable, Equatable {
    package var subnet: String?
    package var ipRange: String?
    package var gateway: String?
    package var auxAddresses: [KeyValue]
  }

  package var key: String
  package var name: String
  package var driver: String?
  package var driverOptions: [KeyValue]
  package var ipamDriver: String?
  package var pools: [Pool]
  package var isExternal: Bool
  package var isInternal: Bool
  package var isAttachable: Bool
  package var enablesIPv4: Bool?
  package var enablesIPv6: Bool?
  package var labels: [KeyValue]
  package var span: SourceSpan?
  /// Canonical JSON of the definition, for the hash that tells whether it changed.
  package var configHashInput: [UInt8]
}

extension Network {
  /// One that no file defines.
  package init(named name: String) {
    self.init(
      key: name, name: name, driverOptions: [], pools: [], isExternal: false, isInternal: false,
      isAttachable: false, labels: [], configHashInput: [])
  }
}

extension Network.Pool {
  package init() { self.init(auxAddresses: []) }
}

/// A top-level volume.
package struct Volume: Sendable, Equatable {
  package var key: String
  package var name: String
  package var driver: String?
  package var driverOptions: [KeyValue]
  package var isExternal: Bool
  package var labels: [KeyValue]
  package var span: SourceSpan?
  /// Canonical JSON of the definition, for the hash that tells whether it changed.
  package var configHashInput: [UInt8]

  /// What it may hold, from `driver_opts`.
  package var sizeLimit: ByteCount? {
    driverOptions.first { $0.key == "size" }.flatMap { parseBytes($0.value) }.map { ByteCount($0) }
  }
}

/// A top-level config or secret.
package struct FileResource: Sendable, Equatable {
  package enum Origin: Sendable, Equatable {
    case file(String)
    case environment(String)
    case content(String)
    case external
    case undeclared
  }

  package var key: String
  package var name: String
  package var origin: Origin
  /// Of the variable that `environment` names, where it is set: looked up in the environment of the
  /// file that defines it, which may have been included with one of its own. Never printed.
  package var value: String?
  package var span: SourceSpan?
}

/// A key with its value, in the order in which they are to be used. Keys are unique.
package struct KeyValue: Sendable, Hashable {
  package var key: String
  package var value: String

  package init(_ key: String, _ value: String) {
    self.key = key
    self.value = value
  }
}
